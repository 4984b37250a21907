package store

import (
	"errors"
	"io/fs"
	"os"
)

// fileLock is an open file: on Windows a file that any process has open can
// neither be removed nor renamed.
type fileLock struct{ f *os.File }

func lockShared(string) (*fileLock, error) { return &fileLock{}, nil }

// lockExclusive is left to the renaming, which fails while the store is open.
func lockExclusive(string) (*fileLock, bool, error) { return &fileLock{}, true, nil }

func (l *fileLock) release() {
	if l != nil && l.f != nil {
		_ = l.f.Close()
	}
}

func isAlive(path string) bool {
	err := os.Remove(path)
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

func markAlive(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	return &fileLock{f: f}, nil
}
