package sip

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func offerText(s string) OfferFunc {
	return func(Path) ([]byte, error) { return []byte(s), nil }
}

type reInviteResult struct {
	body []byte
	err  error
}

func reInvite(d *Dialog, f OfferFunc) <-chan reInviteResult {
	ch := make(chan reInviteResult, 1)
	go func() {
		b, err := d.ReInvite(context.Background(), f)
		ch <- reInviteResult{b, err}
	}()
	return ch
}

func TestReInvite_OutAndAck_RFC3261_14_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		done := reInvite(d, offerText("hold"))
		inv := w.p.request("INVITE")
		assert.Equal(t, "hold", inv.body)
		assert.Equal(t, "t1", inv.tag("To"))
		w.p.reply(inv, 401, "Unauthorized", "", "", `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256`)
		w.p.request("ACK")
		inv = w.p.request("INVITE")
		verify(t, inv.get("Authorization"), "INVITE", "n", "SHA-256")
		w.p.reply(inv, 200, "OK", "", "held")
		ack := w.p.request("ACK")
		assert.Equal(t, strings.Fields(inv.get("CSeq"))[0]+" ACK", ack.get("CSeq"))
		r := <-done
		require.NoError(t, r.err)
		assert.Equal(t, "held", string(r.body))
		w.p.reply(inv, 200, "OK", "", "held")
		assert.Equal(t, ack.get("Via"), w.p.request("ACK").get("Via"))
		// Two in a row work, and a refusal leaves the dialog alive.
		done = reInvite(d, offerText("resume"))
		w.p.reply(w.p.request("INVITE"), 488, "Not Acceptable Here", "", "")
		w.p.request("ACK")
		var e *StatusError
		require.ErrorAs(t, (<-done).err, &e)
		assert.Equal(t, 488, e.Code)
		assert.True(t, d.confirmable())
	})
}

func TestReInvite_Glare_RFC3261_14_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		done := reInvite(d, offerText("mine"))
		inv := w.p.request("INVITE")
		l.send("INVITE", "theirs")
		w.p.response(491)
		l.p.write(us(), l.text("ACK", "z9hG4bKreq1", ""))
		w.p.reply(inv, 491, "Request Pending", "", "")
		w.p.request("ACK")
		var e *StatusError
		require.ErrorAs(t, (<-done).err, &e)
		assert.Equal(t, 491, e.Code)
		assert.GreaterOrEqual(t, e.RetryAfter, 2100*time.Millisecond)
		assert.LessOrEqual(t, e.RetryAfter, 4*time.Second)
	})
}

func TestReInvite_481EndsTheDialog_RFC3261_12_2_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		events := watch(d)
		done := reInvite(d, offerText("x"))
		w.p.reply(w.p.request("INVITE"), 481, "Gone", "", "")
		w.p.request("ACK")
		require.Error(t, (<-done).err)
		assert.Equal(t, 481, event[Ended](t, events).Code)
		require.NoError(t, d.Bye(context.Background(), ""))
		w.p.silence(time.Minute)
	})
}

func TestReInvite_TimeoutEndsTheDialog_RFC3261_12_2_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		events := watch(d)
		start := time.Now()
		r := <-reInvite(d, offerText("x"))
		require.ErrorIs(t, r.err, ErrUnreachable)
		assert.Equal(t, 32*time.Second, time.Since(start))
		assert.Equal(t, 408, event[Ended](t, events).Code)
	})
}

func TestReInvite_ContextCancels(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { _, err := d.ReInvite(ctx, offerText("x")); done <- err }()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 100, "Trying", "", "")
		synctest.Wait()
		cancel()
		w.p.reply(w.p.request("CANCEL"), 200, "OK", "", "")
		w.p.reply(inv, 487, "Request Terminated", "", "")
		w.p.request("ACK")
		require.Error(t, <-done)
		assert.True(t, d.confirmable())
	})
}

func TestReInvite_InAnsweredAndRepeated_RFC3261_14_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		l.send("INVITE", "hold")
		w.p.response(100)
		o := event[RemoteOffer](t, events)
		assert.Equal(t, "hold", string(o.Body))
		assert.Equal(t, ourAddr, o.Path.Local.String())
		assert.Equal(t, UDP, o.Path.Transport)
		// A second one before the answer: 500 with Retry-After.
		l.seq++
		w.p.write(us(), l.text("INVITE", "z9hG4bKsecond", "x"))
		busy := w.p.response(500)
		assert.NotEmpty(t, busy.get("Retry-After"))
		w.p.write(us(), l.text("ACK", "z9hG4bKsecond", ""))
		l.seq--
		// Ours meanwhile: glare.
		_, err := d.ReInvite(context.Background(), offerText("x"))
		var e *StatusError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, 491, e.Code)
		require.NoError(t, o.Answer([]byte("held")))
		require.ErrorIs(t, o.Reject(488, ""), ErrClosed)
		assert.Equal(t, "held", w.p.response(200).body)
		w.p.response(200) // repeated
		l.send("ACK", "")
		body, open := <-o.Acked
		assert.True(t, open)
		assert.Nil(t, body)
		_, open = <-o.Acked
		assert.False(t, open)
		w.p.silence(time.Minute)
		// Late offer: the answer comes in the ACK.
		l.seq++
		l.send("INVITE", "")
		w.p.response(100)
		o = event[RemoteOffer](t, events)
		assert.Empty(t, o.Body)
		require.NoError(t, o.Answer([]byte("our offer")))
		w.p.response(200)
		l.send("ACK", "their answer")
		assert.Equal(t, "their answer", string(<-o.Acked))
	})
}

func TestReInvite_InWithoutAck_RFC3261_14_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		l.send("INVITE", "hold")
		w.p.response(100)
		start := time.Now()
		o := event[RemoteOffer](t, events)
		require.NoError(t, o.Answer([]byte("held")))
		assert.ErrorIs(t, event[Ended](t, events).Err, ErrNoAck)
		assert.Equal(t, 32*time.Second, time.Since(start))
		_, open := <-o.Acked
		assert.False(t, open)
	})
}

func TestReInvite_InNeverAnsweredByOwner(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		l.send("INVITE", "hold")
		start := w.p.response(100).at
		assert.Equal(t, 32*time.Second, w.p.response(500).at.Sub(start))
		assert.True(t, d.confirmable())
	})
}

func TestReInvite_InCancelledAndByeInside_RFC3261_15_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		l.send("INVITE", "hold")
		w.p.response(100)
		o := event[RemoteOffer](t, events)
		l.send("BYE", "")
		codes := map[int]bool{}
		for range 2 {
			codes[w.p.next(time.Second).code()] = true
		}
		assert.Equal(t, map[int]bool{200: true, 487: true}, codes)
		assert.True(t, event[Ended](t, events).Remote)
		require.ErrorIs(t, o.Answer(nil), ErrClosed)
	})
}

// Asterisk and pjsua send one right behind the ACK, and it may overtake it.
func TestReInvite_RightBehindOrBeforeTheAck(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		d, err := (<-got).Accept([]byte("answer"))
		require.NoError(t, err)
		events := watch(d)
		ok := w.p.response(200)
		l.other, l.uri = ok.tag("To"), ok.contact()
		l.seq = 2
		w.p.write(us(), l.text("INVITE", "z9hG4bKearly", "hold"))
		l.seq = 1
		l.send("ACK", "")
		event[Confirmed](t, events)
		event[RemoteOffer](t, events)
	})
}

// An offer whose time ran out while it was being answered leaves nothing that a later
// re-INVITE of ours would wait for.
func TestReInvite_AnsweredTooLateLeavesNothing_RFC3261_14_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		events := watch(d)
		l.send("INVITE", "theirs")
		w.p.response(100)
		offer := event[RemoteOffer](t, events)
		d.mu.Lock()
		o := d.offered
		d.mu.Unlock()
		o.once.Do(func() {}) // as the timer does just before it takes the offer away
		require.ErrorIs(t, offer.Answer([]byte("late")), ErrClosed)
		d.mu.Lock()
		defer d.mu.Unlock()
		assert.Empty(t, d.answers)
		d.offered = nil
	})
}
