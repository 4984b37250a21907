package audio

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestGain(t *testing.T) {
	var g Gain
	x := []int16{1000, -1000, 32767, -32768, 1}
	g.Process(x)
	assert.Equal(t, []int16{1000, -1000, 32767, -32768, 1}, x, "0 dB changes nothing")
	g.SetDB(6.0206)
	settle := make([]int16, 80)
	g.Process(settle)
	g.Process(x)
	assert.Equal(t, []int16{2000, -2000, 32767, -32768, 2}, x, "clipped, not wrapped")
	assert.InDelta(t, 6.0206, g.DB(), 1e-6)
	for given, want := range map[float64]float64{-1000: MinGain, 1000: MaxGain, math.Inf(1): MaxGain} {
		g.SetDB(given)
		assert.InDelta(t, want, g.DB(), 1e-6)
	}
	g.SetDB(math.NaN())
	assert.Zero(t, g.DB())

	var silent Gain
	silent.SetMuted(true)
	x = []int16{5, 5}
	silent.Process(x)
	assert.Equal(t, []int16{0, 0}, x, "nothing came before that could click")
	silent.Process(nil)
}

// TestGain_NoClick: whatever is changed when, a steady sound moves from one frame
// to the next, and within, by no more than a ramp of 10 ms does.
func TestGain_NoClick(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g Gain
		const steady = 10000
		last, started := 0.0, false
		for range 30 {
			if rapid.Bool().Draw(t, "change") {
				g.SetMuted(rapid.Bool().Draw(t, "muted"))
				g.SetDB(rapid.Float64Range(-60, 6).Draw(t, "dB"))
			}
			f := numbered(8000, steady)
			g.Process(f.Samples)
			for _, v := range f.Samples {
				if started && math.Abs(float64(v)-last) > 2*steady/79.0+2 {
					t.Fatalf("from %v to %v", last, v)
				}
				last, started = float64(v), true
			}
		}
		want := float64(steady) * math.Pow(10, g.DB()/20)
		if g.Muted() {
			want = 0
		}
		g.Process(make([]int16, 80))
		f := numbered(8000, steady)
		g.Process(f.Samples)
		require.InDelta(t, want, f.Samples[0], 1)
	})
}

func TestMeter_LevelsOfRFC6464(t *testing.T) {
	var m Meter
	assert.Equal(t, Level{Silent, Silent}, m.Level())
	fill := func(f *Frame) {
		for range 300 {
			m.WriteFrame(f)
		}
	}
	square := NewFrame(8000)
	for i := range square.Samples {
		square.Samples[i] = math.MaxInt16
		if i%2 == 0 {
			square.Samples[i] = -math.MaxInt16
		}
	}
	fill(square)
	assert.InDelta(t, 0, m.Level().RMS, 0.001, "a square wave that fills the range")
	assert.InDelta(t, 0, m.Level().Peak, 0.001)
	assert.EqualValues(t, 300*80, m.Clipped())
	assert.EqualValues(t, 0, LevelByte(square.Samples))

	m.Reset()
	for _, rate := range []int{8000, 16000, 44100} {
		fill(&Frame{Rate: rate, Samples: wave(rate, rate/100, 1000, math.MaxInt16)})
		assert.InDelta(t, -3.01, m.Level().RMS, 0.02, "a sine that does")
	}
	x := readAll(Milliwatt().Source(), 8000, 100)
	m.Reset()
	for i := 0; i < len(x); i += 80 {
		m.WriteFrame(&Frame{Rate: 8000, Samples: x[i : i+80]})
	}
	assert.InDelta(t, -6.18, m.Level().RMS, 0.05, "0 dBm0 (RFC 6464 §3)")
	assert.EqualValues(t, 6, LevelByte(x))
	assert.EqualValues(t, 127, LevelByte(make([]int16, 80)), "digital silence")
	assert.EqualValues(t, 127, LevelByte(nil))
	assert.EqualValues(t, 90, LevelByte([]int16{1, -1, 1, -1}))
	m.WriteFrame(&Frame{})
	m.WriteFrame(&Frame{Rate: 8000, Samples: []int16{math.MinInt16}})
	assert.Zero(t, m.Level().Peak, "never above 0")
}

func TestMeter_Ballistics(t *testing.T) {
	var m Meter
	loud := numbered(8000, 10000)
	top := 20 * math.Log10(10000.0/math.MaxInt16)
	m.WriteFrame(loud)
	assert.InDelta(t, top, m.Level().Peak, 0.01, "the peak rises at once")
	assert.Less(t, m.Level().RMS, top-8, "the mean does not")
	for range 99 {
		m.WriteFrame(loud)
	}
	assert.InDelta(t, top, m.Level().RMS, 0.01)
	quiet := NewFrame(8000)
	for range 170 {
		m.WriteFrame(quiet)
	}
	assert.InDelta(t, top-20, m.Level().Peak, 0.01, "20 dB in 1.7 s (IEC 60268-10)")
	assert.InDelta(t, top-10*math.Log10(math.E)*1.7/0.125, m.Level().RMS, 0.1, "125 ms (IEC 61672-1)")
	for range 3000 {
		m.WriteFrame(quiet)
	}
	assert.Equal(t, Silent, m.Level().Peak)
	assert.Equal(t, Silent, m.Level().RMS)
}

func TestGainAndMeter_DoNotAllocate(t *testing.T) {
	var g Gain
	var m Meter
	f := numbered(8000, 100)
	db := 0.0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		db = -10 - db
		g.SetDB(db)
		g.Process(f.Samples)
		m.WriteFrame(f)
		_ = m.Level()
	}))
}

func BenchmarkGain(b *testing.B) {
	f := numbered(8000, 100)
	for _, c := range []struct {
		name string
		db   float64
	}{{"0dB", 0}, {"-6dB", -6}} {
		b.Run(c.name, func(b *testing.B) {
			var g Gain
			g.SetDB(c.db)
			b.ReportAllocs()
			for b.Loop() {
				g.Process(f.Samples)
			}
		})
	}
}

func BenchmarkMeter(b *testing.B) {
	f := &Frame{Rate: 8000, Samples: wave(8000, 80, 1000, 9000)}
	var m Meter
	b.ReportAllocs()
	for b.Loop() {
		m.WriteFrame(f)
	}
}
