package jitter

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tone is n samples of a sine of that frequency, from sample at on.
func tone(hz float64, at, n int) []int16 {
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(10000 * math.Sin(2*math.Pi*hz*float64(at+i)/clockRate))
	}
	return x
}

// vowel is a voice-like sound of that pitch with formants.
func vowel(hz float64, at, n int) []int16 {
	x := make([]int16, n)
	for i := range x {
		t := float64(at+i) / clockRate
		y := 0.0
		for h := 1.0; h*hz < 3400; h++ {
			f := h * hz
			y += (math.Exp(-math.Pow((f-600)/250, 2)) + 0.5*math.Exp(-math.Pow((f-1700)/300, 2)) + 0.05) * math.Sin(2*math.Pi*f*t+h*h)
		}
		x[i] = int16(4000 * y)
	}
	return x
}

// steepest is the largest difference of neighbours.
func steepest(x []int16) (most int) {
	for i := 1; i < len(x); i++ {
		d := int(x[i]) - int(x[i-1])
		most = max(most, d, -d)
	}
	return most
}

// crossings counts how often the sign goes from minus to plus.
func crossings(x []int16) (n int) {
	for i := 1; i < len(x); i++ {
		if x[i-1] < 0 && x[i] >= 0 {
			n++
		}
	}
	return n
}

func TestScale_ShortenKeepsPitchAndDoesNotClick(t *testing.T) {
	for _, hz := range []float64{90, 130, 200, 250} {
		for _, most := range []int{120, 240, 480} {
			name := fmt.Sprint(hz, most)
			x := vowel(hz, 0, 800)
			limit := steepest(x) + steepest(x)/8
			cut, ok := shorten(x, shortestCut, most, false)
			require.True(t, ok, name)
			require.LessOrEqual(t, cut, most, name)
			period := clockRate / hz
			periods := float64(cut) / period
			assert.InDelta(t, math.Round(periods)*period, cut, 1.5, name)
			assert.GreaterOrEqual(t, cut, most*3/10, "%s: more is better", name)
			assert.LessOrEqual(t, steepest(x[cut:]), limit, name)
		}
	}
}

func TestScale_LengthenKeepsPitchAndDoesNotClick(t *testing.T) {
	for _, hz := range []float64{90, 130, 200, 310} {
		for _, most := range []int{120, 240} {
			name := fmt.Sprint(hz, most)
			all := vowel(hz, 0, 800)
			dst := make([]int16, 800)
			n, ok := lengthen(dst, all[:400], all[400:560], shortestCut, most, false)
			require.True(t, ok, name)
			added := n - 160
			require.Positive(t, added)
			require.LessOrEqual(t, added, most, name)
			period := clockRate / hz
			assert.InDelta(t, math.Round(float64(added)/period)*period, added, 1.5, name)
			joined := append(append(append([]int16(nil), all[:400]...), dst[:n]...), all[560:]...)
			assert.LessOrEqual(t, steepest(joined), steepest(all)+steepest(all)/8, name)
			assert.Equal(t, all[559], dst[n-1], "it ends where x ended")
		}
	}
}

// A tone of 200 Hz stays one, however much of it is left out or repeated.
func TestScale_ToneStays200Hz(t *testing.T) {
	var out []int16
	src := tone(200, 0, 80000)
	at := 400
	out = append(out, src[:at]...)
	dst := make([]int16, 1000)
	for i := 0; at+640 < len(src); i++ {
		x := append([]int16(nil), src[at:at+480]...)
		if at += 480; i%2 == 0 {
			cut, ok := shorten(x, 60, 240, false)
			require.True(t, ok)
			out = append(out, x[cut:]...)
			continue
		}
		n, ok := lengthen(dst, out[len(out)-memory:], x, 60, 240, false)
		require.True(t, ok)
		out = append(out, dst[:n]...)
	}
	seconds := float64(len(out)) / clockRate
	assert.InDelta(t, 200, float64(crossings(out))/seconds, 1)
	assert.LessOrEqual(t, steepest(out), steepest(src)*11/10)
	// No other frequency gets in: what is not within 20 Hz is 30 dB below.
	assert.Less(t, leftOver(out, 200), 0.001)
}

// leftOver is the share of energy that a moving sine of that frequency does not
// explain, in blocks of 20 ms.
func leftOver(x []int16, hz float64) float64 {
	var all, left float64
	for ; len(x) >= 160; x = x[160:] {
		var c, s float64
		for i, v := range x[:160] {
			w := 2 * math.Pi * hz * float64(i) / clockRate
			c += float64(v) * math.Cos(w) / 80
			s += float64(v) * math.Sin(w) / 80
		}
		for i, v := range x[:160] {
			w := 2 * math.Pi * hz * float64(i) / clockRate
			d := float64(v) - c*math.Cos(w) - s*math.Sin(w)
			all += float64(v) * float64(v)
			left += d * d
		}
	}
	return left / all
}

func TestScale_QuietTakesAllNoiseTakesNothing(t *testing.T) {
	quiet := make([]int16, 640)
	cut, ok := shorten(quiet, 20, 480, false)
	assert.True(t, ok)
	assert.Equal(t, 480, cut)
	dst := make([]int16, 1200)
	n, ok := lengthen(dst, quiet[:400], quiet[:160], 20, 300, false)
	assert.True(t, ok)
	assert.Equal(t, 460, n)

	noise, seed := make([]int16, 640), uint32(1)
	for i := range noise {
		seed = seed*1664525 + 1013904223
		noise[i] = int16(seed>>16) / 2
	}
	before := append([]int16(nil), noise...)
	_, ok = shorten(noise, 20, 240, false)
	assert.False(t, ok)
	assert.True(t, slices.Equal(before, noise), "it is left as it was")
	_, ok = lengthen(dst, noise[:400], noise[400:560], 20, 240, false)
	assert.False(t, ok)
	cut, ok = shorten(noise, 100, 100, true)
	assert.True(t, ok)
	assert.Equal(t, 100, cut, "the amount is exact when it is prescribed")
}

func TestScale_AsksForTooMuch(t *testing.T) {
	x := make([]int16, 100)
	_, ok := shorten(x, 100, 200, true)
	assert.False(t, ok)
	_, ok = lengthen(make([]int16, 110), x, x, 20, 300, true)
	assert.False(t, ok, "no room")
	_, ok = lengthen(make([]int16, 110), x, x[:20], 20, 300, true)
	assert.False(t, ok)
}

func TestScale_NudgeIsExactAndInaudible(t *testing.T) {
	for _, n := range []int{156, 158, 159, 161, 162, 164} {
		for _, hz := range []float64{100, 440, 1000, 2000, 3000} {
			x, dst := tone(hz, 0, 160), make([]int16, n)
			nudge(dst, x)
			assert.InDelta(t, x[0], dst[0], 1)
			assert.InDelta(t, x[159], dst[n-1], 1)
			noise := 0.0
			for i, y := range dst {
				want := 10000 * math.Sin(2*math.Pi*hz*float64(i)*159/float64(n-1)/clockRate)
				noise += (float64(y) - want) * (float64(y) - want) / float64(n)
			}
			limit := 1.0 // of rounding, and what is left of a peak of 10000
			if hz > 500 {
				limit = 10000 * math.Pow(hz/3950, 5.2)
			}
			assert.Less(t, math.Sqrt(noise), limit, "%d samples, %v Hz", n, hz)
		}
	}
	same := tone(700, 3, 160)
	dst := make([]int16, 160)
	nudge(dst, same)
	assert.True(t, slices.Equal(same, dst))
}

// likeness is the normalised correlation of two sounds.
func likeness(a, b []int16) float64 {
	var cross, own, other float64
	for i := range a {
		cross += float64(a[i]) * float64(b[i])
		own += float64(a[i]) * float64(a[i])
		other += float64(b[i]) * float64(b[i])
	}
	return cross / math.Sqrt(own*other+1)
}

func BenchmarkScale(b *testing.B) {
	all := vowel(130, 0, 1000)
	x, dst := make([]int16, 800), make([]int16, 1000)
	for name, most := range map[string]int{"small": 133, "big": 480} {
		b.Run("shorten/"+name, func(b *testing.B) {
			for b.Loop() {
				copy(x, all)
				shorten(x[:most+160], shortestCut, most, false)
			}
		})
	}
	b.Run("lengthen", func(b *testing.B) {
		for b.Loop() {
			lengthen(dst, all[:400], all[400:560], shortestCut, 240, false)
		}
	})
	b.Run("nudge", func(b *testing.B) {
		for b.Loop() {
			nudge(dst[:161], all[:160])
		}
	})
	b.Run("conceal/20ms", func(b *testing.B) {
		var v voice
		v.remember(all[:memory])
		for b.Loop() {
			v.settle()
			v.conceal(dst[:80], 160, all[160:480])
			v.conceal(dst[:80], 80, all[160:480])
		}
	})
	b.Run("conceal/oneSided20ms", func(b *testing.B) {
		var v voice
		v.remember(all[:memory])
		for b.Loop() {
			v.settle()
			v.conceal(dst[:80], 0, nil)
			v.conceal(dst[:80], 0, nil)
		}
	})
}

// Whole runs are measured, or one allocation in a few packets would not show.
func TestConceal_DoesNotAllocate(t *testing.T) {
	s := newSteady()
	assert.Zero(t, testing.AllocsPerRun(5, func() {
		for range 500 {
			s.step(everyTenth)
		}
	}))
	require.NotZero(t, s.p.Stats().Concealed)
}
