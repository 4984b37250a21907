package jitter

// The concealment follows the idea of ITU-T G.711 Appendix I: the last pitch
// period is repeated, from 10 ms on the last two, from 20 ms on the last three,
// at falling level; what comes after is overlapped with its continuation. It
// adds no delay: the join to the last sample is smoothed instead.
const (
	minLag     = 40  // shortest pitch period, samples: 200 Hz
	maxLag     = 120 // longest: 66 Hz
	maxPeriods = 3
	window     = 160 // compared when the pitch is searched
	memory     = maxPeriods*maxLag + maxLag/4 + 10
	fullLevel  = FrameSize     // samples at full level, then
	faded      = 6 * FrameSize // a straight line to silence
	joinLength = 16
	mergeLeast = 32
	mergeMost  = FrameSize
)

// voice remembers what was played and continues it when needed.
type voice struct {
	past [3 * memory]int16 // the last memory samples end at n
	n    int

	base   [memory]int16 // what came before the loss
	lag    int
	at     int // next sample of base to be repeated
	resume int // where the repetition goes on after the end of base
	join   int32
	made   int // samples since the loss began; 0 is no loss
	merge  int // samples of the overlap done
	length int // of the overlap
	quiet  int // samples of intended silence so far, up to FrameSize
}

func (v *voice) remember(s []int16) {
	if v.n < memory {
		v.n = memory
	}
	if v.n+len(s) > len(v.past) {
		copy(v.past[:memory], v.past[v.n-memory:v.n])
		v.n = memory
	}
	v.n += copy(v.past[v.n:], s)
}

// recent returns the last n samples played, at most memory.
func (v *voice) recent(n int) []int16 {
	end := max(v.n, memory)
	return v.past[end-n : end]
}

// speech takes received sound that is played, and overlaps its beginning with
// the continuation of what was made up.
func (v *voice) speech(s []int16) {
	if v.made > 0 {
		v.overlap(s)
	}
	v.quiet = 0
	v.remember(s)
}

func (v *voice) overlap(s []int16) {
	if v.merge == 0 {
		v.length = min(max(v.lag/4+mergeLeast*(v.made/FrameSize), mergeLeast), mergeMost)
		if v.made >= faded {
			v.length = mergeLeast
		}
	}
	for i := range s {
		if v.merge == v.length {
			break
		}
		v.merge++
		mine := int32(v.sample()) * int32(FrameSize-v.quiet) / FrameSize
		s[i] = int16(mine + (int32(s[i])-mine)*int32(v.merge)/int32(v.length+1))
	}
	if v.merge == v.length {
		v.made, v.merge = 0, 0
	}
}

// other takes sound of another origin that is played.
func (v *voice) other(s []int16) {
	v.made, v.merge, v.quiet = 0, 0, FrameSize
	v.remember(s)
}

// silence fills s with intended silence, reached within 10 ms.
func (v *voice) silence(s []int16) {
	if v.quiet >= FrameSize {
		v.made, v.merge = 0, 0
		clear(s)
		v.remember(s)
		return
	}
	if v.made == 0 {
		v.begin()
	}
	for i := range s {
		s[i] = 0
		if v.quiet < FrameSize {
			s[i] = int16(int32(v.sample()) * int32(FrameSize-v.quiet) / FrameSize)
			v.quiet++
		}
	}
	if v.merge = 0; v.quiet >= FrameSize {
		v.made = 0
	}
	v.remember(s)
}

// conceal fills s with a continuation and tells whether any of it is audible.
func (v *voice) conceal(s []int16) bool {
	if v.made == 0 {
		v.begin()
	}
	v.merge, v.quiet = 0, 0
	audible := v.made < faded
	for i := range s {
		s[i] = v.sample()
	}
	v.remember(s)
	return audible
}

// begin takes what was played last as the model.
func (v *voice) begin() {
	copy(v.base[:], v.recent(memory))
	v.lag = bestLag(v.base[memory-window:], v.base[:], memory-window)
	v.at = memory - v.lag
	v.join = int32(v.base[memory-1]) - int32(v.base[v.at-1])
	v.resume = v.at
}

// sample returns the next sample of the continuation.
func (v *voice) sample() int16 {
	if v.made >= faded {
		v.made++
		return 0
	}
	quarter := v.lag / 4
	x := int32(v.base[v.at])
	if tail := v.at - (memory - quarter); tail >= 0 {
		if tail == 0 {
			periods := min(1+v.made/FrameSize, maxPeriods)
			v.resume = memory - periods*v.lag
		}
		before := int32(v.base[v.resume-quarter+tail])
		x += (before - x) * int32(tail+1) / int32(quarter+1)
	}
	if v.at++; v.at == memory {
		v.at = v.resume
	}
	if v.made < joinLength {
		x += v.join * int32(joinLength-v.made) / (joinLength + 1)
	}
	if v.made > fullLevel {
		x = x * int32(faded-v.made) / (faded - fullLevel)
	}
	v.made++
	return int16(min(max(x, -32768), 32767))
}

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
