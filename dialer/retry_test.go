package dialer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/sip"
)

// respondWith answers a request within the call with one more header field.
func (r *raw) respondWith(req rawMessage, status, field string) {
	r.t.Helper()
	r.send("SIP/2.0 "+status, []string{
		"Via: " + req.get("Via"), "From: " + req.get("From"), "To: " + req.get("To"),
		"Call-ID: " + req.get("Call-ID"), "CSeq: " + req.get("CSeq"), field,
	}, "")
}

// TestHold_RetriedByItself: after 491 when its time has come, after 500 when the
// peer says, and a bounded number of times.
func TestHold_RetriedByItself_RFC3261_14_1(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		held := make(chan error, 1)
		go func() { held <- c.Hold(context.Background()) }()
		r.respondWith(r.await("INVITE"), "491 Request Pending", "X-No: matter")
		r.await("ACK")
		begun := time.Now()
		again := r.await("INVITE")
		require.GreaterOrEqual(t, time.Since(begun), 2100*time.Millisecond-20*time.Millisecond, "the Call-ID is ours")
		require.LessOrEqual(t, time.Since(begun), 4100*time.Millisecond)
		r.respondWith(again, "500 Server Internal Error", "Retry-After: 7")
		r.await("ACK")
		begun = time.Now()
		again = r.await("INVITE")
		require.InDelta(t, 7*time.Second, time.Since(begun), float64(100*time.Millisecond))
		require.Contains(t, again.body, "a=sendonly")
		r.respond(again, "200 OK", "x", rawSDP(4000, 2, "recvonly"))
		r.await("ACK")
		require.NoError(t, <-held)

		// To who answers 491 to everything, the wish is given up.
		go func() { held <- c.Unhold(context.Background()) }()
		for range 1 + glareRetries {
			r.respondWith(r.await("INVITE"), "491 Request Pending", "X-No: matter")
			r.await("ACK")
		}
		var status *sip.StatusError
		require.ErrorAs(t, <-held, &status)
		require.Equal(t, 491, status.Code)
		require.True(t, c.Info().Held)
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		w.a.outcome(c)
	})
}

// TestReinvite_AnyOffer: whatever their re-INVITE offers, the call goes on.
func TestReinvite_AnyOffer_TheCallGoesOn_RFC3261_14_2(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		sound := r.rtp(w.net, 4000)
		defer sound.Close()
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		good := rawSDP(4000, 2, "sendrecv")
		cseq := 100
		for name, body := range map[string]string{
			"garbage":         "this is no SDP",
			"cut off":         good[:40],
			"no common codec": strings.Replace(good, "RTP/AVP 0 96", "RTP/AVP 18 96", 1),
			"port 0":          strings.Replace(good, "m=audio 4000", "m=audio 0", 1),
			"no audio":        strings.Replace(good, "m=audio 4000 RTP/AVP 0 96", "m=video 4000 RTP/AVP 31", 1),
			"no address":      strings.Replace(good, "c=IN IP4 10.0.0.3\r\n", "", 1),
		} {
			cseq++
			r.request(invite, "INVITE", "x", body, cseq)
			res := r.await("SIP/2.0 ", "SIP/2.0 1")
			require.Regexp(t, "^SIP/2.0 (400|488) ", res.start, name)
			r.ackRefusal(invite, "x", cseq)
			pass(100 * time.Millisecond)
			require.True(t, arrives(sound), name)
			require.Equal(t, Established, c.State(), name)
		}
		cseq++
		r.request(invite, "INVITE", "x", good, cseq)
		require.Contains(t, r.await("SIP/2.0 200").body, "m=audio")
		r.request(invite, "ACK", "x", "", cseq)
		// The same re-INVITE once more, after its ACK: the transaction takes it.
		r.request(invite, "INVITE", "x", good, cseq)
		pass(time.Second)
		require.Equal(t, Established, c.State())
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		require.Equal(t, []EventType{EventDialing, EventAnswered, EventEnded}, w.a.log.types()[:3])
		w.a.outcome(c)
	})
}
