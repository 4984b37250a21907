package quality

import "time"

// Gmin is how many packets in a row must be received to end a burst, as
// RFC 3611 §4.7.2 recommends. A loss rate above 1 in Gmin+1 is then a burst.
const Gmin = 16

// Fate is what became of one sequence number.
type Fate int

// The fates of a packet. A duplicate has none of its own.
const (
	Received  Fate = iota // came in time
	Lost                  // never came
	Discarded             // came, but too late or too early to be played
)

// Bursts sorts the packets of one stream into bursts and gaps (RFC 3611
// §4.7.2). The zero value is a stream of which nothing came yet.
//
//	received  ████████████████████·███████████████████·██··█████·████████████████████
//	          └────────────── gap ──────────────────┘└─ burst ──┘└────── gap ────────┘
//
// A burst begins and ends with a packet lost or discarded and holds nowhere Gmin
// or more received in a row; a single packet missing with Gmin received on both
// sides belongs to the gap. As the RFC wants it, Gmin received packets are
// assumed before the first packet and after the last. Where Appendix A.2 derives
// densities and durations from counted transitions of a Markov chain, Bursts
// counts the packets and the time of each burst, which is what §4.7.2 defines:
// the work is as little, and nothing is estimated.
//
// One goroutine owns a Bursts. It is a value: a copy goes on by itself.
type Bursts struct {
	total Losses        // bursts that are over; gaps in front of them
	at    time.Duration // length of all packets so far
	good  uint64        // received since the last one missing

	missing uint64 // packets missing in what may become a burst; 0: none
	first   place  // where it began
	last    place  // behind its last packet
	end     place  // behind the last burst that is over
}

// place is a point in the stream: so many packets and so much time before it.
type place struct {
	packets uint64
	at      time.Duration
}

// Add takes the fate of the next packet in sequence, and how much sound is, or
// would have been, in it.
func (b *Bursts) Add(f Fate, length time.Duration) {
	before := place{b.total.Packets, b.at}
	b.total.Packets++
	b.at += length
	if f == Received {
		if b.good++; b.good == Gmin {
			b.settle()
		}
		return
	}
	if f == Lost {
		b.total.Lost++
	} else {
		b.total.Discarded++
	}
	if b.good > 0 || before.packets == 0 {
		b.total.Runs++
	}
	if b.missing == 0 {
		b.first = before
	}
	b.missing++
	b.last = place{b.total.Packets, b.at}
	b.good = 0
}

// settle decides on what may have been a burst.
func (b *Bursts) settle() {
	if b.missing > 1 {
		t := &b.total
		t.Bursts++
		t.BurstPackets += b.last.packets - b.first.packets
		t.BurstMissing += b.missing
		t.BurstTime += b.last.at - b.first.at
		b.gapUntil(b.first)
		b.end = b.last
	}
	b.missing = 0
}

// gapUntil counts the gap from the last burst to p, if there is one.
func (b *Bursts) gapUntil(p place) {
	if p.packets > b.end.packets {
		b.total.Gaps++
		b.total.GapTime += p.at - b.end.at
	}
}

// Count returns what there was so far, as if Gmin packets were received next.
func (b Bursts) Count() Losses {
	b.settle()
	b.gapUntil(place{b.total.Packets, b.at})
	return b.total
}

// Losses counts the packets of a stream that are missing in what is heard.
type Losses struct {
	Packets   uint64 // expected: of every fate
	Lost      uint64 // never came
	Discarded uint64 // came too late or too early
	Runs      uint64 // of packets missing one after the other

	Bursts       uint64
	BurstPackets uint64 // expected within bursts
	BurstMissing uint64 // lost or discarded within bursts
	BurstTime    time.Duration

	Gaps    uint64
	GapTime time.Duration
}

// Plus is both together: streams that followed each other.
func (l Losses) Plus(o Losses) Losses {
	l.Packets += o.Packets
	l.Lost += o.Lost
	l.Discarded += o.Discarded
	l.Runs += o.Runs
	l.Bursts += o.Bursts
	l.BurstPackets += o.BurstPackets
	l.BurstMissing += o.BurstMissing
	l.BurstTime += o.BurstTime
	l.Gaps += o.Gaps
	l.GapTime += o.GapTime
	return l
}

// Missing is how many packets were lost or discarded.
func (l Losses) Missing() uint64 { return l.Lost + l.Discarded }

// LossRate is the share of the expected packets that never came, 0 to 1.
func (l Losses) LossRate() float64 { return share(l.Lost, l.Packets) }

// DiscardRate is the share of the expected packets that came in vain, 0 to 1.
func (l Losses) DiscardRate() float64 { return share(l.Discarded, l.Packets) }

// BurstDensity is the share missing within bursts, 0 to 1.
func (l Losses) BurstDensity() float64 { return share(l.BurstMissing, l.BurstPackets) }

// GapDensity is the share missing within gaps, 0 to 1: at most 1/(Gmin+1).
func (l Losses) GapDensity() float64 {
	return share(l.Missing()-l.BurstMissing, l.Packets-l.BurstPackets)
}

// MeanBurst is how long a burst lasts on the average; 0 without any.
func (l Losses) MeanBurst() time.Duration { return mean(l.BurstTime, l.Bursts) }

// MeanGap is how long a gap lasts on the average; 0 without any.
func (l Losses) MeanGap() time.Duration { return mean(l.GapTime, l.Gaps) }

// BurstRatio is G.107's BurstR of the packets missing.
func (l Losses) BurstRatio() float64 { return BurstRatio(l.Missing(), l.Runs, l.Packets) }

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func mean(sum time.Duration, n uint64) time.Duration {
	if n == 0 {
		return 0
	}
	return sum / time.Duration(n)
}
