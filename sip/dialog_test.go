package sip

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request right behind the 200 finds its dialog although the owner has not
// seen the 200 yet.
func TestDialog_ByeRightBehindThe200(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 200, "OK", "t1", "answer")
		l := w.p.legOf(inv, "t1")
		l.send("BYE", "")
		w.p.response(200)
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		assert.True(t, event[Ended](t, watch(f.Dialog)).Remote)
		require.NoError(t, f.Dialog.Ack(nil))
		w.p.request("ACK")
	})
}

func TestDialog_ByeWaitsForAck_RFC3261_15(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		d, err := (<-got).Accept([]byte("answer"))
		require.NoError(t, err)
		ok := w.p.response(200)
		done := make(chan error, 1)
		go func() { done <- d.Bye(context.Background(), "") }()
		w.p.response(200) // still repeating
		l.other = ok.tag("To")
		l.send("ACK", "")
		w.p.reply(w.p.request("BYE"), 200, "OK", "", "")
		require.NoError(t, <-done)
	})
}

func TestDialog_ByeIsChallenged_RFC3261_22(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		done := make(chan error, 1)
		go func() { done <- d.Bye(context.Background(), "") }()
		first := w.p.request("BYE")
		w.p.reply(first, 407, "Proxy Authentication Required", "", "", `Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"`)
		second := w.p.request("BYE")
		verify(t, second.get("Proxy-Authorization"), "BYE", "n", "")
		w.p.reply(second, 481, "Gone", "", "")
		require.NoError(t, <-done)
	})
}

func TestDialog_ByeToDeadPeer(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		events := watch(d)
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		require.ErrorIs(t, d.Bye(ctx, ""), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		event[Ended](t, events)
	})
}

func TestDialog_InfoBothWays_RFC6086(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		events := watch(d)
		l.send("INFO", "Signal=5", "Content-Type: application/dtmf-relay")
		w.p.response(200)
		ev := event[InfoReceived](t, events)
		assert.Equal(t, InfoReceived{ContentType: "application/dtmf-relay", Body: []byte("Signal=5")}, ev)
		l.send("INFO", "", "Info-Package: foo")
		w.p.response(469)
		done := make(chan error, 1)
		go func() { done <- d.Info(context.Background(), "application/dtmf-relay", []byte("Signal=1")) }()
		m := w.p.request("INFO")
		assert.Equal(t, "Signal=1", m.body)
		assert.Equal(t, "application/dtmf-relay", m.get("Content-Type"))
		w.p.reply(m, 415, "Unsupported Media Type", "", "")
		var e *StatusError
		require.ErrorAs(t, <-done, &e)
		assert.Equal(t, 415, e.Code)
	})
}

// Our 200 is lost and we send a request: the caller knows no dialog yet. The 200 is
// repeated all the same.
func TestDialog_481BeforeTheAckDoesNotEndIt_RFC3261_13_3_1_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept200()
		events := watch(d)
		for _, try := range []func() error{
			func() error { return d.Info(context.Background(), "text/plain", []byte("x")) },
			func() error { _, err := d.Update(context.Background(), nil); return err },
		} {
			done := make(chan error, 1)
			go func() { done <- try() }()
			m := w.p.next(time.Second)
			for !m.isRequest() {
				m = w.p.next(time.Second)
			}
			w.p.reply(m, 481, "Call/Transaction Does Not Exist", "", "")
			require.Error(t, <-done)
		}
		w.p.response(200)
		l.seq = 1
		l.send("ACK", "")
		event[Confirmed](t, events)
		l.seq = 2
		l.send("BYE", "")
		w.p.response(200)
	})
}

func TestDialog_CSeqOutOfOrder_RFC3261_12_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		_, l := w.establish()
		l.seq = 200
		l.send("INFO", "", "Content-Type: x/y")
		w.p.response(200)
		l.seq = 150
		l.send("INFO", "")
		w.p.response(500)
		l.seq = 300
		l.send("OPTIONS", "")
		w.p.response(200)
		l.send("PUBLISH", "")
		w.p.response(405)
	})
}

func TestDialog_RouteSetAndTargetRefresh_RFC3261_12_2_1_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		proxy := newPeer(t, w.net, "10.0.0.3")
		defer proxy.close()
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 200, "OK", "t1", "answer", "Record-Route: <sip:10.0.0.9;lr>, <sip:10.0.0.3;lr>")
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Dialog.Ack(nil))
		ack := proxy.request("ACK")
		assert.Equal(t, []string{"<sip:10.0.0.3;lr>", "<sip:10.0.0.9;lr>"}, ack.all("Route"))
		assert.Equal(t, "sip:peer@10.0.0.2:5060", ack.uri())
		// A re-INVITE moves the target.
		l := w.p.legOf(inv, "t1")
		events := watch(f.Dialog)
		text := l.text("INVITE", "z9hG4bKmove", "x")
		w.p.write(us(), strings.Replace(text, "sip:peer@10.0.0.2:5060", "sip:moved@10.0.0.7:7777", 1))
		w.p.response(100)
		require.NoError(t, event[RemoteOffer](t, events).Reject(488, ""))
		w.p.response(488)
		w.p.write(us(), l.text("ACK", "z9hG4bKmove", ""))
		go func() { _ = f.Dialog.Bye(context.Background(), "") }()
		bye := proxy.request("BYE")
		assert.Equal(t, "sip:moved@10.0.0.7:7777", bye.uri())
		proxy.reply(bye, 200, "OK", "", "")
		synctest.Wait()
	})
}

func TestDialog_StrictRouting_RFC3261_12_2_1_1(t *testing.T) {
	u := func(s string) URI { p, err := ParseURI(s); require.NoError(t, err); return p }
	target := mustUri(u("sip:peer@h"))
	strict, loose := mustUri(u("sip:strict@p1")), mustUri(u("sip:p2;lr"))
	uri, routes := requestRoute(target, append(routesOf(nilHeaders{}), strict, loose))
	assert.Equal(t, "sip:strict@p1", uri.String())
	require.Len(t, routes, 2)
	assert.Equal(t, "sip:p2;lr", routes[0].String())
	assert.Equal(t, "sip:peer@h", routes[1].String())
}

// A proxy of RFC 2543 in the route: each request of the dialog is addressed to it,
// and our Contact's peer comes last in the route.
func TestDialog_StrictRouterInTheRoute_RFC3261_12_2_1_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		proxy := newPeer(t, w.net, "10.0.0.3")
		defer proxy.close()
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 200, "OK", "t1", "answer", "Record-Route: <sip:10.0.0.9;lr>", "Record-Route: <sip:strict@10.0.0.3>")
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Dialog.Ack(nil))
		check := func(m *message) {
			t.Helper()
			assert.Equal(t, "sip:strict@10.0.0.3", m.uri())
			assert.Equal(t, []string{"<sip:10.0.0.9;lr>", "<sip:peer@10.0.0.2:5060>"}, m.all("Route"))
		}
		check(proxy.request("ACK"))
		done := reInvite(f.Dialog, offerText("x"))
		again := proxy.request("INVITE")
		check(again)
		proxy.reply(again, 200, "OK", "", "y", "Contact: <sip:peer@10.0.0.2:5060>")
		check(proxy.request("ACK"))
		require.NoError(t, (<-done).err)
		go func() { _ = f.Dialog.Bye(context.Background(), "") }()
		bye := proxy.request("BYE")
		check(bye)
		proxy.reply(bye, 200, "OK", "", "")
		synctest.Wait()
	})
}

// An ACK that cannot be meant for our 200 does not stop its repetition, is never
// answered, and the right one is still taken.
func TestInvitation_MalformedAck_RFC3261_13_3_1_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.accept200()
		events := watch(d)
		good := l.text("ACK", "z9hG4bKack", "")
		for name, bad := range map[string]string{
			"CSeq of another INVITE": strings.Replace(good, "CSeq: 1 ACK", "CSeq: 7 ACK", 1),
			"CSeq of another method": strings.Replace(good, "CSeq: 1 ACK", "CSeq: 1 BYE", 1),
			"CSeq that is no number": strings.Replace(good, "CSeq: 1 ACK", "CSeq: one ACK", 1),
			"no CSeq":                strings.Replace(good, "CSeq: 1 ACK\r\n", "", 1),
			"no To-tag":              strings.Replace(good, ";tag="+l.other, "", 1),
			"another From-tag":       strings.Replace(good, ";tag="+l.local, ";tag=other", 1),
			"no Call-ID":             strings.Replace(good, "Call-ID: "+l.callID+"\r\n", "", 1),
			"body longer than said":  strings.Replace(good, "Content-Length: 0", "Content-Length: 500", 1),
		} {
			require.NotEqual(t, good, bad, name)
			w.p.write(us(), bad)
			synctest.Wait()
			for len(w.p.in) > 0 {
				assert.Equal(t, 200, (<-w.p.in).code(), name)
			}
		}
		w.p.response(200) // still repeated
		assert.Empty(t, events.ch)
		w.p.write(us(), good)
		event[Confirmed](t, events)
		w.p.silence(time.Minute)
	})
}

func TestOptions_AsksAndAnswers_RFC3261_11(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		type result struct {
			c   Capabilities
			err error
		}
		done := make(chan result, 1)
		go func() {
			c, err := w.ua.Options(context.Background(), URI{Scheme: "sip", User: "bob", Host: peerAddr})
			done <- result{c, err}
		}()
		w.p.reply(w.p.request("OPTIONS"), 200, "OK", "x", "", "Allow: INVITE, ACK", "Accept: application/sdp", "Server: test")
		r := <-done
		require.NoError(t, r.err)
		assert.Equal(t, Capabilities{Code: 200, Allow: []string{"INVITE", "ACK"}, Accept: []string{"application/sdp"}, Server: "test"}, r.c)
	})
}

func TestClose_SaysGoodbye(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		events := watch(d)
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t9", "")
		next[Sent](t, c)
		next[Provisional](t, c)
		closed := make(chan error)
		start := time.Now()
		go func() { closed <- w.ua.Close() }()
		seen := map[string]bool{}
		for len(seen) < 2 {
			seen[w.p.next(time.Second).method()] = true
		}
		assert.Equal(t, map[string]bool{"BYE": true, "CANCEL": true}, seen)
		require.NoError(t, <-closed)
		assert.LessOrEqual(t, time.Since(start), 3*time.Second)
		event[Ended](t, events)
		require.ErrorIs(t, next[Final](t, c).Err, context.Canceled)
		_, err := w.ua.Register(w.account(), nil)
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, next[Final](t, w.call()).Err, ErrClosed)
		require.ErrorIs(t, w.ua.Serve(context.Background(), func(*Invitation) {}), ErrClosed)
	})
}

// A connection that cannot be made is a 503 and no silence: the server may be starting
// again, and the call goes on.
func TestDialog_RefusedConnectionLeavesTheCall_RFC3261_8_1_3_1(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob", Host: "example.com"}, Offer: offerText("offer")})
		p.accept()
		p.reply(p.request("INVITE"), 200, "OK")
		next[Sent](t, c)
		d := next[Final](t, c).Dialog
		require.NoError(t, d.Ack(nil))
		p.request("ACK")
		require.NoError(t, p.listener.Close())
		require.NoError(t, p.conn.Close())
		synctest.Wait()
		require.ErrorIs(t, d.Info(context.Background(), "text/plain", []byte("x")), ErrUnreachable)
		require.ErrorIs(t, (<-reInvite(d, offerText("x"))).err, ErrUnreachable)
		assert.True(t, d.confirmable(), "the call goes on")
	})
}

// What a BYE has in it, ISUP say, does not keep the call up.
func TestDialog_ByeWithABody_RFC3261_15_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		events := watch(d)
		l.send("BYE", "\x01\x02", "Content-Type: application/isup;version=itu-t92+")
		w.p.response(200)
		assert.True(t, event[Ended](t, events).Remote)
	})
}

// A Contact whose name nobody looks up for us does not hold up the ACK: it goes where the
// INVITE went.
func TestDialog_SilentDNSDoesNotHoldUpTheAck_RFC3261_13_2_2_4(t *testing.T) {
	inBubble(t, func(c *Config) {
		silence := &net.DNSError{Err: "i/o timeout", IsTimeout: true}
		c.Network.LookupSRV = func(ctx context.Context, _ string) ([]*net.SRV, error) { <-ctx.Done(); return nil, silence }
		c.Network.LookupAddr = func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, silence }
	}, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		text := replyText(w.p.addr, inv, 200, "OK", "t1", "answer")
		w.p.write(us(), strings.Replace(text, "@"+w.p.addr.String(), "@bob.example.com", 1))
		next[Sent](t, c)
		d := next[Final](t, c).Dialog
		start := time.Now()
		require.NoError(t, d.Ack(nil))
		assert.LessOrEqual(t, time.Since(start), 5*time.Second)
		assert.Equal(t, "sip:peer@bob.example.com", w.p.request("ACK").uri())
	})
}
