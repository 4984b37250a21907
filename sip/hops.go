package sip

import (
	"slices"
	"sync"
	"time"
)

// located is a question that locate answers.
type located struct {
	want Transport
	host string
	port int
}

// hopBook remembers what the DNS said and which hops failed.
type hopBook struct {
	mu     sync.Mutex
	said   map[located][]hop
	failed map[hop]time.Time // until when
}

func newHopBook() *hopBook {
	return &hopBook{said: make(map[located][]hop), failed: make(map[hop]time.Time)}
}

// keep notes an answer; another one goes where there are too many.
func (b *hopBook) keep(q located, hops []hop) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.said[q]; !ok && len(b.said) >= maxLocated {
		for old := range b.said {
			delete(b.said, old)
			break
		}
	}
	b.said[q] = slices.Clone(hops)
}

// last is the last answer, nil when there is none.
func (b *hopBook) last(q located) []hop {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said[q]
}

// outcome notes whether a hop answered.
func (b *hopBook) outcome(h hop, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered {
		delete(b.failed, h)
		return
	}
	now := time.Now()
	if len(b.failed) >= maxLocated {
		for old, until := range b.failed {
			if until.Before(now) || len(b.failed) >= 2*maxLocated {
				delete(b.failed, old)
			}
		}
	}
	b.failed[h] = now.Add(failureLasts)
}

// livelyFirst moves hops that failed lately behind the others (RFC 3263 §4.3).
func (b *hopBook) livelyFirst(hops []hop) []hop {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	rank := func(h hop) int {
		if b.failed[h].After(now) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(hops, func(x, y hop) int { return rank(x) - rank(y) })
	return hops
}
