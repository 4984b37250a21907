package media

import (
	"time"

	"github.com/softphone-go/softphone/media/jitter"
)

// watch notices that the peer gives no sign of life any more.
type watch struct {
	timeout time.Duration // 0: never

	any   bool          // an RTP packet was heard
	last  time.Duration // when
	lull  bool          // it was comfort noise: silence was announced
	alive time.Duration // last sign of life
	since time.Duration // silence counts from here, if later than alive
	fired bool
}

// heard takes an RTP packet, from the right source.
func (w *watch) heard(at time.Duration, kind jitter.Payload) {
	w.any, w.last, w.alive, w.fired = true, at, at, false
	w.lull = kind == jitter.ComfortNoise
}

// report takes an RTCP packet, from the right source: a sign of life only of a
// peer that has announced its silence.
func (w *watch) report(at time.Duration) {
	if w.lull {
		w.alive, w.fired = at, false
	}
}

// restart counts silence from now on: media may be expected again.
func (w *watch) restart(now time.Duration) { w.since, w.fired = now, false }

// check calls OnTimeout when silence lasted too long while media is expected.
func (w *watch) check(s *Session, now time.Duration) {
	d := s.description
	if w.timeout <= 0 || s.cfg.OnTimeout == nil || w.fired || !d.receives() || d.RemoteHold {
		return
	}
	if now-max(w.alive, w.since) >= w.timeout {
		w.fired = true
		s.cfg.OnTimeout()
	}
}
