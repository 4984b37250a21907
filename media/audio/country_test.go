package audio

import (
	"bufio"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wantedTone is a line of testdata/tones.txt.
type wantedTone struct {
	country, name string
	hz            []float64
	swell, level  float64
	cadence       []int // ms
}

func wantedTones(t *testing.T) (all []wantedTone) {
	file, err := os.Open("testdata/tones.txt")
	require.NoError(t, err)
	defer file.Close()
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		return v
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if f[0] == "#" {
			continue
		}
		w := wantedTone{country: strings.Trim(f[0], "-"), name: f[1], level: number(f[3])}
		carrier, swell, swells := strings.Cut(f[2], "*")
		if swells {
			w.swell = number(swell)
		}
		for hz := range strings.SplitSeq(carrier, "+") {
			w.hz = append(w.hz, number(hz))
		}
		for _, ms := range f[4:] {
			w.cadence = append(w.cadence, int(number(ms)))
		}
		all = append(all, w)
	}
	return all
}

func (s ToneSet) tone(name string) Tone {
	return map[string]Tone{"dial": s.Dial, "ringback": s.Ringback, "busy": s.Busy, "congestion": s.Congestion, "waiting": s.CallWaiting}[name]
}

// shareOf is the share of one frequency in the energy of a second of x.
func shareOf(x []int16, hz, energy float64) float64 {
	var re, im float64
	for i, v := range x {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / 8000)
		re += float64(v) * c
		im += float64(v) * s
	}
	return (re*re + im*im) * 2 / float64(len(x)) / energy
}

// rhythm is how long x is on and off in turn, in ms. Off is silence of 20 ms.
func rhythm(x []int16) (turns []float64) {
	const quiet = 160
	on, since := true, 0
	for i := 0; i < len(x); {
		if x[i] != 0 {
			if !on {
				turns, on, since = append(turns, float64(i-since)/8), true, i
			}
			i++
			continue
		}
		end := i
		for end < len(x) && x[end] == 0 {
			end++
		}
		if on && end-i >= quiet {
			turns, on, since = append(turns, float64(i-since)/8), false, i
		}
		i = end
	}
	return turns
}

// TestTonesOf_AsTheySound measures the tones of every country: the frequencies,
// the level and the cadence of what is really played.
func TestTonesOf_AsTheySound(t *testing.T) {
	countries := map[string]bool{}
	for _, w := range wantedTones(t) {
		set, known := TonesOf(w.country)
		require.Equal(t, w.country != "", known, w.country)
		require.Equal(t, w.country, set.Country)
		countries[set.Country] = true
		tone := set.tone(w.name)

		steady := tone
		steady.Cadence = nil
		x := readAll(steady.Source(), 8000, 100)
		energy := 0.0
		for _, v := range x {
			energy += float64(v) * float64(v)
		}
		assert.InDelta(t, w.level, dBm0(x), 0.1, "%s %s: dBm0", w.country, w.name)
		sum := 0.0
		for _, hz := range w.hz {
			if w.swell == 0 {
				share := shareOf(x, hz, energy)
				assert.InDelta(t, 1/float64(len(w.hz)), share, 0.005, "%s %s: %g Hz", w.country, w.name, hz)
				sum += share
				continue
			}
			sum += shareOf(x, hz, energy) + shareOf(x, hz-w.swell, energy) + shareOf(x, hz+w.swell, energy)
			assert.InDelta(t, 2.0/3, shareOf(x, hz, energy), 0.01, "%s %s: %g Hz", w.country, w.name, hz)
		}
		assert.InDelta(t, 1, sum, 0.001, "%s %s: nothing but its frequencies", w.country, w.name)

		if len(w.cadence) == 0 {
			assert.Empty(t, tone.Cadence, "%s %s", w.country, w.name)
			continue
		}
		period := 0
		for _, ms := range w.cadence {
			period += ms
		}
		turns := rhythm(readAll(tone.Source(), 8000, 2*period/10+5))
		want := slices.Concat(w.cadence, w.cadence)
		require.Len(t, turns, len(want), "%s %s", w.country, w.name)
		for i, ms := range want {
			assert.InDelta(t, ms, turns[i], 2, "%s %s: part %d of %v", w.country, w.name, i, want)
		}
	}
	delete(countries, "")
	assert.Len(t, countries, len(ToneCountries()), "every country is in the file")
	assert.GreaterOrEqual(t, len(countries), 25)
}

func TestTonesOf_Lookup(t *testing.T) {
	set, ok := TonesOf(" kr ")
	assert.True(t, ok)
	assert.Equal(t, "KR", set.Country)
	assert.Equal(t, Ringback(), set.Ringback)
	assert.Equal(t, Dial(), set.Dial)
	assert.Equal(t, Busy(), set.Busy)
	for _, unknown := range []string{"", "XX", "K", "KOR", "KR 350", "\n"} {
		set, ok := TonesOf(unknown)
		assert.False(t, ok, unknown)
		assert.Empty(t, set.Country)
		assert.Equal(t, []float64{425}, set.Busy.Frequencies)
	}
	all := ToneCountries()
	assert.True(t, slices.IsSorted(all))
	for _, c := range []string{"KR", "US", "GB", "DE", "FR", "JP", "CN", "IN", "AU", "BR"} {
		assert.Contains(t, all, c)
	}
}

func TestTone_SwellsAtAnyRate(t *testing.T) {
	tone := Tone{Frequencies: []float64{400}, Modulation: 25, Level: -10, Duration: time.Minute}
	for _, rate := range rates() {
		x := readAll(tone.Source(), rate, 100)
		assert.InDelta(t, -10, dBm0(x), 0.05, rate)
		assert.InDelta(t, 0, levelAt(x, rate, 400, 1)-levelAt(x, rate, 425, 1)-6.02, 0.05, "sidebands of half the amplitude")
	}
}
