package sip

import (
	"net/netip"
	"time"
)

// streamGone is told of every connection that ends: over it the NOTIFYs came. ua.mu
// is held.
func (s *Subscription) streamGone(h hop) {
	s.giveUp(func() bool { return s.flow == h })
}

// way is the hop that it was made with.
func (s *Subscription) way() hop {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flow
}

// checkAddress subscribes anew when the NOTIFYs would go to an address that is no
// longer ours.
func (s *Subscription) checkAddress(from func(hop) netip.Addr) {
	flow := s.way()
	if !flow.addr.IsValid() {
		return
	}
	now := from(flow)
	s.giveUp(func() bool { return s.flow == flow && now.IsValid() && now != s.local.WithZone("") })
}

// giveUp gives the subscription up, if is says so of what it was made with.
func (s *Subscription) giveUp(is func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || !s.flow.addr.IsValid() || !is() {
		return
	}
	s.over, s.retry = true, 0
	s.state = SubscriptionState{Err: ErrClosed}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// pause is how long to wait before subscribing again: as was said, and longer where
// subscriptions keep ending soon.
func (s *Subscription) pause(said time.Duration) time.Duration {
	if time.Since(s.since) >= steady {
		s.drops = 0
	}
	s.drops++
	if s.drops == 1 {
		return said
	}
	return max(said, s.ua.cfg.backOff(s.drops-1))
}
