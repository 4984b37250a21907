package blocklist

import (
	"math/rand/v2"
	"sync/atomic"
)

// table is a hash set of rules of one type, by pattern. One writer at a time
// changes it; readers take no lock and never wait:
//
//	slots: an array of tags (half of the hash, never 0) beside an array of
//	rules, open addressing. A writer stores the rule first and its tag last. A
//	removed rule leaves its tag behind with no rule, until the next growth.
//	Growth fills a new array beside the old one and swaps one pointer, so a
//	rule is moved a constant number of times on average.
//
// Reading a hash of every beginning of a number costs one multiplication a
// digit; most tags differ, so most probes touch one cache line.
type table struct {
	slots   atomic.Pointer[slots]
	mask    atomic.Uint64    // bit n: lengths[n] is not 0
	lengths [longest + 1]int // rules of each length in bytes, the last for longer ones too
	used    int              // slots with a tag, removed rules too
	live    int              // rules
	seed    uint64
	fromEnd bool // patterns are hashed backwards
}

const (
	longest  = 63
	minSlots = 16
)

type slots struct {
	tags  []atomic.Uint32
	rules []atomic.Pointer[Rule]
}

// newTable takes its seed from the system, so that no one can choose patterns
// that collide.
func newTable(fromEnd bool) *table {
	t := &table{seed: rand.Uint64(), fromEnd: fromEnd}
	t.slots.Store(newSlots(minSlots))
	return t
}

func newSlots(n int) *slots {
	return &slots{tags: make([]atomic.Uint32, n), rules: make([]atomic.Pointer[Rule], n)}
}

// mix adds one byte to a hash; finish spreads it over all bits.
func mix(h uint64, b byte) uint64 { return (h ^ uint64(b)) * 0x9e3779b97f4a7c15 }

func finish(h uint64) uint64 {
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

func (t *table) hash(s string) uint64 {
	h := t.seed
	for i := range len(s) {
		if t.fromEnd {
			h = mix(h, s[len(s)-1-i])
		} else {
			h = mix(h, s[i])
		}
	}
	return finish(h)
}

func tag(h uint64) uint32 { return uint32(h>>32) | 1 }

// find returns the rule with that pattern, whose hash is h.
func (t *table) find(h uint64, pattern string) *Rule {
	s := t.slots.Load()
	last := uint64(len(s.tags) - 1)
	want := tag(h)
	for i := h & last; ; i = (i + 1) & last {
		switch s.tags[i].Load() {
		case 0:
			return nil
		case want:
			if r := s.rules[i].Load(); r != nil && r.Pattern == pattern {
				return r
			}
		}
	}
}

// add puts a rule in; the caller holds the writer's lock and knows that its
// pattern is not there.
func (t *table) add(r *Rule) {
	s := t.slots.Load()
	if 4*(t.used+1) > 3*len(s.tags) {
		s = t.grow(s)
	}
	if s.put(t.hash(r.Pattern), r) {
		t.used++
	}
	t.live++
	t.count(r, 1)
}

// put takes a free slot, or a removed rule's with the same tag; it reports
// whether the slot was free.
func (s *slots) put(h uint64, r *Rule) bool {
	last := uint64(len(s.tags) - 1)
	for i := h & last; ; i = (i + 1) & last {
		switch s.tags[i].Load() {
		case 0:
			s.rules[i].Store(r)
			s.tags[i].Store(tag(h))
			return true
		case tag(h):
			if s.rules[i].Load() == nil {
				s.rules[i].Store(r)
				return false
			}
		}
	}
}

func (t *table) remove(r *Rule) {
	s := t.slots.Load()
	h := t.hash(r.Pattern)
	last := uint64(len(s.tags) - 1)
	for i := h & last; s.tags[i].Load() != 0; i = (i + 1) & last {
		if s.rules[i].CompareAndSwap(r, nil) {
			t.live--
			t.count(r, -1)
			return
		}
	}
}

// grow makes room for twice the rules there are.
func (t *table) grow(old *slots) *slots {
	n := minSlots
	for 3*n < 8*(t.live+1) {
		n *= 2
	}
	fresh := newSlots(n)
	for i := range old.rules {
		if r := old.rules[i].Load(); r != nil {
			fresh.put(t.hash(r.Pattern), r)
		}
	}
	t.used = t.live
	t.slots.Store(fresh)
	return fresh
}

func (t *table) count(r *Rule, by int) {
	n := min(len(r.Pattern), longest)
	t.lengths[n] += by
	mask := t.mask.Load() &^ (1 << n)
	if t.lengths[n] > 0 {
		mask |= 1 << n
	}
	t.mask.Store(mask)
}

// get returns the rule with that pattern.
func (t *table) get(pattern string) *Rule { return t.find(t.hash(pattern), pattern) }

// longestIn returns the rule with the longest pattern that s begins with, or,
// in a table from the end, that s ends with.
func (t *table) longestIn(s string) *Rule {
	mask := t.mask.Load()
	if mask == 0 {
		return nil
	}
	var found *Rule
	h := t.seed
	for n := 1; n <= len(s); n++ {
		part := s[:n]
		if t.fromEnd {
			part = s[len(s)-n:]
			h = mix(h, part[0])
		} else {
			h = mix(h, part[n-1])
		}
		if mask&(1<<min(n, longest)) == 0 {
			continue
		}
		if r := t.find(finish(h), part); r != nil {
			found = r
		}
	}
	return found
}
