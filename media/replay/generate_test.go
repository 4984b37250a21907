package replay

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// statistics of a trace, in ms.
type statistics struct {
	delays     []float64 // sorted
	lost, runs int
	overtaken  int
	repeat     float64 // correlation of a packet's delay with the next one's
	drift      float64 // ppm between the fastest of the first and of the last tenth
	arrivals   int
}

func (s statistics) quantile(q float64) float64 {
	return s.delays[min(int(q*float64(len(s.delays))), len(s.delays)-1)]
}

func study(trace Trace) statistics {
	var s statistics
	var delays []float64
	newest, before := -1.0, false
	for _, p := range trace {
		if p.Lost {
			s.lost++
			if !before {
				s.runs++
			}
		} else {
			delays = append(delays, ms(p.Arrived-p.Sent))
			if at := ms(p.Arrived); at < newest {
				s.overtaken++
			} else {
				newest = at
			}
		}
		before = p.Lost
	}
	mean := 0.0
	for _, d := range delays {
		mean += d / float64(len(delays))
	}
	var own, next float64
	for i := range delays[1:] {
		own += (delays[i] - mean) * (delays[i] - mean)
		next += (delays[i] - mean) * (delays[i+1] - mean)
	}
	s.repeat = next / own
	tenth := len(delays) / 10
	first, last := slices.Min(delays[:tenth]), slices.Min(delays[len(delays)-tenth:])
	s.drift = (last - first) / (ms(packetTime) * float64(len(trace)) * 0.9) * 1e6
	s.delays = slices.Sorted(slices.Values(delays))
	s.arrivals = len(delays)
	return s
}

// Generated traces are of the kind of the recorded ones: each quantile of delay
// lies between those of the kept trace, with room for another seed.
func TestGenerate_IsOfTheKindOfTheKeptTraces(t *testing.T) {
	for model, file := range map[Model]string{
		Clean: "clean", Uniform: "uniform40", WiFi: "wifi", LTE: "lte", Loss: "loss5",
		Burst: "burst", Step: "step", Drift: "drift", Bloat: "bloat", Reorder: "reorder",
	} {
		kept := study(loadTrace(t, file))
		for seed := range uint64(5) {
			got := study(Generate(model, seed, 3600))
			for _, q := range []float64{0, 0.05, 0.25, 0.5, 0.75, 0.9} {
				assert.InDelta(t, kept.quantile(q), got.quantile(q), 3+0.12*kept.quantile(q), "%v, seed %d: quantile %v", model, seed, q)
			}
			assert.InDelta(t, kept.quantile(0.99), got.quantile(0.99), 15+0.45*kept.quantile(0.99), "%v, seed %d: slowest", model, seed)
			assert.InDelta(t, kept.lost, got.lost, 12+0.45*float64(kept.lost), "%v, seed %d: lost", model, seed)
			if kept.runs > 20 {
				assert.InDelta(t, float64(kept.lost)/float64(kept.runs), float64(got.lost)/float64(got.runs), 0.7, "%v, seed %d: run", model, seed)
			}
			assert.InDelta(t, kept.overtaken, got.overtaken, 40, "%v, seed %d: overtaken", model, seed)
			assert.InDelta(t, kept.repeat, got.repeat, 0.45, "%v, seed %d: correlation", model, seed)
			if model == Drift {
				assert.InDelta(t, kept.drift, got.drift, 30, "seed %d: ppm", seed)
			}
		}
	}
}

func TestGenerate_SeedDecides(t *testing.T) {
	for _, m := range Models() {
		a, b := Generate(m, 7, 500), Generate(m, 7, 1000)
		assert.Equal(t, a, b[:500], "%v: more packets only go on", m)
		assert.NotEqual(t, a, Generate(m, 8, 500), m)
	}
	assert.Empty(t, Generate(Clean, 1, 0))
	assert.Empty(t, Generate(Clean, 1, -5))
}

func TestGenerate_RoundTrip(t *testing.T) {
	for _, m := range Models() {
		trace := Generate(m, 3, 400)
		var file bytes.Buffer
		require.NoError(t, trace.Write(&file))
		back, err := ParseTrace(&file)
		require.NoError(t, err)
		assert.Equal(t, trace, back, m)
	}
}

func TestParseModel(t *testing.T) {
	for _, m := range Models() {
		got, err := ParseModel(m.String())
		require.NoError(t, err)
		assert.Equal(t, m, got)
	}
	got, err := ParseModel("WiFi")
	require.NoError(t, err)
	assert.Equal(t, WiFi, got)
	_, err = ParseModel("5g")
	require.ErrorContains(t, err, "use one of clean, uniform, wifi")
	assert.Equal(t, "invalid", Model(99).String())
}
