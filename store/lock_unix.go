//go:build !windows

package store

import (
	"errors"
	"os"
	"syscall"
)

// fileLock is an advisory lock that the system drops when its process ends,
// however it ends.
type fileLock struct{ f *os.File }

// lockShared waits for whoever moves a damaged store aside.
func lockShared(path string) (*fileLock, error) { return flock(path, syscall.LOCK_SH) }

// lockExclusive reports false when another process has the store open.
func lockExclusive(path string) (*fileLock, bool, error) {
	l, err := flock(path, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, nil
	}
	return l, err == nil, err
}

func flock(path string, how int) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fileLock{f: f}, nil
}

func (l *fileLock) release() {
	if l != nil {
		_ = l.f.Close() // closing unlocks
	}
}

// isAlive reports whether the process that marked itself alive at path still
// runs. The mark of one that is gone is removed.
func isAlive(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	l, free, err := lockExclusive(path)
	if err != nil || !free {
		return true
	}
	_ = os.Remove(path)
	l.release()
	return false
}

// markAlive holds a mark at path until it is released or the process ends.
func markAlive(path string) (*fileLock, error) {
	l, _, err := lockExclusive(path)
	return l, err
}
