package replay

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/jitter"
)

// realSpeech is the speech of testdata, again and again for 72 s.
func realSpeech(t testing.TB) []int16 {
	t.Helper()
	var s []int16
	for _, name := range []string{"speech", "speech-a", "speech-b"} {
		w, err := audio.OpenWAV(filepath.Join("..", "..", "testdata", "audio", name+".wav"))
		require.NoError(t, err)
		s = append(s, w.SamplesAt(clockRate)...)
	}
	for len(s) < 72*clockRate {
		s = append(s, s...)
	}
	return s[:72*clockRate]
}

// TestTraces_StayWithinBounds prints what the engine makes of each trace, as
// `make replay-traces` shows it, and holds it to a little more than what it was
// when the bounds were last set: a regression shows here first.
func TestTraces_StayWithinBounds(t *testing.T) {
	speech := realSpeech(t)
	t.Logf("%-10s %6s %6s %6s %10s %10s %10s %5s", "trace", "mean", "p95", "late", "concealed", "stretched", "compressed", "MOS")
	for _, want := range []struct {
		trace                string
		mean, p95, concealed float64 // ms at most
		mos                  float64 // at least
	}{
		{"clean", 35, 35, 0, 4.40},
		{"uniform40", 75, 80, 200, 4.35},
		{"wifi", 120, 170, 1800, 4.10},
		{"lte", 175, 400, 2600, 3.90},
		{"loss5", 90, 95, 3700, 3.80},
		{"burst", 90, 95, 4200, 3.60},
		{"step", 125, 210, 400, 4.20},
		{"drift", 64, 75, 200, 4.35},
		{"bloat", 215, 400, 1250, 3.90},
		{"reorder", 60, 65, 2500, 4.10},
	} {
		trace := loadTrace(t, want.trace)
		_, r := Run(trace, speech, Options{})
		t.Logf("%-10s %6.1f %6.1f %6d %10.0f %10.0f %10.0f %5.2f",
			want.trace, r.MeanDelayMS, r.P95DelayMS, r.Late, r.ConcealedMS, r.StretchedMS, r.CompressedMS, r.MOS)
		assert.LessOrEqual(t, r.MeanDelayMS, want.mean, "%s: mean delay", want.trace)
		assert.LessOrEqual(t, r.P95DelayMS, want.p95, "%s: 95th percentile of delay", want.trace)
		assert.LessOrEqual(t, r.ConcealedMS, want.concealed, "%s: concealed", want.trace)
		assert.GreaterOrEqual(t, r.MOS, want.mos, "%s: MOS", want.trace)
	}
}

// The engine does as well on networks it has never met: other seeds of the same
// models, and A-law, which only sounds otherwise.
func TestTraces_OtherSeedsAreNoWorse(t *testing.T) {
	speech := realSpeech(t)[:30*clockRate]
	for _, c := range []struct {
		model           Model
		mean, concealed float64 // ms at most, in 30 s
	}{
		{Clean, 40, 0},
		{Uniform, 95, 250},
		{WiFi, 150, 1500},
		{LTE, 260, 2500},
		{Loss, 95, 2200},
		{Burst, 95, 2600},
		{Step, 160, 400},
		{Drift, 95, 250},
		{Bloat, 280, 900},
		{Reorder, 95, 1300},
	} {
		var means, conceals []float64
		for seed := range uint64(4) {
			trace := Generate(c.model, 100+seed, 1500)
			_, r := Run(trace, speech, Options{Codec: jitter.PCMA})
			means, conceals = append(means, r.MeanDelayMS), append(conceals, r.ConcealedMS)
		}
		t.Logf("%-8v mean delay %5.1f, concealed %4.0f", c.model, means, conceals)
		assert.LessOrEqual(t, slices.Max(means), c.mean, "%v: mean delay", c.model)
		assert.LessOrEqual(t, slices.Max(conceals), c.concealed, "%v: concealed", c.model)
	}
}
