package sip

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadExpiry_RFC4028_4(t *testing.T) {
	for value, want := range map[string]expiry{
		"1800":                           {30 * time.Minute, ""},
		" 90 ; refresher = UAC ":         {90 * time.Second, "uac"},
		"90;x=y;refresher=uas":           {90 * time.Second, "uas"},
		"90;refresher=somebody":          {90 * time.Second, ""},
		"99999999999999;refresher=uac":   {(1 << 31) * time.Second, "uac"},
		"999999999999999999999999999999": {},
		"0":                              {},
		"soon":                           {},
		"":                               {},
	} {
		assert.Equal(t, want, readExpiry([]string{value}), value)
	}
	assert.Equal(t, expiry{}, readExpiry(nil))
}

func FuzzReadExpiry(f *testing.F) {
	for _, s := range []string{"1800;refresher=uac", "90", ";;=", "\"", "4294967296;refresher=uas"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := readExpiry([]string{s})
		if e.interval < 0 || e.interval > (1<<31)*time.Second {
			t.Fatalf("%q gives %v", s, e.interval)
		}
		if e.interval > 0 && readExpiry([]string{e.String()}) != e {
			t.Fatalf("%q is written as %q", s, e)
		}
	})
}

// Table 2 of the RFC, and how the interval comes to be.
func TestAgree_WhoRefreshesAndHowLong_RFC4028_9(t *testing.T) {
	ours := SessionTimers{Expires: 600 * time.Second}.withDefaults()
	s := func(n int) time.Duration { return time.Duration(n) * time.Second }
	for name, c := range map[string]struct {
		offer timerOffer
		now   expiry
		want  expiry
	}{
		"they ask, anyone":             {timerOffer{expiry{s(300), ""}, 0, true}, expiry{}, expiry{s(300), "uac"}},
		"they ask to refresh":          {timerOffer{expiry{s(300), "uac"}, 0, true}, expiry{}, expiry{s(300), "uac"}},
		"they ask us to refresh":       {timerOffer{expiry{s(300), "uas"}, 0, true}, expiry{}, expiry{s(300), "uas"}},
		"a proxy asked":                {timerOffer{expiry{s(300), ""}, 0, false}, expiry{}, expiry{s(300), "uas"}},
		"longer than we want":          {timerOffer{expiry{s(1800), ""}, 0, true}, expiry{}, expiry{s(600), "uac"}},
		"longer, but Min-SE":           {timerOffer{expiry{s(1800), ""}, s(1000), true}, expiry{}, expiry{s(1000), "uac"}},
		"Min-SE beyond their own":      {timerOffer{expiry{s(1800), ""}, s(9000), true}, expiry{}, expiry{s(1800), "uac"}},
		"they know, but do not ask":    {timerOffer{expiry{}, 0, true}, expiry{}, expiry{s(600), "uac"}},
		"they know not":                {timerOffer{}, expiry{}, expiry{}},
		"they know not, we refresh":    {timerOffer{}, expiry{s(120), "uas"}, expiry{s(120), "uas"}},
		"they know no more":            {timerOffer{}, expiry{s(120), "uac"}, expiry{}},
		"again, as it was":             {timerOffer{expiry{s(120), ""}, 0, true}, expiry{s(120), "uas"}, expiry{s(120), "uas"}},
		"again, without asking":        {timerOffer{expiry{}, 0, true}, expiry{s(120), "uac"}, expiry{s(120), "uac"}},
		"again, with another refreher": {timerOffer{expiry{s(120), "uac"}, 0, true}, expiry{s(120), "uas"}, expiry{s(120), "uac"}},
	} {
		assert.Equal(t, c.want, ours.agree(c.offer, c.now), name)
		assert.Equal(t, expiry{}, SessionTimers{Off: true}.withDefaults().agree(c.offer, c.now), name)
	}
}

const allowUpdate = "Allow: INVITE, ACK, BYE, UPDATE"

// timed makes an answered outgoing call with these headers in the 200.
func (w *world) timed(extra ...string) (*Dialog, *leg, *eventLog) {
	w.t.Helper()
	c := w.call()
	inv := w.p.request("INVITE")
	assert.Equal(w.t, "1800", inv.get("Session-Expires"))
	assert.Contains(w.t, inv.get("Supported"), "timer")
	w.p.reply(inv, 200, "OK", "t1", "answer", extra...)
	next[Sent](w.t, c)
	f := next[Final](w.t, c)
	require.NoError(w.t, f.Err)
	require.NoError(w.t, f.Dialog.Ack(nil))
	w.p.request("ACK")
	return f.Dialog, w.p.legOf(inv, "t1"), watch(f.Dialog)
}

func TestSessionTimer_RefreshedByUpdate_RFC4028_7_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		_, l, _ := w.timed("Session-Expires: 600;refresher=uac", "Require: timer", allowUpdate)
		start := time.Now()
		for i := range 20 { // more than an hour and a half
			up := w.p.next(10 * time.Minute)
			require.Equal(t, "UPDATE", up.method())
			require.Equal(t, time.Duration(i+1)*300*time.Second, up.at.Sub(start))
			assert.Empty(t, up.body)
			assert.Equal(t, "600;refresher=uac", up.get("Session-Expires"))
			assert.Contains(t, up.contact(), ourAddr)
			w.p.reply(up, 200, "OK", "", "", "Session-Expires: 600;refresher=uac", allowUpdate, "Contact: <sip:peer@10.0.0.2:5060>")
		}
		l.send("BYE", "")
		w.p.response(200)
		w.p.silence(time.Hour) // and nothing more
	})
}

func TestSessionTimer_NobodyRefreshes_ByeAndCause_RFC4028_10(t *testing.T) {
	for expires, after := range map[string]time.Duration{"600": 568 * time.Second, "90": 60 * time.Second} {
		inBubble(t, nil, func(w *world) {
			_, _, events := w.timed("Session-Expires: " + expires + ";refresher=uas")
			start := time.Now()
			bye := w.p.next(time.Hour)
			require.Equal(t, "BYE", bye.method())
			assert.Equal(t, after, bye.at.Sub(start))
			assert.Contains(t, bye.get("Reason"), "cause=408")
			e := event[Ended](t, events)
			require.ErrorIs(t, e.Err, ErrSessionExpired)
			assert.Equal(t, 408, e.Code)
			w.p.reply(bye, 200, "OK", "", "")
			w.p.silence(time.Hour)
		})
	}
}

func TestSessionTimer_TheirRefreshKeepsItUp_RFC4028_10(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l, events := w.timed("Session-Expires: 100;refresher=uas")
		for range 10 {
			<-time.After(50 * time.Second)
			l.send("UPDATE", "", "Supported: timer", "Session-Expires: 100;refresher=uac", "Contact: <sip:peer@10.0.0.2:5060>")
			ok := w.p.response(200)
			assert.Equal(t, "100;refresher=uac", ok.get("Session-Expires"))
			assert.Equal(t, "timer", ok.get("Require"))
			assert.NotEmpty(t, ok.contact())
		}
		for range 3 { // by re-INVITE too
			<-time.After(50 * time.Second)
			l.send("INVITE", "same", "Supported: timer", "Session-Expires: 100;refresher=uac")
			w.p.response(100)
			require.NoError(t, event[RemoteOffer](t, events).Answer([]byte("same")))
			assert.Equal(t, "100;refresher=uac", w.p.response(200).get("Session-Expires"))
			l.send("ACK", "")
		}
		assert.True(t, d.confirmable())
		assert.Equal(t, "BYE", w.p.next(time.Hour).method())
	})
}

// A peer that does not know UPDATE is sent a re-INVITE, which is the owner's.
func TestSessionTimer_OwnerRefreshesByReInvite_RFC4028_7_4(t *testing.T) {
	for name, refuse := range map[string]bool{"not allowed": false, "refused": true} {
		inBubble(t, nil, func(w *world) {
			allow := "Allow: INVITE, ACK, BYE"
			if refuse {
				allow = allowUpdate
			}
			d, _, events := w.timed("Session-Expires: 400;refresher=uac", allow)
			if refuse {
				w.p.reply(w.p.next(time.Hour), 501, "Not Implemented", "", "")
			}
			event[RefreshDue](t, events)
			done := reInvite(d, offerText("same"))
			inv := w.p.request("INVITE")
			assert.Equal(t, "400;refresher=uac", inv.get("Session-Expires"), name)
			w.p.reply(inv, 200, "OK", "", "same", "Session-Expires: 400;refresher=uac")
			w.p.request("ACK")
			require.NoError(t, (<-done).err)
			// The next time nobody takes the trouble: it is asked for again and again.
			start := time.Now()
			event[RefreshDue](t, events)
			assert.Equal(t, 200*time.Second, time.Since(start))
			event[RefreshDue](t, events)
			assert.Equal(t, 210*time.Second, time.Since(start))
			bye := w.p.next(time.Hour)
			require.Equal(t, "BYE", bye.method())
			assert.Equal(t, 368*time.Second, bye.at.Sub(start))
		})
	}
}

func TestSessionTimer_RefreshRefusedThenRetried_RFC3311_5_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		_, _, events := w.timed("Session-Expires: 600;refresher=uac", allowUpdate)
		start := time.Now()
		w.p.reply(w.p.next(time.Hour), 500, "Server Internal Error", "", "", "Retry-After: 5")
		up := w.p.request("UPDATE")
		assert.Equal(t, 310*time.Second, up.at.Sub(start))
		w.p.reply(up, 491, "Request Pending", "", "")
		up = w.p.request("UPDATE")
		w.p.reply(up, 422, "Session Interval Too Small", "", "", "Min-SE: 700")
		up = w.p.request("UPDATE")
		assert.Equal(t, up.at, time.Now(), "at once")
		assert.Equal(t, "700;refresher=uac", up.get("Session-Expires"))
		assert.Equal(t, "700", up.get("Min-SE"))
		w.p.reply(up, 200, "OK", "", "", "Session-Expires: 700;refresher=uac")
		up = w.p.next(time.Hour)
		assert.Equal(t, 350*time.Second, up.at.Sub(start)-320*time.Second)
		w.p.reply(up, 481, "Gone", "", "")
		assert.Equal(t, 481, event[Ended](t, events).Code)
		w.p.silence(time.Hour)
	})
}

// The peer is gone: the refresh is not answered, and a BYE follows (RFC 4028 §10).
func TestSessionTimer_DeadPeerIsFound_RFC4028_10(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		_, _, events := w.timed("Session-Expires: 400;refresher=uac", allowUpdate)
		start := time.Now()
		e := event[Ended](t, events)
		assert.Equal(t, 232*time.Second, time.Since(start))
		require.ErrorIs(t, e.Err, ErrUnreachable)
		assert.Equal(t, 408, e.Code)
		byes := 0
		for <-time.After(time.Minute); len(w.p.in) > 0; {
			if m := <-w.p.in; m.method() == "BYE" {
				byes++
			}
		}
		assert.Positive(t, byes)
	})
}

func TestSessionTimer_422ThenMore_RFC4028_7_3(t *testing.T) {
	inBubble(t, func(c *Config) { c.SessionTimers.Expires = 2 * time.Minute }, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		assert.Equal(t, "120", inv.get("Session-Expires"))
		assert.Empty(t, inv.get("Min-SE"))
		w.p.reply(inv, 422, "Session Interval Too Small", "x", "", "Min-SE: 300")
		w.p.request("ACK")
		again := w.p.request("INVITE")
		assert.Equal(t, inv.get("Call-ID"), again.get("Call-ID"))
		assert.Equal(t, inv.tag("From"), again.tag("From"))
		assert.NotEqual(t, inv.get("CSeq"), again.get("CSeq"))
		assert.Equal(t, "300", again.get("Session-Expires"))
		assert.Equal(t, "300", again.get("Min-SE"))
		w.p.reply(again, 200, "OK", "t1", "answer", "Session-Expires: 300;refresher=uac", allowUpdate)
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
		assert.Equal(t, "300", w.p.next(time.Hour).get("Min-SE"))
	})
}

func TestSessionTimer_422IsObeyedAFewTimesOnly(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		next[Sent](t, c)
		for i := range maxTimerRaises + 1 {
			w.p.reply(w.p.request("INVITE"), 422, "Session Interval Too Small", "x", "", fmt.Sprintf("Min-SE: %d", 2000+i))
			w.p.request("ACK")
		}
		var e *StatusError
		require.ErrorAs(t, next[Final](t, c).Err, &e)
		assert.Equal(t, 422, e.Code)
		// One that says nothing new is not obeyed at all.
		c = w.call()
		next[Sent](t, c)
		w.p.reply(w.p.request("INVITE"), 422, "Session Interval Too Small", "x", "", "Min-SE: 90")
		w.p.request("ACK")
		require.Error(t, next[Final](t, c).Err)
		w.p.silence(time.Minute)
	})
}

func TestSessionTimer_TooSmallIsRefused_RFC4028_9(t *testing.T) {
	inBubble(t, func(c *Config) { c.SessionTimers.Min = 2 * time.Minute }, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer", "Supported: timer", "Session-Expires: 60")
		res := w.p.response(422)
		assert.Equal(t, "120", res.get("Min-SE"))
		l.other = res.tag("To")
		w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
		assert.Empty(t, got)
		// Asked for more, it is taken, and they refresh.
		l, _ = w.p.invite("alice", "offer", "Supported: timer, x", "x: 120")
		w.p.response(100)
		d, err := (<-got).Accept([]byte("answer"))
		require.NoError(t, err)
		ok := w.p.response(200)
		assert.Equal(t, "120;refresher=uac", ok.get("Session-Expires"))
		assert.Equal(t, "timer", ok.get("Require"))
		assert.Contains(t, ok.get("Supported"), "timer")
		l.other, l.uri = ok.tag("To"), ok.contact()
		l.send("ACK", "")
		events := watch(d)
		event[Confirmed](t, events)
		// And in the dialog too; the refusal changes nothing.
		l.send("UPDATE", "", "Supported: timer", "Session-Expires: 60")
		assert.Equal(t, "120", w.p.response(422).get("Min-SE"))
		l.send("INVITE", "x", "Supported: timer", "Session-Expires: 60")
		w.p.response(422)
		w.p.seq--
		w.p.write(us(), l.text("ACK", fmt.Sprintf("z9hG4bKreq%d", w.p.seq+1), ""))
		assert.True(t, d.confirmable())
		l.send("BYE", "")
		w.p.response(200)
	})
}

// A proxy asked for it and the caller knows nothing of timers: we refresh.
func TestSessionTimer_WeRefreshForWhoCannot_RFC4028_9(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer", "Session-Expires: 300", allowUpdate)
		w.p.response(100)
		_, err := (<-got).Accept([]byte("answer"))
		require.NoError(t, err)
		ok := w.p.response(200)
		assert.Equal(t, "300;refresher=uas", ok.get("Session-Expires"))
		assert.Empty(t, ok.get("Require"))
		l.other, l.uri = ok.tag("To"), ok.contact()
		l.send("ACK", "")
		up := w.p.next(time.Hour)
		assert.Equal(t, "UPDATE", up.method())
		assert.Equal(t, "300;refresher=uac", up.get("Session-Expires"))
		w.p.reply(up, 200, "OK", "", "")
		up = w.p.next(time.Hour) // though the 200 said nothing
		assert.Equal(t, "UPDATE", up.method())
	})
}

func TestSessionTimer_Off(t *testing.T) {
	inBubble(t, func(c *Config) { c.SessionTimers.Off = true }, func(w *world) {
		d, l := w.accept()
		l.send("UPDATE", "", "Supported: timer", "Session-Expires: 60")
		ok := w.p.response(200)
		assert.Empty(t, ok.get("Session-Expires"))
		l.send("UPDATE", "", "Require: timer", "Session-Expires: 90")
		assert.Equal(t, []string{"timer"}, w.p.response(420).all("Unsupported"))
		w.p.silence(time.Hour)
		assert.True(t, d.confirmable())
		c := w.call()
		inv := w.p.request("INVITE")
		assert.Empty(t, inv.get("Session-Expires"))
		assert.NotContains(t, inv.get("Supported"), "timer")
		w.p.reply(inv, 486, "Busy", "x", "")
		next[Sent](t, c)
		next[Final](t, c)
	})
}

// A call that is up for a day, refreshed by UPDATE.
func TestSessionTimer_ADay_RFC4028_7_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l, _ := w.timed("Session-Expires: 1800;refresher=uac", allowUpdate)
		refreshes := 0
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); refreshes++ {
			m := w.p.next(time.Hour)
			require.Equal(t, "UPDATE", m.method())
			w.p.reply(m, 200, "OK", "", "", "Session-Expires: 1800;refresher=uac")
		}
		assert.Equal(t, 96, refreshes)
		assert.True(t, d.confirmable())
		l.send("BYE", "")
		w.p.response(200)
		synctest.Wait()
	})
}
