package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withoutOffer calls without an offer; answer makes the answer to theirs.
func (w *world) withoutOffer(answer func(*Dialog, Path, []byte) ([]byte, error)) *ClientInvite {
	return w.ua.Invite(context.Background(), InviteRequest{
		Account: w.account(), Target: URI{Scheme: "sip", User: "bob", Host: "example.com"}, Answer: answer,
	})
}

// The offer comes in a reliable 183 of each fork and is answered in its PRACK, the
// 2xx has none, and UPDATE changes the session meanwhile.
func TestPrack_AnswersTheOffer_RFC3262_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		gate := make(chan struct{})
		c := w.withoutOffer(func(d *Dialog, p Path, offer []byte) ([]byte, error) {
			<-gate
			return []byte("answer to " + string(offer) + " from " + p.Local.String()), nil
		})
		inv := w.p.request("INVITE")
		assert.Contains(t, inv.get("Supported"), "100rel")
		assert.Empty(t, inv.body)
		next[Sent](t, c)
		w.p.reply(inv, 183, "Session Progress", "t1", "offer 1", require100rel, rseq(7), allowUpdate)
		p := next[Provisional](t, c)
		assert.Equal(t, "offer 1", string(p.Body))
		w.p.reply(inv, 183, "Session Progress", "t1", "offer 1", require100rel, rseq(7)) // again, while we think
		w.p.silence(time.Second)
		_, err := p.Dialog.Update(context.Background(), offerText("ours"))
		var glare *StatusError
		require.ErrorAs(t, err, &glare, "their offer has had no answer")
		assert.Equal(t, 491, glare.Code)
		close(gate)
		prack := w.p.request("PRACK")
		assert.Equal(t, "answer to offer 1 from "+ourAddr, prack.body)
		assert.Equal(t, "application/sdp", prack.get("Content-Type"))
		// What is behind the answer finds the offer answered (RFC 3311 §5.2).
		events := watch(p.Dialog)
		w.p.reply(prack, 200, "OK", "", "")
		l := w.p.legOf(inv, "t1")
		l.send("UPDATE", "theirs")
		require.NoError(t, event[RemoteOffer](t, events).Answer([]byte("ours")))
		assert.Equal(t, "ours", w.p.response(200).body)
		// Another description in the same dialog is no new offer; another fork's is one.
		w.p.reply(inv, 180, "Ringing", "t1", "offer 1", require100rel, rseq(8))
		again := w.p.request("PRACK")
		assert.Empty(t, again.body)
		w.p.reply(again, 200, "OK", "", "")
		w.p.reply(inv, 183, "Session Progress", "t2", "offer 2", require100rel, rseq(1))
		other := w.p.request("PRACK")
		assert.Equal(t, "answer to offer 2 from "+ourAddr, other.body)
		w.p.reply(other, 200, "OK", "", "")
		w.p.reply(inv, 200, "OK", "t1", "")
		next[Provisional](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		assert.Empty(t, w.p.request("ACK").body)
		w.p.silence(time.Minute)
	})
}

// The answer is made once, though the PRACK is challenged.
func TestPrack_AnswerIsMadeOnce_RFC3262_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		asked := 0
		c := w.withoutOffer(func(*Dialog, Path, []byte) ([]byte, error) { asked++; return []byte("answer"), nil })
		inv := w.p.request("INVITE")
		next[Sent](t, c)
		w.p.reply(inv, 183, "Session Progress", "t1", "offer", require100rel, rseq(7))
		w.p.reply(w.p.request("PRACK"), 407, "Who are you", "", "", `Proxy-Authenticate: Digest realm="r", nonce="n", algorithm=MD5`)
		prack := w.p.request("PRACK")
		assert.NotEmpty(t, prack.get("Proxy-Authorization"))
		assert.Equal(t, "answer", prack.body)
		w.p.reply(prack, 200, "OK", "", "")
		assert.Equal(t, 1, asked)
		w.p.reply(inv, 486, "Busy", "t1", "")
		w.p.request("ACK")
	})
}

// An offer that cannot be answered ends the call; where nobody could answer one,
// reliable responses are not asked for.
func TestPrack_NoAnswer_RFC3261_13_2_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.withoutOffer(func(*Dialog, Path, []byte) ([]byte, error) { return nil, errors.New("no codec") })
		inv := w.p.request("INVITE")
		next[Sent](t, c)
		w.p.reply(inv, 183, "Session Progress", "t1", "offer", require100rel, rseq(7))
		got := map[string]*message{}
		for range 2 {
			m := w.p.next(time.Second)
			got[m.method()] = m
			w.p.reply(m, 200, "OK", "", "")
		}
		require.Contains(t, got, "PRACK")
		require.Contains(t, got, "CANCEL")
		assert.Empty(t, got["PRACK"].body)
		w.p.reply(inv, 487, "Request Terminated", "t1", "")
		w.p.request("ACK")
		next[Provisional](t, c)
		require.ErrorIs(t, next[Final](t, c).Err, context.Canceled)
	})
	inBubble(t, nil, func(w *world) {
		w.withoutOffer(nil)
		inv := w.p.request("INVITE")
		assert.NotContains(t, inv.get("Supported"), "100rel")
		w.p.reply(inv, 486, "Busy", "t1", "")
		w.p.request("ACK")
	})
}

// A call without an offer is told reliably that it rings only with our offer, which
// must be in the first such response.
func TestReliable_FirstHasTheOffer_RFC3261_13_2_1(t *testing.T) {
	always := func(c *Config) { c.Reliable = ReliableAlways }
	inBubble(t, always, func(w *world) {
		i, l := w.invited("", "Supported: 100rel")
		assert.True(t, i.OffersEarly())
		require.NoError(t, i.Ring(180, nil))
		assert.Empty(t, w.p.response(180).get("Require"), "there is no offer in it")
		require.NoError(t, i.Ring(183, []byte("our offer")))
		m := l.reliable(183)
		require.NoError(t, i.Ring(180, nil))
		l.prack(m, "their answer")
		w.p.response(200)
		m = l.reliable(180)
		l.prack(m, "")
		w.p.response(200)
		require.NoError(t, i.Reject(486, ""))
		w.p.response(486)
	})
	for _, tc := range []struct {
		body, header string
		change       func(*Config)
		want         bool
	}{
		{"", "Supported: 100rel", nil, false},
		{"", "Supported: timer", always, false},
		{"", require100rel, nil, true},
		{"offer", require100rel, always, false},
	} {
		inBubble(t, tc.change, func(w *world) {
			i, _ := w.invited(tc.body, tc.header)
			assert.Equal(t, tc.want, i.OffersEarly(), "%q %s", tc.body, tc.header)
			require.NoError(t, i.Reject(486, ""))
			w.p.response(486)
		})
	}
}
