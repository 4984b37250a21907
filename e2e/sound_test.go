package e2e

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
)

const rate = 8000 // samples a second, everywhere here

// maxLag is long enough for any delay between a phone's start of playing and another's
// start of recording.
const maxLag = 20 * rate

func speech(t testing.TB, name string) []int16 {
	t.Helper()
	w, err := audio.OpenWAV(filepath.Join(root, "testdata", "audio", name))
	require.NoError(t, err)
	return w.SamplesAt(rate)
}

// said is something to be played that no other run plays: a marker of noise
// that is random, then speech, between two silences.
type said struct {
	path    string
	samples []int16 // marker and speech, without the silences
	seed    uint64
}

const leadIn = rate / 2

func makeSaid(t testing.TB, name string) said {
	t.Helper()
	s := said{seed: rand.Uint64(), path: filepath.Join(t.TempDir(), "said.wav")}
	s.samples = slices.Concat(measure.Marker(s.seed), make([]int16, rate/10), speech(t, name))
	writeWAV(t, s.path, slices.Concat(make([]int16, leadIn), s.samples, make([]int16, rate/2)))
	return s
}

// length is how long it takes to play all of it.
func (s said) length() time.Duration {
	return time.Duration(len(s.samples)+2*leadIn) * time.Second / rate
}

func writeWAV(t testing.TB, path string, samples []int16) {
	t.Helper()
	require.NoError(t, audio.WriteWAV(path, rate, samples))
}

func readWAV(t testing.TB, path string) []int16 {
	t.Helper()
	w, err := audio.OpenWAV(path)
	require.NoError(t, err)
	return w.SamplesAt(rate)
}

// checkHeard holds a recording against what was said: one lag for all of it,
// correlation above 0.95 and no 20 ms window 40 dB below its reference.
func checkHeard(t testing.TB, what string, said, heard []int16) {
	t.Helper()
	r := measure.Compare(said, heard, maxLag)
	t.Logf("%s: correlation %.4f at lag %d (%.1f ms), %d dropouts, gain %.2f dB", what, r.Correlation, r.Lag, float64(r.Lag)*1000/rate, r.Dropouts, r.Gain)
	require.Greater(t, r.Correlation, 0.95, "%s: correlation with what was said", what)
	require.Zero(t, r.Dropouts, "%s: windows of 20 ms without sound", what)
}

func checkMarker(t testing.TB, what string, s said, heard []int16) {
	t.Helper()
	_, corr := measure.FindMarker(heard, s.seed)
	require.Greater(t, corr, measure.Found, "%s: the marker of this run", what)
}
