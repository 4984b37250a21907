package quality

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const packet = 20 * time.Millisecond

// follow takes a stream written as r (received), x (lost) and d (discarded);
// R stands for 16 received, spaces for nothing.
func follow(stream string) Losses {
	var b Bursts
	for _, r := range strings.ReplaceAll(strings.ReplaceAll(stream, "R", strings.Repeat("r", 16)), " ", "") {
		b.Add(map[rune]Fate{'r': Received, 'x': Lost, 'd': Discarded}[r], packet)
	}
	return b.Count()
}

// All counted by hand from the definitions in RFC 3611 §4.7.2. Times are in
// packets of 20 ms.
func TestBursts_RFC3611_4_7_2(t *testing.T) {
	for name, c := range map[string]struct {
		stream                                              string
		packets, lost, discarded, runs                      uint64
		bursts, burstPackets, burstMissing, burstTime       uint64
		gaps, gapTime                                       uint64
		burstDensity, gapDensity                            float64
		meanBurstInPackets, meanGapInPackets, ratioAtLeast1 float64
	}{
		"nothing yet": {stream: ""},
		"all received": {
			stream: "RR", packets: 32, gaps: 1, gapTime: 32, meanGapInPackets: 32,
		},
		"one lost alone is in the gap": {
			stream: "R x R", packets: 33, lost: 1, runs: 1, gaps: 1, gapTime: 33,
			gapDensity: 1.0 / 33, meanGapInPackets: 33,
		},
		"two with 16 between are both in the gap": {
			stream: "R x R x R", packets: 50, lost: 2, runs: 2, gaps: 1, gapTime: 50,
			gapDensity: 2.0 / 50, meanGapInPackets: 50,
		},
		"two with 15 between are a burst": {
			stream: "R x rrrrrrrrrrrrrrr x R", packets: 49, lost: 2, runs: 2,
			bursts: 1, burstPackets: 17, burstMissing: 2, burstTime: 17, gaps: 2, gapTime: 32,
			burstDensity: 2.0 / 17, meanBurstInPackets: 17, meanGapInPackets: 16,
		},
		"two in a row": {
			stream: "RR xx RRR", packets: 82, lost: 2, runs: 1,
			bursts: 1, burstPackets: 2, burstMissing: 2, burstTime: 2, gaps: 2, gapTime: 80,
			burstDensity: 1, meanBurstInPackets: 2, meanGapInPackets: 40,
		},
		"discarded counts as lost does": {
			stream: "R xrd R", packets: 35, lost: 1, discarded: 1, runs: 2,
			bursts: 1, burstPackets: 3, burstMissing: 2, burstTime: 3, gaps: 2, gapTime: 32,
			burstDensity: 2.0 / 3, meanBurstInPackets: 3, meanGapInPackets: 16,
		},
		"two bursts and one lost between": {
			stream: "R xrxx RR x R rrrr xx r x R", packets: 16 + 4 + 32 + 1 + 16 + 4 + 4 + 16, lost: 7, runs: 5,
			bursts: 2, burstPackets: 8, burstMissing: 6, burstTime: 8, gaps: 3, gapTime: 16 + 53 + 16,
			burstDensity: 6.0 / 8, gapDensity: 1.0 / 85, meanBurstInPackets: 4, meanGapInPackets: 85.0 / 3,
		},
		"a stream that begins with a burst": {
			stream: "xx R", packets: 18, lost: 2, runs: 1,
			bursts: 1, burstPackets: 2, burstMissing: 2, burstTime: 2, gaps: 1, gapTime: 16,
			burstDensity: 1, meanBurstInPackets: 2, meanGapInPackets: 16,
		},
		"the first packet lost alone: Gmin are assumed before it": {
			stream: "x R", packets: 17, lost: 1, runs: 1, gaps: 1, gapTime: 17,
			gapDensity: 1.0 / 17, meanGapInPackets: 17,
		},
		"lost near the end: Gmin are assumed after it": {
			stream: "R x rr", packets: 19, lost: 1, runs: 1, gaps: 1, gapTime: 19,
			gapDensity: 1.0 / 19, meanGapInPackets: 19,
		},
		"a burst not over yet": {
			stream: "R xrx rrr", packets: 22, lost: 2, runs: 2,
			bursts: 1, burstPackets: 3, burstMissing: 2, burstTime: 3, gaps: 2, gapTime: 19,
			burstDensity: 2.0 / 3, meanBurstInPackets: 3, meanGapInPackets: 9.5,
		},
		"everything lost": {
			stream: "xxxxx", packets: 5, lost: 5, runs: 1,
			bursts: 1, burstPackets: 5, burstMissing: 5, burstTime: 5,
			burstDensity: 1, meanBurstInPackets: 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := follow(c.stream)
			in := func(n uint64) time.Duration { return time.Duration(n) * packet }
			assert.Equal(t, Losses{
				Packets: c.packets, Lost: c.lost, Discarded: c.discarded, Runs: c.runs,
				Bursts: c.bursts, BurstPackets: c.burstPackets, BurstMissing: c.burstMissing, BurstTime: in(c.burstTime),
				Gaps: c.gaps, GapTime: in(c.gapTime),
			}, l)
			assert.InDelta(t, c.burstDensity, l.BurstDensity(), 1e-9)
			assert.InDelta(t, c.gapDensity, l.GapDensity(), 1e-9)
			assert.InDelta(t, c.meanBurstInPackets*20, float64(l.MeanBurst())/1e6, 1e-3)
			assert.InDelta(t, c.meanGapInPackets*20, float64(l.MeanGap())/1e6, 1e-3)
			assert.Equal(t, c.packets, l.BurstPackets+uint64(l.GapTime/packet), "every packet is in a burst or a gap")
		})
	}
}

// A burst of the definition, found the slow way: the longest stretches that begin
// and end with a packet missing and hold nowhere Gmin received in a row.
func TestBursts_AgainstTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + rng.IntN(400)
		miss := make([]bool, n)
		var b Bursts
		bad, loss := false, rng.Float64()*0.3
		for i := range miss { // a channel with a good and a bad state
			if rng.Float64() < 0.05 {
				bad = !bad
			}
			miss[i] = rng.Float64() < loss && bad || rng.Float64() < 0.02
			f := Received
			if miss[i] {
				f = Lost
			}
			b.Add(f, packet)
		}
		var bursts, packets, missing uint64
		for i := 0; i < n; {
			if !miss[i] {
				i++
				continue
			}
			end, count := i, uint64(1)
			for j := i + 1; j < n && j-end <= Gmin; j++ {
				if miss[j] {
					end = j
					count++
				}
			}
			if count > 1 {
				bursts, packets, missing = bursts+1, packets+uint64(end-i+1), missing+count
			}
			i = end + 1
		}
		l := b.Count()
		require.Equal(t, []uint64{bursts, packets, missing}, []uint64{l.Bursts, l.BurstPackets, l.BurstMissing}, "%v", miss)
		require.LessOrEqual(t, l.Gaps, l.Bursts+1)
		require.LessOrEqual(t, l.Runs, l.Missing())
	}
}

// The state counts of RFC 3611 Appendix A.2, told in packets: within bursts, the
// transitions between missing and received give the same density in the long run.
func TestBursts_AgainstTheMarkovChain_RFC3611_A2(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var b Bursts
	var both, lostThenGot, gotThenGot uint64 // transitions inside bursts
	since, inBurst := uint64(Gmin), false
	for range 200_000 {
		var missing bool
		if inBurst = inBurst != (rng.Float64() < 0.01); inBurst {
			missing = rng.Float64() < 0.4
		}
		if !missing {
			since++
			b.Add(Received, packet)
			continue
		}
		b.Add(Lost, packet)
		switch {
		case since >= Gmin:
		case since == 0:
			both++
		default:
			lostThenGot++
			gotThenGot += since - 1
		}
		since = 0
	}
	toGot := float64(lostThenGot) / float64(lostThenGot+both)
	toLost := float64(lostThenGot) / float64(lostThenGot+gotThenGot)
	assert.InDelta(t, toLost/(toLost+toGot), b.Count().BurstDensity(), 0.05)
}

func TestLosses_Plus(t *testing.T) {
	a, b := follow("R xx R x R"), follow("R xrd RR")
	sum := a.Plus(b)
	assert.Equal(t, a.Packets+b.Packets, sum.Packets)
	assert.EqualValues(t, 2, sum.Bursts)
	assert.EqualValues(t, 4, sum.Gaps)
	assert.EqualValues(t, 5, sum.Missing())
	assert.InDelta(t, 4.0/float64(sum.Packets), sum.LossRate(), 1e-9)
	assert.InDelta(t, 1.0/float64(sum.Packets), sum.DiscardRate(), 1e-9)
	assert.Equal(t, a, a.Plus(Losses{}))
}

func TestBursts_DoesNotAllocate(t *testing.T) {
	var b Bursts
	var l Losses
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		b.Add(Lost, packet)
		b.Add(Received, packet)
		l = b.Count()
	}))
	assert.Positive(t, l.Packets)
}
