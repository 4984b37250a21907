package audio

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteWAV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.wav")
	require.NoError(t, os.WriteFile(path, make([]byte, 500_000), 0o644))
	x := wave(16000, 100_001, 440, 10000)
	require.NoError(t, WriteWAV(path, 16000, x))
	w, err := OpenWAV(path)
	require.NoError(t, err)
	assert.Equal(t, 16000, w.Rate())
	assert.Equal(t, x, w.Samples())
	assert.Empty(t, w.Note())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	assert.ErrorContains(t, WriteWAV(path, 44100, x), "8000 or 16000 Hz")
	assert.ErrorIs(t, WriteWAV(filepath.Join(path, "x.wav"), 8000, x), syscall.ENOTDIR)
}
