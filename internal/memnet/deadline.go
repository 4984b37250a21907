package memnet

import (
	"sync"
	"time"
)

// deadline wakes the waiters of a sync.Cond when its time comes. It is guarded
// by the lock of that Cond.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

// set moves the deadline. The caller holds wake.L.
func (d *deadline) set(t time.Time, wake *sync.Cond) {
	d.stop()
	d.at = t
	wait := time.Until(t)
	switch {
	case t.IsZero():
	case wait <= 0:
		wake.Broadcast()
	default:
		d.timer = time.AfterFunc(wait, func() {
			wake.L.Lock()
			defer wake.L.Unlock()
			wake.Broadcast()
		})
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
