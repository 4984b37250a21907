package dtmf_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/dtmf"
)

// levelOf is the level in dBm0 of one frequency in x.
func levelOf(x []int16, hz float64) float64 {
	var re, im float64
	for i, v := range x {
		w := 1 - math.Cos(2*math.Pi*float64(i)/float64(len(x))) // Hann
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / 8000)
		re += w * float64(v) * c
		im += w * float64(v) * s
	}
	return 20*math.Log10(2*math.Hypot(re, im)/float64(len(x))/math.MaxInt16) + 3.17
}

func TestGenerator_FrequenciesAndLevels_Q23(t *testing.T) {
	lows, highs := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	for k, key := range keypad {
		var g dtmf.Generator
		require.NoError(t, g.Queue(string(key), time.Second, 100*ms))
		x := make([]int16, 8000)
		assert.Equal(t, 1, g.Read(x))
		for i, hz := range append(lows, highs...) {
			level := levelOf(x, hz)
			switch {
			case i == k/4:
				assert.InDelta(t, dtmf.DefaultLow, level, 0.1, "%c at %v Hz", key, hz)
			case i == 4+k%4:
				assert.InDelta(t, dtmf.DefaultHigh, level, 0.1, "%c at %v Hz", key, hz)
			default:
				assert.Less(t, level, -60.0, "%c at %v Hz", key, hz)
			}
		}
	}
}

func TestGenerator_TimesToTheSample(t *testing.T) {
	var g dtmf.Generator
	require.NoError(t, g.Queue("1d", 70*ms, 50*ms))
	require.NoError(t, g.Queue("*", 0, 0))
	x := make([]int16, 4000)
	for i := range x {
		x[i] = 77
	}
	began := 0
	for i := 0; i < len(x); i += 80 {
		began += g.Read(x[i : i+80])
		assert.Equal(t, i+80 < 2*(560+400)+1600, g.Active(), i)
	}
	assert.Equal(t, 3, began)
	assert.NotZero(t, x[559])
	assert.Equal(t, make([]int16, 400), x[560:960], "a pause is silent")
	assert.NotZero(t, x[960+559])
	assert.Equal(t, make([]int16, 400), x[960+560:1920])
	assert.NotZero(t, x[1920+799])
	assert.Equal(t, make([]int16, 800), x[1920+800:1920+1600])
	assert.EqualValues(t, 77, x[1920+1600], "what comes after is left alone")
	assert.Less(t, math.Abs(float64(x[0])), 50.0, "it rises from nothing")
}

func TestGenerator_LimitsAndClear(t *testing.T) {
	var g dtmf.Generator
	assert.False(t, g.Active())
	require.ErrorContains(t, g.Queue("12x", 0, 0), "position 3")
	assert.False(t, g.Active(), "all or none")
	require.Error(t, g.Queue("1", -1, 0))
	require.Error(t, g.Queue(strings.Repeat("1", dtmf.MaxQueue+1), 0, 0))
	require.NoError(t, g.Queue("123", time.Minute, time.Minute))
	x := make([]int16, 800)
	g.Read(x)
	g.Clear()
	assert.True(t, g.Active(), "the key that is down ends in good order")
	g.Read(x)
	assert.False(t, g.Active())
	assert.NotZero(t, x[1])
}

func TestGenerator_ClipsWithoutWrapping(t *testing.T) {
	g := dtmf.Generator{Low: 3, High: 3}
	require.NoError(t, g.Queue("5", 100*ms, 0))
	x := make([]int16, 800)
	g.Read(x)
	assert.Contains(t, x, int16(math.MaxInt16))
	assert.Contains(t, x, int16(math.MinInt16))
}

func TestGenerator_DoesNotAllocate(t *testing.T) {
	var g dtmf.Generator
	require.NoError(t, g.Queue(strings.Repeat("159D", 60), 40*ms, 40*ms))
	x := make([]int16, 80)
	assert.Zero(t, testing.AllocsPerRun(1500, func() { g.Read(x) }))
}
