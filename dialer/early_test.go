package dialer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// respondReliably sends a 1xx with Require: 100rel and takes its PRACK.
func (r *raw) respondReliably(req rawMessage, status, tag, rseq, body string) {
	r.t.Helper()
	r.send("SIP/2.0 "+status, []string{
		"Via: " + req.get("Via"), "From: " + req.get("From"), "To: " + req.get("To") + ";tag=" + tag,
		"Call-ID: " + req.get("Call-ID"), "CSeq: " + req.get("CSeq"),
		"Contact: <sip:raw@10.0.0.3:5060>", "Require: 100rel", "RSeq: " + rseq, "Allow: INVITE, ACK, BYE, PRACK, UPDATE",
	}, body)
	prack := r.await("PRACK")
	require.Equal(r.t, rseq+" "+req.get("CSeq"), prack.get("RAck"))
	require.Contains(r.t, prack.get("To"), "tag="+tag)
	r.respond(prack, "200 OK", tag, "")
}

// TestEarlyMedia_ReliableThenUpdate: two forks send early media reliably, one moves
// its sound by UPDATE and answers without a description.
func TestEarlyMedia_ReliableThenUpdate_RFC3311_5_1(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		one, two, moved := r.rtp(w.net, 4000), r.rtp(w.net, 4010), r.rtp(w.net, 4020)
		defer one.Close()
		defer two.Close()
		defer moved.Close()
		c := w.dialRaw()
		invite := r.await("INVITE")
		require.Contains(t, invite.get("Supported"), "100rel")
		r.respondReliably(invite, "183 Session Progress", "one", "17", rawSDP(4000, 1, "sendrecv"))
		w.a.log.await(t, EventEarlyMedia)
		require.True(t, arrives(one))
		r.respondReliably(invite, "183 Session Progress", "two", "5", rawSDP(4010, 1, "sendrecv"))
		pass(100 * time.Millisecond)
		require.True(t, arrives(two))
		require.False(t, arrives(one))

		r.request(invite, "UPDATE", "one", rawSDP(4000, 2, "sendrecv"), 1)
		r.await("SIP/2.0 500") // that one is not heard
		bad := strings.Replace(rawSDP(4010, 2, "sendrecv"), "RTP/AVP 0 96", "RTP/AVP 18 96", 1)
		r.request(invite, "UPDATE", "two", bad, 11)
		r.await("SIP/2.0 488")
		pass(100 * time.Millisecond)
		require.True(t, arrives(two), "as before")
		r.request(invite, "UPDATE", "two", rawSDP(4020, 3, "sendrecv"), 12)
		require.Contains(t, r.await("SIP/2.0 200").body, "m=audio")
		pass(100 * time.Millisecond)
		require.True(t, arrives(moved))

		r.respond(invite, "200 OK", "two", "")
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		pass(100 * time.Millisecond)
		require.True(t, arrives(moved), "the answer says nothing new")
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "two", "")
		require.Equal(t, Completed, w.a.outcome(c).Disposition)
	})
}
