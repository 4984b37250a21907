package e2e

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio/measure"
)

// roamer is a machine with a cable and a radio interface, both to the machine of the
// other phone. Each machine is a network namespace, so nothing leaves this one:
//
//	roamer                            far
//	cable 10.77.1.2 ──────── 10.77.1.1 ┐
//	radio 10.77.2.2 ──────── 10.77.2.1 ┴ 10.77.9.1 its phone
type roamer struct {
	t         testing.TB
	name, far string // of the namespaces
}

const farAddr = "10.77.9.1"

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// findNamespaces tells whether namespaces and pairs of interfaces may be made here.
func findNamespaces() error {
	if err := findProgram("ip"); err != nil {
		return err
	}
	name := fmt.Sprintf("softphone-e2e-%d", os.Getpid())
	if err := ip("netns", "add", name); err != nil {
		return err
	}
	defer func() { _ = ip("netns", "del", name) }()
	return ip("-n", name, "link", "add", "cable", "type", "veth", "peer", "name", "far")
}

func makeRoamer(t testing.TB) roamer {
	t.Helper()
	tag := fmt.Sprintf("softphone-e2e-%d-%d", os.Getpid(), ports.one())
	r := roamer{t, tag + "-roamer", tag + "-far"}
	for _, name := range []string{r.name, r.far} {
		require.NoError(t, ip("netns", "add", name))
		t.Cleanup(func() { _ = ip("netns", "del", name) })
		require.NoError(t, ip("-n", name, "link", "set", "lo", "up"))
	}
	require.NoError(t, ip("-n", r.far, "addr", "add", farAddr+"/32", "dev", "lo"))
	for i, name := range []string{"cable", "radio"} {
		require.NoError(t, ip("-n", r.name, "link", "add", name, "type", "veth", "peer", "name", name, "netns", r.far))
		for ns, host := range map[string]int{r.far: 1, r.name: 2} {
			require.NoError(t, ip("-n", ns, "addr", "add", fmt.Sprintf("10.77.%d.%d/24", i+1, host), "dev", name))
			require.NoError(t, ip("-n", ns, "link", "set", name, "up"))
		}
		require.NoError(t, r.ip("route", "add", "default", "via", fmt.Sprintf("10.77.%d.1", i+1), "metric", fmt.Sprint(100*(i+1))))
	}
	return r
}

func (r roamer) ip(args ...string) error { return ip(append([]string{"-n", r.name}, args...)...) }

// in starts a phone on one of the machines.
func in(t testing.TB, namespace string, args ...string) *phone {
	t.Helper()
	return startPhone(t, []string{"ip", "netns", "exec", namespace}, nil, args...)
}

// makeNoise makes a sound of which each window is like no other.
func makeNoise(t testing.TB, seconds int) said {
	t.Helper()
	s := said{seed: rand.Uint64(), path: filepath.Join(t.TempDir(), "noise.wav")}
	for i := range seconds * rate / measure.MarkerLength {
		s.samples = append(s.samples, measure.Marker(s.seed+uint64(i))...)
	}
	writeWAV(t, s.path, s.samples)
	return s
}

// gap is the longest time of a recording, between two times of what was said, whose
// windows of 20 ms are not like that, but for two between others that are not.
func gap(t testing.TB, s said, heard []int16, from, to time.Duration) (at, length time.Duration) {
	t.Helper()
	const window = rate / 50
	begin, corr := measure.FindMarker(heard, s.seed)
	require.Greater(t, corr, measure.Found, "the beginning of what was said")
	first, last := 0, -10
	longestAt, longest := 0, 0
	bad := []int{}
	for w := range min(len(s.samples), len(heard)-begin) / window {
		place := begin + w*window
		if place < 4 || time.Duration(w)*20*time.Millisecond < from || time.Duration(w)*20*time.Millisecond > to {
			continue
		}
		ref, like := s.samples[w*window:(w+1)*window], 0.0
		for lag := -4; lag <= 4 && place+lag+window <= len(heard); lag++ {
			like = max(like, correlation(ref, heard[place+lag:place+lag+window]))
		}
		if like >= alike {
			continue
		}
		bad = append(bad, w)
		if w-last > 3 {
			first = w
		}
		if last = w; last-first+1 > longest {
			longestAt, longest = first, last-first+1
		}
	}
	t.Logf("windows that are not like what was said: %v", bad)
	return time.Duration(longestAt) * 20 * time.Millisecond, time.Duration(longest) * 20 * time.Millisecond
}

func correlation(a, b []int16) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(max(aa*bb, 1))
}

// A phone in a call loses its cable and goes on by radio, or is given another address.
// Both sides hear each other again, and it hangs up from there. The gap is about the
// 250 ms between two looks at our addresses; the limit has room for a busy machine.
func TestRoaming_AddressChangeInACall(t *testing.T) {
	pull := func(r roamer) error { return r.ip("link", "set", "cable", "down") }
	renumber := func(r roamer) error {
		for _, args := range []string{"addr flush dev cable", "addr add 10.77.1.77/24 dev cable", "route replace default via 10.77.1.1 metric 100"} {
			if err := r.ip(strings.Fields(args)...); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range []struct {
		name, transport, after string
		move                   func(roamer) error
		args                   []string
	}{
		{"cable pulled, udp", "udp", "10.77.2.2", pull, nil},
		{"cable pulled, tcp, srtp", "tcp", "10.77.2.2", pull, secured("required")},
		{"another address, udp", "udp", "10.77.1.77", renumber, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // with one another
			r := makeRoamer(t)
			dir := t.TempDir()
			ours, theirs := makeNoise(t, 20), makeNoise(t, 20)
			heardByUs, heardByFar := filepath.Join(dir, "us.wav"), filepath.Join(dir, "far.wav")
			far := in(t, r.far, slices.Concat([]string{"answer", "--json", "--listen", farAddr + ":5060", "--allow", "10.77.0.0/16", "--count", "1",
				"--duration", "1m", "--play", theirs.path, "--record", heardByFar}, c.args)...)
			far.waitEvent(10*time.Second, "listening")
			us := in(t, r.name, slices.Concat([]string{"call", "sip:far@" + farAddr + ";transport=" + c.transport, "--json", "--sip-listen", "0.0.0.0:0",
				"--play", ours.path, "--record", heardByUs, "--duration", "12s", "--sip-trace"}, c.args)...)
			us.waitEvent(10*time.Second, "call.answered")
			<-time.After(5 * time.Second)
			require.NoError(t, c.move(r))
			result := us.done(30 * time.Second)
			require.Equal(t, "completed", result.text("cause"))
			require.Equal(t, exitDone, far.wait(10*time.Second), "the BYE arrived")
			require.Regexp(t, `(?s)\nINVITE sip:.*\nc=IN IP4 `+regexp.QuoteMeta(c.after)+`\r?\n`, us.errors())
			for _, side := range []struct {
				what, recording string
				said            said
			}{{"the far side hears of us", heardByFar, ours}, {"we hear of the far side", heardByUs, theirs}} {
				at, length := gap(t, side.said, readWAV(t, side.recording), 4*time.Second, 10*time.Second)
				t.Logf("%s: what %s has a gap of %d ms, %.1f s into the call", c.name, side.what, length.Milliseconds(), at.Seconds())
				if side.recording == heardByUs { // what we send finds its new way by itself, where there is one
					require.Positive(t, length, "the change must be heard, or there was none")
				}
				require.Less(t, length, 2*time.Second, side.what)
			}
		})
	}
}
