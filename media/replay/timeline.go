package replay

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	jump        = 2 * time.Second // between timestamp and arrival: the sender counts anew
	longestGap  = 3000            // of sequence numbers that may be loss
	segmentSize = 1 << 20         // sequence numbers set aside for each start anew
)

// timeline tells when captured packets were sent, and their clock rate in Hz.
// Sequence numbers are counted on over their wrap, and in another range after a
// jump or for another SSRC. The fastest packet's delay is 0 and the first one
// was sent at 0.
func timeline(packets []Captured) (Trace, int) {
	rate := clockRateOf(packets)
	streams := make(map[uint32]*captureClock)
	trace := make(Trace, len(packets))
	segments := 0
	fastest, first := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for i, p := range packets {
		c := streams[p.Header.SSRC]
		if c == nil || c.jumped(p, rate) {
			known := time.Duration(0)
			if i > 0 {
				known = fastest
			}
			c = &captureClock{stamp: p.Header.Timestamp, sent: p.At - known, sequence: p.Header.SequenceNumber, number: segments * segmentSize}
			streams[p.Header.SSRC] = c
			segments++
		}
		sent := c.sentAt(p.Header.Timestamp, rate)
		if isEvent(p) { // its timestamp is the start of the event
			sent = p.At - min(fastest, p.At-sent)
		}
		trace[i] = Packet{SequenceNumber: c.count(p.Header.SequenceNumber), Sent: sent, Arrived: p.At}
		fastest = min(fastest, p.At-sent)
		first = min(first, sent)
	}
	low := 0
	for i := range trace {
		trace[i].Sent -= first
		trace[i].Arrived -= first + fastest
		low = min(low, trace[i].SequenceNumber)
	}
	for i := range trace {
		trace[i].SequenceNumber -= low
	}
	return trace, rate
}

// captureClock follows the numbers of one SSRC from a start on.
type captureClock struct {
	stamp    uint32 // timestamp of a packet, and
	sent     time.Duration
	sequence uint16 // its sequence number, and
	number   int    // what that counts as
}

func (c *captureClock) sentAt(stamp uint32, rate int) time.Duration {
	return c.sent + time.Duration(int32(stamp-c.stamp))*time.Second/time.Duration(rate)
}

// jumped tells whether a packet does not go on from those before.
func (c *captureClock) jumped(p Captured, rate int) bool {
	step := int(int16(p.Header.SequenceNumber - c.sequence))
	away := p.At - c.sentAt(p.Header.Timestamp, rate)
	return !isEvent(p) && max(away, -away) > jump || max(step, -step) > longestGap
}

// count counts a sequence number on.
func (c *captureClock) count(sequence uint16) int {
	step := int(int16(sequence - c.sequence))
	if step > 0 {
		c.sequence, c.number = sequence, c.number+step
		return c.number
	}
	return c.number + step
}

// clockRateOf is 8000 for G.711; of other codecs it is found by how fast the
// timestamps go.
func clockRateOf(packets []Captured) int {
	var ticks float64
	var took time.Duration
	for i, p := range packets {
		if isSound(p.Header.PayloadType) {
			return clockRate
		}
		if i == 0 || p.Header.SSRC != packets[i-1].Header.SSRC {
			continue
		}
		step, time := int32(p.Header.Timestamp-packets[i-1].Header.Timestamp), p.At-packets[i-1].At
		if step > 0 && step < 48000 && time < jump {
			ticks += float64(step)
			took += time
		}
	}
	best := clockRate
	for _, rate := range []int{8000, 16000, 32000, 48000, 90000} {
		off := func(r int) float64 { return math.Abs(math.Log(ticks / max(took.Seconds(), 1e-9) / float64(r))) }
		if off(rate) < off(best) {
			best = rate
		}
	}
	return best
}

// withGaps adds the packets that are missing between those that came, as lost.
func withGaps(trace Trace) Trace {
	sorted := slices.Clone(trace)
	slices.SortStableFunc(sorted, func(a, b Packet) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	all := slices.Clone(trace)
	for i := 1; i < len(sorted); i++ {
		a, b := sorted[i-1], sorted[i]
		gap := b.SequenceNumber - a.SequenceNumber
		if gap > longestGap {
			continue
		}
		for k := 1; k < gap; k++ {
			sent := a.Sent + (b.Sent-a.Sent)*time.Duration(k)/time.Duration(gap)
			all = append(all, Packet{SequenceNumber: a.SequenceNumber + k, Sent: sent, Lost: true})
		}
	}
	return all
}

// TraceOf turns captured packets into a trace: when each was sent, by its
// timestamp, and when it came, beyond the fastest one. Missing sequence numbers
// are lost packets. A trace stands for packets of 20 ms, whatever they were.
func TraceOf(packets []Captured) Trace {
	sorted := slices.Clone(packets)
	slices.SortStableFunc(sorted, func(a, b Captured) int { return cmp.Compare(a.At, b.At) })
	trace, _ := timeline(sorted)
	trace = withGaps(trace)
	slices.SortStableFunc(trace, func(a, b Packet) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	return trace
}
