package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// isOpen reports whether this process has a file open.
func isOpen(t *testing.T, path string) bool {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, fd := range all {
		if at, err := os.Readlink(fd); err == nil && at == path {
			return true
		}
	}
	return false
}

// What a line recorded is closed when the line is over, however long the phone goes
// on.
func TestKeys_RecordingOfALineThatIsOver(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer w.Close()
	path := filepath.Join(t.TempDir(), "heard.wav")
	bob := world{stdin: r}.start(t, append(local(t, "answer"), "--json", "--keys", "--record", path)...)
	uri := fmt.Sprintf("sip:bob@%s", bob.event("listening")["addr"])
	one := start(t, append(local(t, "call"), "--json", uri)...)
	bob.event("call.incoming")
	fmt.Fprintln(w, "accept")
	one.event("call.answered")
	require.True(t, isOpen(t, path))
	one.interrupt()
	assert.Equal(t, exitDone, one.wait())
	require.Eventually(t, func() bool { return !isOpen(t, path) }, soon, 1e7)
	fmt.Fprintln(w, "quit")
	assert.Zero(t, bob.wait())
}
