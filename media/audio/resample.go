package audio

import (
	"fmt"
	"math"
	"time"
)

// A low-pass filter stands between two rates. With L/M the ratio of the rates in
// lowest terms, it is designed at L times the rate of the input and taken apart
// into L phases: each sample that comes out costs one phase, and nothing that
// would be left out again is computed.
//
//	input ─▶ history of taps samples ─▶ · phase[k] ─▶ output
//	                                      k goes on by M for each output, modulo L
//
// It is the ideal low-pass under a Kaiser window of 72 samples of the lower rate,
// symmetric, so that all frequencies are delayed alike. With f the lower rate:
//
//	pass band   0 to 0.4375 f (3.5 kHz at 8 kHz), within 0.01 dB
//	stop band   from 0.5 f on, 70 dB down: neither image nor alias
//	delay       36 samples of the lower rate: 4.5 ms at 8 kHz, 0.82 ms at 44.1
const (
	resampleReach = 36    // samples of the lower rate before and after
	resampleBeta  = 7.0   // of the Kaiser window: 72 dB
	resampleEdge  = 0.469 // of the lower rate: the middle between pass and stop band
)

// Rates that sound may have, in Hz.
func rates() [5]int { return [5]int{8000, 16000, 24000, 44100, 48000} }

func checkRate(rate int) error {
	for _, r := range rates() {
		if r == rate {
			return nil
		}
	}
	return fmt.Errorf("audio: %d Hz; there are 8000, 16000, 24000, 44100 and 48000 Hz", rate)
}

// bank is the filter between two rates, ready to be used at any place of a
// signal. It never changes.
type bank struct {
	up, down int       // L and M
	taps     int       // of each phase
	reach    int       // taps before the one at the output's own place
	phases   []float32 // up times taps, the oldest sample first
}

// newBank designs the filter. From 8 to 44.1 kHz it takes 441 phases and about
// 130 KB, else a few KB.
func newBank(from, to int) *bank {
	g := gcd(from, to)
	b := &bank{up: to / g, down: from / g}
	low := float64(min(from, to))
	perLow := float64(from) / low // input samples to one of the lower rate
	half := resampleReach * perLow
	b.reach = int(math.Ceil(half))
	b.taps = 2*b.reach + 1
	b.phases = make([]float32, b.up*b.taps)
	edge := 2 * resampleEdge / perLow // of half the input's rate
	value := make([]float64, b.taps)
	for k := range b.up {
		at := float64(k) / float64(b.up) // where the output lies, after the middle tap
		sum := 0.0
		for j := range value {
			t := float64(j-b.reach) - at
			value[j] = 0
			if math.Abs(t) < half {
				value[j] = sinc(edge*t) * bessel(resampleBeta*math.Sqrt(1-t*t/half/half))
			}
			sum += value[j]
		}
		for j, v := range value {
			b.phases[k*b.taps+j] = float32(v / sum) // exactly 0 dB at 0 Hz, in each phase
		}
	}
	return b
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
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

// run makes dst of x. dst[0] lies phase/up samples after x[reach]; it returns the
// same for the sample that comes after dst, with whole samples as used.
func (b *bank) run(dst []int16, x []float32, phase int) (used, after int) {
	for i := range dst {
		h := b.phases[phase*b.taps : (phase+1)*b.taps]
		dst[i] = clip(dot(h, x[used:used+b.taps]))
		phase += b.down
		for phase >= b.up {
			phase -= b.up
			used++
		}
	}
	return used, phase
}

// dot has four sums, since each addition waits for the one before.
func dot(h, x []float32) float32 {
	var a, b, c, d float32
	for len(h) >= 8 && len(x) >= 8 {
		p, q := (*[8]float32)(h), (*[8]float32)(x)
		a += p[0]*q[0] + p[4]*q[4]
		b += p[1]*q[1] + p[5]*q[5]
		c += p[2]*q[2] + p[6]*q[6]
		d += p[3]*q[3] + p[7]*q[7]
		h, x = h[8:], x[8:]
	}
	for i, v := range h {
		a += v * x[i]
	}
	return a + b + c + d
}

// Resampler changes the rate of a running stream. Pass band, stop band and delay
// stand at the top of its file and under Delay. It allocates nothing once made
// and is for one goroutine.
type Resampler struct {
	from, to int
	bank     *bank
	buf      []float32 // what was not used up yet
	n        int       // samples in buf
	phase    int
}

// NewResampler makes a Resampler between any two of 8000, 16000, 24000, 44100 and
// 48000 Hz. With equal rates it copies, without delay.
func NewResampler(from, to int) (*Resampler, error) {
	for _, rate := range [...]int{from, to} {
		if err := checkRate(rate); err != nil {
			return nil, fmt.Errorf("audio: cannot resample %d Hz to %d Hz: %w", from, to, err)
		}
	}
	r := &Resampler{from: from, to: to}
	if from != to {
		r.bank = newBank(from, to)
		r.buf = make([]float32, r.bank.taps+from/framesPerSecond)
	}
	r.Reset()
	return r, nil
}

// between is r if it goes from one rate to the other, else one that does; nil when
// there is none. r may be nil.
func (r *Resampler) between(from, to int) *Resampler {
	if r != nil && r.from == from && r.to == to {
		return r
	}
	made, err := NewResampler(from, to)
	if err != nil {
		return nil
	}
	return made
}

// Reset forgets the sound so far.
func (r *Resampler) Reset() {
	clear(r.buf)
	r.n, r.phase = 0, 0
	if r.bank != nil {
		r.n = r.bank.taps - 1
	}
}

// Delay is by how much the sound is delayed: 4.5 ms with 8 kHz on either side.
func (r *Resampler) Delay() time.Duration {
	if r.bank == nil {
		return 0
	}
	return duration(int64(r.bank.reach), r.from)
}

// Process takes all of src and writes what comes of it to dst, which must have
// room for len(src)·to/from samples, rounded up. It returns how many it wrote:
// for frames of 10 ms, exactly 10 ms.
func (r *Resampler) Process(dst, src []int16) int {
	if r.bank == nil {
		return copy(dst, src)
	}
	written := 0
	for len(src) > 0 {
		k := min(len(src), len(r.buf)-r.n)
		for i, v := range src[:k] {
			r.buf[r.n+i] = float32(v)
		}
		src, r.n = src[k:], r.n+k
		// An output needs taps samples from its place on; the last place is
		// r.n-taps.
		places := r.n - r.bank.taps + 1
		made := 0
		if places > 0 {
			made = (places*r.bank.up - r.phase + r.bank.down - 1) / r.bank.down
		}
		used, phase := r.bank.run(dst[written:written+made], r.buf[:r.n], r.phase)
		r.phase = phase
		written += made
		r.n = copy(r.buf, r.buf[used:r.n])
	}
	return written
}
