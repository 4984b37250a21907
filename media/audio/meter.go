package audio

import (
	"math"
	"sync/atomic"
	"time"
)

// Silent is the level of digital silence in dBov: the lowest that RFC 6464 can
// tell.
const Silent = -127.0

// How fast a Meter follows.
const (
	// meterTime is the time constant of the mean power: "fast" of IEC 61672-1.
	meterTime = 125 * time.Millisecond
	// The peak falls by 20 dB in 1.7 s, as that of a type I programme meter
	// (IEC 60268-10), and rises at once.
	peakFall = 20.0
	peakTime = 1700 * time.Millisecond
)

// Level is how loud sound is, in dBov (RFC 6464 §3): dB below a square wave that
// just fills the range. A sine that fills it has -3.01 dBov; 0 dBm0 is
// -6.18 dBov. Both values lie between Silent and 0.
type Level struct {
	RMS  float64 // mean over about 125 ms
	Peak float64 // largest sample, falling by 11.8 dB a second
}

// Meter is a Sink that measures. WriteFrame is for one goroutine at a time, all
// else for any. The zero value is ready and shows silence.
type Meter struct {
	power   atomic.Uint64 // bits of the mean square of samples
	peak    atomic.Uint64 // bits of the amplitude
	clipped atomic.Uint64
}

// WriteFrame measures one frame, of any rate and length.
func (m *Meter) WriteFrame(f *Frame) {
	if len(f.Samples) == 0 || f.Rate <= 0 {
		return
	}
	var sum int64
	var high int32
	clipped := uint64(0)
	for _, v := range f.Samples {
		x := int32(v)
		sum += int64(x * x)
		if x < 0 {
			x = -x
		}
		high = max(high, x)
		if x >= math.MaxInt16 {
			clipped++
		}
	}
	seconds := float64(len(f.Samples)) / float64(f.Rate)
	mean := float64(sum) / float64(len(f.Samples))
	keep := math.Exp(-seconds / meterTime.Seconds())
	power := math.Float64frombits(m.power.Load())
	m.power.Store(math.Float64bits(mean + (power-mean)*keep))
	fall := math.Pow(10, -peakFall/20*seconds/peakTime.Seconds())
	peak := math.Float64frombits(m.peak.Load()) * fall
	m.peak.Store(math.Float64bits(max(peak, float64(high))))
	if clipped > 0 {
		m.clipped.Add(clipped)
	}
}

// Level is how loud it is now.
func (m *Meter) Level() Level {
	return Level{
		RMS:  dBov(math.Sqrt(math.Float64frombits(m.power.Load()))),
		Peak: dBov(math.Float64frombits(m.peak.Load())),
	}
}

// Clipped counts the samples that were as large as can be.
func (m *Meter) Clipped() uint64 { return m.clipped.Load() }

// Reset shows silence again.
func (m *Meter) Reset() {
	m.power.Store(0)
	m.peak.Store(0)
	m.clipped.Store(0)
}

// dBov is the level of a square wave of that amplitude.
func dBov(amplitude float64) float64 {
	if amplitude <= 0 {
		return Silent
	}
	return min(max(20*math.Log10(amplitude/math.MaxInt16), Silent), 0)
}

// LevelByte is the level of samples as RFC 6464 §3 writes it: the RMS over all of
// them in -dBov, rounded, from 0 (as loud as can be) to 127 (silence).
func LevelByte(samples []int16) uint8 {
	var sum int64
	for _, v := range samples {
		sum += int64(v) * int64(v)
	}
	if sum == 0 {
		return 127
	}
	return uint8(math.Round(-dBov(math.Sqrt(float64(sum) / float64(len(samples))))))
}
