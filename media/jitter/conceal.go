package jitter

import "math"

// The concealment follows the idea of ITU-T G.711 Appendix I: the last pitch
// period is repeated, after a while the last two, then the last three, at falling
// level, until only the noise of the background is left. It adds no delay: the
// join to the last sample is smoothed instead. Where the sound after the loss is
// known too, conceal_gap.go joins both.
const (
	fullLevel  = FrameSize / 2  // samples at full level, then a straight line to silence
	fadeNoise  = 6 * FrameSize  // which is reached here, by what is no voice,
	fadeVoice  = 12 * FrameSize // and here by a voice
	noVoice    = 0.6            // score of a period below which it is none
	allVoice   = 0.95           // and above which it is nothing else
	joinLength = 16
	maxPeriods = 3
)

// conceal fills s with a continuation and tells whether any of it is audible.
// Sound goes on gap samples after the beginning of s with future; an empty
// future is not known yet.
func (v *voice) conceal(s []int16, gap int, future []int16) bool {
	if v.made == 0 {
		v.begin()
	}
	v.merge, v.quiet = 0, 0
	if len(future) > 0 {
		v.fill(gap, future)
	}
	audible := v.made < v.model.fade || v.gap.active
	before := v.noiseShare()
	for i := range s {
		s[i] = v.sample()
	}
	if after := v.noiseShare(); after > 0 {
		v.floor.mix(s, before, after)
	}
	v.remember(s)
	return audible
}

// noiseShare is how much of the background's noise belongs to what is made up.
func (v *voice) noiseShare() float32 {
	if v.made == 0 || v.gap.active {
		return 0
	}
	return 1 - level(v.made, fullLevel, v.model.fade)
}

// begin takes what was played last as the model.
func (v *voice) begin() {
	v.gap.drop()
	v.model.begin(v.recent(memory))
}

// sample returns the next sample of the continuation.
func (v *voice) sample() int16 {
	if v.gap.active {
		if !v.gap.filled() {
			v.made++
			return v.gap.next()
		}
		v.begin() // what was to follow is not there
		v.made = 1
	}
	var x [1]float32
	if v.made < v.model.fade {
		v.model.next(x[:])
		x[0] *= level(v.made, fullLevel, v.model.fade)
	}
	v.made++
	return rounded(x[0])
}

// level is 1 for full samples and then falls to 0, which it reaches at end.
func level(n, full, end int) float32 {
	return min(max(float32(end-n)/float32(end-full), 0), 1)
}

func rounded(x float32) int16 {
	if x < 0 {
		return int16(max(x-0.5, math.MinInt16))
	}
	return int16(min(x+0.5, math.MaxInt16))
}

// extension continues a sound by its last pitch periods.
type extension struct {
	base   [memory]float32
	lag    int
	score  float32 // how periodic it is, see pitch
	fade   int     // samples until it is silent
	at     int     // next sample of base to be repeated
	resume int     // where the repetition goes on after the end of base
	growth int     // samples after which one period more is repeated
	join   float32
	made   int
}

// begin takes sound, of which the last sample is the one to be continued.
func (e *extension) begin(past []int16) {
	from := len(e.base) - len(past)
	clear(e.base[:from])
	for i, x := range past {
		e.base[from+i] = float32(x)
	}
	e.start(len(past))
}

// beginBackwards takes sound that is to be continued backwards in time, from its
// first sample on.
func (e *extension) beginBackwards(future []int16) {
	n := min(len(future), memory)
	clear(e.base[:memory-n])
	for i, x := range future[:n] {
		e.base[memory-1-i] = float32(x)
	}
	e.start(n)
}

// start finds the period of the last n samples of base.
func (e *extension) start(n int) {
	e.lag, e.score = pitch(e.base[memory-n:])
	voiced := min(max((e.score-noVoice)/(allVoice-noVoice), 0), 1)
	e.fade = fadeNoise + int(voiced*(fadeVoice-fadeNoise))
	e.at = memory - e.lag
	e.join = e.base[memory-1] - e.base[e.at-1]
	e.resume, e.growth = e.at, FrameSize
	e.made = 0
}

// next fills dst with what comes next. The last part of a repetition blends into
// the beginning of the next one.
func (e *extension) next(dst []float32) {
	lap := e.lag * 4 / 9
	for i := range dst {
		x := e.base[e.at]
		if tail := e.at - (memory - lap); tail >= 0 {
			if tail == 0 {
				periods := min(1+e.made/e.growth, maxPeriods)
				e.resume = memory - periods*e.lag
			}
			before := e.base[e.resume-lap+tail]
			x += (before - x) * float32(tail+1) / float32(lap+1)
		}
		if e.at++; e.at == memory {
			e.at = e.resume
		}
		if e.made < joinLength {
			x += e.join * float32(joinLength-e.made) / (joinLength + 1)
		}
		e.made++
		dst[i] = x
	}
}
