package dtmf

import "math"

// What the two tones of a key are held to in each block of 20 ms. ITU-T Q.24
// collects the figures of administrations; where they differ the receiver takes
// what any of them takes.
const (
	// maxOffset is how far off a frequency may be. Q.24: 1.5 to 1.8 % are
	// operated, 3 to 3.5 % are not.
	maxOffset = 0.0245

	// maxTwist is how much stronger the high tone may be, maxReverse the low one,
	// as ratios of power. Q.24: 4 dB and 8 dB are operated; 2 dB more leave room
	// for noise.
	maxTwist   = 3.98 // 6 dB
	maxReverse = 10.0 // 10 dB

	// maxRest is the part of a block's energy that may be anything else than the
	// two tones: noise at 15 dB is 3 %, at 12 dB it is 6 %. Tones so loud that the
	// line clips them bring more of their own.
	maxRest    = 0.08
	maxClipped = 0.16
	clipLevel  = 31_500 // the last steps of µ-law and A-law

	// maxHarmonic is the energy at twice a tone's frequency, as part of the
	// tone's. Voices have harmonics, keypads none.
	maxHarmonic = 0.1

	// coarse is the part of the energy that the strongest low and high tone must
	// have at the nominal frequencies for a closer look to be worth it: 1.5 %
	// off, a block of 20 ms shows 44 % of 1633 Hz.
	coarse = 0.33

	// refinements is how often the frequencies are corrected by what is left.
	refinements = 3

	// The weakest block looked at: -36 dBm0 in all. No filter runs below -46 dBm0.
	powerAt0     = 2.587e8 // mean square of 0 dBm0
	blockFloor   = powerAt0 * 2.512e-4 * blockLength
	segmentFloor = powerAt0 * 2.512e-5 * segmentLength
)

// verdict is what a block was found to hold.
type verdict struct {
	key       int     // of keypad; -1: none
	low, high float64 // energies of the tones
	w1, w2    float64 // their frequencies, radians a sample
}

// nothing is a block without a key.
func nothing() verdict { return verdict{key: -1} }

// look judges the block that the latest four segments make.
func (d *Detector) look() verdict {
	var total float64
	for k := range segments {
		total += d.segment(k).energy
	}
	if total < blockFloor {
		return nothing()
	}
	low, high, part := d.strongest()
	if part*2/blockLength < coarse*total {
		return nothing()
	}
	return d.examine(low, high, total)
}

// segment is the k-th of the block, 0 the oldest.
func (d *Detector) segment(k int) *segment {
	return &d.ring[(d.head+k+ringSegments-segments+1)%ringSegments]
}

// strongest finds the strongest tone of each group at the nominal frequencies,
// and the power of the two.
func (d *Detector) strongest() (low, high int, both float64) {
	var best [2]float64
	index := [2]int{0, groups}
	for i := range frequency {
		l := d.line(i)
		p := power(l.join(d.bank.outer[i], d.bank.inner[i]))
		if g := i / groups; p > best[g] {
			best[g], index[g] = p, i
		}
	}
	return index[0], index[1], best[0] + best[1]
}

func (d *Detector) line(i int) line {
	var l line
	for k := range segments {
		l[k] = d.segment(k).value[i]
	}
	return l
}

// near is about how far off the tone near a filter is: the summit of the power
// around it.
func (d *Detector) near(i int) (omega float64) {
	const step = 0.015
	l, w := d.line(i), d.bank.omega[i]
	a, b, c := l.at(w, -step), l.at(w, 0), l.at(w, step)
	offset := 0.0
	switch bend := a - 2*b + c; {
	case bend < 0:
		offset = min(max((a-c)/(2*bend), -2), 2) * step
	case c > a:
		offset = step
	default:
		offset = -step
	}
	return w * (1 + offset)
}

// examine measures the tones near two filters and holds them to the limits.
func (d *Detector) examine(low, high int, total float64) verdict {
	key := low*groups + high - groups
	w1, w2, least := d.start(key)
	if least > 1 {
		w1, w2 = d.near(low), d.near(high)
	}
	d.unroll()
	limit := total * maxRest
	if d.clipped() {
		limit = total * maxClipped
	}
	var s1, s2 sinusoid
	rest := math.Inf(1)
	for try := 0; try < refinements && (try < least || rest > limit); try++ {
		s1, s2 = d.match(w1, w2)
		rest, w1, w2 = d.subtract(s1, s2)
	}
	v := verdict{key: -1, low: s1.energy(), high: s2.energy(), w1: w1, w2: w2}
	off1, off2 := w1/d.bank.omega[low]-1, w2/d.bank.omega[high]-1
	switch {
	case rest > limit,
		math.Abs(off1) > maxOffset, math.Abs(off2) > maxOffset,
		v.high > v.low*maxTwist, v.low > v.high*maxReverse:
		return v
	}
	h1, h2 := d.harmonics(s1.omega, s2.omega)
	if h1 > maxHarmonic*v.low || h2 > maxHarmonic*v.high {
		return v
	}
	v.key = key
	return v
}

// start is where to look for the tones of a key, if it was pressed just before,
// and how often the frequencies are to be corrected at least.
func (d *Detector) start(key int) (w1, w2 float64, least int) {
	for _, h := range [...]*held{&d.candidate, &d.down} {
		if h.hits > 0 && h.last.key == key {
			return h.last.w1, h.last.w2, 1
		}
	}
	return 0, 0, 2
}

// unroll lays the block out from its oldest sample on.
func (d *Detector) unroll() {
	at := d.oldest
	for i := range d.straight {
		d.straight[i] = float64(d.block[at])
		if at++; at == blockLength {
			at = 0
		}
	}
}

// clipped says whether the tones were louder than the line can carry.
func (d *Detector) clipped() bool {
	n := 0
	for _, x := range d.block {
		if x > clipLevel || x < -clipLevel {
			n++
		}
	}
	return n > 2
}
