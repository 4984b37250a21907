package dtmf

import (
	"math"
	"math/cmplx"
	"strings"
	"time"
)

// Levels that a Generator has by default, in dBm0: the high group 2 dB louder,
// since lines weaken it more (ITU-T Q.23 leaves levels to administrations; the
// two together stay below -5 dBm0).
const (
	DefaultLow  = -10.0
	DefaultHigh = -8.0
)

// rampLength is how long a tone takes to rise and to fall, in samples: 2 ms, so
// that it does not click.
const rampLength = toneRate / 500

// Generator turns queued digits into tones (ITU-T Q.23). The zero value is ready.
// One goroutine owns it; nothing allocates after a digit was queued.
type Generator struct {
	// Low and High are the levels of the two tones in dBm0; 0 for both stands
	// for DefaultLow and DefaultHigh.
	Low, High float64

	queue []press // lengths in samples
	now   press
	at    uint32 // samples of the press and its pause that were given
	busy  bool
	tone  [2]wave
}

// wave is a sine: z turns by step at each sample, its imaginary part is sent.
type wave struct{ z, step complex128 }

// Queue adds digits as Encoder.Queue does, with the same limits and errors.
func (g *Generator) Queue(digits string, on, off time.Duration) error {
	e := Encoder{queue: g.queue}
	if err := e.Queue(digits, on, off); err != nil {
		return err
	}
	g.queue = e.queue
	return nil
}

// Active tells whether a digit is being sent, with the pause after it, or waits
// to be sent.
func (g *Generator) Active() bool { return g.busy || len(g.queue) > 0 }

// Clear forgets what waits to be sent. A digit being sent ends with what is read
// next, faded.
func (g *Generator) Clear() {
	g.queue = g.queue[:0]
	if g.busy && g.at < g.now.on {
		g.now.on = min(g.now.on, g.at+rampLength)
		g.now.off = 0
	}
}

// Read puts tones and the pauses between them in place of samples, at 8000 Hz.
// It returns how many digits began. When nothing is to be sent, samples are left
// as they are; so is what comes after the last pause.
func (g *Generator) Read(samples []int16) (began int) {
	for len(samples) > 0 {
		if !g.busy {
			if len(g.queue) == 0 {
				return began
			}
			g.begin()
			began++
		}
		n := min(uint32(len(samples)), g.now.on+g.now.off-g.at)
		for i := range samples[:n] {
			samples[i] = g.sample()
		}
		samples = samples[n:]
		g.busy = g.at < g.now.on+g.now.off
	}
	return began
}

// begin takes the next digit off the queue.
func (g *Generator) begin() {
	g.now = g.queue[0]
	copy(g.queue, g.queue[1:])
	g.queue = g.queue[:len(g.queue)-1]
	g.at, g.busy = 0, true
	low, high := g.Low, g.High
	if low == 0 && high == 0 {
		low, high = DefaultLow, DefaultHigh
	}
	hz := tones()
	key := strings.IndexByte(keypad, runes[g.now.event])
	start := func(level, hz float64) wave {
		peak := math.MaxInt16 * math.Pow(10, (level-fullScale)/20)
		return wave{complex(peak, 0), cmplx.Rect(1, 2*math.Pi*hz/toneRate)}
	}
	g.tone = [2]wave{start(low, hz[key/groups]), start(high, hz[groups+key%groups])}
}

// sample is the next one.
func (g *Generator) sample() int16 {
	at := g.at
	g.at++
	if at >= g.now.on {
		return 0
	}
	x := imag(g.tone[0].z) + imag(g.tone[1].z)
	for i := range g.tone {
		g.tone[i].z *= g.tone[i].step
	}
	if edge := min(at+1, g.now.on-at); edge < rampLength {
		x *= 0.5 - 0.5*math.Cos(math.Pi*float64(edge)/rampLength)
	}
	return int16(math.Round(min(max(x, math.MinInt16), math.MaxInt16)))
}
