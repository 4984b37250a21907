package quality

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The provisional guide of G.107 Annex B between R and MOS.
func TestMOS_G107_AnnexB(t *testing.T) {
	for r, mos := range map[float64]float64{90: 4.34, 80: 4.02, 70: 3.60, 60: 3.10, 50: 2.58, DefaultR: 4.41, 0: 1, -5: 1, 100: 4.5, 120: 4.5} {
		assert.InDelta(t, mos, MOS(r), 0.005, "R %v", r)
	}
	assert.Equal(t, 1.0, MOS(math.NaN()))
	assert.Equal(t, 1.0, MOS(3), "the polynomial dips below 1 there")
}

// Random loss against the planning values of G.113 Appendix I for G.711 with
// and without concealment, in whole units of impairment.
func TestLossImpairment_G113(t *testing.T) {
	for _, c := range []struct{ loss, bpl, want float64 }{
		{0, BplConcealed, 0},
		{0.02, BplConcealed, 7},
		{0.03, BplConcealed, 10.1},
		{0.05, BplConcealed, 15.8},
		{0.07, BplConcealed, 20.7},
		{0.10, BplConcealed, 27.1},
		{0.01, BplPlain, 17.9},
		{0.02, BplPlain, 30.2},
		{0.05, 0, 15.8}, // zero stands for concealed
	} {
		assert.InDelta(t, c.want, Input{Loss: c.loss, Bpl: c.bpl}.LossImpairment(), 0.1, "%+v", c)
	}
	random := Input{Loss: 0.02}.LossImpairment()
	assert.Greater(t, Input{Loss: 0.02, BurstRatio: 2}.LossImpairment(), random)
	assert.Equal(t, random, Input{Loss: 0.02, BurstRatio: 0.2}.LossImpairment())
	assert.InDelta(t, 75.9, Input{Loss: 7}.LossImpairment(), 0.1, "more than all is all")
	assert.Zero(t, Input{Loss: -1}.LossImpairment())
	assert.Zero(t, Input{Loss: math.NaN()}.LossImpairment())
}

func TestDelayImpairment_G107(t *testing.T) {
	for ms, want := range map[int]float64{-5: 0, 0: 0, 100: 0, 150: 0.16, 200: 3.04, 300: 14.7, 400: 24.1} {
		in := Input{Delay: time.Duration(ms) * time.Millisecond}
		assert.InDelta(t, want, in.DelayImpairment(), 0.1, "%d ms", ms)
	}
	previous := -1.0
	for ms := 0; ms < 2000; ms += 10 {
		idd := Input{Delay: time.Duration(ms) * time.Millisecond}.DelayImpairment()
		assert.GreaterOrEqual(t, idd, previous)
		previous = idd
	}
}

func TestInput(t *testing.T) {
	assert.InDelta(t, 4.41, Input{}.MOS(), 0.005)
	assert.InDelta(t, 93.2-7.0-3.04, Input{Loss: 0.02, Delay: 200 * time.Millisecond}.R(), 0.1)
	assert.Equal(t, 0.0, Input{Loss: 1, BurstRatio: 100, Delay: 10 * time.Second}.R())
	assert.Equal(t, 1.0, Input{Loss: 1, BurstRatio: 100, Delay: 10 * time.Second}.MOS())
}

func TestBurstRatio(t *testing.T) {
	assert.Equal(t, 1.0, BurstRatio(0, 0, 100))
	assert.Equal(t, 1.0, BurstRatio(5, 5, 0))
	assert.Equal(t, 1.0, BurstRatio(50, 50, 1000), "single losses")
	assert.InDelta(t, 4*0.95, BurstRatio(50, 12, 1000), 0.2)
	assert.Equal(t, 1.0, BurstRatio(100, 1, 100), "everything lost")
}
