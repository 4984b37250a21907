package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBlock_Session: the same commands show the same with a phone on the folder
// and without one.
func TestBlock_Session(t *testing.T) {
	t.Parallel()
	onBoth(t, "block", func(x *transcript) {
		dir := x.t.TempDir()
		rules := filepath.Join(dir, "rules.csv")
		x.mask = []string{dir, "DIR"}
		words := map[string]string{"$DIR": dir}
		require.NoError(x.t, os.WriteFile(rules, []byte("type,pattern,added,by\nPREFIX,+82 70,2024-02-29,agent\nSUFFIX,1,,\nPOSTFIX,9999,,\n\nEXACT,112,,\nEXACT,mallory,,\n"), 0o600))
		x.run(0, "block list", nil)
		x.run(0, "block add 010-1234-5678", nil)
		x.run(0, "block add '+82 10 1234 5678'", nil)
		x.run(0, "block add '+82 1234' --postfix --json", nil)
		x.run(exitUsage, "block import --dry-run $DIR/rules.csv", words)
		x.run(exitUsage, "block import $DIR/rules.csv", words)
		x.run(exitUsage, "block import --json $DIR/rules.csv", words)
		x.feed(0, "block import -", nil, strings.NewReader("010-7777-7777\n"))
		x.run(0, "block list", nil)
		x.run(exitBlocked, "block check 00182-70-1234-9999", nil)
		x.run(exitBlocked, "block check 00182-70-1234-9999 --json", nil)
		x.run(exitBlocked, "block explain 00182-70-1234-9999", nil)
		x.run(exitBlocked, "block explain 00182-70-1234-9999 --json", nil)
		x.run(exitBlocked, "block check sip:Mallory@evil.example", nil)
		x.run(0, "block explain 010-1234-5679", nil)
		x.run(0, "block explain '+1 701 234 5678' --json", nil)
		x.run(0, "block explain 119", nil)
		x.run(0, "block explain anonymous --withheld", nil)
		x.run(0, "block check anonymous", nil)
		x.run(0, "block remove 1", nil)
		x.run(exitNotFound, "block remove 1", nil)
		x.run(exitUsage, "block add 112", nil)
		x.run(exitUsage, "block add ''", nil)
		x.run(exitUsage, "block add abc --prefix", nil)
		x.run(exitUsage, "block add "+strings.Repeat("1", 65), nil)
		x.run(0, "block export", nil)
		x.run(0, "block export --format json", nil)
		x.run(0, "block export $DIR/out.json", words)
		x.run(exitUsage, "block export $DIR/out.json", words)
		x.run(0, "block export $DIR/out.json --force --json", words)
		x.run(0, "block import $DIR/out.json", words)
		if info, err := os.Stat(filepath.Join(dir, "out.json")); assert.NoError(x.t, err) && runtime.GOOS != "windows" {
			assert.Equal(x.t, os.FileMode(0o600), info.Mode().Perm(), "nobody else's business")
		}
	})
}

// An exported file makes the same rules in another folder.
func TestBlock_ExportImport(t *testing.T) {
	t.Parallel()
	dir, from, to := t.TempDir(), t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "rules.csv")
	for _, args := range [][]string{{"+82 70", "--prefix"}, {"9999", "--postfix"}, {"=1+1"}, {"김민수"}, {"\x1b[31mred"}} {
		require.Zero(t, runs(t, append([]string{"block", "add", "--data-dir", from}, args...)...).code)
	}
	require.Zero(t, runs(t, "block", "export", file, "--data-dir", from).code)
	require.Zero(t, runs(t, "block", "import", file, "--data-dir", to).code)
	list := func(data string) string {
		return runs(t, "block", "list", "--json", "--data-dir", data).stdout.String()
	}
	assert.Equal(t, list(from), list(to))
	shown := runs(t, "block", "list", "--data-dir", to).stdout.String()
	assert.NotContains(t, shown, "\x1b", "a caller's name does not steer the terminal")
	assert.Contains(t, shown, "\ufffd[31mred")
}

// A rule that a command adds while a phone runs holds for the next call, and a
// region that is not the phone's is refused.
func TestBlock_ThroughThePhone(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p, _, data := controlled(t, ex, "alice")
	require.Zero(t, runs(t, "block", "add", "+82 70", "--prefix", "--data-dir", data).code)
	assert.Equal(t, exitDeclined, as(t, ex, mallory, "call", "alice").wait())
	refused := runs(t, "block", "list", "--region", "US", "--data-dir", data)
	assert.Equal(t, exitUsage, refused.code)
	assert.Contains(t, oneSentence(t, refused), "leave --region out")
	p.interrupt()
	assert.Zero(t, p.wait())
	assert.Contains(t, runs(t, "block", "list", "--data-dir", data).stdout.String(), "PREFIX   070")
	assert.Zero(t, runs(t, "block", "list", "--region", "US", "--data-dir", data).code)
}
