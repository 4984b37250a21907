package dialer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFork_LatchesTheConfirmedOne: early media of one phone, the answer of
// another; the sound follows the answer.
func TestFork_LatchesTheConfirmedOne_RFC3261_13_2_2_4(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		early, confirmed := r.rtp(w.net, 4000), r.rtp(w.net, 4010)
		defer early.Close()
		defer confirmed.Close()
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "183 Session Progress", "one", rawSDP(4000, 1, "sendrecv"))
		r.respond(invite, "180 Ringing", "two", "")
		w.a.log.await(t, EventEarlyMedia)
		w.a.log.await(t, EventRinging)
		require.True(t, arrives(early))

		r.respond(invite, "200 OK", "two", rawSDP(4010, 1, "sendrecv"))
		ack := r.await("ACK")
		require.Contains(t, ack.get("To"), "tag=two")
		w.a.log.await(t, EventAnswered)
		pass(100 * time.Millisecond)
		require.True(t, arrives(confirmed))
		require.False(t, arrives(early), "the other fork is left alone")

		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "two", "")
		require.Equal(t, Completed, w.a.outcome(c).Disposition)
	})
}

// TestAnswer_Unusable: the 2xx is acknowledged, then the call is hung up.
func TestAnswer_Unusable_GetsAckAndBye_RFC3261_13_2_2_4(t *testing.T) {
	other := strings.Replace(rawSDP(4000, 1, "sendrecv"), "RTP/AVP 0 96", "RTP/AVP 18 96", 1)
	for name, body := range map[string]string{
		"no SDP": "", "garbage": "this is no SDP", "other codec": other,
		"audio denied": rawSDP(0, 1, "sendrecv"),
	} {
		t.Run(name, func(t *testing.T) {
			inRawWorld(t, func(w *world, r *raw) {
				c := w.dialRaw()
				invite := r.await("INVITE")
				r.respond(invite, "200 OK", "x", body)
				r.await("ACK")
				r.respond(r.await("BYE"), "200 OK", "x", "")
				got := w.a.outcome(c)
				require.Equal(t, MediaFailed, got.Disposition)
				require.Equal(t, Local, got.EndedBy)
				require.Error(t, got.Err)
				require.True(t, got.Answered.IsZero())
				require.NotContains(t, w.a.log.types(), EventAnswered)
			})
		})
	}
}

// TestReinvite_RightBehindThe200: our INVITE is still open until its ACK has
// left, so it may be put off by 491 but nothing worse (RFC 3261 §14.2).
func TestReinvite_RightBehindThe200_RFC3261_14_2(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		sound := r.rtp(w.net, 4000)
		defer sound.Close()
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "180 Ringing", "x", "")
		w.a.log.await(t, EventRinging)
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendrecv"))
		cseq := 101
		r.request(invite, "INVITE", "x", rawSDP(4000, 2, "sendonly"), cseq)
		res := r.await("SIP/2.0 ", "SIP/2.0 1")
		if strings.HasPrefix(res.start, "SIP/2.0 491") {
			r.ackRefusal(invite, "x", cseq)
			pass(2100 * time.Millisecond)
			cseq++
			r.request(invite, "INVITE", "x", rawSDP(4000, 2, "sendonly"), cseq)
			res = r.await("SIP/2.0 ", "SIP/2.0 1")
		}
		require.Contains(t, res.start, "200")
		require.Contains(t, res.body, "a=recvonly")
		require.Contains(t, res.body, "96", "telephone-event keeps the payload type they chose")
		r.request(invite, "ACK", "x", "", cseq)
		w.a.log.await(t, EventRemoteHeld)

		// Resumed by a re-INVITE without SDP: our offer, their answer in the ACK.
		cseq++
		r.request(invite, "INVITE", "x", "", cseq)
		res = r.await("SIP/2.0 200")
		require.Contains(t, res.body, "m=audio")
		require.Contains(t, res.body, "a=sendrecv")
		r.request(invite, "ACK", "x", rawSDP(4000, 3, "sendrecv"), cseq)
		w.a.log.await(t, EventRemoteResumed)
		pass(100 * time.Millisecond)
		require.True(t, arrives(sound))

		r.extra = "Reason: Q.850;cause=16"
		r.request(invite, "BYE", "x", "", cseq+1)
		r.await("SIP/2.0 200")
		got := w.a.outcome(c)
		require.Equal(t, Remote, got.EndedBy)
		require.Equal(t, 200, got.Code, "16 is Q.850's, not SIP's")
		require.Equal(t, []EventType{
			EventDialing, EventRinging, EventAnswered, EventRemoteHeld, EventRemoteResumed, EventEnded,
		}, w.a.log.types())
	})
}

// TestReinvite_OfferWithoutAnswer: a re-INVITE without SDP whose ACK brings no
// answer leaves the sound as it was.
func TestReinvite_OfferWithoutAnswer(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		sound := r.rtp(w.net, 4000)
		defer sound.Close()
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")
		r.request(invite, "INVITE", "x", "", 101)
		r.await("SIP/2.0 200")
		held := make(chan error, 1)
		go func() { held <- c.Hold(context.Background()) }()
		// Our offer is open: theirs meets it.
		pass(50 * time.Millisecond)
		r.request(invite, "ACK", "x", "", 101)
		reinvite := r.await("INVITE")
		require.Contains(t, reinvite.body, "a=sendonly", "ours waited for its turn")
		r.respond(reinvite, "488 Not Acceptable Here", "x", "")
		require.Error(t, <-held)
		pass(100 * time.Millisecond)
		require.True(t, arrives(sound))
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		w.a.outcome(c)
	})
}

// TestRemoteHold_InEveryWriting: sendonly from the start, inactive, and the
// address 0.0.0.0 of RFC 2543.
func TestRemoteHold_InEveryWriting(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendonly"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		w.a.log.await(t, EventRemoteHeld)
		nowhere := strings.ReplaceAll(rawSDP(4000, 3, "sendrecv"), "c=IN IP4 10.0.0.3", "c=IN IP4 0.0.0.0")
		for i, step := range []struct {
			body string
			want EventType
		}{
			{rawSDP(4000, 2, "sendrecv"), EventRemoteResumed},
			{nowhere, EventRemoteHeld},
			{rawSDP(4000, 4, "sendrecv"), EventRemoteResumed},
			{rawSDP(4000, 5, "inactive"), EventRemoteHeld},
			{rawSDP(4000, 6, "sendrecv"), EventRemoteResumed},
		} {
			r.request(invite, "INVITE", "x", step.body, 101+i)
			r.await("SIP/2.0 200")
			r.request(invite, "ACK", "x", "", 101+i)
			w.a.log.await(t, step.want)
			pass(time.Second)
		}
		require.False(t, c.Info().RemoteHeld)
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		w.a.outcome(c)
	})
}

// TestOffer_VersionRises: each changed description is one version on, under the
// same session id (RFC 3264 §8).
func TestOffer_VersionRises_RFC3264_8(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		c := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(4000, 1, "sendrecv"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		id, version := origin(t, invite.body)
		for i, hold := range []bool{true, false, true} {
			result := make(chan error, 1)
			go func() { result <- pick(hold, c.Hold, c.Unhold)(context.Background()) }()
			reinvite := r.await("INVITE")
			gotID, gotVersion := origin(t, reinvite.body)
			require.Equal(t, id, gotID)
			require.Equal(t, version+uint64(i)+1, gotVersion)
			r.respond(reinvite, "200 OK", "x", rawSDP(4000, i+2, pick(hold, "recvonly", "sendrecv")))
			r.await("ACK")
			require.NoError(t, <-result)
		}
		require.NoError(t, c.Hangup(context.Background()))
		r.respond(r.await("BYE"), "200 OK", "x", "")
		w.a.outcome(c)
	})
}

func origin(t *testing.T, sdp string) (id string, version uint64) {
	t.Helper()
	for line := range strings.Lines(sdp) {
		if rest, ok := strings.CutPrefix(line, "o="); ok {
			var user string
			_, err := fmt.Sscan(rest, &user, &id, &version)
			require.NoError(t, err)
			return id, version
		}
	}
	require.Fail(t, "no o= line", "%s", sdp)
	return "", 0
}

// TestCancel_AnsweredElsewhere (RFC 3326): not a missed call.
func TestCancel_AnsweredElsewhere_RFC3326(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		r.peer = net.UDPAddrFromAddrPort(netip.AddrPortFrom(addrB, 5060))
		fields := func(method string) []string {
			return []string{
				"Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bK-else", "From: <sip:raw@10.0.0.3>;tag=r",
				"To: <sip:bob@10.0.0.2>", "Call-ID: elsewhere", "CSeq: 1 " + method,
				"Contact: <sip:raw@10.0.0.3:5060>", "Max-Forwards: 70",
			}
		}
		r.send("INVITE sip:bob@10.0.0.2 SIP/2.0", fields("INVITE"), rawSDP(4000, 1, "sendrecv"))
		in := w.b.arrived()
		r.await("SIP/2.0 180")
		r.send("CANCEL sip:bob@10.0.0.2 SIP/2.0", append(fields("CANCEL"),
			`Reason: SIP;cause=200;text="Call completed elsewhere"`), "")
		got := w.b.outcome(in)
		require.Equal(t, AnsweredElsewhere, got.Disposition)
		require.Equal(t, Remote, got.EndedBy)
		final := r.await("SIP/2.0 487")
		r.send("ACK sip:bob@10.0.0.2 SIP/2.0", append(fields("ACK")[:2:2], "To: "+final.get("To"),
			"Call-ID: elsewhere", "CSeq: 1 ACK", "Max-Forwards: 70"), "")
	})
}

// TestAnswer_NeverAcknowledged: the caller took the 200 for itself and is gone.
func TestAnswer_NeverAcknowledged_RFC3261_13_3_1_4(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		r.peer = net.UDPAddrFromAddrPort(netip.AddrPortFrom(addrB, 5060))
		r.send("INVITE sip:bob@10.0.0.2 SIP/2.0", []string{
			"Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bK-noack", "From: <sip:raw@10.0.0.3>;tag=r",
			"To: <sip:bob@10.0.0.2>", "Call-ID: noack", "CSeq: 1 INVITE",
			"Contact: <sip:raw@10.0.0.3:5060>", "Max-Forwards: 70",
		}, rawSDP(4000, 1, "sendrecv"))
		in := w.b.arrived()
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{}))
		got := w.b.outcome(in)
		require.Equal(t, Failed, got.Disposition)
		require.Equal(t, Network, got.EndedBy)
		require.ErrorIs(t, got.Err, ErrNoReply)
		require.InDelta(t, 32*time.Second, got.Talk, float64(time.Second))
	})
}
