package e2e

import (
	"sync"
	"testing"
)

// users lends the PBX's accounts to tests that run side by side: one phone at
// a time registers as a user.
var users = lender{busy: map[string]bool{}}

type lender struct {
	mu   sync.Mutex
	free sync.Cond
	busy map[string]bool
}

// borrow waits until all the named users are free, and takes them until the
// test's end.
func (l *lender) borrow(t testing.TB, names ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.L == nil {
		l.free.L = &l.mu
	}
	for !l.allFree(names) {
		l.free.Wait()
	}
	for _, n := range names {
		l.busy[n] = true
	}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, n := range names {
			delete(l.busy, n)
		}
		l.free.Broadcast()
	})
}

func (l *lender) allFree(names []string) bool {
	for _, n := range names {
		if l.busy[n] {
			return false
		}
	}
	return true
}
