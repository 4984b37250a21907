package dialer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// inReliableWorld has both sides ring reliably wherever they can.
func inReliableWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: memnet.New(1, memnet.Link{Delay: 5 * time.Millisecond})}
		always := func(c *sip.Config) { c.Reliable = sip.ReliableAlways }
		w.a = newPhone(t, w.net, "alice", addrA, func(*Config) {}, always)
		w.b = newPhone(t, w.net, "bob", addrB, func(*Config) {}, always)
		defer w.close()
		f(w)
	})
}

// lateCaller calls b without an offer and answers the one that comes while it rings.
type lateCaller struct {
	leg    *leg
	ear    *ear
	offers int
	client *sip.ClientInvite
}

// callLate calls; before runs before the offer is answered.
func (w *world) callLate(before func()) *lateCaller {
	l := &lateCaller{leg: w.a.newLeg(), ear: &ear{}}
	l.leg.source, l.leg.sink = tone(toneA), l.ear
	l.client = w.a.ua.Invite(context.Background(), sip.InviteRequest{
		Account: w.a.account(), Target: w.b.uri(),
		Answer: func(_ *sip.Dialog, p sip.Path, body []byte) ([]byte, error) {
			before()
			l.offers++
			if err := l.leg.open(p, nil); err != nil {
				return nil, err
			}
			ours, params, err := l.leg.answer(body, offer.SendRecv)
			if err == nil {
				err = l.leg.apply(params)
			}
			return ours, err
		},
	})
	return l
}

func (l *lateCaller) final(t *testing.T) *sip.Dialog {
	for r := range l.client.Responses() {
		if f, ok := r.(sip.Final); ok {
			require.NoError(t, f.Err)
			assert.Empty(t, f.Body, "the offer went ahead")
			require.NoError(t, f.Dialog.Ack(nil))
			return f.Dialog
		}
	}
	require.Fail(t, "no final response")
	return nil
}

// TestLateOffer_InReliableRinging: the offer of the callee is in its 180 and the
// answer in the PRACK, but nothing is heard before the call is answered.
func TestLateOffer_InReliableRinging_RFC3262_5(t *testing.T) {
	inReliableWorld(t, func(w *world) {
		l := w.callLate(func() {})
		in := w.b.arrived()
		pass(2 * time.Second)
		require.Equal(t, 1, l.offers)
		require.Equal(t, "PCMU", in.Info().Codec, "agreed on while it rings")
		require.Equal(t, Incoming, in.Info().State)
		earB := &ear{}
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{Source: tone(toneB), Sink: earB}))
		dialog := l.final(t)
		w.b.log.await(t, EventAnswered)
		pass(2 * time.Second)
		l.ear.hears(t, toneB)
		earB.hears(t, toneA)
		require.NoError(t, dialog.Bye(context.Background(), ""))
		require.Equal(t, Completed, w.b.outcome(in).Disposition)
	})
}

// The user is faster than the PRACK: the 200 waits for it (RFC 3262 §3).
func TestLateOffer_AnsweredBeforeThePrack_RFC3262_3(t *testing.T) {
	inReliableWorld(t, func(w *world) {
		gate := make(chan struct{})
		l := w.callLate(func() { <-gate })
		in := w.b.arrived()
		earB := &ear{}
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{Source: tone(toneB), Sink: earB}))
		pass(time.Second)
		close(gate)
		dialog := l.final(t)
		pass(2 * time.Second)
		l.ear.hears(t, toneB)
		earB.hears(t, toneA)
		require.NoError(t, dialog.Bye(context.Background(), ""))
		require.Equal(t, Completed, w.b.outcome(in).Disposition)
	})
}

// The caller gives up while it rings so, and the callee declines: nothing is left.
func TestLateOffer_InReliableRingingEnds_RFC3261_9_1(t *testing.T) {
	inReliableWorld(t, func(w *world) {
		l := w.callLate(func() {})
		in := w.b.arrived()
		pass(time.Second)
		l.client.Cancel("")
		require.Equal(t, Missed, w.b.outcome(in).Disposition)
	})
	inReliableWorld(t, func(w *world) {
		w.callLate(func() {})
		in := w.b.arrived()
		pass(time.Second)
		require.NoError(t, in.Hangup(context.Background()))
		require.Equal(t, Declined, w.b.outcome(in).Disposition)
	})
}
