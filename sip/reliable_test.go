package sip

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// invited has a call ring here whose caller says this in its INVITE.
func (w *world) invited(body string, extra ...string) (*Invitation, *leg) {
	w.t.Helper()
	got := w.serving()
	l, _ := w.p.invite("alice", body, extra...)
	w.p.response(100)
	return <-got, l
}

// reliable takes a reliable response and completes the leg.
func (l *leg) reliable(code int) *message {
	l.p.t.Helper()
	m := l.p.response(code)
	require.Equal(l.p.t, "100rel", m.get("Require"))
	require.NotEmpty(l.p.t, m.get("RSeq"))
	l.other, l.uri = m.tag("To"), m.contact()
	return m
}

func (l *leg) prack(m *message, body string) {
	l.send("PRACK", body, "RAck: "+m.get("RSeq")+" 1 INVITE")
}

func TestReliable_RepeatedUntilPrack_RFC3262_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		i, l := w.invited("offer", "Supported: 100rel")
		require.NoError(t, i.Ring(183, []byte("early")))
		start := time.Now()
		m := l.reliable(183)
		require.NoError(t, i.Ring(180, nil)) // unreliable: it has no description and is not asked for
		assert.Empty(t, w.p.response(180).get("Require"))
		for _, at := range []int{500, 1500, 3500} {
			again := w.p.response(183)
			assert.Equal(t, m.lines, again.lines)
			assert.Equal(t, time.Duration(at)*time.Millisecond, again.at.Sub(start))
		}
		d, err := i.Accept([]byte("answer")) // kept back: the 183 has the description (§3)
		require.NoError(t, err)
		assert.Equal(t, 7500*time.Millisecond, w.p.response(183).at.Sub(start))
		l.prack(m, "")
		w.p.response(200)
		ok := w.p.response(200)
		assert.Contains(t, ok.get("CSeq"), "INVITE")
		assert.Empty(t, ok.body, "the answer was given")
		l.prack(m, "") // again: it matches nothing any more
		w.p.response(481)
		l.send("PRACK", "", "RAck: 1 INVITE")
		w.p.response(400)
		events := watch(d)
		l.seq = 1
		l.send("ACK", "")
		event[Confirmed](t, events)
		w.p.silence(time.Minute)
	})
}

func TestReliable_NoPrackEndsTheCall_RFC3262_3(t *testing.T) {
	for _, accept := range []bool{false, true} {
		inBubble(t, nil, func(w *world) {
			i, l := w.invited("offer", require100rel)
			require.NoError(t, i.Ring(180, []byte("early")))
			start := time.Now()
			l.reliable(180)
			var events *eventLog
			if accept {
				d, err := i.Accept(nil)
				require.NoError(t, err)
				events = watch(d)
			}
			m := w.p.response(180)
			for m.code() == 180 {
				m = w.p.next(time.Minute)
			}
			assert.Equal(t, 504, m.code())
			assert.Equal(t, 32*time.Second, m.at.Sub(start))
			<-i.Done()
			if accept {
				require.ErrorIs(t, event[Ended](t, events).Err, ErrNoPrack)
			} else {
				assert.Equal(t, 504, i.Cause().Code)
				_, err := i.Accept(nil)
				require.ErrorIs(t, err, ErrClosed)
			}
			w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
			<-time.After(time.Minute)
			w.ua.mu.Lock()
			assert.Zero(t, w.ua.callsLocked()+len(w.ua.early))
			w.ua.mu.Unlock()
		})
	}
}

// Several leave one after the other, and what is asked for is always reliable.
func TestReliable_OneAtATime_RFC3262_3(t *testing.T) {
	inBubble(t, func(c *Config) { c.Reliable = ReliableAlways }, func(w *world) {
		i, l := w.invited("offer", "Supported: timer, 100rel")
		for _, code := range []int{180, 181, 183} {
			require.NoError(t, i.Ring(code, nil))
		}
		first := l.reliable(180)
		l.prack(first, "")
		w.p.response(200)
		second := l.reliable(181)
		assert.Equal(t, number(first.get("RSeq"))+1, number(second.get("RSeq")))
		// The 200 does not wait for one without a description, which is repeated no more.
		d, err := i.Accept([]byte("answer"))
		require.NoError(t, err)
		assert.Equal(t, "answer", w.p.response(200).body)
		l.prack(second, "")
		w.p.response(200)
		l.seq = 1
		l.send("ACK", "")
		event[Confirmed](t, watch(d))
		w.p.silence(time.Minute)
	})
}

// Repeated each minute, with a number of its own each time.
func TestReliable_RingsOn_RFC3261_13_3_1_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		i, l := w.invited("offer", require100rel)
		require.NoError(t, i.Ring(180, nil))
		last := 0
		start := time.Now()
		for n := range 5 {
			m := l.reliable(180)
			assert.Equal(t, time.Duration(n)*time.Minute, m.at.Sub(start))
			if n > 0 {
				assert.Equal(t, last+1, number(m.get("RSeq")))
			}
			last = number(m.get("RSeq"))
			l.prack(m, "")
			w.p.response(200)
		}
		require.NoError(t, i.Reject(486, ""))
		w.p.response(486)
		w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
		l.prack(&message{t: t, lines: []string{rseq(last)}}, "")
		w.p.response(481)
	})
}

// The caller of a call without an offer answers ours in the PRACK; after that
// either may offer in an UPDATE, or the caller in another PRACK.
func TestReliable_OfferAnsweredInPrack_RFC3262_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		i, l := w.invited("", "Supported: 100rel", allowUpdate)
		assert.Nil(t, i.Early())
		require.NoError(t, i.Ring(183, []byte("our offer")))
		m := l.reliable(183)
		events := watch(i.Early())
		l.send("UPDATE", "theirs")
		assert.NotEmpty(t, w.p.response(500).get("Retry-After")) // nothing is agreed yet
		l.send("INVITE", "another")
		w.p.response(500) // before the first has its final response (RFC 3261 §14.2)
		w.p.write(us(), l.text("ACK", fmt.Sprintf("z9hG4bKreq%d", w.p.seq), ""))
		l.prack(m, "their answer")
		w.p.response(200)
		assert.Equal(t, "their answer", string(event[EarlyAnswer](t, events).Body))
		l.send("UPDATE", "theirs")
		require.NoError(t, event[RemoteOffer](t, events).Answer([]byte("ours")))
		assert.Equal(t, "ours", w.p.response(200).body)
		require.NoError(t, i.Ring(180, []byte("our offer")))
		m = l.reliable(180)
		l.prack(m, "new offer")
		o := event[RemoteOffer](t, events)
		assert.Equal(t, "new offer", string(o.Body))
		require.NoError(t, o.Answer([]byte("new answer")))
		ok := w.p.response(200)
		assert.Equal(t, "new answer", ok.body)
		assert.Contains(t, ok.get("CSeq"), "PRACK")
		d, err := i.Accept([]byte("not said again"))
		require.NoError(t, err)
		assert.Same(t, i.Early(), d)
		assert.Empty(t, w.p.response(200).body)
		l.seq = 1
		l.send("ACK", "")
		assert.Empty(t, event[Confirmed](t, events).Body)
	})
}

// A CANCEL, or a BYE, while the 200 is kept back.
func TestReliable_CancelledWhileThe200Waits_RFC3262_3(t *testing.T) {
	for _, method := range []string{"CANCEL", "BYE"} {
		inBubble(t, nil, func(w *world) {
			i, l := w.invited("offer", "Supported: 100rel")
			require.NoError(t, i.Ring(183, []byte("early")))
			l.reliable(183)
			d, err := i.Accept(nil)
			require.NoError(t, err)
			events := watch(d)
			if method == "CANCEL" {
				other := l.other
				l.other = ""
				w.p.write(us(), l.text("CANCEL", "z9hG4bKinv1", ""))
				l.other = other
			} else {
				l.send("BYE", "")
			}
			codes := map[int]bool{w.p.next(time.Second).code(): true, w.p.next(time.Second).code(): true}
			assert.Equal(t, map[int]bool{200: true, 487: true}, codes, method)
			assert.True(t, event[Ended](t, events).Remote)
			l.seq = 1
			w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
			w.p.silence(time.Minute)
			<-i.Done()
		})
	}
}

func TestBye_InTheEarlyDialog_RFC3261_15_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		i, l := w.invited("offer")
		require.NoError(t, i.Ring(180, nil))
		m := w.p.response(180)
		l.other, l.uri = m.tag("To"), m.contact()
		l.send("BYE", "", `Reason: SIP;cause=200;text="elsewhere"`)
		codes := map[int]bool{w.p.next(time.Second).code(): true, w.p.next(time.Second).code(): true}
		assert.Equal(t, map[int]bool{200: true, 487: true}, codes)
		<-i.Done()
		assert.Equal(t, "elsewhere", i.Cause().Reason)
		_, err := i.Accept(nil)
		require.ErrorIs(t, err, ErrClosed)
		l.seq = 1
		w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
		synctest.Wait()
		w.ua.mu.Lock()
		assert.Zero(t, w.ua.callsLocked()+len(w.ua.early))
		w.ua.mu.Unlock()
	})
	// From the callee, who should not: that fork is gone, and may still answer.
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		next[Sent](t, c)
		next[Provisional](t, c)
		l := w.p.legOf(inv, "t1")
		l.send("BYE", "")
		w.p.response(200)
		l.send("INFO", "")
		w.p.response(481)
		w.p.reply(inv, 200, "OK", "t1", "answer")
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
		l.send("BYE", "")
		w.p.response(200)
	})
}

func TestReadRAck_RFC3262_7_2(t *testing.T) {
	for value, good := range map[string]bool{
		"776656 1 INVITE": true, "1 4294967295 INVITE": true, " 1  2   INVITE ": true,
		"": false, "1 INVITE": false, "0 1 INVITE": false, "1 1 BYE": false, "-1 1 INVITE": false,
		"4294967296 1 INVITE": false, "1 1 INVITE x": false, "x y INVITE": false,
	} {
		_, _, ok := readRAck([]string{value})
		assert.Equal(t, good, ok, value)
	}
	_, _, ok := readRAck([]string{"1 1 INVITE", "2 1 INVITE"})
	assert.False(t, ok)
}

func FuzzReadRAck(f *testing.F) {
	for _, s := range []string{"776656 1 INVITE", "1 2", "", "99999999999 1 INVITE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, c, ok := readRAck([]string{s})
		if r2, c2, ok2 := readRAck([]string{fmt.Sprintf("%d %d INVITE", r, c)}); ok && (!ok2 || r2 != r || c2 != c) {
			t.Fatalf("%q", s)
		}
	})
}
