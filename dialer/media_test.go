package dialer

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

func TestEarlyMedia_IsHeard(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA, earB := &ear{}, &ear{}
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			l.source, l.sink = tone(toneB), earB
			require.NoError(t, l.open(inv.Path(), nil))
			body, params, err := l.answer(inv.Offer(), offer.SendRecv)
			require.NoError(t, err)
			require.NoError(t, l.apply(params))
			require.NoError(t, inv.Ring(183, body))
			pass(3 * time.Second)
			require.NoError(t, inv.Ring(180, nil))
			pass(time.Second)
			dialog, err := inv.Accept(body)
			require.NoError(t, err)
			dialog.Handle(func(sip.DialogEvent) {})
		})
		out := w.a.dial(w.b, func(r *DialRequest) { r.Source, r.Sink = tone(toneA), earA })
		ev := w.a.log.await(t, EventEarlyMedia)
		require.Equal(t, 183, ev.Code)
		require.Equal(t, Outgoing, out.State())
		require.True(t, out.Info().EarlyMedia)
		pass(2 * time.Second)
		earA.hears(t, toneB)
		earB.hearsNothing(t, toneA) // the user's sound waits for the answer
		w.a.log.await(t, EventAnswered)
		require.False(t, out.Info().EarlyMedia)
		pass(2 * time.Second)
		earA.hears(t, toneB)
		earB.hears(t, toneA)
		require.NoError(t, out.Hangup(context.Background()))
		got := w.a.outcome(out)
		require.InDelta(t, 4*time.Second, got.Ring, float64(100*time.Millisecond))
		require.Equal(t, []EventType{EventDialing, EventEarlyMedia, EventRinging, EventAnswered, EventEnded}, w.a.log.types())
	})
}

// TestEarlyMedia_ThenRefused: an announcement, then a busy.
func TestEarlyMedia_ThenRefused(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			require.NoError(t, l.open(inv.Path(), nil))
			body, params, err := l.answer(inv.Offer(), offer.SendRecv)
			require.NoError(t, err)
			require.NoError(t, l.apply(params))
			require.NoError(t, inv.Ring(183, body))
			pass(2 * time.Second)
			require.NoError(t, inv.Reject(486, "Busy Here"))
		})
		out := w.a.dial(w.b)
		got := w.a.outcome(out)
		require.Equal(t, Busy, got.Disposition)
		require.NotZero(t, got.Media.PacketsReceived)
		require.Zero(t, got.Talk)
		require.Zero(t, w.a.ports.open.Load())
	})
}

// TestAnswer_WithoutSDPConfirmsEarlyMedia: some gateways describe themselves in
// the 183 only.
func TestAnswer_WithoutSDP_ConfirmsTheEarlyDialog(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA := &ear{}
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			l.source = tone(toneB)
			require.NoError(t, l.open(inv.Path(), nil))
			body, params, err := l.answer(inv.Offer(), offer.SendRecv)
			require.NoError(t, err)
			require.NoError(t, l.apply(params))
			require.NoError(t, inv.Ring(183, body))
			pass(100 * time.Millisecond)
			dialog, err := inv.Accept(nil)
			require.NoError(t, err)
			dialog.Handle(func(sip.DialogEvent) {})
		})
		out := w.a.dial(w.b, func(r *DialRequest) { r.Sink = earA })
		w.a.log.await(t, EventAnswered)
		pass(2 * time.Second)
		earA.hears(t, toneB)
		require.NoError(t, out.Hangup(context.Background()))
		require.Equal(t, Completed, w.a.outcome(out).Disposition)
	})
}

// TestLateOffer: an INVITE without SDP gets our offer in the 200, and the answer
// comes in the ACK.
func TestLateOffer_RFC3261_13_2_1(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA, earB := &ear{}, &ear{}
		l := w.a.newLeg()
		l.source, l.sink = tone(toneA), earA
		client := w.a.ua.Invite(context.Background(), sip.InviteRequest{Account: w.a.account(), Target: w.b.uri()})
		in := w.b.arrived()
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{Source: tone(toneB), Sink: earB}))
		var dialog *sip.Dialog
		for r := range client.Responses() {
			final, ok := r.(sip.Final)
			if !ok {
				continue
			}
			require.NoError(t, final.Err)
			dialog = final.Dialog
			require.NoError(t, l.open(sip.Path{Local: addrA}, nil))
			body, params, err := l.answer(final.Body, offer.SendRecv)
			require.NoError(t, err)
			require.NoError(t, l.apply(params))
			require.NoError(t, dialog.Ack(body))
		}
		w.b.log.await(t, EventAnswered)
		pass(2 * time.Second)
		earA.hears(t, toneB)
		earB.hears(t, toneA)
		require.Equal(t, "PCMU", in.Info().Codec)
		require.NoError(t, dialog.Bye(context.Background(), ""))
		require.Equal(t, Completed, w.b.outcome(in).Disposition)
	})
}

func TestLateOffer_NoAnswerInAck_HangsUp(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		client := w.a.ua.Invite(context.Background(), sip.InviteRequest{Account: w.a.account(), Target: w.b.uri()})
		in := w.b.arrived()
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{}))
		for r := range client.Responses() {
			if final, ok := r.(sip.Final); ok {
				require.NoError(t, final.Dialog.Ack(nil))
			}
		}
		got := w.b.outcome(in)
		require.Equal(t, MediaFailed, got.Disposition)
		require.Equal(t, Local, got.EndedBy)
	})
}

// TestAnswer_NoPort: a call that cannot have sound is refused, not left ringing.
func TestAnswer_NoPort(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		for {
			socket, err := w.b.media.Open(addrB)
			if err != nil {
				break
			}
			defer socket.Close()
		}
		require.Error(t, in.Answer(context.Background(), AnswerOptions{}))
		require.Equal(t, MediaFailed, w.b.outcome(in).Disposition)
		require.Equal(t, 500, w.a.outcome(out).Code)
	})
}

func TestDial_NoPort(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for {
			socket, err := w.a.media.Open(addrA)
			if err != nil {
				break
			}
			defer socket.Close()
		}
		got := w.a.outcome(w.a.dial(w.b))
		require.Equal(t, MediaFailed, got.Disposition)
		require.False(t, got.InviteSent)
		require.Equal(t, []EventType{EventEnded}, w.a.log.types())
	})
}

func TestHangupAfterDrain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earB := &counter{}
		source := audio.Tone{Frequencies: []float64{toneA}, Level: -10, Duration: 1500 * time.Millisecond}.Source()
		out := w.a.dial(w.b, func(r *DialRequest) { r.Source = source })
		in := w.b.arrived()
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{Sink: earB}))
		w.a.log.await(t, EventAnswered)
		require.NoError(t, out.SendDigits(context.Background(), "42"))
		require.True(t, out.DigitsPending())
		require.NoError(t, out.HangupAfterDrain(context.Background()))
		got := w.a.outcome(out)
		require.GreaterOrEqual(t, got.Talk, 1500*time.Millisecond)
		require.Less(t, got.Talk, 1700*time.Millisecond)
		w.b.outcome(in)
		require.Equal(t, []rune("42"), digitsOf(w.b.log))
		require.NoError(t, out.HangupAfterDrain(context.Background()), "an ended call stays as it is")
	})
}

func TestHangupAfterDrain_ContextEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		source := audio.Tone{Frequencies: []float64{toneA}, Level: -10, Duration: time.Minute}.Source()
		out, in := w.connected(w.a, w.b, func(r *DialRequest) { r.Source = source })
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		require.True(t, errors.Is(out.HangupAfterDrain(ctx), context.DeadlineExceeded))
		require.Equal(t, Established, out.State())
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
		w.b.outcome(in)
	})
}

// counter is a sink that counts frames.
type counter struct{ frames int }

func (c *counter) WriteFrame(*audio.Frame) { c.frames++ }
