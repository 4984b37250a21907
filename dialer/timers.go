package dialer

import "time"

// timers are the alarms of one call.
type timers struct {
	ring    alarm // nobody answers
	release alarm // no response to our BYE or CANCEL
	glare   alarm // time for the re-INVITE again
	answer  alarm // time to answer a caller who asked for it
	outcome alarm // nothing was told of a transfer whose other side has left
}

// stopAll disarms all of them.
func (t *timers) stopAll() {
	for _, a := range []*alarm{&t.ring, &t.release, &t.glare, &t.answer, &t.outcome} {
		a.stop()
	}
}

// alarm posts to a mailbox when its time has come. It belongs to the loop that
// reads the mailbox; one that was stopped while its message was on the way is
// known by its generation and stays without effect.
type alarm struct {
	timer      *time.Timer
	generation int
}

// start sets the alarm to run f in the loop after d, in place of what it was
// set to. A d of 0 or less sets none.
func (a *alarm) start(d time.Duration, mail *mailbox, f func()) {
	a.stop()
	if d <= 0 {
		return
	}
	mine := a.generation
	a.timer = time.AfterFunc(d, func() {
		mail.post(func() {
			if a.generation == mine {
				f()
			}
		})
	})
}

// stop disarms the alarm.
func (a *alarm) stop() {
	a.generation++
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}
