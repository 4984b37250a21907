package media

import "time"

// watch notices that no RTP comes any more.
type watch struct {
	any   bool          // a packet was heard
	last  time.Duration // when
	since time.Duration // silence counts from here, if later than last
	fired bool
}

func (w *watch) heard(at time.Duration) { w.any, w.last, w.fired = true, at, false }

// restart counts silence from now on: media may be expected again.
func (w *watch) restart(now time.Duration) { w.since, w.fired = now, false }

// check calls OnTimeout when silence lasted too long while media is expected.
func (w *watch) check(s *Session, now time.Duration) {
	d := s.description
	if s.cfg.Timeout <= 0 || s.cfg.OnTimeout == nil || w.fired || !d.receives() || d.RemoteHold {
		return
	}
	if now-max(w.last, w.since) >= s.cfg.Timeout {
		w.fired = true
		s.cfg.OnTimeout()
	}
}
