package sip

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// meterSlots is how many sources a meter tells apart. More than these share
// slots: whoever sends from very many addresses slows down others of his kind,
// and costs no memory.
const meterSlots = 4096

// meter limits how fast each source may send. Its memory is fixed: addresses
// are hashed, under a key nobody knows, into a table of token buckets. An IPv6
// source is its /64, since that is what one host has.
type meter struct {
	seed        maphash.Seed
	rate, burst float32 // tokens a second, tokens
	mu          sync.Mutex
	start       time.Time
	slots       [meterSlots]meterSlot
}

type meterSlot struct {
	used float32 // tokens taken and not come back yet
	at   int32   // milliseconds from start
}

func newMeter(rate, burst float32) *meter {
	return &meter{seed: maphash.MakeSeed(), rate: rate, burst: burst, start: time.Now()}
}

// take reports whether one more is within the limit.
func (m *meter) take(a netip.Addr, now time.Time) bool {
	if a.Is6() {
		p, _ := a.WithZone("").Prefix(64)
		a = p.Addr()
	}
	b := a.As16()
	i := maphash.Bytes(m.seed, b[:]) % meterSlots
	m.mu.Lock()
	defer m.mu.Unlock()
	ms := now.Sub(m.start).Milliseconds()
	if ms > 1<<30 { // every twelve days: begin anew
		m.start, ms = now, 0
		m.slots = [meterSlots]meterSlot{}
	}
	s := &m.slots[i]
	s.used = max(0, s.used-m.rate*float32(int32(ms)-s.at)/1000)
	s.at = int32(ms)
	if s.used+1 > m.burst {
		return false
	}
	s.used++
	return true
}
