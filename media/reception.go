package media

import "time"

// The bounds of RFC 3550 A.1.
const (
	maxDropout  = 3000
	maxMisorder = 100
	sequences   = 1 << 16
)

// sampleTime is one tick of the 8000 Hz RTP clock.
const sampleTime = time.Second / 8000

// reception counts what one source sent and what came of it, for receiver
// reports (RFC 3550 A.1, A.3 and A.8). The zero value waits for its first packet.
type reception struct {
	ssrc  uint32
	known bool

	base, max uint16
	cycles    uint64 // sequence numbers wrapped, times 65536
	bad       uint32 // sequence number that would confirm a jump
	received  uint64

	formerLost uint64 // before the last jump or change of source

	expectedPrior, receivedPrior uint64 // at the last report

	transit    int64 // of the last packet, in samples
	hasTransit bool
	jitter     uint32 // scaled by 16, in samples
	jitterMax  uint32 // the most it was, of all sources

	fates fates
}

// begin starts anew for the source ssrc, keeping what was lost before.
func (r *reception) begin(ssrc uint32, seq uint16) {
	r.fates.begin()
	*r = reception{
		ssrc: ssrc, known: true, formerLost: r.lostEver(), base: seq, max: seq, bad: sequences + 1,
		jitterMax: r.jitterMax, fates: r.fates,
	}
}

// packet counts one packet of the source.
func (r *reception) packet(ssrc uint32, seq uint16) {
	if !r.known || ssrc != r.ssrc {
		r.begin(ssrc, seq)
	}
	switch delta := seq - r.max; {
	case delta < maxDropout:
		if seq < r.max {
			r.cycles += sequences
		}
		r.max = seq
		r.fates.advance(delta)
	case uint32(delta) <= sequences-maxMisorder:
		if uint32(seq) != r.bad {
			r.bad = uint32(seq+1) & (sequences - 1)
			r.fates.last = 0
			return
		}
		jitter := r.jitter
		r.begin(ssrc, seq) // two in sequence: the source began anew
		r.jitter = jitter
	}
	r.received++
	r.fates.arrive(r.max - seq)
}

// timing follows the interarrival jitter (A.8) with a packet whose timestamp
// says when it was sampled.
func (r *reception) timing(ts uint32, arrival time.Duration) {
	transit := int64(arrival/sampleTime) - int64(ts)
	if r.hasTransit {
		d := int64(int32(transit - r.transit)) // timestamps wrap
		d = min(max(d, -d), 1<<24)
		r.jitter += uint32(d) - (r.jitter+8)>>4
		r.jitterMax = max(r.jitterMax, r.jitter)
	}
	r.transit, r.hasTransit = transit, true
}

func (r *reception) extendedMax() uint64 { return r.cycles + uint64(r.max) }

func (r *reception) expected() uint64 {
	if !r.known {
		return 0
	}
	return r.extendedMax() - uint64(r.base) + 1
}

// lost is what is missing of the present source; negative with doubles (A.3).
func (r *reception) lost() int64 { return int64(r.expected()) - int64(r.received) }

// lostEver is what is missing of all sources together.
func (r *reception) lostEver() uint64 { return r.formerLost + uint64(max(0, r.lost())) }

// jitterTime is the interarrival jitter.
func (r *reception) jitterTime() time.Duration { return jitterOf(r.jitter) }

func jitterOf(scaled uint32) time.Duration { return time.Duration(scaled) * sampleTime / 16 }

// fraction is the share lost since the last call, in 1/256 (A.3), and whether
// anything came at all.
func (r *reception) fraction() (lost uint8, heard bool) {
	expected, received := r.expected(), r.received
	dueNow, cameNow := expected-r.expectedPrior, received-r.receivedPrior
	r.expectedPrior, r.receivedPrior = expected, received
	if dueNow > cameNow {
		lost = uint8(min(255, (dueNow-cameNow)<<8/dueNow))
	}
	return lost, cameNow > 0
}
