package audio

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dBm0 is the level of x as Tone counts it.
func dBm0(x []int16) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	full := math.MaxInt16 / math.Sqrt2
	return 20*math.Log10(math.Sqrt(sum/float64(len(x)))/full) + fullScale
}

func TestTone_LevelAndFrequency(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		x := readAll(Milliwatt().Source(), rate, 100)
		assert.InDelta(t, 0, dBm0(x), 0.02)
		want := math.MaxInt16 * math.Pow(10, -fullScale/20)
		assert.InDelta(t, 0, levelAt(x, rate, 1004, want), 0.02)

		x = readAll(Dial().Source(), rate, 500)
		assert.InDelta(t, -13, dBm0(x), 0.05, "both sines together")
		for _, hz := range []float64{350, 440} {
			assert.InDelta(t, -16.01, levelAt(x, rate, hz, want), 0.05)
		}
	}
}

func TestTone_PhaseRunsOn(t *testing.T) {
	x := readAll(Milliwatt().Source(), 8000, 6000) // a minute
	step := 2 * math.Pi * 1004 / 8000
	limit := math.MaxInt16 * math.Pow(10, -fullScale/20) * 2 * math.Sin(step/2)
	for i := 1; i < len(x); i++ {
		if math.Abs(float64(x[i])-float64(x[i-1])) > limit+2 {
			t.Fatalf("a jump at sample %d", i)
		}
	}
	assert.InDelta(t, 0, dBm0(x[len(x)-8000:]), 0.02, "it neither grows nor fades")
}

func TestTone_CadenceToTheSample(t *testing.T) {
	x := readAll(Busy().Source(), 8000, 225)
	for i := 0; i < len(x); i += 40 {
		loud := dBm0(x[i : i+40])
		if i/4000%2 == 0 {
			assert.Greater(t, loud, -50.0, i)
		} else {
			assert.True(t, math.IsInf(loud, -1), i)
		}
	}
	odd := Tone{Frequencies: []float64{1000}, Level: -10, Cadence: []time.Duration{3 * time.Millisecond, 0, 2 * time.Millisecond, 5 * time.Millisecond}}
	x = readAll(odd.Source(), 8000, 1)
	assert.NotZero(t, x[39], "the off part of no length is skipped")
	assert.Equal(t, make([]int16, 40), x[40:])
}

func TestTone_EndsAfterItsDuration(t *testing.T) {
	tone := Milliwatt()
	tone.Duration = 25 * time.Millisecond
	s := tone.Source()
	x := readAll(s, 8000, 2)
	assert.False(t, s.Done())
	x = append(x, readAll(s, 8000, 1)...)
	assert.True(t, s.Done())
	assert.NotZero(t, x[199])
	assert.Equal(t, make([]int16, 40), x[200:])
}

func TestTone_EdgeCases(t *testing.T) {
	assert.Equal(t, make([]int16, 80), readAll(Tone{}.Source(), 8000, 1), "no frequency, no sound")
	assert.Equal(t, make([]int16, 80), readAll(Tone{Frequencies: []float64{4000, 9000, -1}}.Source(), 8000, 1), "out of reach")
	assert.Len(t, Tone{Frequencies: make([]float64, 1000)}.Source().sines, maxSines)
	loud := readAll(Tone{Frequencies: []float64{1000, 1100}, Level: 40}.Source(), 8000, 1)
	assert.Contains(t, loud, int16(math.MaxInt16), "clipped, not wrapped")
	s := Milliwatt().Source()
	x := append(readAll(s, 8000, 10), readAll(s, 16000, 10)...)
	assert.InDelta(t, 0, dBm0(x), 0.1, "the rate may change")
	s.ReadFrame(&Frame{Rate: 0, Samples: nil})
}

func TestSequence(t *testing.T) {
	a, err := NewWAV(8000, wave(8000, 100, 300, 9000))
	require.NoError(t, err)
	s := NewSequence(nil, a.Source(false), NewPause(15*time.Millisecond), a.Source(false))
	assert.False(t, s.Done())
	x := readAll(s, 8000, 6)
	assert.Equal(t, a.Samples(), x[:100])
	assert.Equal(t, make([]int16, 220), x[100:320])
	assert.Equal(t, a.Samples(), x[320:420])
	assert.True(t, s.Done())
	assert.Equal(t, make([]int16, 80), readAll(s, 8000, 1))

	endless := NewSequence(NewPause(time.Millisecond), Milliwatt().Source(), a.Source(false))
	readAll(endless, 8000, 100)
	assert.False(t, endless.Done(), "a source without end is the last")
	assert.True(t, NewSequence().Done())
}

func TestEcho_FixedDelay(t *testing.T) {
	e := NewEcho()
	x := wave(8000, 800*80, 300, 9000)
	var got []int16
	f := NewFrame(8000)
	for i := 0; i < len(x); i += 80 {
		e.WriteFrame(&Frame{Rate: 8000, Samples: x[i : i+80]})
		e.ReadFrame(f)
		got = append(got, f.Samples...)
	}
	assert.Equal(t, make([]int16, 160), got[:160])
	assert.Equal(t, x[:len(x)-160], got[160:])
	assert.Zero(t, e.Dropped())
}

func TestEcho_ComesBackToItsDelayAfterNobodyRead(t *testing.T) {
	e, f := NewEcho(), NewFrame(8000)
	for i := range 1000 {
		e.WriteFrame(numbered(8000, int16(i)))
	}
	assert.EqualValues(t, 1000-echoSlots, e.Dropped())
	for i := range 20 {
		e.WriteFrame(numbered(8000, int16(2000+i)))
		e.ReadFrame(f)
	}
	assert.EqualValues(t, 2017, f.Samples[0], "20 ms behind again")
}

func TestEcho_UnderrunIsSilence(t *testing.T) {
	e, f := NewEcho(), NewFrame(8000)
	for range 3 {
		e.WriteFrame(numbered(8000, 5))
	}
	for range 3 {
		e.ReadFrame(f)
		assert.EqualValues(t, 5, f.Samples[79])
	}
	e.ReadFrame(f)
	assert.Equal(t, make([]int16, 80), f.Samples)
	e.WriteFrame(&Frame{Rate: 96000, Samples: make([]int16, 960)})
	assert.EqualValues(t, 1, e.Dropped())
}

func TestEcho_OverRates(t *testing.T) {
	e := NewEcho()
	x := wave(8000, 8000, 1000, 10000)
	var got []int16
	f := NewFrame(16000)
	for i := 0; i < len(x); i += 80 {
		e.WriteFrame(&Frame{Rate: 8000, Samples: x[i : i+80]})
		e.ReadFrame(f)
		got = append(got, f.Samples...)
	}
	assert.InDelta(t, 0, levelAt(got[1600:], 16000, 1000, 10000), 0.05)
	e.WriteFrame(numbered(8000, 1))
	odd := NewFrame(48000)
	e.ReadFrame(odd)
	assert.Equal(t, make([]int16, 480), odd.Samples)
}

func TestEcho_WriterAndReaderMayBeTwoGoroutines(t *testing.T) {
	e := NewEcho()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 20000 {
			e.WriteFrame(numbered(8000, int16(i)))
		}
	})
	wg.Go(func() {
		f := NewFrame(8000)
		for range 20000 {
			e.ReadFrame(f)
			for _, v := range f.Samples {
				if v != f.Samples[0] {
					t.Error("a torn frame")
					return
				}
			}
		}
	})
	wg.Wait()
}

func TestTeeAndTap(t *testing.T) {
	a, b := NewBuffer(8000, time.Second), NewBuffer(8000, time.Second)
	tee := NewTee(a, nil, b)
	tee.WriteFrame(numbered(8000, 9))
	assert.Equal(t, a.Samples(), b.Samples())
	assert.Len(t, a.Samples(), 80)

	w, err := NewWAV(8000, wave(8000, 160, 300, 9000))
	require.NoError(t, err)
	a.Reset()
	tap := NewTap(w.Source(false), a)
	x := readAll(tap, 8000, 2)
	assert.Equal(t, x, a.Samples())
	assert.True(t, tap.Done())
	assert.False(t, NewTap(Silence{}, a).Done())
}

func TestBuffer(t *testing.T) {
	b := NewBuffer(8000, 25*time.Millisecond)
	for i := range 4 {
		b.WriteFrame(numbered(8000, int16(i+1)))
	}
	assert.EqualValues(t, 2, b.Dropped())
	assert.Equal(t, 20*time.Millisecond, b.Duration())
	assert.Equal(t, int16(2), b.Samples()[159])
	b.Reset()
	assert.Empty(t, b.Samples())
	b.WriteFrame(numbered(16000, 1))
	assert.Len(t, b.Samples(), 80)
	b.WriteFrame(&Frame{Rate: 48000, Samples: make([]int16, 480)})
	b.WriteFrame(&Frame{})
	assert.EqualValues(t, 2, b.Dropped())
	assert.Equal(t, 16000, NewBuffer(16000, 0).Rate())
	assert.Equal(t, 8000, NewBuffer(44100, 0).Rate())
}

func TestSilenceAndDiscard(t *testing.T) {
	f := numbered(16000, 3)
	Silence{}.ReadFrame(f)
	assert.Equal(t, make([]int16, 160), f.Samples)
	Discard{}.WriteFrame(f)
}
