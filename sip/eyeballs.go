package sip

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// A server with addresses of both families, one of which leads nowhere, must not cost a
// call the 10 s that a connection may take (RFC 8305 §5):
//
//	connect -> [2001:db8::2]    first, as the DNS and RFC 6724 have it
//	           192.0.2.2        after 250 ms without a connection, or when that failed
//	                            whichever is there first is used
//
// Over UDP nothing is connected: there the next address is tried when one is silent.
const attemptDelay = 250 * time.Millisecond // RFC 8305 §8

// swiftest puts the hop first to which a connection is there first, of the best hop and
// the next one of the other family.
func (ua *UserAgent) swiftest(ctx context.Context, hops []hop) []hop {
	rival := rivalOf(hops)
	if rival == 0 || ua.streams.find(hops[0]) != nil {
		return hops
	}
	if ua.streams.find(hops[rival]) != nil || ua.rivalWins(ctx, hops[0], hops[rival]) {
		first := hops[rival]
		return slices.Insert(slices.Delete(slices.Clone(hops), rival, rival+1), 0, first)
	}
	return hops
}

// rivalOf is the place of the hop that differs from the first by its family alone; 0
// when there is none.
func rivalOf(hops []hop) int {
	for i, h := range hops {
		if h.transport.stream() && h.transport == hops[0].transport && h.link == hops[0].link &&
			h.addr.Port() == hops[0].addr.Port() && h.addr.Addr().Is4() != hops[0].addr.Addr().Is4() {
			return i
		}
	}
	return 0
}

// rivalWins connects to both, the second one later, and says whether that was there first.
func (ua *UserAgent) rivalWins(ctx context.Context, first, second hop) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connect := func(h hop) <-chan error {
		done := make(chan error, 1)
		if !ua.start(func() {
			var bind netip.Addr
			if l := ua.listenerFor(h.transport, h.addr.Addr()); l != nil {
				bind = l.local.Addr()
			}
			_, err := ua.stream(ctx, h, bind)
			done <- err
		}) {
			done <- ErrClosed
		}
		return done
	}
	one := connect(first)
	later := time.NewTimer(attemptDelay)
	defer later.Stop()
	select {
	case err := <-one:
		if err == nil || ctx.Err() != nil {
			return false
		}
		one = nil
	case <-later.C:
	case <-ctx.Done():
		return false
	}
	two := connect(second)
	for one != nil || two != nil {
		select {
		case err := <-one:
			if err == nil {
				return false
			}
			one = nil
		case err := <-two:
			if err == nil {
				return true
			}
			two = nil
		case <-ctx.Done():
			return false
		}
	}
	return false
}
