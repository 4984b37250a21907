package audio

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fitted is the sine of one frequency that comes nearest to x: its amplitude,
// its phase at sample 0, and the amplitude of a sine with the energy of the rest.
func fitted(x []int16, rate int, hz float64) (peak, phase, rest float64) {
	var ss, cc, sc, xs, xc, xx float64
	for i, v := range x {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		y := float64(v)
		ss, cc, sc = ss+s*s, cc+c*c, sc+s*c
		xs, xc, xx = xs+y*s, xc+y*c, xx+y*y
	}
	d := ss*cc - sc*sc
	if d < 1e-6*ss*cc || ss == 0 {
		return 0, 0, math.Sqrt(2 * xx / float64(len(x)))
	}
	a, b := (xs*cc-xc*sc)/d, (xc*ss-xs*sc)/d
	left := max(xx-a*xs-b*xc, 0)
	return math.Hypot(a, b), math.Atan2(b, a), math.Sqrt(2 * left / float64(len(x)))
}

// converted is 120 ms of a sine through a Resampler, frame by frame, without its
// first 20 ms.
func converted(t testing.TB, r *Resampler, hz, peak float64) []int16 {
	from, to := r.from, r.to
	r.Reset()
	x := wave(from, from*12/100, hz, peak)
	out := make([]int16, 0, to*12/100)
	frame := make([]int16, to/100)
	for i := 0; i < len(x); i += from / 100 {
		require.Equal(t, to/100, r.Process(frame, x[i:i+from/100]))
		out = append(out, frame...)
	}
	return out[to/50:]
}

func decibel(x float64) float64 { return 20 * math.Log10(max(x, 1e-9)) }

// TestResampler_Response sweeps every pair of rates: the pass band is flat, and
// neither an alias nor an image comes within 60 dB.
func TestResampler_Response(t *testing.T) {
	const peak = 20000
	const steps = 12
	for _, from := range rates() {
		for _, to := range rates() {
			if from == to {
				continue
			}
			low := float64(min(from, to))
			ripple, image, alias := 0.0, -200.0, -200.0
			r, err := NewResampler(from, to)
			require.NoError(t, err)
			for i := range steps {
				hz := 0.4375 * low * (float64(i) + 0.3) / steps
				got := converted(t, r, hz, peak)
				level, phase, rest := fitted(got, to, hz)
				ripple = max(ripple, math.Abs(decibel(level/peak)))
				image = max(image, decibel(rest/peak))
				// Sample 0 of got was played 20 ms after the start.
				want := 2 * math.Pi * hz * (0.02 - r.Delay().Seconds())
				require.InDelta(t, 0, math.Remainder(phase-want, 2*math.Pi), 0.002, "delay at %g Hz", hz)
			}
			if from > to {
				for i := range 2 * steps {
					hz := low/2 + (float64(from)/2-low/2)*(float64(i)+0.02)/(2*steps)
					_, _, rest := fitted(converted(t, r, hz, peak), to, 0)
					alias = max(alias, decibel(rest/peak))
				}
			}
			assert.Less(t, ripple, 0.01, "%d to %d Hz: ripple in dB", from, to)
			assert.Less(t, image, -68.0, "%d to %d Hz: images in dB", from, to)
			assert.Less(t, alias, -68.0, "%d to %d Hz: aliases in dB", from, to)
			t.Logf("%5d to %5d Hz: ripple %.4f dB, images %.1f dB, aliases %.1f dB, delay %v", from, to, ripple, image, alias, r.Delay())
		}
	}
}

// TestResampler_ImagesNearTheEdge: what lies between pass and stop band has no
// image above the band either.
func TestResampler_ImagesNearTheEdge(t *testing.T) {
	r, err := NewResampler(8000, 16000)
	require.NoError(t, err)
	for _, hz := range []float64{3600, 3800, 3950} {
		got := converted(t, r, hz, 20000)
		level, _, rest := fitted(got, 16000, hz)
		assert.LessOrEqual(t, level, 20000.0)
		assert.Less(t, decibel(rest/20000), -60.0, hz)
	}
}

func TestResampler_SameWhateverThePieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rates()
		from := rapid.SampledFrom(all[:]).Draw(t, "from")
		to := rapid.SampledFrom(all[:]).Draw(t, "to")
		a, err := NewResampler(from, to)
		require.NoError(t, err)
		x := wave(from, from/20, 700, 12000)
		whole := make([]int16, to/20+1)
		whole = whole[:a.Process(whole, x)]
		require.Len(t, whole, to/20, "50 ms in, 50 ms out")
		a.Reset()
		var got []int16
		for i := 0; i < len(x); {
			n := min(rapid.IntRange(1, 700).Draw(t, "piece"), len(x)-i)
			out := make([]int16, (n*to+from-1)/from)
			got = append(got, out[:a.Process(out, x[i:i+n])]...)
			i += n
		}
		require.Equal(t, whole, got)
	})
}

func TestResampler_ThereAndBack(t *testing.T) {
	for _, rate := range rates() {
		up, err := NewResampler(8000, rate)
		require.NoError(t, err)
		down, err := NewResampler(rate, 8000)
		require.NoError(t, err)
		x := wave(8000, 8000, 1000, 10000)
		var back []int16
		high, narrow := make([]int16, rate/100), make([]int16, 80)
		for i := 0; i < len(x); i += 80 {
			require.Equal(t, rate/100, up.Process(high, x[i:i+80]))
			require.Equal(t, 80, down.Process(narrow, high))
			back = append(back, narrow...)
		}
		assert.InDelta(t, 0, levelAt(back[1600:], 8000, 1000, 10000), 0.01)
	}
}

func TestResampler_LoudSoundIsClippedNotWrapped(t *testing.T) {
	r, err := NewResampler(8000, 48000)
	require.NoError(t, err)
	x := make([]int16, 800)
	for i := range x {
		x[i] = math.MaxInt16
		if i/8%2 == 0 {
			x[i] = math.MinInt16
		}
	}
	y := make([]int16, 4800)
	r.Process(y, x)
	for i := 1; i < len(y); i++ {
		require.Less(t, math.Abs(float64(y[i])-float64(y[i-1])), 30000.0, i)
	}
	assert.Contains(t, y, int16(math.MaxInt16))
}

func TestResampler_Errors(t *testing.T) {
	_, err := NewResampler(8000, 11025)
	assert.ErrorContains(t, err, "11025")
	_, err = NewResampler(0, 8000)
	assert.ErrorContains(t, err, "0 Hz")
}

func TestResampler_DoesNotAllocate(t *testing.T) {
	for _, c := range [][2]int{{8000, 16000}, {48000, 8000}, {44100, 48000}, {8000, 44100}} {
		r, err := NewResampler(c[0], c[1])
		require.NoError(t, err)
		in, out := make([]int16, c[0]/100), make([]int16, c[1]/100)
		assert.Zero(t, testing.AllocsPerRun(100, func() { r.Process(out, in) }))
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, c := range [][2]int{{8000, 16000}, {16000, 8000}, {8000, 48000}, {48000, 8000}, {8000, 44100}, {44100, 8000}, {44100, 48000}, {48000, 16000}} {
		b.Run(fmt.Sprintf("%d-%d", c[0], c[1]), func(b *testing.B) {
			r, err := NewResampler(c[0], c[1])
			require.NoError(b, err)
			in, out := wave(c[0], c[0]/100, 1000, 9000), make([]int16, c[1]/100)
			b.ReportAllocs()
			for b.Loop() {
				r.Process(out, in)
			}
		})
	}
}
