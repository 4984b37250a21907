package jitter

import "github.com/softphone-go/softphone/media/g711"

// A gap of which both ends are known is filled from both: the sound before it
// continued, the sound after it continued backwards, and one faded into the
// other. So pitch, colour and level go from those before to those after, and the
// received sound begins without an overlap.
const (
	longestGap  = 6 * FrameSize // filled at once
	shortestGap = 16            // below it an overlap does
	futureSize  = 4 * FrameSize // of the sound after the gap that is looked at
	gapFull     = 2 * FrameSize // samples from either end at full level, then
	gapFaded    = 8 * FrameSize // a straight line to silence
	gapGrowth   = 2 * FrameSize // see extension.growth
	dip         = 0.26          // by how much less both are in the middle
)

// gap is a gap that is being played.
type gap struct {
	active bool
	at     int // next sample to be played
	size   int
	data   [longestGap]int16
}

func (g *gap) drop()        { g.active = false }
func (g *gap) filled() bool { return g.active && g.at == g.size }

func (g *gap) next() int16 {
	g.at++
	return g.data[g.at-1]
}

// fill prepares a gap of size samples that begins with the next one, unless it
// is prepared already.
func (v *voice) fill(size int, future []int16) {
	g := &v.gap
	if g.active && g.size-g.at == size || size < shortestGap || size > longestGap {
		return
	}
	if g.active {
		v.begin()
		v.made = 1
	}
	var before, after [longestGap]float32
	var backwards extension
	backwards.beginBackwards(future)
	v.model.growth, backwards.growth = gapGrowth, gapGrowth
	v.model.next(before[:size])
	backwards.next(after[:size])
	step := 1 / float32(size+1)
	share := step
	for i := range size {
		back := size - 1 - i
		g.data[i] = rounded(before[i]*level(v.made+i, gapFull, gapFaded)*(1-share)*(1-dip*share) +
			after[back]*level(back, gapFull, gapFaded)*share*(1-dip*(1-share)))
		share += step
	}
	g.active, g.at, g.size = true, 0, size
}

// coming decodes the sound that waits from s on, as far as it is without another
// gap, into dst and returns how much that is. Nothing is played by it.
func (p *Playout) coming(dst []int16, s *slot) (n int) {
	at := s.position
	for i := s.index; i <= p.top && n < len(dst); i++ {
		t := p.slot(i)
		if t == nil || t.state != waiting || t.position != at || t.size == 0 {
			break
		}
		size := min(int(t.size), len(dst)-n)
		first, rest := dst[n:n+size], p.codes[at&(ringSize-1):]
		if t.payload == PCMA {
			g711.DecodePCMA(first[g711.DecodePCMA(first, rest):], p.codes[:])
		} else {
			g711.DecodePCMU(first[g711.DecodePCMU(first, rest):], p.codes[:])
		}
		n += size
		at += int64(t.size)
	}
	return n
}
