package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Alice calls bob and hands him on to the announcement: the PBX tells her that it
// answered, she leaves, and bob hears it.
func TestAsterisk_BlindTransfer_RFC5589_6(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			users.borrow(t, "bob", "alice")
			heard := filepath.Join(t.TempDir(), "heard.wav")
			bob := answering(t, "bob", "--transport", transport, "--record", heard, "--count", "1", "--duration", "1m")
			alice := softphone(t, append([]string{"call", "bob", "--json", "--transport", transport, "--transfer", "601",
				"--transfer-after", "1s"}, account(asterPB, "alice")...)...)
			r := alice.done(20 * time.Second)
			require.Equal(t, "transferred", r.text("sip_reason"))
			require.Len(t, alice.all("call.transferred"), 1)
			require.Equal(t, exitDone, bob.wait(30*time.Second))
			checkHeard(t, "the announcement", speech(t, "speech.wav"), readWAV(t, heard))
			asterPB.waitIdle(t, "alice")
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

// Alice holds bob, talks to carol, and connects the two.
func TestAsterisk_AttendedTransfer_RFC5589_7(t *testing.T) {
	users.borrow(t, "alice", "bob", "carol")
	dir := t.TempDir()
	b, c := makeTicking(t, 30), makeTicking(t, 30)
	heardByB, heardByC := filepath.Join(dir, "b.wav"), filepath.Join(dir, "c.wav")
	bob := answering(t, "bob", "--play", b.path, "--record", heardByB, "--count", "1", "--duration", "10s")
	carol := answering(t, "carol", "--play", c.path, "--record", heardByC, "--count", "1", "--duration", "1m")
	alice := softphone(t, append([]string{"call", "bob", "--json", "--transfer", "carol", "--attended"}, account(asterPB, "alice")...)...)
	r := alice.done(20 * time.Second)
	require.Equal(t, "transferred", r.text("sip_reason"))
	require.Equal(t, exitDone, bob.wait(20*time.Second))
	require.Equal(t, exitDone, carol.wait(10*time.Second))
	require.GreaterOrEqual(t, len(c.heardAt(readWAV(t, heardByB))), 3, "seconds of carol that bob heard")
	require.GreaterOrEqual(t, len(b.heardAt(readWAV(t, heardByC))), 3, "seconds of bob that carol heard")
	asterPB.waitIdle(t, "alice")
}

// The PBX asks alice's phone to call the echo instead. It does where that is
// allowed, and tells the PBX how it went; the call keeps its id.
func TestAsterisk_WeAreTransferred_RFC3515_2_4(t *testing.T) {
	users.borrow(t, "alice")
	s := makeSaid(t, "speech-a.wav")
	heard := filepath.Join(t.TempDir(), "heard.wav")
	alice := softphone(t, append([]string{"call", "622", "--json", "--accept-transfers", "--play", s.path, "--loop", "--record", heard,
		"--duration", "20s"}, account(asterPB, "alice")...)...)
	answered := alice.waitEvent(10*time.Second, "call.answered")
	replaced := alice.waitEvent(10*time.Second, "call.replaced")
	require.Equal(t, answered.text("call"), replaced.text("call"))
	require.Contains(t, replaced.text("remote"), "600@")
	alice.done(30 * time.Second)
	checkMarker(t, "echo", s, readWAV(t, heard))
	asterPB.waitLog(t, "softphone-test: transfer SUCCESS")

	refused := softphone(t, append([]string{"call", "622", "--json"}, account(asterPB, "alice")...)...)
	refused.done(20 * time.Second)
	require.Empty(t, refused.all("call.replaced"), "not without --accept-transfers")
	asterPB.waitLog(t, "softphone-test: transfer FAILURE")
}

// What waits in the mailbox is told, subscribed to or unasked, and again when a
// message was left.
func TestAsterisk_MessageWaiting_RFC3842(t *testing.T) {
	for _, c := range []struct {
		user, box string
		args      []string
	}{{"mona", "620", []string{"--message-waiting"}}, {"nina", "621", nil}} {
		t.Run(c.user, func(t *testing.T) {
			users.borrow(t, c.user)
			p := softphone(t, append(append([]string{"register", "--json"}, c.args...), account(asterPB, c.user)...)...)
			p.waitRegistered(5 * time.Second)
			first := p.waitEvent(10*time.Second, "messages")
			require.Equal(t, false, first["waiting"])
			s := makeSaid(t, "speech-a.wav")
			softphone(t, append([]string{"call", c.box, "--json", "--play", s.path}, account(asterPB, "bob")...)...).done(30 * time.Second)
			waiting := p.waitFor(15*time.Second, "a waiting message", func(l line) bool {
				return l.kind() == "messages" && l["waiting"] == true
			})
			require.EqualValues(t, 1, waiting.number("new"))
			p.interrupt()
			require.Equal(t, exitDone, p.wait(10*time.Second))
		})
	}
}
