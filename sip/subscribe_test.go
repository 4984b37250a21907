package sip

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const summaryText = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 4/8 (1/2)\r\n"

// told collects message summaries.
type told struct{ ch chan MessageSummary }

func (c *told) set(cfg *Config) {
	c.ch = make(chan MessageSummary, 100)
	cfg.Messages = func(_ string, m MessageSummary) { c.ch <- m }
}

// subscription is the peer's view of one.
func (p *peer) subscription(req *message, tag string) *leg {
	l := p.legOf(req, tag)
	l.seq = 0
	return l
}

func (l *leg) summary(state string) {
	l.send("NOTIFY", summaryText, "Event: message-summary", "Subscription-State: "+state, "Content-Type: "+messageSummaryType)
}

func TestSubscribe_RefreshedAndTakenBack_RFC6665_4_1_2(t *testing.T) {
	var got told
	inBubble(t, got.set, func(w *world) {
		s, err := w.ua.SubscribeMessages(w.account())
		require.NoError(t, err)
		req := w.p.request("SUBSCRIBE")
		assert.Equal(t, "message-summary", req.get("Event"))
		assert.Equal(t, "sip:alice@example.com", req.uri())
		w.p.reply(req, 401, "Unauthorized", "x", "", `WWW-Authenticate: Digest realm="r",nonce="n"`)
		req = w.p.request("SUBSCRIBE")
		assert.Contains(t, req.get("Authorization"), "username=\"alice\"")
		l := w.p.subscription(req, "n1")
		l.summary("active;expires=600") // may come before the response
		w.p.response(200)
		w.p.reply(req, 200, "OK", "n1", "", "Expires: 600", "Contact: <sip:mwi@10.0.0.2:5060>")
		m := <-got.ch
		assert.True(t, m.Waiting)
		assert.Equal(t, MessageCount{4, 8, 1, 2}, m.Voice())
		assert.Equal(t, "vmail.example.com", m.Account.Host)
		synctest.Wait()
		assert.Equal(t, SubscriptionState{Active: true, Expires: 10 * time.Minute}, s.State())
		at := time.Now()
		refresh := w.p.next(time.Hour)
		assert.Equal(t, "SUBSCRIBE", refresh.method())
		assert.Equal(t, 9*time.Minute, time.Since(at))
		assert.Equal(t, "n1", refresh.tag("To"))
		assert.Equal(t, "sip:mwi@10.0.0.2:5060", refresh.uri())
		w.p.reply(refresh, 200, "OK", "", "", "Expires: 600")
		l.summary("active;expires=600")
		w.p.response(200)
		<-got.ch
		stranger := *l
		stranger.local = "another"
		stranger.summary("active")
		w.p.response(481)
		done := make(chan error, 1)
		go func() { done <- s.Close(context.Background()) }()
		bye := w.p.request("SUBSCRIBE")
		assert.Equal(t, "0", bye.get("Expires"))
		w.p.reply(bye, 200, "OK", "", "", "Expires: 0")
		require.NoError(t, <-done)
		l.summary("terminated")
		w.p.response(481)
	})
}

func TestSubscribe_ComesBack_RFC6665_4_1_3(t *testing.T) {
	var got told
	inBubble(t, got.set, func(w *world) {
		s, err := w.ua.SubscribeMessages(w.account())
		require.NoError(t, err)
		granted := func() *leg {
			req := w.p.next(2 * time.Hour)
			require.Equal(t, "SUBSCRIBE", req.method())
			require.Empty(t, req.tag("To"), "a new dialog")
			w.p.reply(req, 200, "OK", "n1", "", "Expires: 3600", "Contact: <sip:mwi@10.0.0.2:5060>")
			synctest.Wait()
			require.True(t, s.State().Active)
			return w.p.subscription(req, "n1")
		}
		waits := func(l *leg, state string, from, to time.Duration) {
			t.Helper()
			at := time.Now()
			l.summary(state)
			w.p.response(200)
			<-got.ch
			synctest.Wait()
			require.False(t, s.State().Active)
			req := w.p.next(2 * time.Hour)
			require.GreaterOrEqual(t, time.Since(at), from)
			require.LessOrEqual(t, time.Since(at), to)
			w.p.reply(req, 503, "Service Unavailable", "n1", "", "Retry-After: 77")
			at = time.Now()
			again := w.p.next(2 * time.Hour)
			require.Equal(t, 77*time.Second, time.Since(at))
			w.p.reply(again, 481, "No", "n1", "")
		}
		waits(granted(), "terminated;reason=deactivated", time.Second, time.Second)
		waits(granted(), "terminated;reason=giveup;retry-after=30", 30*time.Second, 30*time.Second)
		waits(granted(), "terminated;reason=rejected", refusedTime, refusedTime)

		// The notifier has forgotten us, or is gone.
		granted()
		refresh := w.p.next(2 * time.Hour)
		w.p.reply(refresh, 481, "Gone", "", "")
		granted()
		refresh = w.p.next(2 * time.Hour)
		require.NotEmpty(t, refresh.tag("To"))
		for refresh.tag("To") != "" { // repeated until its transaction gives up
			refresh = w.p.next(time.Hour)
		}
		w.p.reply(refresh, 489, "Bad Event", "n1", "")
		at := time.Now()
		refresh = w.p.next(2 * time.Hour)
		require.Equal(t, refusedTime, time.Since(at))
		require.ErrorContains(t, s.State().Err, "489")
		w.p.reply(refresh, 423, "Interval Too Brief", "n1", "", "Min-Expires: 7200")
		require.Equal(t, "7200", w.p.request("SUBSCRIBE").get("Expires"))
	})
}

func TestNotify_UnaskedOnlyFromTheRegistrar_RFC3842(t *testing.T) {
	var got told
	inBubble(t, got.set, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
		unasked := func(p *peer, user, body, ct string) {
			l := &leg{p: p, callID: "mwi" + user + ct, local: "x", uri: "sip:" + user + "@" + ourAddr, from: "<sip:pbx@x>", to: "<sip:" + user + "@x>"}
			l.send("NOTIFY", body, "Event: message-summary", "Subscription-State: active", "Content-Type: "+ct)
		}
		unasked(w.p, "alice", summaryText, messageSummaryType)
		w.p.response(200)
		require.True(t, (<-got.ch).Waiting)
		unasked(w.p, "nobody", summaryText, messageSummaryType)
		w.p.response(481)
		unasked(w.p, "alice", summaryText, "text/plain")
		w.p.response(415)
		unasked(w.p, "alice", "hello", messageSummaryType+";x=y")
		w.p.response(400)
		stranger := newPeer(t, w.net, "10.0.0.9")
		defer stranger.close()
		unasked(stranger, "alice", summaryText, messageSummaryType)
		stranger.response(481)
		require.Empty(t, got.ch)
	})
}

// A mailbox may lie on a host of its own: what names the subscription's Call-ID and
// tag is let in from there, though nothing else is.
func TestSubscribe_NotifierElsewhereIsLetIn_RFC6665_4_1(t *testing.T) {
	var got told
	inBubble(t, func(c *Config) { got.set(c); c.Allow = []netip.Prefix{} }, func(w *world) {
		_, err := w.ua.SubscribeMessages(w.account())
		require.NoError(t, err)
		req := w.p.request("SUBSCRIBE")
		w.p.reply(req, 200, "OK", "n1", "", "Expires: 600", "Contact: <sip:mwi@10.0.0.9:5060>")
		synctest.Wait()
		elsewhere := newPeer(t, w.net, "10.0.0.9")
		defer elsewhere.close()
		l := elsewhere.subscription(req, "n1")
		l.summary("active;expires=600")
		elsewhere.response(200)
		require.True(t, (<-got.ch).Waiting)
		l.callID = "another"
		l.summary("active;expires=600")
		elsewhere.silence(time.Minute)
	})
}

func TestParseMessageSummary_RFC3842_5(t *testing.T) {
	m, err := ParseMessageSummary([]byte("messages-waiting: NO\r\nFax-Message: 0/1\r\nX-Other: y\r\n\r\nTo: <alice@example.com>\r\nbroken"))
	require.NoError(t, err)
	assert.False(t, m.Waiting)
	assert.Equal(t, MessageCount{Old: 1}, m.Counts["fax"])
	assert.Zero(t, m.Voice())
	for _, bad := range []string{"", "Voice-Message: 1/2", "Messages-Waiting: maybe", "Messages-Waiting: yes\r\nVoice-Message: 1",
		"Messages-Waiting: yes\r\nVoice-Message: 1/2 (1/2", "Messages-Waiting: yes\r\nVoice-Message: -1/2", "Messages-Waiting: yes\r\nx",
		"Messages-Waiting: yes\r\nMessage-Account: x", "Messages-Waiting: yes\r\n" + strings.Repeat("A: b\r\n", 2000)} {
		_, err := ParseMessageSummary([]byte(bad))
		require.Error(t, err, "%.60s", bad)
	}
}

func FuzzMessageSummary(f *testing.F) {
	f.Add([]byte(summaryText))
	f.Add([]byte("Messages-Waiting: no\nFax-Message: 0/0\n\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessageSummary(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(m.Counts), 16)
		for _, c := range m.Counts {
			require.GreaterOrEqual(t, min(c.New, c.Old, c.UrgentNew, c.UrgentOld), 0)
		}
	})
}

// A subscription from an address that is not ours any more would bring its NOTIFYs there.
func TestSubscribe_FollowsOurAddress(t *testing.T) {
	roaming(t, func(w *world) {
		_, err := w.ua.SubscribeMessages(w.account())
		require.NoError(t, err)
		w.p.reply(w.p.request("SUBSCRIBE"), 200, "OK", "n1", "", "Expires: 3600", "Contact: <sip:mwi@10.0.0.2:5060>")
		<-time.After(time.Minute)
		w.move()
		start := time.Now()
		again := w.p.request("SUBSCRIBE")
		assert.LessOrEqual(t, time.Since(start), 250*time.Millisecond)
		assert.Empty(t, again.tag("To"), "a new dialog")
		assert.Contains(t, again.contact(), "@"+movedAddr)
	})
}

// The notifier reaches us over the connection that we made: without it we subscribe
// again, with growing pauses where connections keep breaking.
func TestSubscribe_FollowsItsConnection(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		_, err := w.ua.SubscribeMessages(a)
		require.NoError(t, err)
		var pauses []time.Duration
		start := time.Now()
		for range 6 {
			p.accept()
			pauses = append(pauses, time.Since(start))
			req := p.request("SUBSCRIBE")
			require.Empty(t, req.tag("To"))
			p.reply(req, 200, "OK", "Expires: 3600", "Contact: <sip:mwi@10.0.0.2:5060;transport=tcp>")
			<-time.After(time.Second)
			require.NoError(t, p.conn.Close())
			start = time.Now()
		}
		assert.Zero(t, pauses[1])
		assert.Greater(t, pauses[5], pauses[2])
	})
}

// No time granted is no subscription, and a Retry-After of years is not obeyed.
func TestSubscribe_NoTimeGrantedIsNotHammered_RFC6665_4_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		s, err := w.ua.SubscribeMessages(w.account())
		require.NoError(t, err)
		for start := time.Now(); time.Since(start) < 5*time.Minute; {
			at := time.Now()
			req := w.p.request("SUBSCRIBE")
			if time.Since(start) > 3*time.Minute {
				require.GreaterOrEqual(t, time.Since(at), 20*time.Second)
			}
			w.p.reply(req, 200, "OK", "n1", "", "Expires: 0", "Contact: <sip:mwi@10.0.0.2:5060>")
			synctest.Wait()
			assert.False(t, s.State().Active)
		}
		w.p.reply(w.p.request("SUBSCRIBE"), 503, "Overloaded", "n1", "", "Retry-After: 4000000000")
		at := time.Now()
		w.p.next(2 * time.Hour)
		assert.Equal(t, refusedTime, time.Since(at))
	})
}
