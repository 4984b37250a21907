package jitter

// Pitch periods that are looked for, in samples: 400 to 60 Hz. Half of a true
// period sounds much worse than the period itself, twice of it a little.
const (
	shortestPeriod = 20
	longestPeriod  = 133
	pitchWindow    = 80 // compared; its later half, where the join is, counts
	pitchNear      = 3  // times as much as the other
	muchBetter     = 0.02
)

// pitch returns by how many samples the end of x resembles what came before it
// most, and the squared normalised correlation there: 1 for a perfect period, 0
// for none. It looks at sums of two samples first and refines the best.
func pitch(x []float32) (lag int, score float32) {
	longest := min(longestPeriod, len(x)-pitchWindow)
	if longest < shortestPeriod {
		return shortestPeriod, 0
	}
	var half [(pitchWindow + longestPeriod + 1) / 2]float32
	n := (pitchWindow + longest) / 2
	tail := x[len(x)-2*n:]
	for i := range n {
		half[i] = tail[2*i] + tail[2*i+1]
	}
	coarse, _ := bestPeriod(half[:n], pitchWindow/2, shortestPeriod/2, longest/2)
	lag, score = bestPeriod(x, pitchWindow, max(2*coarse-1, shortestPeriod), min(2*coarse+1, longest))
	if twice := 2 * lag; twice < longest { // a period may be no whole number of samples
		if l, s := bestPeriod(x, pitchWindow, twice-1, twice+1); s > score+muchBetter {
			lag, score = l, s
		}
	}
	return lag, score
}

// bestPeriod compares the last window samples of x with those a lag before, for
// each lag from the shortest to the longest.
func bestPeriod(x []float32, window, shortest, longest int) (lag int, score float32) {
	var weighted [pitchWindow]float32
	pattern := weighted[:copy(weighted[:window], x[len(x)-window:])]
	for i := window / 2; i < window; i++ {
		pattern[i] *= pitchNear
	}
	own := dot(pattern, x[len(x)-window:])
	lag = shortest
	if own == 0 {
		return lag, 0
	}
	other := x[len(x)-window-shortest:]
	farEnergy := dot(other[:window/2], other)
	nearEnergy := dot(other[window/2:window], other[window/2:])
	for l := shortest; l <= longest; l++ {
		other = x[len(x)-window-l:][:window+1]
		if l > shortest {
			in, middle, out := other[0]*other[0], other[window/2]*other[window/2], other[window]*other[window]
			farEnergy += in - middle
			nearEnergy += middle - out
		}
		cross := dot(pattern, other)
		energy := farEnergy + pitchNear*nearEnergy
		if cross <= 0 || energy <= 0 {
			continue
		}
		if s := cross * cross / (energy * own); s > score {
			lag, score = l, s
		}
	}
	return lag, score
}

// dot is the sum of the products; b is at least as long as a.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		p, q := a[i:i+8:i+8], b[i:i+8:i+8]
		s0 += p[0]*q[0] + p[4]*q[4]
		s1 += p[1]*q[1] + p[5]*q[5]
		s2 += p[2]*q[2] + p[6]*q[6]
		s3 += p[3]*q[3] + p[7]*q[7]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
