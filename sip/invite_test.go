package sip

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInvite_ProvisionalsAnswerAndBye_RFC3261_13_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		assert.Equal(t, "sip:bob@example.com", inv.uri())
		assert.Equal(t, "offer 10.0.0.1", inv.body)
		assert.Equal(t, "sip:alice@10.0.0.1:5060", inv.contact())
		sent := next[Sent](t, c)
		assert.Equal(t, ourAddr, sent.Local.String())
		assert.Equal(t, inv.get("Call-ID"), sent.CallID)
		w.p.reply(inv, 100, "Trying", "", "")
		for i := range 25 { // any number of them
			w.p.reply(inv, 180+i%4, "Ringing", "t1", fmt.Sprintf("early %d", i))
			p := next[Provisional](t, c)
			assert.Equal(t, 180+i%4, p.Code)
			assert.Equal(t, fmt.Sprintf("early %d", i), string(p.Body))
			require.NotNil(t, p.Dialog)
		}
		w.p.reply(inv, 200, "OK", "t1", "answer")
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		assert.Equal(t, "answer", string(f.Body))
		_, open := <-c.Responses()
		assert.False(t, open)
		w.p.silence(time.Second) // the ACK is the owner's
		require.NoError(t, f.Dialog.Ack([]byte("late")))
		ack := w.p.request("ACK")
		assert.Equal(t, "late", ack.body)
		assert.Equal(t, inv.get("CSeq"), fmt.Sprintf("%s INVITE", ack.get("CSeq")[:len(ack.get("CSeq"))-4]))
		assert.NotEqual(t, inv.get("Via"), ack.get("Via"))
		events := watch(f.Dialog)
		done := make(chan error)
		go func() { done <- f.Dialog.Bye(context.Background(), "enough") }()
		bye := w.p.request("BYE")
		assert.Equal(t, `SIP;text="enough"`, bye.get("Reason"))
		assert.Equal(t, "sip:peer@10.0.0.2:5060", bye.uri())
		w.p.reply(bye, 200, "OK", "", "")
		require.NoError(t, <-done)
		e := event[Ended](t, events)
		assert.False(t, e.Remote)
		require.NoError(t, f.Dialog.Bye(context.Background(), ""))
		w.p.silence(time.Minute)
	})
}

func TestInvite_2xxRetransmissionGetsTheSameAck_RFC3261_13_2_2_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 200, "OK", "t1", "answer")
		next[Sent](t, c)
		f := next[Final](t, c)
		w.p.reply(inv, 200, "OK", "t1", "answer")
		w.p.silence(time.Second)
		require.NoError(t, f.Dialog.Ack(nil))
		first := w.p.request("ACK")
		w.p.reply(inv, 200, "OK", "t1", "answer")
		second := w.p.request("ACK")
		assert.Equal(t, first.get("Via"), second.get("Via"))
		w.p.silence(time.Minute) // the transaction is gone by then
		w.p.reply(inv, 200, "OK", "t1", "answer")
		assert.Equal(t, first.get("Via"), w.p.request("ACK").get("Via"))
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.silence(time.Second)
	})
}

// A phone that rang before another one answered, and answers as well.
func TestInvite_RingingForkIsAckedAndEnded_RFC3261_13_2_2_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		w.p.reply(inv, 180, "Ringing", "t2", "")
		w.p.reply(inv, 200, "OK", "t1", "answer")
		next[Sent](t, c)
		next[Provisional](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		assert.Equal(t, "t1", w.p.request("ACK").tag("To"))
		w.p.reply(inv, 200, "OK", "t2", "another")
		assert.Equal(t, "t2", w.p.request("ACK").tag("To"))
		bye := w.p.request("BYE")
		assert.Equal(t, "t2", bye.tag("To"))
		w.p.reply(inv, 200, "OK", "t2", "another")
		assert.Equal(t, "t2", w.p.request("ACK").tag("To"))
		w.p.reply(bye, 200, "OK", "", "")
		w.p.silence(time.Minute)
	})
}

func TestInvite_TimerB_RFC3261_17_1_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		start := time.Now()
		c := w.call()
		var at []time.Duration
		next[Sent](t, c)
		f := next[Final](t, c)
		assert.Equal(t, 32*time.Second, time.Since(start))
		require.ErrorIs(t, f.Err, ErrUnreachable)
		for len(w.p.in) > 0 {
			at = append(at, (<-w.p.in).at.Sub(start))
		}
		ms := time.Millisecond
		assert.Equal(t, []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms, 7500 * ms, 15500 * ms, 31500 * ms}, at)
	})
}

func TestInvite_CancelWaitsForProvisional_RFC3261_9_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		c.Cancel("changed my mind")
		c.Cancel("again")
		for time.Since(inv.at) < 3*time.Second {
			select {
			case m := <-w.p.in:
				require.Equal(t, "INVITE", m.method(), "CANCEL before any provisional response")
			case <-time.After(100 * time.Millisecond):
			}
		}
		w.p.reply(inv, 180, "Ringing", "t1", "")
		cancel := w.p.request("CANCEL")
		assert.Equal(t, inv.get("Via"), cancel.get("Via"))
		assert.Equal(t, inv.get("To"), cancel.get("To"))
		assert.Equal(t, inv.uri(), cancel.uri())
		assert.Equal(t, `SIP;text="changed my mind"`, cancel.get("Reason"))
		w.p.reply(cancel, 200, "OK", "t1", "")
		w.p.reply(inv, 487, "Request Terminated", "t1", "")
		ack := w.p.request("ACK")
		assert.Equal(t, inv.get("Via"), ack.get("Via")) // §17.1.1.3
		next[Sent](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.ErrorIs(t, f.Err, context.Canceled)
		assert.Equal(t, 487, f.Code)
	})
}

func TestInvite_CancelCrosses200_RFC3261_9_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		synctest.Wait()
		c.Cancel("")
		cancel := w.p.request("CANCEL")
		w.p.reply(inv, 200, "OK", "t1", "answer")
		ack := w.p.request("ACK")
		assert.Equal(t, "t1", ack.tag("To"))
		bye := w.p.request("BYE")
		w.p.reply(bye, 200, "OK", "", "")
		w.p.reply(cancel, 200, "OK", "t1", "")
		next[Sent](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.ErrorIs(t, f.Err, context.Canceled)
		assert.Nil(t, f.Dialog)
		w.p.reply(inv, 200, "OK", "t1", "answer") // the ACK was lost
		w.p.request("ACK")
		w.p.silence(time.Minute)
	})
}

func TestInvite_CancelIsNeverAnswered_RFC3261_9_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		synctest.Wait()
		start := time.Now()
		c.Cancel("")
		next[Sent](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.ErrorIs(t, f.Err, context.Canceled)
		assert.Equal(t, 32*time.Second, time.Since(start))
	})
}

func TestInvite_ContextEndsTheCall(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		c := w.ua.Invite(ctx, InviteRequest{Account: w.account(), Target: URI{Scheme: "sip", User: "bob", Host: "example.com"}})
		inv := w.p.request("INVITE")
		assert.Empty(t, inv.body) // late offer
		w.p.reply(inv, 180, "Ringing", "t1", "")
		synctest.Wait()
		cancel()
		w.p.request("CANCEL")
		w.p.reply(inv, 487, "Request Terminated", "t1", "")
		next[Sent](t, c)
		next[Provisional](t, c)
		require.ErrorIs(t, next[Final](t, c).Err, context.Canceled)
	})
}

func TestInvite_FailureIsTyped_RFC3261_8_1_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 486, "Gone fishing", "t1", "", "Retry-After: 18000;duration=3600", `Warning: 399 host "later"`)
		w.p.request("ACK")
		next[Sent](t, c)
		f := next[Final](t, c)
		var e *StatusError
		require.ErrorAs(t, f.Err, &e)
		assert.Equal(t, &StatusError{Code: 486, Reason: "Gone fishing", RetryAfter: 5 * time.Hour, Warning: `399 host "later"`}, e)
		assert.Nil(t, f.Dialog)
	})
}

func TestInvite_AnswersChallengeOnce_RFC3261_22_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 407, "Proxy Authentication Required", "x", "",
			`Proxy-Authenticate: Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"`,
			`Proxy-Authenticate: Digest realm="r", nonce="n2", algorithm=SHA-256, qop="auth"`,
			`Proxy-Authenticate: Digest realm="r", nonce="n3", algorithm=MD9`)
		w.p.request("ACK")
		again := w.p.request("INVITE")
		assert.Equal(t, inv.get("Call-ID"), again.get("Call-ID"))
		assert.Equal(t, inv.tag("From"), again.tag("From"))
		assert.NotEqual(t, inv.get("CSeq"), again.get("CSeq"))
		assert.Contains(t, again.get("Proxy-Authorization"), `nonce="n2"`)
		w.p.reply(again, 200, "OK", "t1", "answer")
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		ack := w.p.request("ACK")
		assert.Equal(t, again.get("Proxy-Authorization"), ack.get("Proxy-Authorization"))
	})
}

func TestInvite_WrongPasswordEndsWith401(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		challenge := `WWW-Authenticate: Digest realm="r", nonce="n1", algorithm=MD5`
		w.p.reply(w.p.request("INVITE"), 401, "Unauthorized", "x", "", challenge)
		w.p.request("ACK")
		w.p.reply(w.p.request("INVITE"), 401, "Unauthorized", "x", "", challenge)
		w.p.request("ACK")
		next[Sent](t, c)
		var e *StatusError
		require.ErrorAs(t, next[Final](t, c).Err, &e)
		assert.Equal(t, 401, e.Code)
		w.p.silence(time.Minute)
	})
}

func TestInvite_FollowsRedirectsByQ_RFC3261_8_1_3_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 302, "Moved", "x", "", "Contact: <sip:low@10.0.0.2>;q=0.1, <sip:high@10.0.0.3>;q=0.9",
			"Contact: <sips:never@10.0.0.3>", "Contact: <mailto:bob@example.com>")
		w.p.request("ACK")
		high := other.request("INVITE")
		assert.Equal(t, "sip:high@10.0.0.3", high.uri())
		assert.Equal(t, inv.get("Call-ID"), high.get("Call-ID"))
		assert.Equal(t, inv.get("To"), high.get("To"))
		// A stranger's challenge is not answered with the account's password.
		other.reply(high, 401, "Unauthorized", "x", "", `WWW-Authenticate: Digest realm="evil", nonce="n"`)
		other.request("ACK")
		low := w.p.request("INVITE")
		assert.Equal(t, "sip:low@10.0.0.2", low.uri())
		w.p.reply(low, 200, "OK", "t1", "answer")
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
	})
}

func TestInvite_RedirectsAreBounded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		n := 0
		for {
			inv := w.p.request("INVITE")
			n++
			w.p.reply(inv, 302, "Moved", "x", "", fmt.Sprintf("Contact: <sip:again%d@10.0.0.2>", n), "Contact: <sip:bob@example.com>")
			w.p.request("ACK")
			if n == 1+maxRedirects {
				break
			}
		}
		next[Sent](t, c)
		var e *StatusError
		require.ErrorAs(t, next[Final](t, c).Err, &e)
		assert.Equal(t, 302, e.Code)
		w.p.silence(time.Minute)
	})
}

func TestInvite_SecondForkIsAckedAndEnded_RFC3261_13_2_2_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		w.p.reply(inv, 183, "Progress", "t2", "early")
		next[Sent](t, c)
		one, two := next[Provisional](t, c), next[Provisional](t, c)
		assert.NotEqual(t, one.Dialog.ID(), two.Dialog.ID())
		w.p.reply(inv, 200, "OK", "t2", "answer")
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		assert.Contains(t, []*Dialog{one.Dialog, two.Dialog}, f.Dialog)
		require.NoError(t, f.Dialog.Ack(nil))
		assert.Equal(t, "t2", w.p.request("ACK").tag("To"))
		w.p.reply(inv, 200, "OK", "t3", "another")
		assert.Equal(t, "t3", w.p.request("ACK").tag("To"))
		bye := w.p.request("BYE")
		assert.Equal(t, "t3", bye.tag("To"))
		w.p.reply(inv, 200, "OK", "t3", "another")
		assert.Equal(t, "t3", w.p.request("ACK").tag("To"))
		w.p.reply(bye, 200, "OK", "", "")
		w.p.silence(time.Minute)
	})
}

func TestInvite_LargeRequestGoesOverTCP_RFC3261_18_1_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a := w.account()
		a.Transport = UDP
		big := make([]Header, 20)
		for i := range big {
			big[i] = Header{fmt.Sprintf("X-Fill-%d", i), "0123456789012345678901234567890123456789012345678901234567890123456789"}
		}
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Headers: big})
		require.ErrorIs(t, next[Final](t, c).Err, ErrTooLarge)
		// With TCP allowed but refused by the peer, UDP is better than nothing.
		a.Transport = Any
		c = w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Headers: big})
		w.p.reply(w.p.request("INVITE"), 603, "Decline", "x", "")
		w.p.request("ACK")
		next[Sent](t, c)
		require.Error(t, next[Final](t, c).Err)
	})
}

func TestInvite_RepeatedRefusalGetsItsAckAtOnce_RFC3261_17_1_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 486, "Busy Here", "t1", "")
		first := w.p.request("ACK")
		for range 5 {
			w.p.reply(inv, 486, "Busy Here", "t1", "")
			again := w.p.request("ACK")
			assert.Equal(t, first.lines, again.lines)
			assert.Equal(t, time.Now(), again.at)
		}
		next[Sent](t, c)
		require.Error(t, next[Final](t, c).Err)
		w.p.silence(time.Minute)
		w.ua.finals.mu.Lock()
		assert.Empty(t, w.ua.finals.m)
		w.ua.finals.mu.Unlock()
	})
}
