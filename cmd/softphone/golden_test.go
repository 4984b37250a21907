package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// transcript is what a terminal shows of several commands on one data folder.
type transcript struct {
	t    *testing.T
	data string
	mask []string // texts and what to show in place of them
	all  strings.Builder
}

// run runs a command line, written as in a shell; $WORDS stand for files.
func (x *transcript) run(code int, line string, words map[string]string) *process {
	x.t.Helper()
	return x.feed(code, line, words, nil)
}

// feed is run with something on standard input.
func (x *transcript) feed(code int, line string, words map[string]string, stdin io.Reader) *process {
	x.t.Helper()
	var args []string
	for _, w := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
		w = strings.Trim(w, "'")
		for name, value := range words {
			w = strings.ReplaceAll(w, name, value)
		}
		args = append(args, w)
	}
	p := world{stdin: stdin, env: map[string]string{"SOFTPHONE_DATA_DIR": x.data}}.start(x.t, args...)
	require.Equal(x.t, code, p.wait(), line)
	fmt.Fprintf(&x.all, "$ softphone %s\n%s", line, p.stdout)
	for l := range strings.Lines(p.stderr.String()) {
		fmt.Fprintf(&x.all, "2> %s", l)
	}
	if code != 0 {
		fmt.Fprintf(&x.all, "exit code %d\n", code)
	}
	x.all.WriteString("\n")
	return p
}

// check compares the transcript with its golden file, times and folders masked.
func (x *transcript) check(name string) {
	x.t.Helper()
	got := strings.NewReplacer(append(x.mask, x.data, "DATA")...).Replace(x.all.String())
	for pattern, mask := range map[string]string{
		`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?`: "TIME", `(?m)^\d\d:\d\d:\d\d\.\d{3}`: "TIME", `added on \d{4}-\d\d-\d\d`: "added on DATE",
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`: "TOKEN",
	} {
		got = regexp.MustCompile(pattern).ReplaceAllString(got, mask)
	}
	got = strings.ReplaceAll(got, "\r\n", "\n")
	path := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		require.NoError(x.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(x.t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(x.t, err)
	assert.Equal(x.t, strings.ReplaceAll(string(want), "\r\n", "\n"), got, "go test ./cmd/softphone -update writes the files anew")
}

// onBoth runs a test on a folder without a phone and on one with a phone: both
// show the same.
func onBoth(t *testing.T, golden string, test func(x *transcript)) {
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		x := &transcript{t: t, data: t.TempDir()}
		test(x)
		x.check(golden)
	})
	t.Run("with a phone", func(t *testing.T) {
		if *update {
			return // what it shows must be the same
		}
		t.Parallel()
		_, _, data := controlled(t, newExchange(t), "alice")
		x := &transcript{t: t, data: data}
		test(x)
		x.check(golden)
	})
}
