package measure

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/softphone-go/softphone/media/g711"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// speech is noise that comes and goes as words do.
func speech(seed uint64, n int) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]int16, n)
	last := 0.0
	for i := range x {
		loud := math.Max(0, math.Sin(float64(i)/900)) * 9000
		last = 0.8*last + 0.2*(2*r.Float64()-1)
		x[i] = int16(loud * last)
	}
	return x
}

// late is x after n samples of silence, and through µ-law.
func late(x []int16, n int) []int16 {
	out := make([]int16, n+len(x))
	copy(out[n:], x)
	codes := make([]byte, len(out))
	g711.EncodePCMU(codes, out)
	g711.DecodePCMU(out, codes)
	return out
}

// slowLag is BestLag by its definition.
func slowLag(ref, deg []int16, maxLag int) (int, float64) {
	at, most := 0, math.Inf(-1)
	for lag := -maxLag; lag <= maxLag; lag++ {
		var product, e, own float64
		for i, r := range ref {
			own += float64(r) * float64(r)
			if j := i + lag; j >= 0 && j < len(deg) {
				product += float64(r) * float64(deg[j])
				e += float64(deg[j]) * float64(deg[j])
			}
		}
		score := 0.0
		if e > 0 && own > 0 {
			score = product / math.Sqrt(own*e)
		}
		if lag > -len(ref) && lag < len(deg) && score > most {
			at, most = lag, score
		}
	}
	return at, most
}

func TestBestLag_EqualsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int16(), 1, 120)
		ref, deg := samples.Draw(t, "ref"), samples.Draw(t, "deg")
		maxLag := rapid.IntRange(0, 150).Draw(t, "maxLag")
		_, corr := BestLag(ref, deg, maxLag)
		_, want := slowLag(ref, deg, maxLag)
		if math.Abs(corr-want) > 1e-9 {
			t.Fatalf("corr %v, want %v", corr, want)
		}
	})
}

func TestBestLag_ManyBlocks(t *testing.T) {
	// Longer than one block of the search, with lags over several blocks too.
	ref := speech(1, 60_000)
	for _, lag := range []int{0, 1, 77, 4095, 4096, 9000, 31_000} {
		deg := late(ref, lag)
		got, corr := BestLag(ref, deg, 40_000)
		assert.Equal(t, lag, got)
		assert.Greater(t, corr, 0.99)
		got, _ = BestLag(deg, ref, 40_000)
		assert.Equal(t, -lag, got)
	}
}

func TestBestLag_EdgeCases(t *testing.T) {
	x := speech(1, 8000)
	_, corr := BestLag(x, make([]int16, 8000), 100)
	assert.Zero(t, corr, "silence")
	_, corr = BestLag(make([]int16, 8000), x, 100)
	assert.Zero(t, corr)
	_, corr = BestLag(nil, x, 100)
	assert.Zero(t, corr)
	_, corr = BestLag(x, nil, 100)
	assert.Zero(t, corr)
	lag, corr := BestLag(x, x, -5)
	assert.Zero(t, lag)
	assert.InDelta(t, 1, corr, 1e-12)
	_, corr = BestLag(x, speech(2, 8000), 400)
	assert.Less(t, corr, 0.3, "another recording")
	_, corr = BestLag(x, x[:4000], 400)
	assert.Less(t, corr, 0.9, "half is missing")
	inverted := make([]int16, len(x))
	for i, v := range x {
		inverted[i] = -v
	}
	_, corr = BestLag(x, inverted, 0)
	assert.InDelta(t, -1, corr, 1e-12)
}

func TestDropouts(t *testing.T) {
	ref := make([]int16, 8000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range ref {
		ref[i] = int16(r.IntN(8000) - 4000)
	}
	deg := late(ref, 300)
	assert.Zero(t, Dropouts(ref, deg, 300))
	clear(deg[300+1000+37 : 300+1000+37+160])
	gaps := Gaps(ref, deg, 300)
	require.Len(t, gaps, 1, "one packet, off the window grid")
	assert.InDelta(t, 1037, gaps[0], 1)
	clear(deg[300+3000 : 300+3000+500])
	assert.Equal(t, 4, Dropouts(ref, deg, 300))
	assert.Equal(t, 5, Dropouts(ref, deg[:300+8000-170], 300), "cut off at the end")

	clear(ref[1000:1300])
	clear(ref[3000:3600])
	assert.Zero(t, Dropouts(ref, deg, 300), "pauses of the reference do not count")
	for i := range ref {
		ref[i] = int16(i%3 - 1)
	}
	assert.Zero(t, Dropouts(ref, make([]int16, 8000), 0), "nor do its last bits")
	assert.Zero(t, Dropouts(ref[:100], nil, 0))
}

func TestCompare(t *testing.T) {
	ref := speech(3, 40_000)
	half := make([]int16, len(ref))
	for i, v := range ref {
		half[i] = v / 2
	}
	got := Compare(ref, late(half, 123), 1000)
	assert.Equal(t, 123, got.Lag)
	assert.Greater(t, got.Correlation, 0.99)
	assert.Zero(t, got.Dropouts)
	assert.InDelta(t, -6, got.Gain, 0.2)
	assert.Zero(t, Compare(ref, nil, 10).Gain)
}

func TestMarker(t *testing.T) {
	require.Len(t, Marker(1), MarkerLength)
	assert.Equal(t, Marker(1), Marker(1))
	assert.NotEqual(t, Marker(1), Marker(2))

	played := append(Marker(77), speech(4, 160_000)...)
	heard := late(played, 2345)
	at, corr := FindMarker(heard, 77)
	assert.Equal(t, 2345, at)
	assert.Greater(t, corr, 0.99)
	for seed := range uint64(20) {
		_, corr = FindMarker(heard, seed)
		assert.Less(t, corr, 0.1, "a recording of another run")
	}
	at, corr = FindMarker(heard[2345+500:], 77)
	assert.Equal(t, -500, at, "the start is cut off")
	assert.Greater(t, corr, Found)
	_, corr = FindMarker(nil, 77)
	assert.Zero(t, corr)
}

func BenchmarkBestLag72s(b *testing.B) {
	ref := speech(1, 72*8000)
	deg := late(ref, 1000)
	for b.Loop() {
		BestLag(ref, deg, 8000)
	}
}

func BenchmarkFindMarker72s(b *testing.B) {
	deg := speech(1, 72*8000)
	for b.Loop() {
		FindMarker(deg, 1)
	}
}
