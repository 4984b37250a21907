package jitter

import (
	"math/bits"
	"time"
)

// Bounds and defaults. Times inside the package are ticks of the RTP clock:
// 8 a millisecond.
const (
	clockRate   = 8000
	perMS       = clockRate / 1000
	tick        = time.Second / clockRate
	ringSize    = 8192 // coded samples held, 1.024 s
	maxPayload  = 1600 // octets of one packet, 200 ms
	minCapacity = 64
	maxCapacity = 1024

	defaultTarget   = 40 * time.Millisecond
	defaultMin      = 5 * time.Millisecond
	defaultMax      = 500 * time.Millisecond
	defaultCapacity = 128
	lowestMin       = 5 * time.Millisecond
	highestMax      = 700 * time.Millisecond

	// maxMisorder is how far back a sequence number may be and still be taken
	// for an overtaken packet (RFC 3550 Appendix A.1).
	maxMisorder = 60

	// openings is how many packets may still come that the first one overtook.
	openings = 4
)

type slotState uint8

const (
	empty   slotState = iota
	waiting           // to be played
	done              // its turn is over, it had come
	missing           // its turn is over, it had not come
	open              // before the first of a stream, in case that had overtaken others
)

// slot describes one packet. Its coded sound is in Playout.codes.
type slot struct {
	index    int64 // sequence number on the continuous count
	position int64 // of its first sample on the continuous timeline
	arrival  int64 // ticks
	ts       uint32
	size     int32 // samples
	payload  Payload
	state    slotState
	started  bool // some of it was played
}

// Playout is one stream's playout buffer. One goroutine owns it.
//
// Sequence numbers and timestamps of all streams that follow each other are
// mapped onto one count (index) and one timeline (position), so that wrapping,
// jumps and changes of SSRC end at the entrance.
type Playout struct {
	cfg           Config
	target        int64
	lowest, limit int64 // of target, ticks
	payloads      [128]Payload

	slots []slot // by index
	mask  int64
	codes [ringSize]byte // by position

	synced   bool // a stream is known: ssrc, sequence
	ssrc     uint32
	sequence uint16 // of the newest packet
	top      int64  // its index
	next     int64  // first index whose turn is not over

	timed     bool // its timestamps have a place on the timeline
	timestamp uint32
	position  int64 // of timestamp
	end       int64 // where the sound received so far ends
	transit   transit

	begun   bool  // a time is known: due
	general bool  // for tests: nothing is done the quick way
	rested  rest  // nothing was to be steered
	watch   bool  // unless a pause comes,
	until   int64 // or this time
	pull    int64 // samples fetched at once
	play    int64 // position of the next sample to be read
	due     int64 // when it is to be heard
	lull    bool  // the sender told that it sends no sound: event
	noise   told
	voice   voice
	ahead   fifo // read but not yet heard
	last    Kind
	owed    int64 // by how much a late packet has made the delay grow, until the next frame
	calm    int64 // no time scaling in speech before this time
	paused  int64 // when there last was a pause, or no need of one
	nudged  int   // samples that each frame gains, now

	suspect  suspect
	fade     int64 // ticks since sound ran out that may turn out to be loss
	dropped  bool  // something was lost or late since then
	stats    Stats
	delays   delays
	scratch  [2*FrameSize + pauseMost]int16
	peeked   [pauseMost + joinLeast]int16
	conceals int64 // ticks
	grown    int64
	shrunk   int64
}

// New returns a Playout that has allocated all it will ever need. No payload
// type is mapped.
func New(cfg Config) *Playout {
	cfg.ClockRate = clockRate
	cfg.Target = min(max(orDefault(cfg.Target, defaultTarget), lowestMin), highestMax)
	cfg.Min = min(max(orDefault(cfg.Min, defaultMin), lowestMin), cfg.Target)
	cfg.Max = min(max(orDefault(cfg.Max, defaultMax), cfg.Target), highestMax)
	if cfg.Capacity <= 0 {
		cfg.Capacity = defaultCapacity
	}
	cfg.Capacity = 1 << bits.Len(uint(min(max(cfg.Capacity, minCapacity), maxCapacity)-1))
	p := &Playout{
		cfg:    cfg,
		target: ticks(cfg.Target),
		lowest: ticks(cfg.Min),
		limit:  ticks(cfg.Max),
		slots:  make([]slot, cfg.Capacity),
		mask:   int64(cfg.Capacity - 1),
		top:    -1,
	}
	p.voice.quiet = FrameSize
	p.pull = FrameSize
	p.transit.jitter.seed(p.target)
	return p
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

func ticks(d time.Duration) int64 { return int64(d / tick) }

// Map declares what packets of payload type pt (0 to 127) carry.
func (p *Playout) Map(pt uint8, payload Payload) {
	if int(pt) < len(p.payloads) {
		p.payloads[pt] = payload
	}
}

// ResetMap unmaps all payload types, for a new negotiation. What is buffered
// stays.
func (p *Playout) ResetMap() { clear(p.payloads[:]) }

// Timestamp returns the RTP timestamp of the sample that the next Get plays
// first; ok is false as long as no sound was received. While sound is stretched
// or compressed it is off by up to 20 ms.
func (p *Playout) Timestamp() (ts uint32, ok bool) {
	return p.timestamp + uint32(p.play-int64(p.ahead.len())-p.position), p.timed
}

// Reset forgets the stream and what is buffered, for a new source. The payload
// map and the statistics stay.
func (p *Playout) Reset() {
	for p.next <= p.top {
		if s := p.slot(p.next); s != nil && s.state == waiting {
			s.state = done
			p.stats.Discarded++
		}
		p.next++
	}
	p.dropSuspect()
	p.synced, p.timed = false, false
	p.lull = false
	p.noise.off()
}

// Stats returns the counts so far. It is called by the owning goroutine.
func (p *Playout) Stats() Stats {
	s := p.stats
	for i := range p.slots {
		if p.slots[i].state == waiting {
			s.Buffered++
		}
	}
	if p.suspect.valid {
		s.Buffered++
	}
	s.Concealed = time.Duration(p.conceals) * tick
	s.Stretched = time.Duration(p.grown) * tick
	s.Compressed = time.Duration(p.shrunk) * tick
	s.MeanDelay, s.P95Delay = p.delays.mean(), p.delays.percentile(95)
	s.Target = time.Duration(p.target) * tick
	if p.timed {
		s.Delay = time.Duration(max(p.delay(), 0)) * tick
	}
	return s
}

// slot returns the slot that holds index, or nil.
func (p *Playout) slot(index int64) *slot {
	if s := &p.slots[index&p.mask]; s.state != empty && s.index == index {
		return s
	}
	return nil
}
