package comfort

import "math"

// Detector tells speech from background noise, frame by frame. It compares the
// level of a frame and that of its high frequencies, where the beginnings of many
// words lie, with the floor of each, which it follows: down at once, up slowly, or
// to the lowest of the last two seconds. After speech it holds on for a while, so
// that the ends of words are kept. The zero value is ready; one goroutine owns it.
type Detector struct {
	low, high floor
	frames    int // seen, to learn from
	run       int // frames of speech in a row
	hangover  int // frames still to be held
}

// The tuning, in dB and frames of 10 ms.
const (
	above      = 4.0 // the floor, to be speech; and more,
	spreads    = 2.5 // times what noise differs from the floor by itself
	mostAbove  = 9.0 // but no more than this
	lowest     = -68 // dBov below which nothing is speech
	firstFloor = -50 // dBov at most, so that who speaks at once is heard
	mostFloor  = -37 // dBov: what is louder is sound, however steady: music, a tone
	learning   = 3   // frames before anything counts as noise
	clickHold  = 2   // after one loud frame
	shortHold  = 6   // after two
	longHold   = 20  // after speech
	speechRun  = 4   // frames that make it speech
	floorDown  = 0.5 // of the way, per frame
	floorNear  = 0.05
	floorNoise = 3    // dB from the floor within which it is noise
	spreadNear = 0.02 // how fast the spread is learnt, from
	spreadMost = 6    // dB above the floor at most
	floorUp    = 0.01 // dB per frame
	windows    = 4
	windowSize = 50 // frames
)

// floor follows the lowest level of late.
type floor struct {
	level   float32 // dBov
	spread  float32 // dB that noise differs from it on average
	begun   bool
	count   int
	at      int
	minimum [windows]float32
}

// Active takes the next frame and says whether it is speech or held after it.
func (d *Detector) Active(frame []int16) bool {
	level, high := levels(frame)
	speech := d.low.below(level) || d.high.below(high)
	d.low.follow(level)
	d.high.follow(high)
	if d.frames < learning {
		d.frames++
		return true // better a moment too long than a word cut off
	}
	if !speech {
		d.run = 0
		if d.hangover > 0 {
			d.hangover--
			return true
		}
		return false
	}
	d.run++
	hold := longHold
	switch {
	case d.run == 1:
		hold = clickHold
	case d.run < speechRun:
		hold = shortHold
	}
	d.hangover = max(d.hangover, hold)
	return true
}

// below says whether level is further above the floor than noise ever is.
func (f *floor) below(level float32) bool {
	return f.begun && level > lowest && level-f.level > min(above+spreads*f.spread, mostAbove)
}

func (f *floor) follow(level float32) {
	if !f.begun {
		f.begun, f.level = true, min(level, firstFloor)
		for i := range f.minimum {
			f.minimum[i] = f.level
		}
		return
	}
	f.minimum[f.at] = min(f.minimum[f.at], level)
	d := level - f.level
	if d < spreadMost {
		f.spread += (max(d, -d) - f.spread) * spreadNear
	}
	switch {
	case d < -floorNoise:
		f.level += d * floorDown
	case d < floorNoise:
		f.level += d * floorNear
	default:
		f.level += floorUp
	}
	f.level = min(f.level, mostFloor)
	if f.count++; f.count == windowSize {
		f.count = 0
		least := f.minimum[0]
		for _, m := range f.minimum[1:] {
			least = min(least, m)
		}
		f.level = max(f.level, min(least, mostFloor))
		f.at = (f.at + 1) % windows
		f.minimum[f.at] = level
	}
}

// levels returns the level of a frame without its mean, and that of its high
// frequencies, in dBov.
func levels(frame []int16) (level, high float32) {
	var sum, squares, steps float32
	last := float32(0)
	if len(frame) > 0 {
		last = float32(frame[0])
	}
	for _, s := range frame {
		x := float32(s)
		sum += x
		squares += x * x
		steps += (x - last) * (x - last)
		last = x
	}
	n := float32(max(len(frame), 1))
	squares -= sum * sum / n
	return decibels(squares / n), decibels(steps / n)
}

func decibels(square float32) float32 {
	return float32(10 * math.Log10(max(float64(square), 0.1)/(overload*overload)))
}
