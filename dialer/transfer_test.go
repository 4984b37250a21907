package dialer

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/sip"
)

var addrC = netip.MustParseAddr("10.0.0.4")

// inTriangle is inWorld with a third phone, carol. All follow transfers.
func inTriangle(t *testing.T, f func(w *world, c *phone)) {
	t.Helper()
	allow := func(_ string, cfg *Config) { cfg.Transfer = func(TransferRequest) bool { return true } }
	inWorld(t, allow, func(w *world) {
		c := newPhone(t, w.net, "carol", addrC, func(cfg *Config) { allow("c", cfg) })
		defer c.close()
		f(w, c)
	})
}

// transferring starts a transfer and returns where its outcome comes.
func transferring(c *Call, target sip.URI) chan error {
	done := make(chan error, 1)
	go func() { done <- c.Transfer(context.Background(), target) }()
	return done
}

// speaks gives a call a tone and an ear.
func speaks(c *Call, hz float64) *ear {
	e := &ear{}
	c.SetSource(tone(hz))
	c.SetSink(e)
	return e
}

func TestTransfer_Blind_RFC5589_6(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out, in := w.connected(w.a, w.b)
		heard := speaks(in, 700)
		done := transferring(out, carol.uri())
		third := carol.arrived()
		require.Equal(t, "bob", third.Remote().URI.User)
		require.Equal(t, []string{"<sip:alice@10.0.0.1>"}, third.invitation.Header("Referred-By"))
		pass(3 * time.Second)
		require.Empty(t, done, "it rings there; that is no success")
		require.Equal(t, Established, out.State())
		require.NoError(t, third.Answer(context.Background(), AnswerOptions{}))
		far := speaks(third, 1100)
		require.NoError(t, <-done)
		require.Equal(t, 200, w.a.log.await(t, EventTransferred).Code)
		gone := w.a.outcome(out)
		require.Equal(t, Completed, gone.Disposition)
		require.Equal(t, "transferred", gone.Reason)

		ev := w.b.log.await(t, EventReplaced)
		require.Equal(t, in.ID(), ev.CallID)
		require.Equal(t, "carol", ev.Remote.URI.User)
		require.Equal(t, "alice", ev.First.URI.User)
		pass(time.Second)
		heard.hears(t, 1100)
		far.hears(t, 700)
		require.Len(t, w.b.d.Calls(), 1)
		pass(time.Minute)
		require.NoError(t, third.Hangup(context.Background()))
		require.Equal(t, Remote, w.b.outcome(in).EndedBy)
	})
}

func TestTransfer_RefusedUnlessAllowed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		err := out.Transfer(context.Background(), sip.URI{Scheme: "sip", User: "1900", Host: "example.org"})
		var status *sip.StatusError
		require.ErrorAs(t, err, &status)
		require.Equal(t, 603, status.Code)
		ev := w.a.log.await(t, EventTransferFailed)
		require.Equal(t, 603, ev.Code)
		require.Equal(t, "1900", ev.Target.User)
		require.Equal(t, Established, out.State())
		require.Equal(t, Established, in.State())
	})
}

func TestTransfer_TargetDeclines_CallGoesOn_RFC5589_6_1(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out, in := w.connected(w.a, w.b)
		heard := speaks(in, 700)
		near := speaks(out, 900)
		require.NoError(t, out.Hold(context.Background()))
		done := transferring(out, carol.uri())
		third := carol.arrived()
		require.ErrorIs(t, out.Transfer(context.Background(), carol.uri()), ErrState)
		require.NoError(t, third.Reject(context.Background(), 486))
		var status *sip.StatusError
		require.ErrorAs(t, <-done, &status)
		require.Equal(t, 486, status.Code)
		require.Equal(t, 486, w.b.log.await(t, EventTransferFailed).Code)
		require.NoError(t, out.Unhold(context.Background()))
		pass(time.Second)
		heard.hears(t, 900)
		near.hears(t, 700)
		require.ErrorIs(t, in.TransferTo(context.Background(), in), ErrState)
	})
}

func TestTransfer_WhoAskedLeavesFirst_RFC5057_4(t *testing.T) {
	for _, answered := range []bool{true, false} {
		inTriangle(t, func(w *world, carol *phone) {
			out, in := w.connected(w.a, w.b)
			done := transferring(out, carol.uri())
			third := carol.arrived()
			require.NoError(t, out.Hangup(context.Background()))
			w.a.outcome(out)
			pass(10 * time.Second)
			require.Equal(t, Established, in.State(), "whom they handed us to is still being called")
			require.ErrorIs(t, in.Transfer(context.Background(), carol.uri()), ErrState)
			if !answered {
				require.NoError(t, third.Reject(context.Background(), 603))
				require.ErrorContains(t, <-done, "603")
				o := w.b.outcome(in)
				require.Equal(t, Failed, o.Disposition)
				require.Equal(t, 603, o.Code)
				return
			}
			require.NoError(t, third.Answer(context.Background(), AnswerOptions{}))
			require.NoError(t, <-done)
			w.b.log.await(t, EventReplaced)
			heard, far := speaks(in, 700), speaks(third, 1100)
			pass(time.Second)
			heard.hears(t, 1100)
			far.hears(t, 700)
		})
	}
}

func TestTransfer_WhoIsTransferredHangsUp(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out, in := w.connected(w.a, w.b)
		done := transferring(out, carol.uri())
		third := carol.arrived()
		pass(time.Second)
		require.NoError(t, in.Hangup(context.Background()))
		require.Equal(t, Missed, carol.outcome(third).Disposition)
		require.Error(t, <-done)
		require.Equal(t, Remote, w.a.outcome(out).EndedBy)
		w.b.outcome(in)
	})
}

func TestTransfer_NobodyAnswers(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out, in := w.connected(w.a, w.b)
		start := time.Now()
		done := transferring(out, carol.uri())
		carol.arrived()
		var status *sip.StatusError
		require.ErrorAs(t, <-done, &status)
		require.Equal(t, 408, status.Code)
		require.InDelta(t, followTime, time.Since(start), float64(time.Second))
		require.Equal(t, Established, in.State())
		require.Equal(t, Established, out.State())
	})
}

func TestTransferTo_Attended_RFC5589_7(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		one, in := w.connected(w.a, w.b)
		require.NoError(t, one.Hold(context.Background()))
		two, third := w.connected(w.a, carol)
		require.NoError(t, one.TransferTo(context.Background(), two))
		require.Equal(t, "carol", w.a.log.await(t, EventTransferring).Target.User, "and not where her phone is")
		require.Equal(t, "transferred", w.a.outcome(one).Reason)
		w.a.outcome(two)
		require.Equal(t, carol.addr.String(), w.b.log.await(t, EventReplaced).Remote.URI.Host)
		require.Equal(t, "bob", carol.log.await(t, EventReplaced).Remote.URI.User)
		heard, far := speaks(in, 700), speaks(third, 1100)
		pass(time.Second)
		heard.hears(t, 1100)
		far.hears(t, 700)
		require.False(t, in.Info().RemoteHeld)
		require.Equal(t, third.ID(), carol.d.Calls()[0].ID(), "the call keeps its id")
		require.NoError(t, in.Hangup(context.Background()))
		require.Equal(t, Remote, carol.outcome(third).EndedBy)
		require.ErrorIs(t, one.TransferTo(context.Background(), two), ErrEnded)
	})
}

func TestReplaces_PickUpWhileItRings_RFC3891_3(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out := w.a.dial(w.b)
		rings := w.b.arrived()
		w.a.log.await(t, EventRinging)
		var id sip.Replaces
		for key, c := range w.a.d.dialogs { // as the phone that rings knows it
			require.Same(t, out, c)
			id = replacesOf(t, key)
		}
		id.EarlyOnly = true
		picked := carol.dial(w.a, func(r *DialRequest) {
			r.Headers = []sip.Header{{Name: "Replaces", Value: id.String()}}
		})
		carol.log.await(t, EventAnswered)
		w.a.log.await(t, EventAnswered)
		require.Equal(t, "carol", w.a.log.await(t, EventReplaced).Remote.URI.User)
		require.Equal(t, Missed, w.b.outcome(rings).Disposition)
		heard, far := speaks(out, 700), speaks(picked, 1100)
		pass(time.Second)
		heard.hears(t, 1100)
		far.hears(t, 700)

		// Once answered it is no longer to be had for who wants an early one.
		late := carol.dial(w.a, func(r *DialRequest) { r.Headers = []sip.Header{{Name: "Replaces", Value: id.String()}} })
		require.Contains(t, []int{481, 603}, carol.outcome(late).Code)
		require.NoError(t, out.Hangup(context.Background()))
		carol.outcome(picked)
	})
}

// replacesOf reads what sip.Dialog.ID says of our own dialog.
func replacesOf(t *testing.T, id string) sip.Replaces {
	t.Helper()
	callID, tags, ok := strings.Cut(id, ";local=")
	require.True(t, ok)
	local, remote, ok := strings.Cut(tags, ";remote=")
	require.True(t, ok)
	return sip.Replaces{CallID: callID, ToTag: local, FromTag: remote}
}

func TestReplaces_WithoutCommonCodecNothingChanges_RFC3891_3(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out, in := w.connected(w.a, w.b)
		heard := speaks(in, 700)
		speaks(out, 900)
		replaces := []sip.Header{{Name: "Replaces", Value: in.dialog.Replaces().String()}}
		client := carol.ua.Invite(context.Background(), sip.InviteRequest{
			Account: carol.account(), Target: w.a.uri(), Headers: replaces,
			Offer: func(sip.Path) ([]byte, error) { return []byte("v=0\r\n"), nil },
		})
		var final sip.Final
		for r := range client.Responses() {
			if f, ok := r.(sip.Final); ok {
				final = f
			}
		}
		var status *sip.StatusError
		require.ErrorAs(t, final.Err, &status)
		pass(time.Second)
		heard.hears(t, 900)
		require.Equal(t, Established, out.State())
	})
}

func TestSwitch_OneLineIsSpokenOn(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		one, bob := w.connected(w.a, w.b)
		waiting := carol.dial(w.a)
		two := w.a.arrived() // call waiting
		require.Equal(t, Established, one.State())
		require.ErrorIs(t, w.a.d.Switch(context.Background(), two), ErrState)
		require.NoError(t, two.Answer(context.Background(), AnswerOptions{}))
		carol.log.await(t, EventAnswered)
		near1, near2 := speaks(one, 500), speaks(two, 500)
		bobs, carols := speaks(bob, 700), speaks(waiting, 1100)
		for range 2 {
			require.NoError(t, w.a.d.Switch(context.Background(), two))
			pass(time.Second)
			require.True(t, one.Info().Held)
			require.True(t, bob.Info().RemoteHeld)
			require.False(t, two.Info().Held)
			carols.hears(t, 500)
			bobs.hearsNothing(t, 500)
			near2.hears(t, 1100)
			require.NoError(t, w.a.d.Switch(context.Background(), one))
			pass(time.Second)
			require.True(t, two.Info().Held)
			bobs.hears(t, 500)
			carols.hearsNothing(t, 500)
			near1.hears(t, 700)
		}
		require.Len(t, w.a.d.Lines(), 2)
		require.NoError(t, one.Hangup(context.Background()))
		w.a.outcome(one)
		require.True(t, errors.Is(w.a.d.Switch(context.Background(), one), ErrState))
	})
}
