package media

import "time"

// alarm wakes the worker of a Pacer that leads. Times are since the Pacer's
// start. The calls of set and off are ordered by the Pacer's mutex.
type alarm interface {
	wait() // until the time set has come, or stop. It may return too early.
	set(at time.Duration)
	off()
	stop()  // from any goroutine; does not wait
	close() // when nobody will wait again
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

func (a *timerAlarm) wait() {
	select {
	case <-a.timer.C:
	case <-a.closed:
	}
}

func (a *timerAlarm) set(at time.Duration) { a.timer.Reset(time.Until(a.start.Add(at))) }
func (a *timerAlarm) off()                 { a.timer.Stop() }
func (a *timerAlarm) stop()                { close(a.closed) }
func (a *timerAlarm) close()               { a.timer.Stop() }
