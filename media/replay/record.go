package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/softphone-go/softphone/media/jitter"
)

// Fate is what became of a packet.
type Fate int

// What may become of a packet.
const (
	InTime    Fate = iota // waited for its turn
	Late                  // came after its turn
	Duplicate             // had come before
	Discarded             // of no use to the engine
	Lost                  // never came
)

// Passage is one packet on its way to the engine.
type Passage struct {
	Sent  time.Duration // when its first sample was sent, on the trace's clock
	Delay time.Duration // from then to its arrival; 0 when Lost
	Fate  Fate
}

// Moment is one frame of 10 ms as it was played.
type Moment struct {
	Played time.Duration // when
	Delay  time.Duration // from the sending of its first sample to Played
	Target time.Duration // what the engine steers Delay towards
	Timed  bool          // Delay and Target are known
	Kind   jitter.Kind

	// What the engine counted with this frame.
	Concealed, Stretched, Compressed time.Duration
}

// Record is what happened while a trace was played, for a picture of it.
type Record struct {
	Packets []Passage // in the order of sending
	Moments []Moment  // in the order of playing, one each 10 ms
}

// recorder takes a Record from the differences between the engine's statistics,
// so that the engine needs no hook and calls pay nothing. Without a Record it
// does nothing.
type recorder struct {
	*Record
	playout *jitter.Playout
	clock   *clock
	last    jitter.Stats
}

func newRecorder(r *Record, playout *jitter.Playout, c *clock) *recorder {
	if r != nil {
		*r = Record{}
	}
	return &recorder{Record: r, playout: playout, clock: c}
}

// put notes a packet that was just given to the engine.
func (r *recorder) put(d delivery) {
	if r.Record == nil {
		return
	}
	now := r.playout.Stats()
	p := Passage{Sent: d.sent, Delay: d.at - d.sent}
	switch {
	case now.Late > r.last.Late:
		p.Fate = Late
	case now.Duplicates > r.last.Duplicates:
		p.Fate = Duplicate
	case now.Discarded > r.last.Discarded:
		p.Fate = Discarded
	}
	r.Packets = append(r.Packets, p)
	// What is counted in time is left for the frame.
	r.last.Late, r.last.Duplicates, r.last.Discarded = now.Late, now.Duplicates, now.Discarded
}

// frame notes a frame that was just played, delay after it was sent.
func (r *recorder) frame(played, delay time.Duration, timed bool, kind jitter.Kind) {
	if r.Record == nil {
		return
	}
	now := r.playout.Stats()
	m := Moment{
		Played:     played,
		Timed:      timed,
		Kind:       kind,
		Concealed:  now.Concealed - r.last.Concealed,
		Stretched:  now.Stretched - r.last.Stretched,
		Compressed: now.Compressed - r.last.Compressed,
	}
	if timed {
		// The engine counts from the fastest packets, the trace from sending. What
		// lies between is taken after the frame, as the statistics are.
		stamp, _ := r.playout.Timestamp()
		next := played + frameTime
		m.Delay, m.Target = delay, next-r.clock.sent(stamp, next)-now.Delay+now.Target
	}
	r.Moments = append(r.Moments, m)
	r.last = now
}

// lost adds the packets that never came and brings all into the order of
// sending.
func (r *recorder) lost(trace Trace) {
	if r.Record == nil {
		return
	}
	for _, p := range trace.missing() {
		r.Packets = append(r.Packets, Passage{Sent: p.Sent, Fate: Lost})
	}
	slices.SortStableFunc(r.Packets, func(a, b Passage) int { return cmp.Compare(a.Sent, b.Sent) })
}

// missing returns the packets of which no copy came, once each.
func (t Trace) missing() []Packet {
	came := make(map[int]bool, len(t))
	for _, p := range t {
		came[p.SequenceNumber] = came[p.SequenceNumber] || !p.Lost
	}
	var out []Packet
	for _, p := range t {
		if !came[p.SequenceNumber] {
			came[p.SequenceNumber] = true
			out = append(out, p)
		}
	}
	return out
}

// clock tells when a sample was sent from its RTP timestamp. Where a sender's
// timestamps jump, the sound before the jump is still played by the old count.
type clock struct {
	known     bool
	now, past origin
}

// origin is a timestamp and the time at which its sample was sent.
type origin struct {
	stamp uint32
	sent  time.Duration
}

func (o origin) at(stamp uint32) time.Duration {
	return o.sent + span(int64(int32(stamp-o.stamp)))
}

// arrived takes a packet's timestamp and sending into account.
func (c *clock) arrived(d delivery) {
	o := origin{d.header.Timestamp, d.sent}
	if !c.known {
		c.known, c.now, c.past = true, o, o
		return
	}
	off, old := c.now.at(o.stamp)-o.sent, c.past.at(o.stamp)-o.sent
	switch {
	case max(off, -off) <= packetTime:
		if int32(o.stamp-c.now.stamp) > 0 {
			c.now = o
		}
	case max(old, -old) > packetTime: // and no straggler of the old count
		c.past, c.now = c.now, o
	}
}

// sent tells when the sample with this timestamp, played at the time now, was
// sent. Nothing is played before it was sent, nor much later.
func (c *clock) sent(stamp uint32, now time.Duration) time.Duration {
	likely := func(sent time.Duration) bool { return sent <= now && sent >= now-2*tail }
	t, old := c.now.at(stamp), c.past.at(stamp)
	if !likely(t) && likely(old) {
		return old
	}
	return t
}
