package sip

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving runs Serve and returns the invitations.
func (w *world) serving() <-chan *Invitation {
	got := make(chan *Invitation, 10)
	go func() { _ = w.ua.Serve(context.Background(), func(i *Invitation) { got <- i }) }()
	synctest.Wait()
	return got
}

func TestInvitation_RingAcceptConfirm_RFC3261_13_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, text := w.p.invite("alice", "offer", "X-Color: red", "Subject: hi")
		trying := w.p.response(100)
		assert.Equal(t, trying.at, time.Now()) // at once
		i := <-got
		assert.Equal(t, "offer", string(i.Offer()))
		assert.Equal(t, "bob", i.Caller().URI.User)
		assert.Equal(t, "alice", i.Callee().User)
		assert.Equal(t, []string{"red"}, i.Header("x-color"))
		assert.Equal(t, ourAddr, i.Local().String())
		assert.Equal(t, Path{Local: i.Local(), Transport: UDP}, i.Path())
		assert.Equal(t, w.p.addr, i.Source())
		require.NoError(t, i.Ring(180, nil))
		ringing := w.p.response(180)
		require.NotEmpty(t, ringing.tag("To"))
		w.p.write(us(), text) // retransmission
		assert.Equal(t, ringing.lines, w.p.response(180).lines)
		d, err := i.Accept([]byte("answer"))
		require.NoError(t, err)
		ok := w.p.response(200)
		assert.Equal(t, "answer", ok.body)
		assert.Equal(t, ringing.tag("To"), ok.tag("To"))
		assert.Equal(t, allowedMethods, ok.get("Allow"))
		l.other, l.uri = ok.tag("To"), ok.contact()
		l.send("ACK", "")
		events := watch(d)
		assert.Empty(t, event[Confirmed](t, events).Body)
		w.p.silence(time.Minute) // no 200 after the ACK
		l.send("BYE", "", `Reason: Q.850;cause=16;text="normal \"clearing\""`)
		w.p.response(200)
		assert.Equal(t, Ended{Remote: true, Code: 16, Reason: `normal "clearing"`}, event[Ended](t, events))
		<-i.Done()
		assert.Equal(t, CancelCause{}, i.Cause())
	})
}

func TestInvitation_200IsRepeatedThenBye_RFC3261_13_3_1_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		start := time.Now()
		d, err := (<-got).Accept([]byte("answer"))
		require.NoError(t, err)
		events := watch(d)
		var at []time.Duration
		var m *message
		for m = w.p.next(time.Minute); !m.isRequest(); m = w.p.next(time.Minute) {
			require.Equal(t, 200, m.code())
			at = append(at, m.at.Sub(start))
		}
		var want []time.Duration
		for _, ms := range []int{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500} {
			want = append(want, time.Duration(ms)*time.Millisecond)
		}
		assert.Equal(t, want, at)
		assert.Equal(t, "BYE", m.method())
		assert.Equal(t, l.local, m.tag("To"))
		assert.Equal(t, 32*time.Second, m.at.Sub(start))
		assert.ErrorIs(t, event[Ended](t, events).Err, ErrNoAck)
		w.p.reply(m, 200, "OK", "", "")
	})
}

func TestInvitation_LateOfferAnswerInAck_RFC3261_13_2_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "")
		w.p.response(100)
		i := <-got
		assert.Empty(t, i.Offer())
		d, err := i.Accept([]byte("our offer"))
		require.NoError(t, err)
		ok := w.p.response(200)
		l.other = ok.tag("To")
		l.send("ACK", "their answer")
		assert.Equal(t, "their answer", string(event[Confirmed](t, watch(d)).Body))
	})
}

func TestInvitation_RemoteCancel_RFC3261_9_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		i := <-got
		require.NoError(t, i.Ring(180, nil))
		ringing := w.p.response(180)
		w.p.write(us(), l.text("CANCEL", "z9hG4bKinv1", "", `Reason: SIP;cause=200;text="Call completed elsewhere"`))
		ok := w.p.response(200)
		assert.Equal(t, "1 CANCEL", ok.get("CSeq"))
		term := w.p.response(487)
		assert.Equal(t, "1 INVITE", term.get("CSeq"))
		assert.Equal(t, ringing.tag("To"), term.tag("To"))
		assert.Equal(t, ringing.tag("To"), ok.tag("To"))
		l.other = term.tag("To")
		w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
		<-i.Done()
		assert.Equal(t, CancelCause{Code: 200, Reason: "Call completed elsewhere", AnsweredElsewhere: true}, i.Cause())
		_, err := i.Accept(nil)
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, i.Ring(180, nil), ErrClosed)
		require.ErrorIs(t, i.Reject(486, ""), ErrClosed)
		w.p.silence(time.Minute)
	})
}

func TestInvitation_CancelAfter200IsOnlyAnswered_RFC3261_9_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		i := <-got
		d, err := i.Accept([]byte("answer"))
		require.NoError(t, err)
		ok := w.p.response(200)
		w.p.write(us(), l.text("CANCEL", "z9hG4bKinv1", ""))
		assert.Equal(t, "1 CANCEL", w.p.response(200).get("CSeq"))
		l.other = ok.tag("To")
		l.send("ACK", "")
		event[Confirmed](t, watch(d))
	})
}

// A response handed to a cancelled transaction must not replace its 487 in
// retransmissions.
func TestInvitation_AcceptLosesToCancel_RFC3261_9_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		i := <-got
		w.p.write(us(), l.text("CANCEL", "z9hG4bKinv1", ""))
		w.p.response(200)
		w.p.response(487)
		res := w.ua.newResponse(i.req, 200, "")
		require.Error(t, w.ua.respondInvite(i.tx, i.req, res))
		for range 5 {
			w.p.response(487)
		}
		l.other = i.tag
		w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
		w.p.silence(time.Minute)
	})
}

func TestInvitation_RejectIsRepeatedUntilAck_RFC3261_17_2_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		l, _ := w.p.invite("alice", "offer")
		w.p.response(100)
		i := <-got
		require.Error(t, i.Reject(200, ""))
		require.NoError(t, i.Reject(486, "Busy\r\nX: y"))
		busy := w.p.response(486)
		assert.Equal(t, "SIP/2.0 486 BusyX: y", busy.start)
		again := w.p.response(486)
		assert.Equal(t, 500*time.Millisecond, again.at.Sub(busy.at))
		l.other = busy.tag("To")
		w.p.write(us(), l.text("ACK", "z9hG4bKinv1", ""))
		w.p.silence(time.Minute)
		<-i.Done()
	})
}

func TestInvitation_RingingIsRepeatedEveryMinute_RFC3261_13_3_1_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		w.p.invite("alice", "offer")
		w.p.response(100)
		i := <-got
		require.NoError(t, i.Ring(180, nil))
		first := w.p.response(180)
		require.NoError(t, i.Ring(183, []byte("early")))
		assert.Equal(t, "early", w.p.response(183).body)
		second := w.p.response(183)
		assert.Equal(t, time.Minute, second.at.Sub(first.at))
		require.NoError(t, i.Reject(603, ""))
		w.p.response(603)
	})
}

func TestInvitation_ExpiresHeader_RFC3261_13_3_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		w.p.invite("alice", "offer", "Expires: 20")
		start := w.p.response(100).at
		i := <-got
		assert.Equal(t, 20*time.Second, w.p.response(487).at.Sub(start))
		<-i.Done()
		assert.Equal(t, "INVITE expired", i.Cause().Reason)
	})
}

func TestServe_Refusals_RFC3261_8_2(t *testing.T) {
	cases := []struct {
		name, method string
		body         string
		extra        []string
		code         int
		want         string
	}{
		{"nobody serves", "INVITE", "offer", nil, 480, ""},
		{"unknown extensions", "INVITE", "", []string{"Require: 100rel, x-odd", "Require: timer, x-even"}, 420, "Unsupported: x-even"},
		{"not SDP", "INVITE", "<xml/>", []string{"Content-Type: text/xml"}, 415, "Accept: application/sdp"},
		{"encoded", "INVITE", "offer", []string{"Content-Type: application/sdp", "Content-Encoding: gzip"}, 415, "Accept-Encoding: identity"},
		{"method not allowed", "PUBLISH", "", nil, 405, "Allow: " + allowedMethods},
		{"UPDATE of no dialog", "UPDATE", "", nil, 481, ""},
		{"method not known", "FROBNICATE", "", nil, 405, "Allow: " + allowedMethods},
		{"MESSAGE", "MESSAGE", "", nil, 405, "Allow: " + allowedMethods},
		{"BYE of no dialog", "BYE", "", nil, 481, ""},
		{"INFO of no dialog", "INFO", "", nil, 481, ""},
		{"CANCEL of nothing", "CANCEL", "", nil, 481, ""},
		{"OPTIONS", "OPTIONS", "", nil, 200, "Accept: application/sdp"},
	}
	for _, c := range cases {
		inBubble(t, nil, func(w *world) {
			l := &leg{p: w.p, callID: "x", local: "y", seq: 1, uri: "sip:alice@" + ourAddr, from: "<sip:bob@b>", to: "<sip:alice@a>"}
			w.p.write(us(), l.text(c.method, "z9hG4bKx", c.body, c.extra...))
			res := w.p.response(c.code)
			if c.want != "" {
				assert.Contains(t, res.lines, c.want, c.name)
			}
			assert.NotEmpty(t, res.tag("To"), c.name)
			if c.method == "INVITE" {
				l.other = res.tag("To")
				w.p.write(us(), l.text("ACK", "z9hG4bKx", ""))
			}
			l.other, l.seq = "nobody", 2
			w.p.write(us(), l.text("INVITE", "z9hG4bKy", ""))
			w.p.response(481)
			w.p.write(us(), l.text("ACK", "z9hG4bKy", ""))
			l.send("ACK", "") // to nothing: silence
			w.p.silence(time.Minute)
		})
	}
}

func TestServe_UnknownUserAndScheme_RFC3261_8_2_2_1(t *testing.T) {
	inBubble(t, func(c *Config) { c.AcceptAny = false }, func(w *world) {
		w.serving()
		w.p.invite("alice", "offer")
		w.p.response(404)
		l := &leg{p: w.p, callID: "x", local: "y", seq: 1, uri: "tel:+821012345678", from: "<sip:bob@b>", to: "<sip:alice@a>"}
		w.p.write(us(), l.text("OPTIONS", "z9hG4bKx", ""))
		for m := w.p.next(time.Minute); m.code() != 416; m = w.p.next(time.Minute) {
			require.Equal(t, 404, m.code())
		}
	})
}

func TestServe_MergedRequest_RFC3261_8_2_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		_, text := w.p.invite("alice", "offer")
		w.p.response(100)
		i := <-got
		w.p.write(us(), strings.Replace(text, "z9hG4bKinv1", "z9hG4bKother", 1))
		w.p.response(482)
		require.NoError(t, i.Reject(486, ""))
		synctest.Wait()
		assert.Empty(t, got)
	})
}

func TestServe_MaxDialogs(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxDialogs = 1 }, func(w *world) {
		w.accept()
		w.serving()
		w.p.invite("alice", "offer")
		w.p.response(486)
		var e *StatusError
		require.ErrorAs(t, next[Final](t, w.call()).Err, &e)
		assert.Equal(t, 486, e.Code)
	})
}

func TestServe_ReceivedAndRport_RFC3581(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		l := &leg{p: w.p, callID: "x", local: "y", seq: 1, uri: "sip:" + ourAddr, from: "<sip:bob@b>", to: "<sip:alice@a>"}
		text := l.text("OPTIONS", "z9hG4bKx", "")
		w.p.write(us(), text)
		via := w.p.response(200).get("Via")
		assert.Contains(t, via, "rport=5060")
		assert.Contains(t, via, "received=10.0.0.2")
		// Without rport the response goes to the port Via names, at the source address.
		w.p.write(us(), strings.NewReplacer(";rport", "", "10.0.0.2:5060;", "192.168.7.7:5060;", "z9hG4bKx", "z9hG4bKz").Replace(text))
		assert.Contains(t, w.p.response(200).get("Via"), "received=10.0.0.2")
	})
}

func TestInvitation_CallerIdentity_RFC3325(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r := w.register()
		got := w.serving()
		headers := []string{`P-Asserted-Identity: <tel:+82-10-1234-5678>, "Kim \"K\" Lee" <sip:kim@example.com>`, "Privacy: id"}
		w.p.invite("alice", "offer", headers...)
		w.p.response(100)
		i := <-got
		assert.Equal(t, "a", i.AccountID())
		assert.Equal(t, "kim", i.Caller().URI.User)
		assert.Equal(t, `Kim "K" Lee`, i.Caller().DisplayName)
		assert.True(t, i.Caller().Anonymous)
		require.NoError(t, i.Reject(486, ""))
		w.p.response(486)
		stranger := newPeer(t, w.net, "10.0.0.3")
		stranger.invite("alice", "offer", headers[0])
		stranger.response(100)
		i = <-got
		assert.Equal(t, "bob", i.Caller().URI.User)
		require.NoError(t, i.Reject(486, ""))
		stranger.invite("carol", "offer")
		for m := stranger.next(time.Minute); m.code() != 404; m = stranger.next(time.Minute) {
			require.Equal(t, 486, m.code())
		}
		stranger.close()
		_ = r
	})
}

func TestServe_FloodOfSourcesIsBounded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		host := w.net.Host(w.p.addr.Addr())
		for n := range 3000 {
			c, err := host.ListenPacket(context.Background(), "udp4", peerAddr+":0")
			require.NoError(t, err)
			port := addrPortOf(c.LocalAddr()).Port()
			_, err = c.WriteTo([]byte(fmt.Sprintf("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%d;rport\r\n"+
				"From: <sip:x@y>;tag=1\r\nTo: <sip:z@y>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", ourAddr, peerAddr, port, n, n)), udpAddr(us()))
			require.NoError(t, err)
			if n%20 == 0 {
				<-time.After(100 * time.Millisecond)
			}
			require.NoError(t, c.Close())
		}
		synctest.Wait()
		assert.LessOrEqual(t, w.ua.tpl.Pool("udp").Size(), maxSources+10)
		assert.Greater(t, w.ua.tpl.Pool("udp").Size(), 500)
		// Our own peer is served all the same.
		w.ua.sources.sentTo(w.p.addr)
		l := &leg{p: w.p, callID: "x", local: "y", seq: 1, uri: "sip:" + ourAddr, from: "<sip:bob@b>", to: "<sip:alice@a>"}
		w.p.write(us(), l.text("OPTIONS", "z9hG4bKx", ""))
		w.p.response(200)
	})
}
