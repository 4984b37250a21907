package media

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// slot describes one datagram in a ring.
type slot struct {
	from    netip.AddrPort
	arrival time.Duration // on the Session's clock
	start   uint64        // position of the first octet
	size    int
}

// ring hands datagrams from the one goroutine that reads a socket to the one
// that ticks, without locks. What it holds is bounded in datagrams and octets;
// the one that does not fit is dropped and counted, never the ones before it.
//
// Positions only ever grow; their remainder is the place in the buffer. A
// datagram lies in one piece: where the end of the buffer is too near, the rest
// of it is left unused.
type ring struct {
	slots []slot
	data  []byte

	head  atomic.Uint64 // slots filled; moved by the reader
	tail  atomic.Uint64 // slots emptied; moved by the tick
	freed atomic.Uint64 // octets given back; moved by the tick
	next  uint64        // where the next datagram goes; the reader's own

	overflows atomic.Uint64
}

func newRing(slots, octets int) *ring {
	return &ring{slots: make([]slot, slots), data: make([]byte, octets)}
}

// put copies p into the ring. Only the reader calls it.
func (r *ring) put(p []byte, from netip.AddrPort, arrival time.Duration) {
	head, size := r.head.Load(), uint64(len(r.data))
	start := r.next
	if rest := size - start%size; rest < uint64(len(p)) {
		start += rest
	}
	end := start + uint64(len(p))
	if head-r.tail.Load() == uint64(len(r.slots)) || end-r.freed.Load() > size {
		r.overflows.Add(1)
		return
	}
	copy(r.data[start%size:], p)
	r.slots[head%uint64(len(r.slots))] = slot{from: from, arrival: arrival, start: start, size: len(p)}
	r.next = end
	r.head.Store(head + 1)
}

// peek returns the oldest datagram, valid until pop. Only the tick calls it.
func (r *ring) peek() (*slot, []byte, bool) {
	tail := r.tail.Load()
	if tail == r.head.Load() {
		return nil, nil, false
	}
	s := &r.slots[tail%uint64(len(r.slots))]
	at := s.start % uint64(len(r.data))
	return s, r.data[at : at+uint64(s.size) : at+uint64(s.size)], true
}

// dropped counts what did not fit.
func (r *ring) dropped() uint64 { return r.overflows.Load() }

// pop gives the oldest datagram's place back. Only the tick calls it.
func (r *ring) pop() {
	tail := r.tail.Load()
	s := &r.slots[tail%uint64(len(r.slots))]
	r.freed.Store(s.start + uint64(s.size))
	r.tail.Store(tail + 1)
}
