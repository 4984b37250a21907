package audio

import (
	"math"
	"math/cmplx"
	"sync/atomic"
	"time"
)

// fullScale is the level in dBm0 of a sine that just fills the range of µ-law
// (ITU-T G.711: T_max = 3.17 dBm0 for µ-law, 3.14 for A-law).
const fullScale = 3.17

// Tone describes a signal of up to four sines, on and off in turn.
type Tone struct {
	Frequencies []float64 // Hz; those at or above half the frame rate are left out
	// Modulation is how often a second the tone swells from nothing to its full
	// amplitude, in Hz: "400*25" in ITU-T E.180 supplement 2. 0: it is steady.
	Modulation float64
	Level      float64 // dBm0 of all the sines together; they are equally loud
	// Cadence is on, off, on, off... and starts again at its end. Empty: always
	// on. A part of zero length is skipped.
	Cadence  []time.Duration
	Duration time.Duration // after which the source is done; 0: never
}

// Dial is the tone that says "dial now": 350 and 440 Hz, steady.
func Dial() Tone { return Tone{Frequencies: []float64{350, 440}, Level: -13} }

// Ringback is what a caller hears while the phone rings: 440 and 480 Hz, one
// second on and two off (ITU-T E.180 supplement 2, Korea).
func Ringback() Tone {
	return Tone{Frequencies: []float64{440, 480}, Level: -19, Cadence: []time.Duration{time.Second, 2 * time.Second}}
}

// Busy is the tone of a busy line: 480 and 620 Hz, half a second on and off.
func Busy() Tone {
	const half = 500 * time.Millisecond
	return Tone{Frequencies: []float64{480, 620}, Level: -24, Cadence: []time.Duration{half, half}}
}

// Milliwatt is the test tone of 1004 Hz at 0 dBm0.
func Milliwatt() Tone { return Tone{Frequencies: []float64{1004}} }

// ToneSource plays a Tone. The phase runs on from frame to frame, through the
// off parts too. It takes any frame rate; ReadFrame is for one goroutine, Done
// for any.
type ToneSource struct {
	tone    Tone
	period  time.Duration // of the whole cadence
	rate    int           // of the last frame
	sines   []sine
	swell   sine
	peak    float64       // of each sine
	played  int64         // samples at rate
	elapsed time.Duration // before rate was last changed
	done    atomic.Bool
}

// sine is an oscillator: z turns by step at each sample.
type sine struct{ z, step complex128 }

// maxSines bounds what one ToneSource costs per sample.
const maxSines = 4

// Source returns a player at the start of the tone.
func (t Tone) Source() *ToneSource {
	s := &ToneSource{tone: t}
	for _, d := range t.Cadence {
		s.period += max(d, 0)
	}
	n := min(len(t.Frequencies), maxSines)
	s.sines = make([]sine, n)
	for i := range s.sines {
		s.sines[i].z = 1
	}
	s.swell.z = 1
	if n > 0 {
		level := t.Level - 10*math.Log10(float64(n)) - fullScale
		if t.Modulation > 0 {
			level -= 10 * math.Log10(1.5) // the mean of (1 + cos)²
		}
		s.peak = min(math.MaxInt16*math.Pow(10, level/20), math.MaxInt16)
	}
	return s
}

// Done says whether Duration has passed.
func (s *ToneSource) Done() bool { return s.done.Load() }

// ReadFrame gives the next frame.
func (s *ToneSource) ReadFrame(f *Frame) {
	if f.Rate <= 0 {
		f.Clear()
		return
	}
	if f.Rate != s.rate {
		s.setRate(f.Rate)
	}
	for i := range f.Samples {
		sum := 0.0
		for j := range s.sines {
			sum += imag(s.sines[j].z)
			s.sines[j].z *= s.sines[j].step
		}
		if s.tone.Modulation > 0 {
			sum *= 1 - real(s.swell.z) // from nothing on
			s.swell.z *= s.swell.step
		}
		at := s.elapsed + duration(s.played, s.rate)
		s.played++
		switch {
		case s.tone.Duration > 0 && at >= s.tone.Duration, !s.on(at):
			f.Samples[i] = 0
		default:
			f.Samples[i] = round16(sum * s.peak)
		}
	}
	for j := range s.sines { // rounding must not let them grow or fade
		s.sines[j].z /= complex(cmplx.Abs(s.sines[j].z), 0)
	}
	s.swell.z /= complex(cmplx.Abs(s.swell.z), 0)
	if end := s.elapsed + duration(s.played, s.rate); s.tone.Duration > 0 && end >= s.tone.Duration {
		s.done.Store(true)
	}
}

// setRate keeps phase and time over a change of the frame rate.
func (s *ToneSource) setRate(rate int) {
	s.elapsed += duration(s.played, s.rate)
	s.played, s.rate = 0, rate
	s.swell.step = cmplx.Rect(1, 2*math.Pi*s.tone.Modulation/float64(rate))
	for j := range s.sines {
		hz := s.tone.Frequencies[j]
		if hz < 0 || hz >= float64(rate)/2 {
			s.sines[j] = sine{}
			s.sines[j].z, s.sines[j].step = 1, 1 // no imaginary part: silent
			continue
		}
		s.sines[j].step = cmplx.Rect(1, 2*math.Pi*hz/float64(rate))
	}
}

// on says whether the cadence is in one of its on parts.
func (s *ToneSource) on(at time.Duration) bool {
	if s.period == 0 {
		return true
	}
	at %= s.period
	for i, d := range s.tone.Cadence {
		if at < d {
			return i%2 == 0
		}
		at -= max(d, 0)
	}
	return false
}
