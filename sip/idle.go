package sip

import (
	"maps"
	"slices"
	"time"
)

// idleAfter is how long a connection that we made stays when no message has travelled
// over it and nothing needs it: longer than any transaction.
const idleAfter = 5 * time.Minute

// idle says whether a connection may be closed. Without that, each place ever called
// over a connection would be pinged for good.
func (s *streamConn) idle() bool {
	return time.Since(time.Unix(0, s.used.Load())) > idleAfter && !s.ua.needs(s.hop)
}

// needs says whether an account is registered or subscribed, or a call is up, over a
// hop: messages may come from there at any time.
func (ua *UserAgent) needs(h hop) bool {
	ua.mu.Lock()
	invites := slices.Collect(maps.Values(ua.invites))
	needed := ua.heldLocked(h)
	ua.mu.Unlock()
	return needed || slices.ContainsFunc(invites, func(c *ClientInvite) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.attempt != nil && c.attempt.rt.hop == h
	})
}

// heldLocked is needs for all but our INVITEs that wait for their answer; ua.mu is held.
func (ua *UserAgent) heldLocked(h hop) bool {
	for r := range ua.regs {
		if r.way() == h {
			return true
		}
	}
	for s := range ua.subscribed {
		if s.way() == h {
			return true
		}
	}
	for _, i := range ua.invitations {
		if i.peer == h {
			return true
		}
	}
	for _, d := range ua.dialogs {
		if d.peer == h {
			return true
		}
	}
	return false
}
