package dialer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/sip"
)

// respondTimed answers an INVITE with 200 and a session timer, of a peer that
// does not know UPDATE.
func (r *raw) respondTimed(req rawMessage, seconds int, who, body string) {
	r.t.Helper()
	to := req.get("To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=x"
	}
	r.send("SIP/2.0 200 OK", []string{
		"Via: " + req.get("Via"), "From: " + req.get("From"), "To: " + to,
		"Call-ID: " + req.get("Call-ID"), "CSeq: " + req.get("CSeq"),
		"Contact: <sip:raw@10.0.0.3:5060>", "Allow: INVITE, ACK, CANCEL, BYE",
		fmt.Sprintf("Session-Expires: %d;refresher=%s", seconds, who), "Require: timer",
	}, body)
}

// TestRefresh_ByReInvite: the same description again, on hold too, and the call
// stays as it is.
func TestRefresh_ByReInvite_RFC4028_7_4(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respondTimed(invite, 100, "uac", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		start := time.Now()
		again := r.await("INVITE")
		require.InDelta(t, 50*time.Second, time.Since(start), float64(time.Second))
		require.Equal(t, "100;refresher=uac", again.get("Session-Expires"))
		require.Contains(t, again.body, "a=sendrecv")
		_, version := origin(t, again.body)
		r.respondTimed(again, 100, "uac", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")

		held := make(chan error, 1)
		go func() { held <- c.Hold(context.Background()) }()
		hold := r.await("INVITE")
		r.respondTimed(hold, 100, "uac", rawSDP(4000, 2, "recvonly"))
		r.await("ACK")
		require.NoError(t, <-held)
		refused := r.await("INVITE")
		require.Contains(t, refused.body, "a=sendonly")
		_, v := origin(t, refused.body)
		require.Equal(t, version+1, v, "said again, not anew")
		r.respond(refused, "500 Server Internal Error", "x", "")
		r.await("ACK")
		again = r.await("INVITE") // refused, then tried again
		r.respondTimed(again, 100, "uac", rawSDP(4000, 2, "recvonly"))
		r.await("ACK")
		pass(time.Second)
		require.True(t, c.Info().Held)
		require.Equal(t, []EventType{EventDialing, EventAnswered, EventHeld}, w.a.log.types())
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		w.a.outcome(c)
	})
}

// TestRefresh_Missing: a peer that was to refresh and does not is gone.
func TestRefresh_Missing_EndsTheCall_RFC4028_10(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respondTimed(invite, 100, "uas", rawSDP(4000, 1, "sendonly"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		start := time.Now()
		pass(50 * time.Second)
		r.extra = "Supported: timer"
		r.request(invite, "INVITE", "x", rawSDP(4000, 1, "sendonly"), 101) // one refresh, and no other
		r.await("SIP/2.0 200")
		r.request(invite, "ACK", "x", "", 101)
		pass(60 * time.Second)
		require.Equal(t, Established, c.State())
		r.respond(r.await("BYE"), "200 OK", "x", "")
		got := w.a.outcome(c)
		require.InDelta(t, 50*time.Second+68*time.Second, time.Since(start), float64(2*time.Second))
		require.Equal(t, Failed, got.Disposition)
		require.Equal(t, Network, got.EndedBy)
		require.Equal(t, 408, got.Code)
		require.Equal(t, "session expired", got.Reason)
		require.ErrorIs(t, got.Err, sip.ErrSessionExpired)
	})
}

// TestUpdate_ChangesTheSound: an UPDATE with an offer holds and resumes as a
// re-INVITE does, and a bad one leaves all as it was.
func TestUpdate_HoldsAndResumes_RFC3311_5_2(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		sound := r.rtp(w.net, 4000)
		defer sound.Close()
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		r.request(invite, "UPDATE", "x", rawSDP(4000, 2, "sendonly"), 101)
		require.Contains(t, r.await("SIP/2.0 200").body, "a=recvonly")
		w.a.log.await(t, EventRemoteHeld)
		r.request(invite, "UPDATE", "x", "this is no SDP", 102)
		r.await("SIP/2.0 400")
		r.request(invite, "UPDATE", "x", strings.Replace(rawSDP(4000, 3, "sendrecv"), "RTP/AVP 0 96", "RTP/AVP 18 96", 1), 103)
		r.await("SIP/2.0 488")
		r.request(invite, "UPDATE", "x", rawSDP(4000, 4, "sendrecv"), 104)
		r.await("SIP/2.0 200")
		w.a.log.await(t, EventRemoteResumed)
		pass(100 * time.Millisecond)
		require.True(t, arrives(sound))
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		w.a.outcome(c)
	})
}
