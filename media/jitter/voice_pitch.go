package jitter

// Pitch periods that are looked for, in samples: 400 to 60 Hz. Half of a true
// period sounds much worse than the period itself, twice of it a little.
const (
	shortestPeriod = 20
	longestPeriod  = 133
	pitchWindow    = 40 // compared, when there is as much
	pitchLeast     = 40 // compared at least
)

// pitch returns by how many samples the end of x resembles what came before it
// most, and the squared normalised correlation there: 1 for a perfect period, 0
// for none. It looks at every second sample first and refines the best.
func pitch(x []float32) (lag int, score float32) {
	const window = pitchWindow
	longest := min(longestPeriod, len(x)-window)
	if longest < shortestPeriod {
		return shortestPeriod, 0
	}
	var half [(pitchWindow + longestPeriod + 1) / 2]float32
	n := (window + longest) / 2
	tail := x[len(x)-2*n:]
	for i := range n {
		half[i] = tail[2*i] + tail[2*i+1]
	}
	coarse, _ := bestPeriod(half[:n], window/2, shortestPeriod/2, longest/2)
	return bestPeriod(x, window, max(2*coarse-1, shortestPeriod), min(2*coarse+1, longest))
}

// bestPeriod compares the last window samples of x with those a lag before, for
// each lag from the shortest to the longest.
func bestPeriod(x []float32, window, shortest, longest int) (lag int, score float32) {
	pattern := x[len(x)-window:]
	own := dot(pattern, pattern)
	lag = shortest
	if own == 0 {
		return lag, 0
	}
	start := len(x) - window - shortest
	energy := dot(x[start:start+window], x[start:start+window])
	for l := shortest; l <= longest; l++ {
		other := x[len(x)-window-l:][:window]
		if l > shortest {
			in, out := other[0], x[len(x)-l]
			energy += in*in - out*out
		}
		cross := dot(pattern, other)
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
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		s0 += x * b[i]
	}
	return s0 + s1 + s2 + s3
}
