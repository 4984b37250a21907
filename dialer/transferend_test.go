package dialer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/sip"
)

// Somebody takes the other side's place while we hand that one on: the outcome of
// the transfer is none of the new party's business.
func TestTransfer_OutcomeAfterReplaces_RFC3891_3(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out, in := w.connected(w.a, w.b)
		done := transferring(out, carol.uri())
		third := carol.arrived()
		picked := carol.dial(w.a, func(r *DialRequest) {
			r.Headers = []sip.Header{{Name: "Replaces", Value: in.dialog.Replaces().String()}}
		})
		carol.log.await(t, EventAnswered)
		require.Equal(t, "carol", w.a.log.await(t, EventReplaced).Remote.URI.User)
		require.NoError(t, third.Answer(context.Background(), AnswerOptions{}))
		require.NoError(t, <-done)
		pass(10 * time.Second)
		require.Equal(t, Established, out.State(), "the call goes on with who replaced the other side")
		done = transferring(out, w.b.uri())
		require.NoError(t, w.b.arrived().Answer(context.Background(), AnswerOptions{}))
		require.NoError(t, <-done, "and may be handed on itself")
		w.a.outcome(out)
		require.Equal(t, Established, picked.State())
	})
}

// notify tells how a transfer went, and ends its subscription.
func (r *raw) notify(invite rawMessage, fragment string, cseq int) {
	r.t.Helper()
	r.extra = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\nContent-Type: message/sipfrag;version=2.0"
	r.request(invite, "NOTIFY", "x", fragment, cseq)
	r.extra = ""
}

// Many PBXs say goodbye in the same moment in which they tell that the transfer
// has come about.
func TestTransfer_ByeRightBehindTheOutcome(t *testing.T) {
	for _, c := range []struct {
		fragment string
		told     EventType
	}{{"SIP/2.0 200 OK", EventTransferred}, {"SIP/2.0 486 Busy Here", EventTransferFailed}} {
		inRawWorld(t, func(w *world, r *raw) {
			for i := range 100 {
				out := w.dialRaw()
				invite := r.await("INVITE")
				r.respond(invite, "200 OK", "x", rawSDP(40000, 1, "sendrecv"))
				r.await("ACK")
				w.a.log.await(t, EventAnswered)
				done := transferring(out, w.b.uri())
				r.respond(r.await("REFER"), "202 Accepted", "x", "")
				r.notify(invite, c.fragment, 10*i+1)
				r.request(invite, "BYE", "x", "", 10*i+2)
				err := <-done
				require.Equal(t, c.told == EventTransferred, err == nil, fmt.Sprint(err))
				w.a.outcome(out)
				ev := w.a.log.await(t, c.told)
				require.Equal(t, out.ID(), ev.CallID, "of call %d nothing was told", i)
			}
		})
	}
}

// A goodbye without a word about the transfer ends the call all the same.
func TestTransfer_ByeWithoutAnOutcome_RFC5057_4(t *testing.T) {
	inRawWorld(t, func(w *world, r *raw) {
		out := w.dialRaw()
		invite := r.await("INVITE")
		r.respond(invite, "200 OK", "x", rawSDP(40000, 1, "sendrecv"))
		r.await("ACK")
		w.a.log.await(t, EventAnswered)
		done := transferring(out, w.b.uri())
		r.respond(r.await("REFER"), "202 Accepted", "x", "")
		pass(2 * time.Second)
		began := time.Now()
		r.request(invite, "BYE", "x", "", 2)
		o := w.a.outcome(out)
		require.InDelta(t, outcomeTime, time.Since(began), float64(100*time.Millisecond))
		require.Equal(t, Completed, o.Disposition)
		require.Equal(t, Remote, o.EndedBy)
		require.InDelta(t, 2*time.Second, o.Talk, float64(100*time.Millisecond), "nobody talked while we waited")
		require.ErrorIs(t, <-done, sip.ErrNoResult)
	})
}
