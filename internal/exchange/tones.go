package exchange

import (
	"math"
	"time"
)

// milliwattPeak is the peak of a sine at 0 dBm0 in 16-bit samples: µ-law's
// largest value, 32124, is +3.17 dBm0 (ITU-T G.711).
const milliwattPeak = 22302

// tone makes the sum of sines at level dBm0 each, for ever.
func tone(level float64, hertz ...float64) func([]int16) bool {
	peak := milliwattPeak * math.Pow(10, level/20)
	n := 0
	return func(out []int16) bool {
		for i := range out {
			v := 0.0
			for _, f := range hertz {
				v += peak * math.Sin(2*math.Pi*f*float64(n)/clockRate)
			}
			out[i] = int16(v)
			n++
		}
		return true
	}
}

// recording plays samples once, and silence for a while after them.
func recording(samples []int16, after time.Duration) func([]int16) bool {
	left := int(samplesIn(after))
	return func(out []int16) bool {
		n := copy(out, samples)
		samples = samples[n:]
		clear(out[n:])
		left -= len(out) - n
		return left > 0
	}
}

// silence says nothing.
func silence(out []int16) bool {
	clear(out)
	return true
}

// melody is the announcement of an exchange without a recording: five notes.
func melody() []int16 {
	const note = clockRate * 3 / 10
	var out []int16
	for _, f := range []float64{523.25, 587.33, 659.25, 587.33, 523.25} {
		buf := make([]int16, note)
		tone(-12, f)(buf)
		for i := range buf { // soft edges
			edge := float64(min(i, note-i)) / (note / 10)
			buf[i] = int16(float64(buf[i]) * min(1, edge))
		}
		out = append(out, buf...)
	}
	return out
}
