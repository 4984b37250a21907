package audio

import (
	"fmt"
	"math"
)

// One half-band low-pass filter serves both ways between 8 and 16 kHz. All its
// even taps but the middle one are zero, so each output costs 24 products:
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

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
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

// Resampler changes the rate of a running stream between 8000 and 16000 Hz. It
// delays the sound by 3 ms, allocates nothing and is for one goroutine.
type Resampler struct {
	from, to int
	filter   *halfBand
	buf      [context + maxFrameSamples]int16 // what was not used up yet
	n        int                              // samples in buf
}

// NewResampler makes a Resampler; from and to are 8000 or 16000 Hz. With equal
// rates it copies, without delay.
func NewResampler(from, to int) (*Resampler, error) {
	for _, rate := range [...]int{from, to} {
		if rate != Narrowband && rate != Wideband {
			return nil, fmt.Errorf("audio: cannot resample %d Hz to %d Hz; both are 8000 or 16000 Hz", from, to)
		}
	}
	r := &Resampler{from: from, to: to, filter: newHalfBand()}
	r.Reset()
	return r, nil
}

// Reset forgets the sound so far.
func (r *Resampler) Reset() {
	clear(r.buf[:])
	switch {
	case r.from > r.to:
		r.n = 2*downReach - 1 // an even delay: whole samples at 8 kHz
	case r.from < r.to:
		r.n = upBefore + upAfter
	default:
		r.n = 0
	}
}

// Process takes all of src and writes what comes of it to dst, which must have
// room for len(src)·to/from samples, rounded up. It returns how many it wrote:
// for frames of 10 ms, exactly 10 ms.
func (r *Resampler) Process(dst, src []int16) int {
	if r.from == r.to {
		return copy(dst, src)
	}
	written := 0
	for len(src) > 0 {
		k := copy(r.buf[r.n:], src)
		src, r.n = src[k:], r.n+k
		var made, used int
		if r.from > r.to {
			made = max(0, (r.n-2*downReach+1)/2)
			used = 2 * made
			r.filter.down(dst[written:written+made], r.buf[:r.n])
		} else {
			used = max(0, r.n-upBefore-upAfter)
			made = 2 * used
			r.filter.up(dst[written:written+made], r.buf[:r.n])
		}
		written += made
		r.n = copy(r.buf[:], r.buf[used:r.n])
	}
	return written
}
