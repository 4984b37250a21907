package jitter

// Time scaling of sound that was read ahead. A cut or an insertion is a whole
// number of pitch periods where there is pitch, found as the place where the
// sound resembles itself most (waveform similarity overlap-add, Verhelst and
// Roelands 1993), and the two are blended over one period.
const (
	shortestCut = 20  // samples
	longestCut  = 480 // samples
	joinLeast   = 40  // samples over which two periods are blended
	joinMost    = 120
	compared    = 80 // samples compared at most
)

// How alike, as squared normalised correlation, the sound must be at a cut, and
// how much likeness a cut of full length may lack to be taken for one of none.
const (
	alike       = 0.5
	likesLonger = 0.2
)

// shorten leaves out part of x, which must be at least most+joinLeast long: the
// join is written to what follows the part, and x[cut:] is then played in place
// of x. The cut lies between least and most samples. Sound that is nowhere like
// itself is left as it is, and ok is false, unless force.
func shorten(x []int16, least, most int, force bool) (cut int, ok bool) {
	most = min(most, longestCut, len(x)-joinLeast)
	least = max(least, shortestCut)
	if least > most {
		return 0, false
	}
	cut = most
	if loud(x) {
		window := min(compared, len(x)-most)
		k, score := match(x[:window], x[least:most+window], likesLonger)
		if score < alike && !force {
			return 0, false
		}
		cut = least + k
	}
	n := min(max(cut, joinLeast), joinMost, len(x)-cut)
	blendInto(x[cut:cut+n], x[:n], x[cut:cut+n])
	return cut, true
}

// lengthen copies x into dst with something before it repeated, and returns how
// many samples dst holds then: between least and most more than x. dst must have
// room for len(x)+most; before is what was played last, at least most samples.
// Sound that is nowhere like itself is left alone, and ok is false, unless force.
func lengthen(dst, before, x []int16, least, most int, force bool) (n int, ok bool) {
	most = min(most, longestCut, len(before), len(dst)-len(x))
	least = max(least, shortestCut)
	if least > most || len(x) < joinLeast {
		return 0, false
	}
	before = before[len(before)-most:]
	window := min(compared, len(x))
	var field [longestCut + compared]int16
	copy(field[copy(field[:], before):], x[:window])
	again := field[:most+window]
	add := most
	if loud(again) {
		k, score := match(x[:window], again[:most-least+window], -likesLonger)
		if score < alike && !force {
			return 0, false
		}
		add = most - k
	}
	n = copy(dst, before[most-add:])
	n += copy(dst[n:], x)
	join := min(max(add, joinLeast), joinMost, len(x))
	blendInto(dst[:join], x[:join], dst[:join])
	return n, true
}

// blendInto writes into dst what goes from a to b. dst may be either.
func blendInto(dst, a, b []int16) {
	n := int32(len(dst)) + 1
	for i := range dst {
		from, to := int32(a[i]), int32(b[i])
		dst[i] = int16(from + (to-from)*int32(i+1)/n)
	}
}

// match returns where in field the sound is most like pattern, and their squared
// normalised correlation there. A longer way in field counts as more likeness by
// bias, a negative one as less. It looks at sums of a few samples first, of more
// when there is much to search, and refines the best.
func match(pattern, field []int16, bias float32) (k int, score float32) {
	var p [compared]float32
	var f [compared + longestCut]float32
	step := 2
	if len(field)-len(pattern) > longestPeriod {
		step = 4
	}
	coarse, _ := matchAt(sums(p[:], pattern, step), sums(f[:], field, step), bias*float32(step))
	from := max(coarse*step-step+1, 0)
	to := min(coarse*step+step-1, len(field)-len(pattern))
	k, score = matchAt(sums(p[:], pattern, 1), sums(f[:], field[from:to+len(pattern)], 1), bias)
	return from + k, score
}

// sums fills dst with the sums of each step samples.
func sums(dst []float32, x []int16, step int) []float32 {
	n := len(x) / step
	for i := range n {
		s := int32(0)
		for _, v := range x[i*step:][:step] {
			s += int32(v)
		}
		dst[i] = float32(s)
	}
	return dst[:n]
}

// matchAt compares pattern with field at each place.
func matchAt(pattern, field []float32, bias float32) (k int, score float32) {
	own := dot(pattern, pattern)
	if own == 0 {
		return 0, 0
	}
	n := len(pattern)
	energy := dot(field[:n], field[:n])
	best := float32(-1)
	for i := 0; i+n <= len(field); i++ {
		if i > 0 {
			energy += field[i+n-1]*field[i+n-1] - field[i-1]*field[i-1]
		}
		cross := dot(pattern, field[i:])
		if cross <= 0 || energy <= 0 {
			continue
		}
		s := cross * cross / (energy * own)
		if wanted := s + bias*float32(i)/longestCut; wanted > best {
			k, score, best = i, s, wanted
		}
	}
	return k, score
}

// nudge plays x in the time of dst, a few samples more or fewer, for clocks that
// differ. Both are at least 6 samples long. It interpolates with polynomials of
// the fifth degree through six samples (Lagrange); the first and the last sample
// stay as they are.
func nudge(dst, x []int16) {
	step := float32(len(x)-1) / float32(len(dst)-1)
	for i := range dst {
		place := float32(i) * step
		k := min(max(int(place)-2, 0), len(x)-6)
		six := x[k:][:6]
		a := place - float32(k)
		b, c, d, e, f := a-1, a-2, a-3, a-4, a-5
		ab, cd, ef := a*b, c*d, e*f
		dst[i] = rounded(cd*ef*(float32(six[1])*a/24-float32(six[0])*b/120) +
			ab*ef*(float32(six[3])*c-float32(six[2])*d)/12 +
			ab*cd*(float32(six[5])*e/120-float32(six[4])*f/24))
	}
}
