package jitter

const (
	minLag = 40  // shortest pitch period that is left out or repeated, samples
	maxLag = 120 // longest
)

// bestLag returns how many samples before start the signal all resembles pattern
// most, between minLag and maxLag; the pattern begins at start.
func bestLag(pattern, all []int16, start int) int {
	coarse, _ := search(pattern, all, start, minLag, maxLag, 2)
	lag, _ := search(pattern, all, start, max(coarse-1, minLag), min(coarse+1, maxLag), 1)
	return lag
}

// search compares pattern with the signal at each lag, looking at every step-th
// sample, and returns the best lag with its normalised correlation.
func search(pattern, all []int16, start, from, to, step int) (best int, score float32) {
	best = from
	var own float32
	for i := 0; i < len(pattern); i += step {
		own += float32(pattern[i]) * float32(pattern[i])
	}
	for lag := from; lag <= to; lag += step {
		var cross, energy float32
		other := all[start-lag:]
		for i := 0; i < len(pattern); i += step {
			a, b := float32(pattern[i]), float32(other[i])
			cross += a * b
			energy += b * b
		}
		if cross <= 0 || energy == 0 {
			continue
		}
		if s := cross * cross / (energy * own); s > score {
			best, score = lag, s
		}
	}
	return best, score
}
