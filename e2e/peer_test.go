package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// peer is somebody else's softphone. It answers calls by itself, plays a file to
// whom it talks to and records what it hears.
type peer interface {
	address() string // where it takes calls
	dial(uri string) // and waits until the call is up
	hold()
	resume()
	transfer(uri string)
	press(digits string)
	waitPressed(digits string) // until it has heard them
	hangup()
	heard() []int16 // in its one call, which must be over
	// recordsOn tells whether it goes on recording after a re-INVITE.
	recordsOn() bool
}

type startPeer func(t testing.TB, play string) peer

// listening starts a phone that takes calls sent straight to it, and returns how to
// reach it.
func listening(t *testing.T, args ...string) (*phone, string) {
	t.Helper()
	return listeningAt(t, loopback(ports.one()).String(), args...)
}

func listeningAt(t *testing.T, addr string, args ...string) (*phone, string) {
	t.Helper()
	p := softphone(t, append([]string{"answer", "--json", "--listen", addr}, args...)...)
	p.waitEvent(5*time.Second, "listening")
	return p, "sip:us@" + strings.TrimSuffix(addr, ":5060")
}

// checkHolds has each side hold the call of the other for 4 s. Afterwards each hears
// the other's voice and keys again.
func checkHolds(t *testing.T, start startPeer) {
	t.Parallel()
	for _, by := range []string{"local", "remote"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			ours, theirs := makeTicking(t, 12), makeTicking(t, 30)
			heard := filepath.Join(t.TempDir(), "heard.wav")
			b := start(t, theirs.path)
			p := softphone(t, "call", b.address(), "--json", "--keys", "--play", ours.path, "--record", heard, "--duration", "13s")
			p.waitEvent(15*time.Second, "call.answered")
			<-time.After(4 * time.Second)
			hold, resume := b.hold, b.resume
			if by == "local" {
				hold, resume = func() { p.key("hold") }, func() { p.key("resume") }
			}
			hold()
			require.Equal(t, by, p.waitEvent(5*time.Second, "call.held").text("by"))
			<-time.After(4 * time.Second)
			resume()
			require.Equal(t, by, p.waitEvent(5*time.Second, "call.resumed").text("by"))
			p.key("press 5")
			b.waitPressed("5")
			b.press("7")
			r := p.done(20 * time.Second)
			checkQuality(t, r)
			require.Equal(t, "7", r.text("digits_received"))
			samples := readWAV(t, heard)
			if at, pause := longestPause(samples); by == "local" {
				t.Logf("we heard nothing for %s from %s on", pause, at)
				require.InDelta(t, 4, pause.Seconds(), 1.5, "how long we heard nothing")
			}
			_, pause := longestPause(samples[max(0, len(samples)-3*rate):])
			require.Less(t, pause, 1500*time.Millisecond, "they are heard at the end")
			if b.recordsOn() {
				checkPaused(t, ours, b.heard(), 13)
			}
		})
	}
}

// checkPaused wants what is played to go on after a hold where it was: of a call of
// so many seconds, its first ones are heard, without those of the hold.
func checkPaused(t *testing.T, k ticking, heard []int16, call int) {
	t.Helper()
	seconds := k.heardSeconds(heard)
	t.Logf("they heard our seconds %v", seconds)
	require.GreaterOrEqual(t, len(seconds), call-4-4, "seconds heard")
	require.LessOrEqual(t, len(seconds), call-4+1, "seconds heard")
	// One may fall to the beginning of the hold, one to the peer's own playout.
	require.LessOrEqual(t, seconds[len(seconds)-1]-seconds[0], len(seconds)+1, "seconds heard are in a row")
}

// longestPause is the longest run without sound, and where it begins.
func longestPause(samples []int16) (at, pause time.Duration) {
	const quiet = 20
	run, end, longest := 0, 0, 0
	for i, v := range samples {
		if run++; v > quiet || v < -quiet {
			run = 0
		}
		if run > longest {
			longest, end = run, i
		}
	}
	return time.Duration(end-longest) * time.Second / rate, time.Duration(longest) * time.Second / rate
}

// checkDigits has both sides press keys in one call.
func checkDigits(t *testing.T, start startPeer) {
	t.Parallel()
	const ours, theirs = "159*0#", "7*#38"
	b := start(t, makeTicking(t, 30).path)
	p := softphone(t, "call", b.address(), "--json", "--dtmf", ","+ours, "--duration", "12s")
	p.waitEvent(10*time.Second, "call.answered")
	b.waitPressed(ours)
	b.press(theirs)
	require.Equal(t, theirs, p.done(30*time.Second).text("digits_received"))
}

// checkBlindTransfer has each side hand the other on to a third phone.
func checkBlindTransfer(t *testing.T, start startPeer) {
	t.Parallel()
	t.Run("we transfer them", func(t *testing.T) {
		t.Parallel()
		theirs := makeTicking(t, 30)
		heard := filepath.Join(t.TempDir(), "heard.wav")
		b := start(t, theirs.path)
		third, uri := listening(t, "--count", "1", "--duration", "5s", "--record", heard)
		p := softphone(t, "call", b.address(), "--json", "--transfer", uri, "--transfer-after", "2s")
		require.Equal(t, "transferred", p.done(20*time.Second).text("sip_reason"))
		require.Len(t, p.all("call.transferred"), 1)
		checkQuality(t, third.done(20*time.Second))
		require.GreaterOrEqual(t, len(theirs.first(8).heardAt(readWAV(t, heard))), 3, "seconds of them that the third heard")
	})
	t.Run("they transfer us", func(t *testing.T) {
		t.Parallel()
		checkWeAreTransferred(t, start, loopback(ports.one()).String(), func(b peer, uri string) { b.transfer(uri) })
	})
}

// checkWeAreTransferred has the peer hand us on, as transfer does, to a third phone at addr.
func checkWeAreTransferred(t *testing.T, start startPeer, addr string, transfer func(b peer, uri string)) {
	t.Helper()
	ours, thirds := makeTicking(t, 5), makeTicking(t, 5)
	dir := t.TempDir()
	heard, heardByThird := filepath.Join(dir, "us.wav"), filepath.Join(dir, "third.wav")
	b := start(t, makeTicking(t, 30).path)
	third, uri := listeningAt(t, addr, "--play", thirds.path, "--loop", "--record", heardByThird)
	p := softphone(t, "call", b.address(), "--json", "--accept-transfers", "--play", ours.path, "--loop", "--record", heard, "--duration", "30s")
	answered := p.waitEvent(10*time.Second, "call.answered")
	<-time.After(2 * time.Second)
	transfer(b, uri)
	replaced := p.waitEvent(15*time.Second, "call.replaced")
	require.Equal(t, answered.text("call"), replaced.text("call"), "the call keeps its id")
	<-time.After(5 * time.Second)
	p.interrupt()
	checkQuality(t, p.done(10*time.Second))
	third.interrupt()
	require.Equal(t, exitDone, third.wait(10*time.Second))
	require.GreaterOrEqual(t, len(ours.heardAt(readWAV(t, heardByThird))), 3, "seconds of us that the third heard")
	require.GreaterOrEqual(t, len(thirds.heardAt(readWAV(t, heard))), 3, "seconds of the third that we heard")
}
