package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/sip"
)

func TestRedirect_BothRoles_RFC3261_8_3(t *testing.T) {
	inTriangle(t, func(w *world, carol *phone) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		require.Error(t, in.Redirect(context.Background(), sip.URI{User: "carol"}))
		require.NoError(t, in.Redirect(context.Background(), carol.uri()))
		o := w.b.outcome(in)
		require.Equal(t, 302, o.Code)
		require.Equal(t, Declined, o.Disposition)
		require.Equal(t, 302, w.a.outcome(out).Code, "not followed unless asked to")
		require.ErrorIs(t, in.Redirect(context.Background(), carol.uri()), ErrEnded)

		w.a.d.cfg.Redirect = func(account string, target sip.URI) bool {
			return account == "alice" && target.User == "carol"
		}
		out = w.a.dial(w.b, func(r *DialRequest) { r.UserToUser = "2a;encoding=hex"; r.Anonymous = true })
		require.NoError(t, w.b.arrived().Redirect(context.Background(), carol.uri()))
		third := carol.arrived()
		require.Equal(t, "2a;encoding=hex", third.Info().UserToUser)
		require.True(t, third.Remote().Anonymous)
		require.NoError(t, third.Answer(context.Background(), AnswerOptions{}))
		w.a.log.await(t, EventAnswered)
		require.ErrorIs(t, third.Redirect(context.Background(), carol.uri()), ErrState)
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
	})
}

func TestAutoAnswer_OnlyForWhomItIsAllowed_RFC5373(t *testing.T) {
	allow := func(side string, cfg *Config) {
		if side == "b" {
			cfg.AutoAnswer = func(_ string, c Caller) (AnswerOptions, bool) { return AnswerOptions{}, c.Number == "alice" }
		}
	}
	inWorld(t, allow, func(w *world) {
		wish := func(r *DialRequest) { r.Headers = []sip.Header{{Name: "Call-Info", Value: "<sip:x>;answer-after=2"}} }
		plain := w.a.dial(w.b)
		first := w.b.arrived()
		pass(time.Minute)
		require.Equal(t, Incoming, first.State(), "nobody asked")
		require.NoError(t, plain.Hangup(context.Background()))
		w.b.outcome(first)

		out := w.a.dial(w.b, wish)
		start := time.Now()
		in := w.b.arrived()
		w.a.log.await(t, EventAnswered)
		require.InDelta(t, 2*time.Second, time.Since(start), float64(100*time.Millisecond))

		second := w.a.dial(w.b, wish) // while another call is up it rings
		waiting := w.b.arrived()
		pass(time.Minute)
		require.Equal(t, Incoming, waiting.State())
		require.NoError(t, second.Hangup(context.Background()))
		require.NoError(t, out.Hangup(context.Background()))
		w.b.outcome(in)
		w.b.outcome(waiting)

		mallory := w.a.dial(w.b, wish, func(r *DialRequest) { r.Account.User = "mallory" })
		rings := w.b.arrived()
		pass(time.Minute)
		require.Equal(t, Incoming, rings.State())
		require.NoError(t, mallory.Hangup(context.Background()))
		w.b.outcome(rings)
	})
}
