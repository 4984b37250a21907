package e2e

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio/measure"
)

// answering starts a phone that takes calls, and waits until it is registered.
func answering(t *testing.T, user string, args ...string) *phone {
	t.Helper()
	p := softphone(t, append(append([]string{"answer", "--json"}, account(asterPB, user)...), args...)...)
	p.waitRegistered(5 * time.Second)
	return p
}

func TestAsterisk_PhoneToPhone(t *testing.T) {
	for _, c := range []struct {
		name, caller, callee string
		callerArgs, args     []string
	}{
		{"by name over udp", "alice", "bob", nil, nil},
		{"by number over tcp", "bob", "01055501003", []string{"--transport", "tcp"}, []string{"--transport", "tcp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // with one another
			callee := c.callee
			if callee == "01055501003" {
				callee = "carol"
			}
			users.borrow(t, callee)
			dir := t.TempDir()
			a, b := makeSaid(t, "speech-a.wav"), makeSaid(t, "speech-b.wav")
			heardByA, heardByB := filepath.Join(dir, "a.wav"), filepath.Join(dir, "b.wav")
			pb := answering(t, callee, append(c.args, "--play", b.path, "--record", heardByB, "--count", "1", "--duration", "1m")...)
			pa := softphone(t, append(append([]string{"call", c.callee, "--json", "--play", a.path, "--record", heardByA, "--tail", "2s"},
				account(asterPB, c.caller)...), c.callerArgs...)...)
			incoming := pb.waitEvent(10*time.Second, "call.incoming")
			t.Logf("incoming from %v (%v)", incoming["remote"], incoming["name"])
			r := pa.done(a.length() + 20*time.Second)
			require.Equal(t, "local", r.text("ended_by"))
			checkQuality(t, r)
			require.Equal(t, exitDone, pb.wait(10*time.Second))
			checkMarker(t, "what the caller hears", b, readWAV(t, heardByA))
			checkMarker(t, "what the callee hears", a, readWAV(t, heardByB))
			checkHeard(t, "what the caller hears", b.samples, readWAV(t, heardByA))
			checkHeard(t, "what the callee hears", a.samples, readWAV(t, heardByB))
		})
	}
}

// ticking is a sound whose every second starts with a marker of its own, so
// that a recording tells which seconds of it were heard, and when.
type ticking struct {
	path  string
	seeds []uint64
}

func makeTicking(t *testing.T, seconds int) ticking {
	t.Helper()
	k := ticking{path: filepath.Join(t.TempDir(), "ticking.wav")}
	var samples []int16
	for range seconds {
		seed := rand.Uint64()
		k.seeds = append(k.seeds, seed)
		samples = append(samples, measure.Marker(seed)...)
		samples = append(samples, make([]int16, rate-measure.MarkerLength)...)
	}
	writeWAV(t, k.path, samples)
	return k
}

// heardAt tells when in a recording each second of k was heard.
func (k ticking) heardAt(samples []int16) []time.Duration {
	var at []time.Duration
	for _, seed := range k.seeds {
		if i, corr := measure.FindMarker(samples, seed); corr > measure.Found {
			at = append(at, time.Duration(i)*time.Second/rate)
		}
	}
	return at
}

// first is k with no more than its first seconds to be looked for, which takes time.
func (k ticking) first(seconds int) ticking { return ticking{k.path, k.seeds[:seconds]} }

// heardSeconds tells which seconds of k were heard, in their order.
func (k ticking) heardSeconds(samples []int16) []int {
	var heard []int
	for i, seed := range k.seeds {
		if _, corr := measure.FindMarker(samples, seed); corr > measure.Found {
			heard = append(heard, i)
		}
	}
	return heard
}

// The caller holds the call 4 s after the answer for 4 s: meanwhile neither
// hears the other, the callee hears the PBX's music, and afterwards both talk
// as before.
func TestAsterisk_HoldAndResume(t *testing.T) {
	for _, c := range []struct{ caller, callee, transport string }{
		{"erin", "frank", "udp"}, {"frank", "dave", "tcp"}, {"heidi", "ivan", "tls"},
	} {
		t.Run(c.transport, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, c.callee)
			dir := t.TempDir()
			a, b := makeTicking(t, 16), makeTicking(t, 16)
			heardByA, heardByB := filepath.Join(dir, "a.wav"), filepath.Join(dir, "b.wav")
			pb := answeringBy(t, c.transport, c.callee, "--play", b.path, "--record", heardByB, "--count", "1", "--duration", "1m")
			pa := softphone(t, append([]string{"call", c.callee, "--json", "--play", a.path, "--record", heardByA,
				"--hold", "4s,4s", "--duration", "14s"}, by(c.transport, c.caller)...)...)
			held := pa.waitEvent(15*time.Second, "call.held")
			require.Equal(t, "local", held.text("by"))
			resumed := pa.waitEvent(15*time.Second, "call.resumed")
			require.Equal(t, "local", resumed.text("by"))
			checkTransport(t, c.transport, pa.done(30*time.Second))
			require.Equal(t, exitDone, pb.wait(10*time.Second))

			checkGap(t, "the caller, of the callee", b.heardAt(readWAV(t, heardByA)))
			checkGap(t, "the callee, of the caller", a.heardAt(readWAV(t, heardByB)))
			music := speech(t, "early.wav")[:2*rate]
			_, corr := measure.BestLag(music, readWAV(t, heardByB), maxLag)
			require.Greater(t, corr, 0.9, "music on hold, heard by the callee")
		})
	}
}

// checkGap wants at least three seconds heard before and after the hold, which
// is the longest pause.
func checkGap(t *testing.T, what string, at []time.Duration) {
	t.Helper()
	t.Logf("%s: markers heard at %v", what, at)
	before, longest := 0, time.Duration(0)
	for i := 1; i < len(at); i++ {
		if gap := at[i] - at[i-1]; gap > longest {
			before, longest = i, gap
		}
	}
	require.Greater(t, longest, 3*time.Second, "%s: the pause", what)
	require.Less(t, longest, 7*time.Second, "%s: the pause", what)
	require.GreaterOrEqual(t, before, 3, "%s: seconds before the hold", what)
	require.GreaterOrEqual(t, len(at)-before, 3, "%s: seconds after the hold", what)
}

func TestAsterisk_CalleeHangsUp(t *testing.T) {
	t.Parallel()
	users.borrow(t, "bob")
	pb := answering(t, "bob", "--count", "1", "--duration", "2s")
	pa := softphone(t, append([]string{"call", "bob", "--json"}, account(asterPB, "alice")...)...)
	r := pa.done(20 * time.Second)
	require.Equal(t, "remote", r.text("ended_by"), "the callee hangs up after 2 s")
	require.InDelta(t, 2000, r.number("talk_ms"), 500)
	require.Equal(t, exitDone, pb.wait(10*time.Second))
}

// The caller gives up while the callee rings.
func TestAsterisk_CallerCancels(t *testing.T) {
	t.Parallel()
	users.borrow(t, "carol")
	pb := answering(t, "carol", "--after", "30s")
	pa := softphone(t, append([]string{"call", "carol", "--json"}, account(asterPB, "alice")...)...)
	pa.waitEvent(5*time.Second, "call.ringing")
	pb.waitEvent(5*time.Second, "call.incoming")
	pa.interrupt()
	require.Equal(t, exitCancelled, pa.wait(5*time.Second))
	ended := pb.waitEvent(5*time.Second, "call.ended")
	require.Equal(t, "missed", disposition(ended))
	pb.interrupt()
	require.Equal(t, exitDone, pb.wait(5*time.Second))
}

func disposition(ended line) string {
	summary, _ := ended["ended"].(map[string]any)
	return line(summary).text("disposition")
}

// Two phones ring; the first to answer gets the call and the other one's call
// was answered elsewhere, which is not a missed call.
func TestAsterisk_QueueOfTwoPhones(t *testing.T) {
	t.Parallel()
	users.borrow(t, "erin", "frank")
	slow := answering(t, "frank", "--after", "30s")
	fast := answering(t, "erin", "--after", "1s", "--count", "1", "--echo")
	s := makeSaid(t, "early.wav")
	heard := filepath.Join(t.TempDir(), "heard.wav")
	pa := softphone(t, append([]string{"call", "610", "--json", "--play", s.path, "--record", heard}, account(asterPB, "alice")...)...)
	slow.waitEvent(10*time.Second, "call.incoming")
	fast.waitEvent(10*time.Second, "call.answered")
	require.Equal(t, "answered-elsewhere", disposition(slow.waitEvent(10*time.Second, "call.ended")))
	pa.done(30 * time.Second)
	checkMarker(t, "what comes back from the phone that answered", s, readWAV(t, heard))
	require.Equal(t, exitDone, fast.wait(10*time.Second))
	slow.interrupt()
	require.Equal(t, exitDone, slow.wait(5*time.Second))
}

// Asterisk sees 603, and the blocked caller's call neither rings nor is told.
func TestAsterisk_BlockedCallerNeverRings(t *testing.T) {
	t.Parallel()
	users.borrow(t, "grace")
	dir := t.TempDir()
	add := softphone(t, "block", "add", "010-5550-1001", "--data-dir", dir)
	require.Equal(t, exitDone, add.wait(10*time.Second))
	pb := answering(t, "grace", "--data-dir", dir, "--echo", "--duration", "1m")
	blocked := softphone(t, append([]string{"call", "grace", "--json"}, account(asterPB, "alice")...)...)
	require.Equal(t, exitDeclined, blocked.wait(10*time.Second))
	require.Empty(t, blocked.all("call.ringing"), "the blocked caller must not hear it ring")
	pb.waitEvent(5*time.Second, "call.blocked")
	require.Empty(t, pb.all("call.incoming"), "a blocked call must not arrive")
	asterPB.waitLog(t, `softphone-test: dial grace \S+ cause 21 <SIP 603 [^>]*>`)

	allowed := softphone(t, append([]string{"call", "grace", "--json", "--duration", "1s"}, account(asterPB, "bob")...)...)
	allowed.done(15 * time.Second)
	require.Len(t, pb.all("call.incoming"), 1)
	pb.interrupt()
	require.Equal(t, exitDone, pb.wait(5*time.Second))
}
