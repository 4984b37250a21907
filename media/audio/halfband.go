package audio

import "math"

// One half-band low-pass filter serves both ways between 8 and 16 kHz where all of
// the sound is at hand, as in a file: it keeps the samples of 8 kHz as they are.
// All its even taps but the middle one are zero, so each output costs 24 products:
//
//	16 -> 8 kHz: y[n]    = x[2n]/2 + Σ c[j]·(x[2n-2j-1] + x[2n+2j+1])
//	8 -> 16 kHz: y[2n]   = x[n]
//	             y[2n+1] = 2·Σ c[j]·(x[n-j] + x[n+1+j])
//
// Pass band to 3.6 kHz within 0.02 dB, 70 dB down from 4.4 kHz on.
const (
	halfTaps  = 24             // coefficients on one side
	downReach = 2*halfTaps - 1 // input samples needed before and after, 16 -> 8
	upBefore  = halfTaps - 1   // input samples needed before, 8 -> 16
	upAfter   = halfTaps       // and after
	context   = downReach * 2  // the longest context of the two
)

type halfBand [halfTaps]float64

// newHalfBand is the ideal half-band response under a Kaiser window (β 6.8:
// about 70 dB), scaled to a gain of exactly one at 0 Hz.
func newHalfBand() *halfBand {
	const beta = 6.8
	var c halfBand
	sum := 0.0
	for j := range c {
		k := float64(2*j + 1)
		x := k / float64(downReach+1)
		c[j] = math.Sin(math.Pi*k/2) / (math.Pi * k) * bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
		sum += 2 * c[j]
	}
	for j := range c {
		c[j] *= 0.5 / sum
	}
	return &c
}

// down makes dst at 8 kHz of x at 16 kHz. dst[0] lies on x[downReach].
func (c *halfBand) down(dst, x []int16) {
	for n := range dst {
		w := x[2*n : 2*n+2*downReach+1]
		sum := 0.5 * float64(w[downReach])
		for j, h := range c {
			k := 2*j + 1
			sum += h * float64(int32(w[downReach-k])+int32(w[downReach+k]))
		}
		dst[n] = round16(sum)
	}
}

// up makes dst at 16 kHz of x at 8 kHz. dst[0] lies on x[upBefore].
func (c *halfBand) up(dst, x []int16) {
	for n := range dst {
		i := n / 2
		if n%2 == 0 {
			dst[n] = x[i+upBefore]
			continue
		}
		w := x[i : i+upBefore+1+upAfter]
		sum := 0.0
		for j, h := range c {
			sum += h * float64(int32(w[upBefore-j])+int32(w[upBefore+1+j]))
		}
		dst[n] = round16(2 * sum)
	}
}

func round16(x float64) int16 {
	return int16(math.Round(min(max(x, math.MinInt16), math.MaxInt16)))
}
