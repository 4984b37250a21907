package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The caller hands the callee on to the announcement: the PBX tells her that it
// answered, she leaves, and he hears it.
func TestAsterisk_BlindTransfer_RFC5589_6(t *testing.T) {
	for _, c := range []struct{ transport, caller, callee string }{
		{"udp", "alice", "bob"}, {"tcp", "erin", "frank"}, {"tls", "heidi", "ivan"},
	} {
		t.Run(c.transport, func(t *testing.T) {
			t.Parallel() // with one another
			users.borrow(t, c.caller, c.callee)
			heard := filepath.Join(t.TempDir(), "heard.wav")
			callee := answeringBy(t, c.transport, c.callee, "--record", heard, "--count", "1", "--duration", "1m")
			caller := softphone(t, append([]string{"call", c.callee, "--json", "--transfer", "601", "--transfer-after", "1s"}, by(c.transport, c.caller)...)...)
			r := caller.done(20 * time.Second)
			require.Equal(t, "transferred", r.text("sip_reason"))
			checkTransport(t, c.transport, r)
			require.Len(t, caller.all("call.transferred"), 1)
			require.Equal(t, exitDone, callee.wait(30*time.Second))
			checkMostly(t, "the announcement", speech(t, "speech.wav"), readWAV(t, heard))
			asterPB.waitIdle(t, c.caller)
		})
	}
}

// Nobody has that number: alice is told, and the call is hers again until she
// gives up.
func TestAsterisk_BlindTransferFails_RFC3515_2_4(t *testing.T) {
	users.borrow(t, "bob", "alice")
	bob := answering(t, "bob", "--count", "1", "--duration", "1m")
	alice := softphone(t, append([]string{"call", "bob", "--json", "--transfer", "99999"}, account(asterPB, "alice")...)...)
	require.NotEqual(t, exitDone, alice.wait(40*time.Second))
	require.Len(t, alice.all("call.transfer_failed"), 1)
	require.Empty(t, alice.all("call.transferred"))
	require.Equal(t, exitDone, bob.wait(10*time.Second))
}

// The caller holds the first, talks to the second, and connects the two.
func TestAsterisk_AttendedTransfer_RFC5589_7(t *testing.T) {
	for _, c := range []struct{ transport, caller, first, second string }{
		{"udp", "alice", "bob", "carol"}, {"tcp", "erin", "frank", "dave"}, {"tls", "heidi", "ivan", "kate"},
	} {
		t.Run(c.transport, func(t *testing.T) {
			t.Parallel() // with one another
			users.borrow(t, c.caller, c.first, c.second)
			dir := t.TempDir()
			a, b := makeTicking(t, 30), makeTicking(t, 30)
			heardByFirst, heardBySecond := filepath.Join(dir, "first.wav"), filepath.Join(dir, "second.wav")
			first := answeringBy(t, c.transport, c.first, "--play", a.path, "--record", heardByFirst, "--count", "1", "--duration", "10s")
			second := answeringBy(t, c.transport, c.second, "--play", b.path, "--record", heardBySecond, "--count", "1", "--duration", "1m")
			caller := softphone(t, append([]string{"call", c.first, "--json", "--transfer", c.second, "--attended"}, by(c.transport, c.caller)...)...)
			r := caller.done(20 * time.Second)
			require.Equal(t, "transferred", r.text("sip_reason"))
			checkTransport(t, c.transport, r)
			require.Equal(t, exitDone, first.wait(20*time.Second))
			require.Equal(t, exitDone, second.wait(10*time.Second))
			require.GreaterOrEqual(t, len(b.heardAt(readWAV(t, heardByFirst))), 3, "seconds of the second that the first heard")
			require.GreaterOrEqual(t, len(a.heardAt(readWAV(t, heardBySecond))), 3, "seconds of the first that the second heard")
			asterPB.waitIdle(t, c.caller)
		})
	}
}

// The PBX asks the caller's phone to call the echo instead. It does where that is
// allowed, and tells the PBX how it went; the call keeps its id.
func TestAsterisk_WeAreTransferred_RFC3515_2_4(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ transport, user, number, says string }{
		{"udp", "alice", "622", "transfer"}, {"tls", "heidi", "623", "transfer over TLS"},
	} {
		t.Run(c.transport, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, c.user)
			s := makeSaid(t, "speech-a.wav")
			heard := filepath.Join(t.TempDir(), "heard.wav")
			p := softphone(t, append([]string{"call", c.number, "--json", "--accept-transfers", "--play", s.path, "--loop", "--record", heard,
				"--duration", "20s"}, by(c.transport, c.user)...)...)
			answered := p.waitEvent(10*time.Second, "call.answered")
			replaced := p.waitEvent(10*time.Second, "call.replaced")
			require.Equal(t, answered.text("call"), replaced.text("call"))
			require.Contains(t, replaced.text("remote"), "600@")
			checkTransport(t, c.transport, p.done(30*time.Second))
			checkMarker(t, "echo", s, readWAV(t, heard))
			asterPB.waitLog(t, "softphone-test: "+c.says+" SUCCESS")

			refused := softphone(t, append([]string{"call", c.number, "--json"}, by(c.transport, c.user)...)...)
			refused.done(20 * time.Second)
			require.Empty(t, refused.all("call.replaced"), "not without --accept-transfers")
			asterPB.waitLog(t, "softphone-test: "+c.says+" FAILURE")
		})
	}
}

// What waits in the mailbox is told, subscribed to or unasked, and again when a
// message was left.
func TestAsterisk_MessageWaiting_RFC3842(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user, box, transport string
		args                 []string
	}{
		{"mona", "620", "udp", []string{"--message-waiting"}}, {"nina", "621", "udp", nil},
		{"mona", "620", "tcp", []string{"--message-waiting"}}, {"nina", "621", "tcp", nil},
		{"mona", "620", "tls", []string{"--message-waiting"}}, {"nina", "621", "tls", nil},
	} {
		t.Run(c.user+" over "+c.transport, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, c.user)
			p := softphone(t, append(append([]string{"register", "--json"}, c.args...), by(c.transport, c.user)...)...)
			p.waitRegistered(5 * time.Second)
			first := p.waitEvent(10*time.Second, "messages")
			require.Equal(t, first.number("new") > 0, first["waiting"])
			s := makeSaid(t, "speech-a.wav")
			softphone(t, append([]string{"call", c.box, "--json", "--play", s.path}, account(asterPB, "bob")...)...).done(30 * time.Second)
			p.waitFor(15*time.Second, "one more waiting message", func(l line) bool {
				return l.kind() == "messages" && l["waiting"] == true && l.number("new") == first.number("new")+1
			})
			p.interrupt()
			require.Equal(t, exitDone, p.wait(10*time.Second))
		})
	}
}
