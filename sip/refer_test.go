package sip

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var carol = URI{Scheme: "sip", User: "carol", Host: "example.com"}

// refer starts a transfer and returns where its result comes.
func refer(d *Dialog, r ReferRequest) chan error {
	done := make(chan error, 1)
	go func() { done <- d.Refer(context.Background(), r) }()
	return done
}

// notify sends a NOTIFY of a REFER's subscription.
func (l *leg) notify(state, body string, extra ...string) {
	l.p.t.Helper()
	if len(extra) == 0 {
		extra = []string{"Event: refer"}
	}
	extra = append(extra, "Subscription-State: "+state)
	if body != "" {
		extra = append(extra, "Content-Type: message/sipfrag;version=2.0")
	}
	l.send("NOTIFY", body, extra...)
}

func TestRefer_OnlyTheFinalNotifyIsSuccess_RFC3515_2_4_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		var told []int
		done := refer(d, ReferRequest{Target: carol, Progress: func(code int, _ string) { told = append(told, code) }})
		req := w.p.request("REFER")
		assert.Equal(t, "<sip:carol@example.com>", req.get("Refer-To"))
		assert.Equal(t, "<sip:alice@example.com>", req.get("Referred-By"))
		w.p.reply(req, 202, "Accepted", "", "")
		for _, frag := range []string{"SIP/2.0 100 Trying", "SIP/2.0 180 Ringing\r\n"} {
			l.notify("active;expires=60", frag)
			w.p.response(200)
			synctest.Wait()
			require.Empty(t, done, "not yet")
		}
		l.notify("terminated;reason=noresource", "SIP/2.0 200 OK")
		w.p.response(200)
		require.NoError(t, <-done)
		assert.Equal(t, []int{100, 180, 200}, told)
		l.notify("active", "SIP/2.0 200 OK")
		w.p.response(481)
	})
}

func TestRefer_FailuresSayWhose_RFC3515_2_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		done := refer(d, ReferRequest{Target: carol})
		w.p.reply(w.p.request("REFER"), 603, "Decline", "", "")
		err := <-done
		var status *StatusError
		require.ErrorAs(t, err, &status)
		assert.Equal(t, 603, status.Code)
		assert.ErrorContains(t, err, "does not transfer")

		done = refer(d, ReferRequest{Target: carol})
		w.p.reply(w.p.request("REFER"), 202, "Accepted", "", "")
		l.notify("terminated;reason=noresource", "SIP/2.0 486 Busy Here")
		w.p.response(200)
		err = <-done
		require.ErrorAs(t, err, &status)
		assert.Equal(t, 486, status.Code)
		assert.ErrorContains(t, err, "transfer failed")

		done = refer(d, ReferRequest{Target: carol})
		w.p.reply(w.p.request("REFER"), 202, "Accepted", "", "")
		l.notify("terminated;reason=timeout", "SIP/2.0 180 Ringing")
		w.p.response(200)
		require.ErrorIs(t, <-done, ErrNoResult)
		assert.True(t, d.confirmable(), "the call goes on")
	})
}

func TestRefer_NotifyBeforeTheResponseAndAfterTheBye_RFC5057_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		done := refer(d, ReferRequest{Target: carol})
		req := w.p.request("REFER")
		l.notify("active;expires=60", "SIP/2.0 100 Trying")
		w.p.response(200)
		w.p.reply(req, 202, "Accepted", "", "")
		l.send("BYE", "")
		w.p.response(200)
		w.p.silence(20 * time.Second)
		require.Empty(t, done)
		l.notify("terminated;reason=noresource", "SIP/2.0 200 OK")
		w.p.response(200)
		require.NoError(t, <-done)
	})
}

func TestRefer_SilenceIsNoSuccess_RFC6665_4_1_2_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		start := time.Now()
		done := refer(d, ReferRequest{Target: carol})
		w.p.reply(w.p.request("REFER"), 202, "Accepted", "", "")
		require.ErrorIs(t, <-done, ErrNoResult)
		assert.Equal(t, 32*time.Second, time.Since(start))

		start = time.Now()
		done = refer(d, ReferRequest{Target: carol})
		w.p.reply(w.p.request("REFER"), 202, "Accepted", "", "")
		l.notify("active;expires=100", "SIP/2.0 100 Trying")
		w.p.response(200)
		require.ErrorIs(t, <-done, ErrNoResult)
		assert.Equal(t, 100*time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		go func() { w.p.reply(w.p.request("REFER"), 202, "Accepted", "", "") }()
		require.ErrorIs(t, d.Refer(ctx, ReferRequest{Target: carol}), context.DeadlineExceeded)
	})
}

func TestRefer_TwoAtOnceAreToldApartById_RFC3515_2_4_6(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		one := refer(d, ReferRequest{Target: carol})
		first := w.p.request("REFER")
		w.p.reply(first, 202, "Accepted", "", "")
		two := refer(d, ReferRequest{Target: carol})
		second := w.p.request("REFER")
		w.p.reply(second, 202, "Accepted", "", "")
		id := func(m *message) string { return "Event: refer;id=" + strings.Fields(m.get("CSeq"))[0] }
		l.notify("terminated", "SIP/2.0 200 OK", id(second))
		w.p.response(200)
		require.NoError(t, <-two)
		l.notify("terminated", "SIP/2.0 603 Decline", id(first))
		w.p.response(200)
		require.ErrorContains(t, <-one, "603")
		l.notify("terminated", "SIP/2.0 200 OK", "Event: refer;id=1")
		w.p.response(481)
	})
}

func TestRefer_BadNotifyIsRefused_RFC6665_4_1_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		done := refer(d, ReferRequest{Target: carol})
		w.p.reply(w.p.request("REFER"), 202, "Accepted", "", "")
		l.send("NOTIFY", "", "Event: refer")
		w.p.response(400)
		l.notify("active", "hello")
		w.p.response(400)
		l.send("NOTIFY", "x", "Event: refer", "Subscription-State: active", "Content-Type: text/plain")
		w.p.response(415)
		l.send("NOTIFY", "", "Event: presence", "Subscription-State: active")
		assert.Equal(t, "refer, message-summary", w.p.response(489).get("Allow-Events"))
		l.notify("terminated", "SIP/2.0 200 OK")
		w.p.response(200)
		require.NoError(t, <-done)
	})
}

func TestReferral_ToldToTheEnd_RFC3515_2_4_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		l.send("REFER", "", "Contact: <sip:peer@10.0.0.2>", `Refer-To: "Carol, C" <sip:carol@example.com;method=INVITE>`, "Referred-By: <sip:bob@example.com>")
		ev := event[ReferReceived](t, events)
		assert.Equal(t, carol, ev.Target)
		assert.Equal(t, "<sip:bob@example.com>", ev.ReferredBy)
		assert.Nil(t, ev.Replaces)
		r, err := ev.Accept()
		require.NoError(t, err)
		w.p.response(202)
		n := w.p.request("NOTIFY")
		assert.Equal(t, "SIP/2.0 100 Trying\r\n", n.body)
		assert.Equal(t, fmt.Sprintf("refer;id=%d", l.seq), n.get("Event"))
		assert.Equal(t, "active;expires=180", n.get("Subscription-State"))
		w.p.reply(n, 200, "OK", "", "")
		r.Notify(180, "")
		n = w.p.request("NOTIFY")
		assert.Equal(t, "SIP/2.0 180 Ringing\r\n", n.body)
		w.p.reply(n, 200, "OK", "", "")
		l.send("BYE", "") // they do not wait; the outcome is told all the same
		w.p.response(200)
		r.Notify(486, "Busy\r\nHere")
		n = w.p.request("NOTIFY")
		assert.Equal(t, "SIP/2.0 486 BusyHere\r\n", n.body)
		assert.Equal(t, "terminated;reason=noresource", n.get("Subscription-State"))
		w.p.reply(n, 200, "OK", "", "")
		r.Notify(200, "")
		w.p.silence(5 * time.Minute)
		require.ErrorIs(t, ev.Reject(603, ""), ErrClosed)
	})
}

func TestReferral_WithoutOutcomeEndsWithItsTime_RFC6665_4_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		l.send("REFER", "", "Refer-To: <sip:carol@example.com>")
		_, err := event[ReferReceived](t, events).Accept()
		require.NoError(t, err)
		w.p.response(202)
		w.p.reply(w.p.request("NOTIFY"), 200, "OK", "", "")
		n := w.p.next(4 * time.Minute)
		assert.Equal(t, "terminated;reason=timeout", n.get("Subscription-State"))
		w.p.reply(n, 200, "OK", "", "")
		w.p.silence(time.Minute)
	})
}

func TestReferral_BadOnesAreRefused_RFC3515_2_4_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept()
		events := watch(d)
		event[Confirmed](t, events)
		for _, c := range []struct {
			code  int
			extra []string
		}{
			{400, nil},
			{400, []string{"Refer-To: <sip:a@example.com>", "Refer-To: <sip:b@example.com>"}},
			{400, []string{"Refer-To: <http://example.com/>"}},
			{400, []string{"Refer-To: <sip:a@example.com;method=BYE>"}},
			{400, []string{"Refer-To: <sip:a@example.com?Replaces=x>"}},
		} {
			l.send("REFER", "", c.extra...)
			w.p.response(c.code)
		}
		l.send("REFER", "", "Refer-To: sip:carol@example.com;x=y")
		require.NoError(t, event[ReferReceived](t, events).Reject(603, ""))
		w.p.response(603)
		l.send("REFER", "", "Refer-To: <sip:carol@example.com>")
		event[ReferReceived](t, events)
		l.send("REFER", "", "Refer-To: <sip:carol@example.com>")
		w.p.response(491)
		at := time.Now()
		w.p.response(603)
		assert.Equal(t, referWait, time.Since(at), "nobody decided")
		stray := *l
		stray.other = ""
		stray.callID = "another"
		stray.send("REFER", "", "Refer-To: <sip:carol@example.com>")
		w.p.response(403)
		l.send("REFER", "", "Refer-To: <sip:carol@example.com>")
		event[ReferReceived](t, events)
		l.send("BYE", "")
		got := []int{w.p.next(time.Second).code(), w.p.next(time.Second).code()}
		assert.ElementsMatch(t, []int{200, 481}, got)
	})
}

func TestParseReferTo_RFC3515_2_1(t *testing.T) {
	for in, want := range map[string]string{
		"sip:a@example.com":                     "<sip:a@example.com>",
		"<sip:a@example.com>;x=y":               "<sip:a@example.com>",
		`"<x>" <sip:a@example.com;user=phone>`:  "<sip:a@example.com;user=phone>",
		"<sip:a@h;method=invite?Subject=x&a=b>": "<sip:a@h>",
		"tel:+8210":                             "<tel:+8210>",
		"<sip:a@h?Replaces=12%40x%3Bto-tag%3Dt%3Bfrom-tag%3Df%3Bearly-only&Require=replaces>": "<sip:a@h?Replaces=12%40x%3Bto-tag%3Dt%3Bfrom-tag%3Df%3Bearly-only>",
	} {
		to, err := parseReferTo(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, to.String())
	}
	for _, in := range []string{"", "<sip:a@h", "a@h", "<mailto:a@h>", "<sip:a@h?Replaces=%zz>", "<sip:@h>",
		"<sip:a@h?Replaces=1%3Bto-tag%3Dt%3Bfrom-tag%3Df&Replaces=1%3Bto-tag%3Dt%3Bfrom-tag%3Df>"} {
		_, err := parseReferTo(in)
		require.Error(t, err, in)
	}
}

func FuzzReferTo(f *testing.F) {
	f.Add("<sip:a@h?Replaces=12%40x%3Bto-tag%3Dt%3Bfrom-tag%3Df&Require=replaces>")
	f.Add(`"x" <sip:a@[::1]:5060;method=INVITE>;y`)
	f.Add("tel:+8210;x=y")
	f.Fuzz(func(t *testing.T, s string) {
		to, err := parseReferTo(s)
		if err != nil {
			return
		}
		again, err := parseReferTo(to.String())
		require.NoError(t, err, to.String())
		require.Equal(t, to, again)
	})
}

func FuzzSipfrag(f *testing.F) {
	f.Add([]byte("SIP/2.0 200 OK\r\n"))
	f.Add([]byte("SIP/2.0 486"))
	f.Fuzz(func(t *testing.T, b []byte) {
		code, reason, err := parseSipfrag(b)
		if err != nil {
			return
		}
		c, r, err := parseSipfrag(sipfrag(code, reason))
		require.NoError(t, err)
		require.Equal(t, code, c)
		require.Equal(t, strings.TrimSpace(reason), r)
	})
}

// A status may take the place of an older one between the moment its sender is
// woken and the moment it looks: it then wakes up once too often.
func TestReferral_WokenForNothing(t *testing.T) {
	r := &Referral{wake: make(chan struct{}, 1)}
	r.Notify(180, "Ringing")
	<-r.wake
	r.Notify(200, "OK")
	n, ok := r.next()
	require.True(t, ok)
	require.Equal(t, referNews{code: 200, reason: "OK", over: true}, n)
	<-r.wake
	_, ok = r.next()
	require.False(t, ok)
}

// A subscription whose time is over ends, also when there is something left to tell.
func TestReferral_EndsWithItsTimeWhateverIsLeft_RFC6665_4_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.accept()
		r := &Referral{d: d, event: "refer;id=1", wake: make(chan struct{}, 1), queue: []referNews{{code: 180}}}
		done := make(chan struct{})
		go func() { r.run(); close(done) }()
		n := w.p.next(4 * time.Minute)
		assert.Equal(t, "SIP/2.0 180 Ringing\r\n", n.body)
		assert.Equal(t, "terminated;reason=timeout", n.get("Subscription-State"))
		w.p.reply(n, 200, "OK", "", "")
		<-done
	})
}

// The number of a transfer's target stays out of the log.
func TestReferral_NoNumbersInTheLog(t *testing.T) {
	var log bytes.Buffer
	inBubble(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(w *world) {
		d, l := w.accept()
		event[Confirmed](t, watch(d))
		for _, to := range []string{"<sip:+821012345678@ex ample>", "<tel:+821012345678x>", "<sip:+821012345678@h?Replaces=+821012345678>"} {
			l.send("REFER", "", "Refer-To: "+to)
			w.p.response(400)
		}
	})
	assert.Contains(t, log.String(), "REFER")
	assert.NotContains(t, log.String(), "12345678")
}
