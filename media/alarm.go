package media

import (
	"time"
)

// alarm wakes one worker of a Pacer. Times are since the Pacer's start. The
// calls of set and off are ordered by the worker's mutex.
type alarm interface {
	// run calls turn, in one goroutine, each time the alarm goes off, until
	// stop. It may go off once too often.
	run(turn func())

	set(at time.Duration)
	off()
	stop() // from any goroutine, turn's included; does not wait
}

// timerAlarm waits by a timer of the runtime, or of a synctest bubble.
type timerAlarm struct {
	start  time.Time
	timer  *time.Timer
	closed chan struct{}
}

func newTimerAlarm(start time.Time) *timerAlarm {
	a := &timerAlarm{start: start, timer: time.NewTimer(time.Hour), closed: make(chan struct{})}
	a.timer.Stop()
	return a
}

func (a *timerAlarm) run(turn func()) {
	defer a.timer.Stop()
	for {
		select {
		case <-a.timer.C:
			turn()
		case <-a.closed:
			return
		}
	}
}

func (a *timerAlarm) set(at time.Duration) { a.timer.Reset(time.Until(a.start.Add(at))) }
func (a *timerAlarm) off()                 { a.timer.Stop() }
func (a *timerAlarm) stop()                { close(a.closed) }
