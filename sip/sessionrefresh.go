package sip

import (
	"context"
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// sessionTimer is the session timer of one dialog; Dialog.mu guards it.
type sessionTimer struct {
	interval   time.Duration // 0: the session does not expire
	ours       bool          // we refresh
	least      time.Duration // Min-SE that a 422 asked for
	until      time.Time     // when the BYE goes out
	refreshing bool
	generation int
	alarm      *time.Timer
}

// setTimer starts the session's time anew; interval 0 takes the end away.
func (d *Dialog) setTimer(interval time.Duration, ours bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopTimerLocked()
	if d.state == ended || interval <= 0 {
		return
	}
	s := &d.session
	s.interval, s.ours = interval, ours
	lasts := interval - min(sessionMargin, interval/3)
	s.until = time.Now().Add(lasts)
	if ours {
		lasts = interval / 2
	}
	d.armTimerLocked(lasts)
}

func (d *Dialog) armTimerLocked(wait time.Duration) {
	s := &d.session
	s.generation++
	mine := s.generation
	s.alarm = time.AfterFunc(wait, func() { d.timerFired(mine) })
}

func (d *Dialog) stopTimerLocked() {
	s := &d.session
	s.generation++
	s.interval = 0
	if s.alarm != nil {
		s.alarm.Stop()
		s.alarm = nil
	}
}

// timerFired refreshes the session, or ends it when its time is over.
func (d *Dialog) timerFired(mine int) {
	d.mu.Lock()
	s := &d.session
	if s.generation != mine || d.state == ended {
		d.mu.Unlock()
		return
	}
	left := time.Until(s.until)
	if left > 0 {
		d.armTimerLocked(min(refreshAgain, left))
	}
	busy := s.refreshing
	s.refreshing = s.refreshing || left > 0
	d.mu.Unlock()
	switch {
	case left <= 0:
		d.logger().Debug("sip: session expired, ending the call")
		d.ua.start(func() {
			_ = d.terminate(context.Background(), `SIP;cause=408;text="session expired"`,
				Ended{Code: 408, Reason: "session expired", Err: ErrSessionExpired})
		})
	case !busy:
		d.ua.start(d.refreshSession)
	}
}

// refreshSession sends an UPDATE without a session description, or has the
// owner send a re-INVITE where the peer does not know UPDATE (RFC 4028 §7.4).
func (d *Dialog) refreshSession() {
	defer func() {
		d.mu.Lock()
		d.session.refreshing = false
		d.mu.Unlock()
	}()
	if d.Allows("UPDATE") {
		_, err := d.Update(context.Background(), nil)
		var e *StatusError
		if !errors.As(err, &e) || e.Code != 405 && e.Code != 501 {
			return
		}
		d.mu.Lock()
		d.allow = nil // whatever it said: it does not know it
		d.mu.Unlock()
	}
	d.events.post(RefreshDue{})
}

// ask puts what RFC 4028 §7.4 wants into a re-INVITE or UPDATE of ours. A
// session without end is asked for none anew.
func (d *Dialog) askTimer(req *sipmsg.Request) {
	d.mu.Lock()
	e, least := expiry{interval: d.session.interval, by: refreshUAS}, d.session.least
	if d.session.ours {
		e.by = refreshUAC
	}
	d.mu.Unlock()
	askTimer(req, e, least)
}

// raiseTimer obeys the 422 that a re-INVITE or UPDATE of ours got.
func (d *Dialog) raiseTimer(res *sipmsg.Response) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, least, ok := raiseTimer(res, expiry{interval: d.session.interval})
	if ok {
		d.session.interval, d.session.least = e.interval, least
	}
	return ok
}

// agreedTimer takes what a 2xx to a request of ours says. A refresher goes on
// refreshing a session though the 2xx says nothing: it does no harm, and finds
// out when nobody is there any more.
func (d *Dialog) agreedTimer(res *sipmsg.Response) {
	if d.ua.cfg.SessionTimers.Off {
		return
	}
	e := readExpiry(headerValues(res, "Session-Expires"))
	d.mu.Lock()
	now, ours := d.session.interval, d.session.ours
	d.mu.Unlock()
	if e.interval > 0 {
		// A proxy may have made it shorter than any of us would.
		d.setTimer(max(e.interval, leastInterval), e.by != refreshUAS)
		return
	}
	if now > 0 && !ours {
		now = 0
	}
	d.setTimer(now, true)
}

// answerTimer writes what we agree to into our 2xx and starts the timer.
func (d *Dialog) answerTimer(req *sipmsg.Request, res *sipmsg.Response) {
	d.mu.Lock()
	now := expiry{interval: d.session.interval}
	if now.interval > 0 {
		now.by = refreshUAC
		if d.session.ours {
			now.by = refreshUAS
		}
	}
	d.mu.Unlock()
	offer := readTimerOffer(req)
	e := d.ua.cfg.SessionTimers.agree(offer, now)
	if e.interval > 0 {
		res.AppendHeader(sipmsg.NewHeader("Session-Expires", e.String()))
		if offer.supports {
			res.AppendHeader(sipmsg.NewHeader("Require", timerTag))
		}
	}
	d.setTimer(e.interval, e.by == refreshUAS)
}
