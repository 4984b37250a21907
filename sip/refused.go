package sip

import (
	"net/netip"
	"sync"
)

// refused tells INVITEs, REGISTERs and OPTIONS under way that nobody listens where they
// were sent (RFC 3261 §18.4), so that nobody need wait 32 s to hear it: a call
// goes to the next hop or fails, a registration backs off and tries again. Requests
// in a dialog are left to their retransmissions: a peer in the middle of a call may
// only be restarting.
type refused struct {
	mu sync.Mutex
	m  map[netip.AddrPort]map[chan struct{}]struct{}
}

func newRefused() *refused {
	return &refused{m: make(map[netip.AddrPort]map[chan struct{}]struct{})}
}

// watch returns a channel that gets a value when the system reports that a
// datagram to that address was refused. stop ends it.
func (r *refused) watch(to netip.AddrPort) (hit <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m[to] == nil {
		r.m[to] = make(map[chan struct{}]struct{})
	}
	r.m[to][ch] = struct{}{}
	return ch, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if delete(r.m[to], ch); len(r.m[to]) == 0 {
			delete(r.m, to)
		}
	}
}

func (r *refused) tell(to netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ch := range r.m[to] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
