package sip

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const require100rel = "Require: 100rel"

func rseq(n int) string { return fmt.Sprintf("RSeq: %d", n) }

// Each early dialog gets one PRACK for each of its reliable responses, in order,
// whatever else comes; the rest of the forking is as ever.
func TestPrack_OneForEachReliableResponseOfEachFork_RFC3262_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		assert.Contains(t, inv.get("Supported"), "100rel")
		next[Sent](t, c)
		cseq := strings.Fields(inv.get("CSeq"))[0]
		prack := func(tag string, n int) *message {
			t.Helper()
			m := w.p.request("PRACK")
			assert.Equal(t, fmt.Sprintf("%d %s INVITE", n, cseq), m.get("RAck"))
			assert.Equal(t, tag, m.tag("To"))
			w.p.reply(m, 200, "OK", "", "")
			return m
		}
		w.p.reply(inv, 183, "Session Progress", "t1", "early 1", require100rel, rseq(7))
		p := next[Provisional](t, c)
		assert.True(t, p.Reliable)
		first := prack("t1", 7)
		assert.Equal(t, "sip:peer@10.0.0.2:5060", first.uri())
		// Repeated: neither told nor acknowledged again (§4).
		w.p.reply(inv, 183, "Session Progress", "t1", "early 1", require100rel, rseq(7))
		w.p.silence(time.Second)
		// Another fork counts by itself.
		w.p.reply(inv, 180, "Ringing", "t2", "", require100rel, rseq(1000))
		assert.NotEqual(t, p.Dialog.ID(), next[Provisional](t, c).Dialog.ID())
		prack("t2", 1000)
		// One is missing: what comes after it is not taken.
		w.p.reply(inv, 180, "Ringing", "t1", "", require100rel, rseq(9))
		w.p.silence(time.Second)
		w.p.reply(inv, 180, "Ringing", "t1", "", require100rel, rseq(8))
		second := prack("t1", 8)
		assert.Greater(t, number(second.get("CSeq")), number(first.get("CSeq")))
		next[Provisional](t, c)
		w.p.reply(inv, 180, "Ringing", "t1", "", require100rel, rseq(9))
		prack("t1", 9)
		next[Provisional](t, c)
		// An unreliable one is told as ever.
		w.p.reply(inv, 183, "Session Progress", "t2", "early 2")
		assert.False(t, next[Provisional](t, c).Reliable)
		w.p.reply(inv, 200, "OK", "t2", "answer")
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
		// The fork that lost answers too: ACK and BYE.
		w.p.reply(inv, 200, "OK", "t1", "")
		assert.Equal(t, "t1", w.p.request("ACK").tag("To"))
		bye := w.p.request("BYE")
		assert.Equal(t, "t1", bye.tag("To"))
		w.p.reply(bye, 200, "OK", "", "")
		w.p.silence(time.Minute)
	})
}

func number(cseq string) int {
	n, _ := strconv.Atoi(strings.Fields(cseq)[0])
	return n
}

// A PRACK is challenged, lost, and refused: the call goes on.
func TestPrack_ChallengedLostAndRefused_RFC3262_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		next[Sent](t, c)
		w.p.reply(inv, 180, "Ringing", "t1", "", require100rel, rseq(1))
		w.p.reply(w.p.request("PRACK"), 407, "Proxy Authentication Required", "", "", `Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"`)
		m := w.p.request("PRACK")
		verify(t, m.get("Proxy-Authorization"), "PRACK", "n", "MD5")
		again := w.p.request("PRACK") // the transaction repeats it
		assert.Equal(t, m.lines, again.lines)
		w.p.reply(m, 481, "Gone", "", "")
		w.p.reply(inv, 180, "Ringing", "t1", "", require100rel, rseq(2))
		w.p.request("PRACK") // never answered
		w.p.reply(inv, 200, "OK", "t1", "answer")
		next[Provisional](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		<-time.After(time.Minute)
		assert.True(t, f.Dialog.confirmable())
	})
}

// A reliable answer makes the early dialog ready for UPDATE (RFC 3311 §5.1).
func TestPrack_ThenUpdateInTheEarlyDialog_RFC3311_5_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		next[Sent](t, c)
		w.p.reply(inv, 183, "Session Progress", "t1", "early", require100rel, rseq(1), allowUpdate)
		w.p.reply(w.p.request("PRACK"), 200, "OK", "", "")
		p := next[Provisional](t, c)
		events := watch(p.Dialog)
		l := w.p.legOf(inv, "t1")
		l.send("UPDATE", "theirs")
		o := event[RemoteOffer](t, events)
		require.NoError(t, o.Answer([]byte("ours")))
		assert.Equal(t, "ours", w.p.response(200).body)
		done := make(chan error, 1)
		go func() { _, err := p.Dialog.Update(context.Background(), offerText("mine")); done <- err }()
		w.p.reply(w.p.request("UPDATE"), 200, "OK", "", "yes")
		require.NoError(t, <-done)
		// The dialog of an UPDATE that is not answered goes on as long as its INVITE.
		go func() { _, err := p.Dialog.Update(context.Background(), offerText("mine")); done <- err }()
		w.p.reply(w.p.request("UPDATE"), 481, "Gone", "", "")
		require.Error(t, <-done)
		w.p.reply(inv, 200, "OK", "t1", "")
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		assert.Same(t, p.Dialog, f.Dialog)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
	})
}

func TestPrack_OfAReInvite_RFC3262_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		for range 2 { // each counts from the start
			done := reInvite(d, offerText("x"))
			inv := w.p.request("INVITE")
			w.p.reply(inv, 183, "Session Progress", "", "", require100rel, rseq(3))
			m := w.p.request("PRACK")
			assert.Equal(t, "3 "+inv.get("CSeq"), m.get("RAck"))
			w.p.reply(m, 200, "OK", "", "")
			w.p.reply(inv, 200, "OK", "", "y")
			w.p.request("ACK")
			require.NoError(t, (<-done).err)
		}
	})
}

func TestPrack_NotWithoutAnOfferNorWhenOff(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.ua.Invite(context.Background(), InviteRequest{Account: w.account(), Target: URI{Scheme: "sip", User: "bob", Host: "example.com"}})
		assert.NotContains(t, w.p.request("INVITE").get("Supported"), "100rel")
		c.Cancel("")
	})
	inBubble(t, func(c *Config) { c.Reliable = ReliableOff }, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		assert.NotContains(t, inv.get("Supported"), "100rel")
		w.p.reply(inv, 180, "Ringing", "t1", "", require100rel, rseq(1))
		next[Sent](t, c)
		next[Provisional](t, c)
		w.p.silence(time.Second)
		w.p.reply(inv, 486, "Busy Here", "t1", "")
		w.p.request("ACK")
		w.p.invite("alice", "offer", require100rel)
		assert.Equal(t, []string{"100rel"}, w.p.response(420).all("Unsupported"))
	})
}
