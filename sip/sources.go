package sip

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Limits on what strangers can make us remember or send.
const (
	maxSources    = 1024 // addresses kept, of strangers and of our own peers each
	strangerRate  = 100  // first messages of unknown addresses, per second
	strangerBurst = 200
	refusalRate   = 20 // stateless replies to broken requests, per second
	refusalBurst  = 50
)

// addrSet remembers the addresses used last.
type addrSet struct {
	max   int
	order *list.List // front is the newest
	index map[netip.AddrPort]*list.Element
}

func newAddrSet(max int) *addrSet {
	return &addrSet{max: max, order: list.New(), index: make(map[netip.AddrPort]*list.Element)}
}

func (s *addrSet) has(a netip.AddrPort) bool { _, ok := s.index[a]; return ok }

// add returns the address that had to go, if any.
func (s *addrSet) add(a netip.AddrPort) (gone netip.AddrPort) {
	if e, ok := s.index[a]; ok {
		s.order.MoveToFront(e)
		return gone
	}
	s.index[a] = s.order.PushFront(a)
	if s.order.Len() > s.max {
		gone = s.order.Remove(s.order.Back()).(netip.AddrPort)
		delete(s.index, gone)
	}
	return gone
}

// bucket is a token bucket.
type bucket struct {
	rate, burst, tokens float64
	last                time.Time
}

func newBucket(rate, burst float64) bucket { return bucket{rate: rate, burst: burst, tokens: burst} }

func (b *bucket) take(now time.Time) bool {
	if !b.last.IsZero() {
		b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// sources bounds the memory that UDP source addresses cost and the work that
// strangers can cause. Addresses we sent requests to are never limited.
type sources struct {
	mu        sync.Mutex
	peers     *addrSet // destinations of our requests
	strangers *addrSet
	arrivals  bucket
	refusals  bucket
}

func newSources() *sources {
	return &sources{
		peers: newAddrSet(maxSources), strangers: newAddrSet(maxSources),
		arrivals: newBucket(strangerRate, strangerBurst), refusals: newBucket(refusalRate, refusalBurst),
	}
}

// sentTo marks a peer of our own choosing.
func (s *sources) sentTo(a netip.AddrPort) (gone netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers.add(a)
}

// admit reports whether a message from a may be looked at, and which address
// was forgotten for it.
func (s *sources) admit(a netip.AddrPort, now time.Time) (gone netip.AddrPort, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers.has(a) {
		return gone, true
	}
	if !s.strangers.has(a) && !s.arrivals.take(now) {
		return gone, false
	}
	return s.strangers.add(a), true
}

// chosen reports whether a is a peer of our own choosing.
func (s *sources) chosen(a netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers.has(a)
}

func (s *sources) known(a netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers.has(a) || s.strangers.has(a)
}

func (s *sources) mayRefuse(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals.take(now)
}
