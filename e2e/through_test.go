package e2e

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio/measure"
)

// makeLongSaid makes something long enough for all kinds of weather: speech
// behind a marker.
func makeLongSaid(t testing.TB, names ...string) said {
	t.Helper()
	s := said{seed: rand.Uint64(), path: filepath.Join(t.TempDir(), "said.wav")}
	s.samples = slices.Concat(measure.Marker(s.seed), make([]int16, rate/10))
	for _, name := range names {
		s.samples = append(s.samples, speech(t, name)...)
	}
	writeWAV(t, s.path, slices.Concat(make([]int16, leadIn), s.samples, make([]int16, rate/2)))
	return s
}

// hearing is how a recording compares with what was said, a window of a fifth of
// a second at a time, each at the lag at which it fits best: playout that
// follows the network stretches and compresses.
type hearing struct {
	windows int     // with speech in them
	like    float64 // share that is like what was said: correlation above 0.9
	median  float64 // correlation
	dead    int     // windows without sound: 30 dB or more below what was said
	spread  time.Duration
}

const (
	window    = rate / 5
	freedom   = 600 * rate / 1000 // that the delay may differ from the beginning's
	nearby    = 60 * rate / 1000  // and from that of the window before, mostly
	alike     = 0.9               // correlation
	speaking  = 300.0             // effective value from which a window counts
	deadLevel = -30.0             // dB
)

func hear(t testing.TB, s said, heard []int16) hearing {
	t.Helper()
	begin, corr := measure.FindMarker(heard, s.seed)
	require.Greater(t, corr, 0.3, "the marker, which may have lost some packets")
	return hearFrom(t, s, heard, begin)
}

// hearFrom is hear of a recording in which the marker, heard or not, would begin there.
func hearFrom(t testing.TB, s said, heard []int16, begin int) hearing {
	t.Helper()
	var h hearing
	var corrs []float64
	least, most, drift := math.MaxInt, math.MinInt, 0
	for at := measure.MarkerLength; at+window <= len(s.samples); at += window {
		ref := s.samples[at : at+window]
		if level(ref) < speaking {
			continue
		}
		h.windows++
		// Near the lag of the window before, and only then everywhere.
		expected := begin + at + drift
		found, c := find(ref, heard, expected-nearby, expected+nearby)
		if c < alike {
			found, c = find(ref, heard, begin+at-freedom, begin+at+freedom)
		}
		corrs = append(corrs, c)
		played := heard[min(max(found, 0), len(heard)):min(max(found+window, 0), len(heard))]
		if 20*math.Log10(max(level(played), 1)/level(ref)) < deadLevel {
			h.dead++
		}
		if c > alike {
			h.like++
			drift = found - at - begin
			least, most = min(least, drift), max(most, drift)
		}
	}
	require.NotEmpty(t, corrs)
	slices.Sort(corrs)
	h.median = corrs[len(corrs)/2]
	h.like /= float64(h.windows)
	h.spread = time.Duration(most-least) * time.Second / rate
	return h
}

// checkMostly holds a recording against what was said where one lag does not do for all
// of it: the recorder has a clock of its own, or calls side by side keep the machine busy.
func checkMostly(t testing.TB, what string, samples, heard []int16) {
	t.Helper()
	begin, _ := measure.BestLag(samples, heard, maxLag)
	h := hearFrom(t, said{samples: samples}, heard, begin)
	t.Logf("%s: %d windows of speech, %.0f %% like what was said, correlation %.3f in the middle, %d dead", what, h.windows, 100*h.like, h.median, h.dead)
	require.Greater(t, h.median, 0.95, "%s: correlation", what)
	require.Greater(t, h.like, 0.7, "%s: share of windows like what was said", what)
	require.LessOrEqual(t, h.dead, h.windows/20, "%s: windows without sound", what)
}

// find looks for a window that begins between two places of a recording.
func find(ref, heard []int16, from, to int) (at int, corr float64) {
	from, to = max(from, 0), min(to+len(ref), len(heard))
	if to-from < len(ref) {
		return from, 0
	}
	lag, corr := measure.BestLag(ref, heard[from:to], to-from-len(ref))
	return max(from+lag, 0), corr
}

func level(samples []int16) float64 {
	sum := 0.0
	for _, v := range samples {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(samples), 1)))
}

// longestSilence is the longest run without sound between two times.
func longestSilence(samples []int16) time.Duration {
	const quiet = 20
	longest, run := 0, 0
	for _, v := range samples {
		if run++; v > quiet || v < -quiet {
			run = 0
		}
		longest = max(longest, run)
	}
	return time.Duration(longest) * time.Second / rate
}

// checkThrough holds a recording to what may be asked of one that came through
// weather. What was said is kept beside it, in step with it.
func checkThrough(t testing.TB, what string, s said, recording string, like float64) {
	t.Helper()
	heard := readWAV(t, recording)
	h := hear(t, s, heard)
	begin, _ := measure.FindMarker(heard, s.seed)
	begin = max(begin, 0)
	writeWAV(t, strings.Replace(recording, "heard", "said", 1), slices.Concat(make([]int16, begin), s.samples))
	end := min(begin+len(s.samples), len(heard))
	silence, said := longestSilence(heard[begin:end]), longestSilence(s.samples)
	t.Logf("%s: %d windows of speech, %.0f %% like what was said, correlation %.3f in the middle, %d dead, lag spread over %s, longest silence %s (said %s)",
		what, h.windows, 100*h.like, h.median, h.dead, h.spread, silence, said)
	require.Greater(t, h.median, 0.95, "%s: correlation", what)
	require.Greater(t, h.like, like, "%s: share of windows like what was said", what)
	require.LessOrEqual(t, h.dead, h.windows/50, "%s: windows without sound", what)
	require.Less(t, silence, said+time.Second, "%s: the longest silence", what)
}

// A phone behind a bad network calls another through the PBX. Each hears the
// other through one trace, with its own playout engine; and the phone hears its
// own echo through both.
func TestAsterisk_ThroughWifiAndBurst(t *testing.T) {
	for _, c := range []struct {
		trace, caller, callee string
		like                  float64
	}{{"wifi", "alice", "carol", 0.65}, {"burst", "bob", "dave", 0.65}} {
		t.Run(c.trace, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, c.callee)
			trace := loadTrace(t, c.trace)
			through := startRelay(t, asterPB, trace, append(slices.Clone(trace[1000:]), trace[:1000]...))
			dir := t.ArtifactDir()
			a, b := makeLongSaid(t, "speech-a.wav", "speech.wav", "speech-b.wav"), makeLongSaid(t, "speech-b.wav", "speech-a.wav", "speech.wav")
			heardByA, heardByB := filepath.Join(dir, "caller-heard.wav"), filepath.Join(dir, "callee-heard.wav")
			pb := answering(t, c.callee, "--play", b.path, "--record", heardByB, "--playout-delay", "0s", "--count", "1", "--duration", "2m")
			pa := softphone(t, "call", c.callee, "--json", "--server", through.addr(), "--user", c.caller,
				"--play", a.path, "--record", heardByA, "--playout-delay", "0s", "--tail", "3s")
			r := pa.done(a.length() + 30*time.Second)
			require.Equal(t, exitDone, pb.wait(10*time.Second))
			logWeather(t, through, r, pb.result())
			checkThrough(t, "what the caller hears", b, heardByA, c.like)
			checkThrough(t, "what the callee hears", a, heardByB, c.like)
		})
	}
	t.Run("wifi and back", func(t *testing.T) {
		t.Parallel()
		trace := loadTrace(t, "wifi")
		through := startRelay(t, asterPB, trace, append(slices.Clone(trace[1000:]), trace[:1000]...))
		s := makeLongSaid(t, "speech-a.wav", "speech-b.wav")
		heard := filepath.Join(t.ArtifactDir(), "heard.wav")
		p := softphone(t, "call", "600", "--json", "--server", through.addr(), "--user", "erin",
			"--play", s.path, "--record", heard, "--playout-delay", "0s", "--tail", "3s")
		logWeather(t, through, p.done(s.length()+30*time.Second))
		checkThrough(t, "echo", s, heard, 0.55)
	})
}

func logWeather(t testing.TB, r *relay, results ...line) {
	t.Helper()
	for side, name := range []string{"up", "down"} {
		passed, dropped := r.weather[side].figures()
		t.Logf("the relay passed %d packets %s and dropped %d", passed, name, dropped)
		require.Positive(t, passed, "packets %s", name)
	}
	for _, l := range results {
		t.Logf("%s: packets received %.0f, lost %.0f, late %.0f, playout delay %.0f ms, round trip %.1f ms, MOS %.2f", l.text("id"),
			l.number("packets_received"), l.number("packets_lost"), l.number("packets_late"), l.number("playout_delay_ms"), l.number("rtt_ms"), l.number("mos"))
	}
}
