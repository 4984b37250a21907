package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control/api"
)

// A phone whose token file was changed under it cannot be asked, and the command
// says so; the data is there all the same.
func TestFolder_TokenOfAnother(t *testing.T) {
	t.Parallel()
	_, _, dir := controlled(t, newExchange(t), "alice", "--listen", "127.0.0.1:0")
	token := filepath.Join(dir, api.TokenFile)
	for name, change := range map[string]func() error{
		"does not know the token": func() error { return os.WriteFile(token, []byte(strings.Repeat("a", 64)+"\n"), 0o600) },
		"no such file":            func() error { return os.Remove(token) },
	} {
		require.NoError(t, change())
		p := runs(t, "context", "--data-dir", dir)
		assert.Equal(t, exitUnreachable, p.code)
		said := oneSentence(t, p)
		assert.Contains(t, said, api.DiscoveryFile+" tells of one")
		assert.Contains(t, said, name)
		assert.Contains(t, said, "softphone run")
	}
	assert.Equal(t, exitDone, runs(t, "contacts", "list", "--data-dir", dir).code)
}

// Where a file cannot be written, the folder is named, and not the name that
// the file has until it is whole.
func TestFolder_OutputNowhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no", "such.csv")
	p := runs(t, "contacts", "export", path, "--data-dir", t.TempDir())
	assert.Equal(t, exitUsage, p.code)
	said := oneSentence(t, p)
	assert.Contains(t, said, "into the folder "+filepath.Dir(path))
	assert.NotContains(t, said, ".softphone-")
}
