package comfort

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPayload_RFC3389_3(t *testing.T) {
	n, err := Parse([]byte{0x80 | 40, 0, 127, 254})
	require.NoError(t, err)
	assert.Equal(t, 40, n.Level, "the first bit is left aside")
	require.Equal(t, 3, n.Order)
	assert.InDelta(t, -0.99994, n.Reflection[0], 1e-4) // 258*(0-127)/32768
	assert.Zero(t, n.Reflection[1])
	assert.InDelta(t, 0.99994, n.Reflection[2], 1e-4)
	assert.Equal(t, []byte{1, 2, 40, 0, 127, 254}, n.Append([]byte{1, 2}))

	n, err = Parse([]byte{127})
	require.NoError(t, err)
	assert.Equal(t, Noise{Level: 127}, n)

	n, err = Parse([]byte{5, 100, 255, 100})
	require.NoError(t, err)
	assert.Equal(t, 1, n.Order, "255 is reserved")

	n, err = Parse(append([]byte{5}, make([]byte, 40)...))
	require.NoError(t, err)
	assert.Equal(t, MaxOrder, n.Order)

	_, err = Parse(nil)
	assert.ErrorIs(t, err, ErrEmpty)
}

func TestPayload_OutOfRangeIsBroughtIn(t *testing.T) {
	nan := float32(math.NaN())
	n := Noise{Level: 900, Order: 99, Reflection: [MaxOrder]float32{-7, 7, nan}}
	b := n.Append(nil)
	require.Len(t, b, 1+MaxOrder)
	assert.Equal(t, []byte{127, 0, 254, 127}, b[:4])
	assert.Equal(t, []byte{0}, Noise{Level: -3, Order: -1}.Append(nil))
}

func TestNoise_Differs(t *testing.T) {
	a := Noise{Level: 50, Order: 1, Reflection: [MaxOrder]float32{-0.5}}
	b := a
	assert.False(t, b.Differs(a))
	b.Level = 51
	assert.False(t, b.Differs(a))
	b.Level = 48
	assert.True(t, b.Differs(a))
	b = a
	b.Reflection[0] = -0.9
	assert.True(t, b.Differs(a))
}

func rms(x []int16) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// coloured is noise with its energy at low frequencies (pole > 0) or high ones.
func coloured(seed uint32, pole, level float64, n int) []int16 {
	x := make([]int16, n)
	y := 0.0
	for i := range x {
		seed = seed*1664525 + 1013904223
		y = pole*y + float64(int32(seed))/(1<<31)*math.Sqrt(3*(1-pole*pole))
		x[i] = int16(min(max(y*level, math.MinInt16), math.MaxInt16))
	}
	return x
}

func TestAnalyzerAndGenerator_LevelAndShape(t *testing.T) {
	for _, pole := range []float64{-0.8, 0, 0.5, 0.95} {
		for _, level := range []float64{30, 300, 3000} {
			var a, again Analyzer
			x := coloured(7, pole, level, 8000)
			for i := 0; i < len(x); i += 80 {
				a.Add(x[i : i+80])
			}
			n := a.Noise(MaxOrder)
			require.Equal(t, averaged, a.Frames())
			assert.InDelta(t, -20*math.Log10(level/overload), n.Level, 1.6, "pole %v", pole)
			assert.InDelta(t, -pole, n.Reflection[0], 0.1)
			// Over the wire, made, and looked at again.
			sent, err := Parse(n.Append(nil))
			require.NoError(t, err)
			var g Generator
			g.Set(sent)
			made := make([]int16, 16000)
			g.Fill(made)
			assert.InDelta(t, n.Level, dBov(rms(made)), 1.0)
			for i := 0; i < len(made); i += 80 {
				again.Add(made[i : i+80])
			}
			assert.InDelta(t, n.Reflection[0], again.Noise(4).Reflection[0], 0.1)
		}
	}
}

func TestAnalyzer_Silence(t *testing.T) {
	var a Analyzer
	assert.Equal(t, Noise{Level: 127}, a.Noise(10))
	a.Add(make([]int16, 80))
	a.Add(nil)
	assert.Equal(t, Noise{Level: 127}, a.Noise(10))
	assert.Equal(t, 1, a.Frames())
	a.Reset()
	assert.Zero(t, a.Frames())
}

// A pure tone or a constant has no noise model of full order, but must not break
// the recursion or the filter.
func TestAnalyzer_ExtremesStayStable(t *testing.T) {
	for name, make := range map[string]func(i int) int16{
		"tone":     func(i int) int16 { return int16(20000 * math.Sin(float64(i)/5)) },
		"constant": func(int) int16 { return math.MinInt16 },
		"square":   func(i int) int16 { return int16(i%2*65535 - 32768) },
		"impulse":  func(i int) int16 { return int16(32767 * (i % 80 / 79)) },
	} {
		var a Analyzer
		frame := [80]int16{}
		for range 10 {
			for i := range frame {
				frame[i] = make(i)
			}
			a.Add(frame[:])
		}
		n := a.Noise(MaxOrder)
		for _, k := range n.Reflection[:n.Order] {
			require.True(t, k > -1 && k < 1, name)
		}
		var g Generator
		g.Set(n)
		out := [8000]int16{}
		g.Fill(out[:])
		assert.Less(t, rms(out[:]), 3*rms(frame[:])+1000, name)
	}
}

func TestGenerator_GlidesBetweenUpdates(t *testing.T) {
	var g Generator
	out := make([]int16, 80)
	g.Fill(out)
	assert.Zero(t, rms(out), "silent until Set")
	g.Set(Noise{Level: 30})
	g.Fill(out)
	assert.InDelta(t, overload*math.Pow(10, -30.0/20), rms(out), 200, "the first holds at once")
	g.Set(Noise{Level: 60, Order: 2, Reflection: [MaxOrder]float32{-0.9, 0.5}})
	var levels []float64
	for range 30 {
		g.Fill(out)
		levels = append(levels, rms(out))
	}
	assert.Greater(t, levels[0], 300.0)
	assert.Less(t, levels[29], 60.0)
	// Full level and the sharpest filter there is: loud, but no overflow.
	g.Set(Noise{Order: 10, Reflection: [MaxOrder]float32{-1, 1, -1, 1, -1, 1, -1, 1, -1, 1}})
	for range 100 {
		g.Fill(out)
	}
	g.Stop()
	g.Set(Noise{Level: 127})
	g.Fill(out)
	assert.Less(t, rms(out), 1.0)
	g.Mix(out, 0, 1)
	g.Mix(nil, 0, 1)
}

func TestAllocations(t *testing.T) {
	var a Analyzer
	var g Generator
	var d Detector
	frame := coloured(1, 0.5, 500, 80)
	buffer := make([]byte, 0, 16)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		d.Active(frame)
		a.Add(frame)
		n := a.Noise(MaxOrder)
		n, _ = Parse(n.Append(buffer))
		g.Set(n)
		g.Fill(frame)
	}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{40})
	f.Add([]byte{0xFF, 0, 255, 254, 127, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{0, 254, 0, 254, 0, 254, 0, 254, 0, 254, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		n, err := Parse(payload)
		if err != nil {
			if len(payload) != 0 {
				t.Fatalf("refused %x: %v", payload, err)
			}
			return
		}
		again, err := Parse(n.Append(nil))
		if err != nil || again != n {
			t.Fatalf("%+v became %+v", n, again)
		}
		var g Generator
		g.Set(n)
		out := [160]int16{}
		g.Fill(out[:])
		g.Set(Noise{Level: 50})
		g.Fill(out[:])
		g.Set(n)
		g.Fill(out[:])
	})
}

func Benchmark(b *testing.B) {
	frame := coloured(1, 0.5, 500, 80)
	b.Run("Detector", func(b *testing.B) {
		var d Detector
		for b.Loop() {
			d.Active(frame)
		}
	})
	b.Run("Add", func(b *testing.B) {
		var a Analyzer
		for b.Loop() {
			a.Add(frame)
		}
	})
	b.Run("Noise", func(b *testing.B) {
		var a Analyzer
		a.Add(frame)
		for b.Loop() {
			a.Noise(MaxOrder)
		}
	})
	b.Run("Fill10ms", func(b *testing.B) {
		var a Analyzer
		a.Add(frame)
		var g Generator
		g.Set(a.Noise(MaxOrder))
		out := make([]int16, 80)
		for b.Loop() {
			g.Fill(out)
		}
	})
}
