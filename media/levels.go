package media

import "math"

const (
	// levelEvery is of how many frames one is measured: levels are means over
	// seconds, and the sum of squares is the dearest part of them.
	levelEvery = 8

	speechAbove = 16    // times the floor's power, 12 dB, is speech
	quietBelow  = 4     // times the floor's power, 6 dB, is noise
	lowestPower = 1     // mean square of what counts as silent
	lowestVoice = 1e4   // mean square, -44 dBm0: quieter is never speech
	floorFalls  = 0.3   // share of the way to a quieter frame
	floorRises  = 1.02  // per frame measured, 12.5 a second: 1.1 dB a second
	settling    = 25    // frames measured before noise is believed
	quietest    = -90.0 // dBm0, digital silence
)

// fullScale is the level of a mean square of 32768², in dBm0: a full-scale sine,
// 3.01 dB below it, is +3.14 dBm0 in A-law and +3.17 dBm0 in µ-law (ITU-T G.711).
const fullScale = 6.2

// levels estimates how loud the peer speaks and how loud it is between the words,
// from what is played.
type levels struct {
	skip   uint
	seen   int
	floor  float64 // power of the quietest frames of late
	speech powers
	noise  powers
}

// powers is a mean of mean squares.
type powers struct {
	sum float64
	n   int
}

// take measures a frame of sound that was received, not made up.
func (l *levels) take(samples []int16) {
	if l.skip++; l.skip%levelEvery != 0 {
		return
	}
	power := float64(squares(samples)) / float64(len(samples))
	switch {
	case l.seen == 0:
		l.floor = power
	case power < l.floor:
		l.floor += (power - l.floor) * floorFalls
	default:
		l.floor *= floorRises
	}
	l.floor = max(l.floor, lowestPower)
	l.seen++
	switch {
	case power > l.floor*speechAbove && power > lowestVoice:
		l.speech.add(power)
	case power < l.floor*quietBelow && l.seen > settling:
		l.noise.add(power)
	}
}

// squares is the sum of the squares, in two chains that run side by side.
func squares(samples []int16) int64 {
	var even, odd int64
	for len(samples) >= 2 {
		a, b := int64(samples[0]), int64(samples[1])
		even += a * a
		odd += b * b
		samples = samples[2:]
	}
	for _, v := range samples {
		even += int64(v) * int64(v)
	}
	return even + odd
}

func (p *powers) add(power float64) {
	p.sum += power
	p.n++
}

// dBm0 is the mean as a level relative to 0 dBm0; 0: not known.
func (p powers) dBm0() float64 {
	if p.n == 0 {
		return 0
	}
	level := 10*math.Log10(max(p.sum/float64(p.n), 1e-9)/(32768*32768)) + fullScale
	return min(max(level, quietest), -0.1)
}
