package audio

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wave is a sine of one amplitude.
func wave(rate, n int, hz, peak float64) []int16 {
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(math.Round(peak * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return x
}

// levelAt is the amplitude of one frequency in x, in dB of peak.
func levelAt(x []int16, rate int, hz, peak float64) float64 {
	var re, im float64
	for i, v := range x {
		// A Hann window, so that other frequencies do not leak in.
		w := 1 - math.Cos(2*math.Pi*float64(i)/float64(len(x)))
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		re += w * float64(v) * c
		im += w * float64(v) * s
	}
	return 20 * math.Log10(2*math.Hypot(re, im)/float64(len(x))/peak)
}

// readAll reads n frames.
func readAll(s Source, rate, n int) []int16 {
	var all []int16
	f := NewFrame(rate)
	for range n {
		s.ReadFrame(f)
		all = append(all, f.Samples...)
	}
	return all
}

func TestPlayer_SameRate(t *testing.T) {
	x := wave(8000, 250, 300, 9000)
	w, err := NewWAV(8000, x)
	require.NoError(t, err)
	p := w.Source(false)
	assert.Zero(t, p.Position())
	assert.False(t, p.Done())
	got := readAll(p, 8000, 5)
	assert.Equal(t, x, got[:250])
	assert.Equal(t, make([]int16, 150), got[250:])
	assert.True(t, p.Done())
	assert.Equal(t, w.Duration(), p.Position())
}

func TestPlayer_LoopHasNoGap(t *testing.T) {
	x := wave(8000, 170, 300, 9000)
	w, err := NewWAV(8000, x)
	require.NoError(t, err)
	p := w.Source(true)
	got := readAll(p, 8000, 17)
	for i, v := range got {
		require.Equal(t, x[i%170], v, i)
	}
	assert.False(t, p.Done())
	assert.Zero(t, p.Position())
	p.ReadFrame(NewFrame(8000))
	assert.Equal(t, 10*time.Millisecond, p.Position())

	// A file shorter than a frame and than the filter, at the other rate.
	w, err = NewWAV(8000, []int16{1000})
	require.NoError(t, err)
	for i, v := range readAll(w.Source(true), 16000, 3) {
		require.InDelta(t, 1000, v, 1, i)
	}
}

func TestPlayer_ResamplesWithoutDelay(t *testing.T) {
	const peak = 10000
	for _, c := range []struct{ from, to int }{{8000, 16000}, {16000, 8000}} {
		for _, hz := range []float64{50, 300, 1000, 3000, 3400, 3600} {
			w, err := NewWAV(c.from, wave(c.from, c.from, hz, peak))
			require.NoError(t, err)
			p := w.Source(false)
			got := readAll(p, c.to, 100)
			assert.True(t, p.Done())
			want := wave(c.to, c.to, hz, peak)
			for i := 100; i < len(want)-100; i++ { // the ends ring: there the sound starts from nothing
				require.InDelta(t, want[i], got[i], peak*0.005, "%d -> %d, %g Hz, sample %d", c.from, c.to, hz, i)
			}
		}
	}
}

func TestHalfBand_RejectsAliasesAndImages(t *testing.T) {
	const peak = 10000
	for _, hz := range []float64{4400, 5000, 6000, 7000, 7900} {
		w, err := NewWAV(16000, wave(16000, 16000, hz, peak))
		require.NoError(t, err)
		got := w.SamplesAt(8000)
		assert.Less(t, levelAt(got, 8000, 8000-hz, peak), -66.0, "alias of %g Hz", hz)
	}
	for _, hz := range []float64{100, 1000, 3600} {
		w, err := NewWAV(8000, wave(8000, 8000, hz, peak))
		require.NoError(t, err)
		got := w.SamplesAt(16000)
		assert.Less(t, levelAt(got, 16000, 8000-hz, peak), -66.0, "image of %g Hz", hz)
		assert.InDelta(t, 0, levelAt(got, 16000, hz, peak), 0.05, "gain at %g Hz", hz)
	}
}

func TestSamplesAt(t *testing.T) {
	x := wave(8000, 1234, 500, 9000)
	w, err := NewWAV(8000, x)
	require.NoError(t, err)
	assert.Equal(t, x, w.SamplesAt(8000))
	up := w.SamplesAt(16000)
	require.Len(t, up, 2468)
	for i, v := range x {
		require.Equal(t, v, up[2*i], "8 kHz samples are kept")
	}
}

func TestPlayer_RateMayChangeBetweenFrames(t *testing.T) {
	w, err := NewWAV(8000, wave(8000, 8000, 400, 9000))
	require.NoError(t, err)
	p := w.Source(false)
	got := readAll(p, 8000, 3)
	_ = readAll(p, 16000, 3)
	got = append(got, readAll(p, 8000, 3)...)
	assert.Equal(t, w.Samples()[:240], got[:240])
	assert.Equal(t, w.Samples()[480:720], got[240:])
	readAll(p, 48000, 2)
	assert.Equal(t, 90*time.Millisecond, p.Position(), "frames of other rates are silent and take nothing")
}

func TestReadFrameWriteFrame_NoAllocation(t *testing.T) {
	w, err := NewWAV(8000, wave(8000, 8000, 400, 9000))
	require.NoError(t, err)
	wideWAV, err := NewWAV(16000, wave(16000, 8000, 400, 9000))
	require.NoError(t, err)
	tone := Ringback()
	tone.Duration = time.Minute
	sources := map[string]Source{
		"player": w.Source(true), "wide player": wideWAV.Source(true), "once": w.Source(false),
		"tone": tone.Source(), "silence": Silence{}, "echo": NewEcho(),
		"sequence": NewSequence(NewPause(time.Second), w.Source(false), Milliwatt().Source()),
		"tap":      NewTap(w.Source(true), NewBuffer(8000, time.Hour/60)),
	}
	narrow, wide := NewFrame(8000), NewFrame(16000)
	for name, s := range sources {
		assert.Zero(t, testing.AllocsPerRun(500, func() { s.ReadFrame(narrow); s.ReadFrame(wide) }), name)
	}
	echo := NewEcho()
	sinks := map[string]Sink{
		"buffer": NewBuffer(8000, time.Minute), "full buffer": NewBuffer(8000, 0), "echo": echo,
		"tee": NewTee(NewBuffer(16000, time.Minute), Discard{}),
	}
	for name, s := range sinks {
		assert.Zero(t, testing.AllocsPerRun(500, func() { s.WriteFrame(narrow); s.WriteFrame(wide) }), name)
	}
	assert.Zero(t, testing.AllocsPerRun(500, func() {
		echo.WriteFrame(narrow)
		echo.ReadFrame(wide)
		echo.WriteFrame(wide)
		echo.ReadFrame(narrow)
	}), "echo over rates")
}

func benchmarkRead(b *testing.B, s Source, rate int) {
	f := NewFrame(rate)
	b.ReportAllocs()
	for b.Loop() {
		s.ReadFrame(f)
	}
}

func BenchmarkPlayer8kOf8k(b *testing.B) {
	w, _ := NewWAV(8000, make([]int16, 80000))
	benchmarkRead(b, w.Source(true), 8000)
}

func BenchmarkPlayer8kOf16k(b *testing.B) {
	w, _ := NewWAV(16000, make([]int16, 160000))
	benchmarkRead(b, w.Source(true), 8000)
}

func BenchmarkPlayer16kOf8k(b *testing.B) {
	w, _ := NewWAV(8000, make([]int16, 80000))
	benchmarkRead(b, w.Source(true), 16000)
}

func BenchmarkTone(b *testing.B) { benchmarkRead(b, Ringback().Source(), 8000) }

func BenchmarkEcho(b *testing.B) {
	e, f := NewEcho(), NewFrame(8000)
	b.ReportAllocs()
	for b.Loop() {
		e.WriteFrame(f)
		e.ReadFrame(f)
	}
}
