package sip

import (
	"container/list"
	"hash/maphash"
	"net/netip"
	"strconv"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A user agent that gets more calls than it can serve must not serve all of them
// late: callers would repeat what they sent, which costs more time, until nobody
// gets through. New calls are turned away instead, in the reader, where that
// costs least:
//
//	INVITE -> reader -> transaction -> handler -> 180    in time
//	INVITE -> reader -> 503, Retry-After                 while others wait too long
//
// What belongs to a call goes on, and so finds a machine that has time for it.

const (
	maxOverdue  = 8       // calls that may wait longer than Config.MaxWait; one slow handler is no overload
	keptINVITEs = timer64 // how long an INVITE's transaction lives, and is known here, at least
	// maxKept bounds those that are known; half as many are forgotten beyond it.
	maxKept      = 1 << 17
	overloadWait = time.Minute // between two lines of the log about it
)

// backlog knows the INVITEs that are not served yet: neither answered by more
// than 100, nor has their handler returned. Safe for any goroutine.
type backlog struct {
	limit time.Duration // of their waiting; 0 or less: none
	seed  maphash.Seed

	mu      sync.Mutex
	waiting list.List // of unserved, in the order of arrival
	index   map[uint64]*list.Element
	// kept are the INVITEs of the last 32 s, and before the 32 s before that,
	// so that a repeated one is treated like the first: true was turned away.
	kept, before map[uint64]bool
	since        time.Time // of kept
	refused      uint64    // so far
	told         time.Time // of that, in the log
}

type unserved struct {
	key     uint64
	arrived time.Time
}

func newBacklog(limit time.Duration) *backlog {
	return &backlog{limit: limit, seed: maphash.MakeSeed(), index: make(map[uint64]*list.Element),
		kept: make(map[uint64]bool), before: make(map[uint64]bool)}
}

// key identifies the transaction of an INVITE, and of the ACK of its refusal.
func (b *backlog) key(m *sipmsg.Request) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	for _, s := range [...]string{m.CallID().Value(), tagOf(m.From().Params), branchOf(m), strconv.FormatUint(uint64(m.CSeq().SeqNo), 10)} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// admits tells whether a request may go on. replaces says of an INVITE that it
// takes the place of a call that is up.
func (b *backlog) admits(m *sipmsg.Request, arrived, now time.Time, replaces func() bool) bool {
	if b.limit <= 0 || m.Method != sipmsg.INVITE || m.To().Params.Has("tag") {
		return true
	}
	key := b.key(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.age(now)
	if refused, ok := b.knows(key); ok {
		return !refused
	}
	refuse := b.behind(now) && !replaces()
	b.kept[key] = refuse
	if refuse {
		b.refused++
		return false
	}
	b.index[key] = b.waiting.PushBack(unserved{key: key, arrived: arrived})
	return true
}

// turnedAway tells whether an ACK is that of a call that was not admitted.
func (b *backlog) turnedAway(m *sipmsg.Request) bool {
	if b.limit <= 0 || m.Method != sipmsg.ACK {
		return false
	}
	key := b.key(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	refused, _ := b.knows(key)
	return refused
}

// served ends the waiting of an INVITE.
func (b *backlog) served(m *sipmsg.Request) {
	if b.limit <= 0 {
		return
	}
	key := b.key(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(key)
}

func (b *backlog) drop(key uint64) {
	if e := b.index[key]; e != nil {
		b.waiting.Remove(e)
		delete(b.index, key)
	}
}

func (b *backlog) knows(key uint64) (refused, ok bool) {
	if refused, ok = b.kept[key]; !ok {
		refused, ok = b.before[key]
	}
	return refused, ok
}

// age forgets what is over.
func (b *backlog) age(now time.Time) {
	if now.Sub(b.since) >= keptINVITEs || len(b.kept) >= maxKept/2 {
		b.kept, b.before, b.since = make(map[uint64]bool), b.kept, now
	}
	for e := b.waiting.Front(); e != nil && now.Sub(e.Value.(unserved).arrived) > keptINVITEs; e = b.waiting.Front() {
		b.drop(e.Value.(unserved).key)
	}
}

// behind tells whether too many have waited too long.
func (b *backlog) behind(now time.Time) bool {
	e := b.waiting.Front()
	for range maxOverdue - 1 {
		if e == nil {
			return false
		}
		e = e.Next()
	}
	return e != nil && now.Sub(e.Value.(unserved).arrived) > b.limit
}

// report says how many were turned away, at most once a minute.
func (b *backlog) report(now time.Time) (refused uint64, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.told) < overloadWait {
		return 0, false
	}
	b.told = now
	return b.refused, true
}

// retryAfter is how many seconds a caller that was turned away shall wait, not
// the same for all, lest they come back together (RFC 3261 §21.5.4).
func (b *backlog) retryAfter(m *sipmsg.Request) int { return 1 + int(b.key(m)%4) }

// turnAway keeps a new call from being served late: away says that the message
// goes no further, and reply is what its sender is told, nil for nothing. source
// is where the message came from, to where the reply goes.
func (ua *UserAgent) turnAway(m sipmsg.Message, data []byte, source netip.AddrPort, arrived, now time.Time) (away bool, reply []byte, to netip.AddrPort) {
	req, ok := m.(*sipmsg.Request)
	switch {
	case !ok:
		return false, nil, to
	case ua.backlog.turnedAway(req):
		return true, nil, to
	case ua.backlog.admits(req, arrived, now, func() bool { return ua.ofACall(req) }):
		return false, nil, to
	}
	if n, due := ua.backlog.report(now); due {
		ua.log.Warn("sip: calls come faster than they can be served: new ones are answered 503; "+
			"give the program more processor time, or have fewer calls sent to it", "so_far", n)
	}
	s, ok := salvage(data)
	if !ok {
		return true, nil, to
	}
	reply, to = s.reply(503, phrase(503), ua.freshTag(req), ua.cfg.UserAgent, source,
		"Retry-After: "+strconv.Itoa(ua.backlog.retryAfter(req)))
	return true, reply, to
}
