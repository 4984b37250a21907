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

// TestContacts_Session: the same commands show the same with a phone on the
// folder and without one.
func TestContacts_Session(t *testing.T) {
	t.Parallel()
	onBoth(t, "contacts", func(x *transcript) {
		dir := x.t.TempDir()
		x.mask = []string{dir, "DIR"}
		words := map[string]string{"$DIR": dir}
		write := func(name, text string) {
			require.NoError(x.t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		write("people.vcf", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:김민수\r\nTEL;TYPE=cell:010-1234-5678\r\nTEL;TYPE=home:02-312-3456\r\nBDAY:19800101\r\nEND:VCARD\r\n"+
			"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:\r\nNOTE:nobody\r\nEND:VCARD\r\n")
		write("people.csv", "Name,Number 1,Label 1,Category\n김민지,010-8765-4321,MOBILE,\n미래병원,02-555-1234,COMPANY,병원\n,600,,\n")
		x.run(0, "contacts list", nil)
		x.run(0, "contacts add 'Jane Doe' 'mobile=+1 212 555 1234' boat=6001", nil)
		x.run(exitUsage, "contacts import --dry-run $DIR/people.vcf", words)
		x.run(exitUsage, "contacts import $DIR/people.vcf", words)
		x.run(exitUsage, "contacts import $DIR/people.vcf --json", words)
		x.run(0, "contacts import $DIR/people.csv", words)
		x.feed(0, "contacts import -", nil, strings.NewReader("BEGIN:VCARD\nVERSION:3.0\nFN:Jane Doe\nTEL;TYPE=CELL:+1 212 555 1234\nTEL:6001\nEND:VCARD\n"))
		x.run(0, "contacts list", nil)
		x.run(0, "contacts search 김민", nil)
		x.run(0, "contacts search ㄱㅁㅅ --label 집", nil)
		x.run(0, "contacts search jane --json", nil)
		x.run(0, "contacts search 김민 --limit 1", nil)
		x.run(exitNotFound, "contacts search 박서준", nil)
		x.run(0, "contacts show 2", nil)
		x.run(0, "contacts show 1 --json", nil)
		x.run(exitNotFound, "contacts show 99", nil)
		x.run(exitNotFound, "contacts show nobody", nil)
		x.run(0, "contacts export --format csv", nil)
		x.run(0, "contacts export $DIR/out.vcf", words)
		x.run(exitUsage, "contacts export $DIR/out.vcf", words)
		x.run(0, "contacts export $DIR/out.vcf --format vcard3 --force --json", words)
		x.run(0, "contacts import $DIR/out.vcf", words)
		x.run(0, "contacts remove 1", nil)
		x.run(exitNotFound, "contacts remove 1 --json", nil)
		x.run(0, "contacts list", nil)
		if info, err := os.Stat(filepath.Join(dir, "out.vcf")); assert.NoError(x.t, err) && runtime.GOOS != "windows" {
			assert.Equal(x.t, os.FileMode(0o600), info.Mode().Perm(), "nobody else's business")
		}
	})
}

// What is exported makes the same contacts elsewhere, in each format.
func TestContacts_ExportImport(t *testing.T) {
	t.Parallel()
	from, dir := t.TempDir(), t.TempDir()
	for _, args := range [][]string{{"김민수", "010-1234-5678", "집=02-312-3456"}, {"Jane, \"JD\" Doe", "boat=6001"}, {"미래병원", "회사=02-555-1234"}} {
		require.Zero(t, runs(t, append([]string{"contacts", "add", "--data-dir", from}, args...)...).code)
	}
	list := func(data string) string { return runs(t, "contacts", "list", "--data-dir", data).stdout.String() }
	for _, format := range []string{"vcard4", "vcard3", "csv"} {
		file, to := filepath.Join(dir, format), t.TempDir()
		require.Zero(t, runs(t, "contacts", "export", file, "--format", format, "--data-dir", from).code)
		p := runs(t, "contacts", "import", file, "--data-dir", to)
		require.Zero(t, p.code, "%s", p.stderr)
		assert.Equal(t, list(from), list(to), format)
	}
}
