package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpdate_BothWays_RFC3311_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l, events := w.timed(allowUpdate)
		assert.True(t, d.Allows("UPDATE"))
		assert.False(t, d.Allows("REFER"))
		type result struct {
			body []byte
			err  error
		}
		update := func(offer OfferFunc) <-chan result {
			done := make(chan result, 1)
			go func() {
				body, err := d.Update(context.Background(), offer)
				done <- result{body, err}
			}()
			return done
		}
		done := update(offerText("ours"))
		up := w.p.request("UPDATE")
		assert.Equal(t, "ours", up.body)
		assert.Equal(t, "application/sdp", up.get("Content-Type"))
		assert.Contains(t, up.get("Allow"), "UPDATE")
		// Theirs meets ours: 491. One without an offer is answered.
		l.send("UPDATE", "theirs")
		w.p.response(491)
		l.send("UPDATE", "", "Contact: <sip:moved@10.0.0.2:5060>")
		assert.NotEmpty(t, w.p.response(200).contact())
		w.p.reply(up, 200, "OK", "", "answer", "Contact: <sip:again@10.0.0.2:5060>")
		r := <-done
		require.NoError(t, r.err)
		assert.Equal(t, "answer", string(r.body))
		// Theirs, answered; meanwhile ours and another of theirs have to wait.
		l.send("UPDATE", "theirs")
		o := event[RemoteOffer](t, events)
		assert.True(t, o.Update)
		assert.Equal(t, "theirs", string(o.Body))
		var e *StatusError
		require.ErrorAs(t, (<-update(offerText("x"))).err, &e)
		assert.Equal(t, 491, e.Code)
		l.send("UPDATE", "more")
		assert.NotEmpty(t, w.p.response(500).get("Retry-After"))
		require.NoError(t, o.Answer([]byte("taken")))
		ok := w.p.response(200)
		assert.Equal(t, "taken", ok.body)
		require.ErrorIs(t, o.Reject(488, ""), ErrClosed)
		_, open := <-o.Acked
		assert.False(t, open)
		// Refused, and never answered by the owner.
		l.send("UPDATE", "theirs")
		require.NoError(t, event[RemoteOffer](t, events).Reject(488, ""))
		w.p.response(488)
		l.send("UPDATE", "theirs")
		start := time.Now()
		event[RemoteOffer](t, events)
		assert.Equal(t, 10*time.Second, w.p.response(504).at.Sub(start))
		// Refused by them, then taken: the call goes on, and to where they are now.
		done = update(offerText("ours"))
		up = w.p.request("UPDATE")
		assert.Equal(t, "sip:again@10.0.0.2:5060", up.uri())
		w.p.reply(up, 504, "Server Time-out", "", "")
		require.ErrorAs(t, (<-done).err, &e)
		assert.Equal(t, 504, e.Code)
		done = update(offerText("ours"))
		w.p.reply(w.p.request("UPDATE"), 407, "Proxy Authentication Required", "", "", `Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"`)
		up = w.p.request("UPDATE")
		verify(t, up.get("Proxy-Authorization"), "UPDATE", "n", "MD5")
		assert.Equal(t, "ours", up.body)
		w.p.reply(up, 200, "OK", "", "yes")
		require.NoError(t, (<-done).err)
		assert.True(t, d.confirmable())
	})
}

// An UPDATE with an offer before the INVITE's own was answered is refused as
// the RFC says; one without is answered, in an early dialog too.
func TestUpdate_InEarlyDialogOfTheCaller_RFC3311_5_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 183, "Session Progress", "t1", "early")
		next[Sent](t, c)
		next[Provisional](t, c)
		l := w.p.legOf(inv, "t1")
		l.send("UPDATE", "offer", "Contact: <sip:peer@10.0.0.2:5060>")
		w.p.response(491)
		l.send("UPDATE", "", "Contact: <sip:peer@10.0.0.2:5060>")
		w.p.response(200)
		w.p.reply(inv, 200, "OK", "t1", "answer")
		f := next[Final](t, c)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
		l.send("UPDATE", "offer")
		require.NoError(t, event[RemoteOffer](t, watch(f.Dialog)).Answer([]byte("answer")))
		w.p.response(200)
	})
}

// A 2xx of ours that holds an offer waits for its answer in the ACK.
func TestUpdate_MeetsALateOffer_RFC3311_5_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		l.send("INVITE", "")
		w.p.response(100)
		require.NoError(t, event[RemoteOffer](t, events).Answer([]byte("our offer")))
		w.p.response(200)
		seq := l.seq
		l.send("UPDATE", "theirs")
		w.p.response(491)
		l.seq = seq
		l.send("ACK", "answer")
		l.seq++
		l.send("UPDATE", "theirs")
		event[RemoteOffer](t, events)
		l.send("BYE", "") // while it waits
		codes := []string{w.p.next(time.Second).start, w.p.next(time.Second).start}
		assert.Contains(t, strings.Join(codes, " "), "487")
	})
}
