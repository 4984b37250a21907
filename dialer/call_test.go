package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCall_SoundBothWays(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA, earB := &ear{}, &ear{}
		out := w.a.dial(w.b, func(r *DialRequest) {
			r.Source, r.Sink, r.Context = tone(1000), earA, "from-a-directive"
		})
		in := w.b.arrived()
		require.Equal(t, Incoming, in.State())
		require.Equal(t, "alice", in.Remote().URI.User)
		require.Equal(t, Inbound, in.Direction())
		w.a.log.await(t, EventRinging)
		require.Equal(t, Outgoing, out.State())
		pass(2 * time.Second)
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{Source: tone(1400), Sink: earB}))
		require.Equal(t, Established, in.State())
		w.a.log.await(t, EventAnswered)
		require.Equal(t, Established, out.State())
		require.Equal(t, "PCMU", out.Info().Codec)
		pass(3 * time.Second)
		earA.hears(t, 1400)
		earB.hears(t, 1000)
		earB.hearsNothing(t, 1400)
		stats := out.Stats()
		require.NotZero(t, stats.PacketsReceived)

		require.NoError(t, out.Hangup(context.Background()))
		a, b := w.a.outcome(out), w.b.outcome(in)
		require.Equal(t, Completed, a.Disposition)
		require.Equal(t, Local, a.EndedBy)
		require.Equal(t, 200, a.Code)
		require.True(t, a.InviteSent)
		require.InDelta(t, 2*time.Second, a.Ring, float64(50*time.Millisecond))
		require.InDelta(t, 3*time.Second, a.Talk, float64(50*time.Millisecond))
		require.InDelta(t, 150, float64(a.Media.PacketsSent), 5, "20 ms packets for 3 s")
		require.Equal(t, Completed, b.Disposition)
		require.Equal(t, Remote, b.EndedBy)
		require.InDelta(t, 3*time.Second, b.Talk, float64(50*time.Millisecond))
		require.NotZero(t, b.Media.PacketsReceived)
		require.Equal(t, []EventType{EventDialing, EventRinging, EventAnswered, EventEnded}, w.a.log.types())
		require.Equal(t, []EventType{EventIncoming, EventAnswered, EventEnded}, w.b.log.types())
		for _, ev := range w.a.log.all() {
			require.Equal(t, "from-a-directive", ev.Context)
			require.Equal(t, out.ID(), ev.CallID)
			require.Equal(t, Outbound, ev.Direction)
			require.Equal(t, "alice", ev.AccountID)
		}
	})
}

func TestHangup_ByCallee(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		pass(time.Second)
		require.NoError(t, in.Hangup(context.Background()))
		a, b := w.a.outcome(out), w.b.outcome(in)
		require.Equal(t, Remote, a.EndedBy)
		require.Equal(t, Local, b.EndedBy)
		require.Equal(t, Completed, a.Disposition)
		require.NoError(t, in.Hangup(context.Background()), "an ended call stays as it is")
	})
}

// TestHangup_RightAfterAnswer: the callee may not send BYE before the ACK is
// there (RFC 3261 §15).
func TestHangup_RightAfterAnswer_RFC3261_15(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{}))
		require.NoError(t, in.Hangup(context.Background()))
		require.Equal(t, Completed, w.b.outcome(in).Disposition)
		require.Equal(t, Completed, w.a.outcome(out).Disposition)
		require.Equal(t, Remote, w.a.outcome(out).EndedBy)
	})
}

func TestHangup_BothAtOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		pass(100 * time.Millisecond)
		require.NoError(t, out.Hangup(context.Background()))
		require.NoError(t, in.Hangup(context.Background()))
		require.Equal(t, Local, w.a.outcome(out).EndedBy)
		require.Equal(t, Local, w.b.outcome(in).EndedBy)
	})
}

func TestReject_Codes(t *testing.T) {
	for _, tc := range []struct {
		name     string
		code     int
		out, in  Disposition
		wantCode int
	}{
		{"declined", 603, Declined, Declined, 603},
		{"default", 0, Declined, Declined, 603},
		{"busy", 486, Busy, Busy, 486},
		{"unavailable", 480, NoAnswer, Declined, 480},
		{"gone", 410, Failed, Declined, 410},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				out := w.a.dial(w.b)
				in := w.b.arrived()
				require.NoError(t, in.Reject(context.Background(), tc.code))
				a, b := w.a.outcome(out), w.b.outcome(in)
				require.Equal(t, tc.out, a.Disposition)
				require.Equal(t, tc.in, b.Disposition)
				require.Equal(t, tc.wantCode, a.Code)
				require.Equal(t, tc.wantCode, b.Code)
				require.Equal(t, Remote, a.EndedBy)
				require.Equal(t, Local, b.EndedBy)
				require.Zero(t, a.Talk)
				require.True(t, a.Answered.IsZero())
			})
		})
	}
}

func TestHangup_WhileItRingsHere(t *testing.T) {
	inWorld(t, func(_ string, c *Config) { c.DeclineCode = 486 }, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		require.NoError(t, in.Hangup(context.Background()))
		require.Equal(t, 486, w.a.outcome(out).Code)
		require.Equal(t, Busy, w.b.outcome(in).Disposition)
	})
}

func TestFiftyCallsInARow(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for i := range 50 {
			from, to := w.a, w.b
			if i%2 == 1 {
				from, to = w.b, w.a
			}
			out, in := w.connected(from, to)
			pass(300 * time.Millisecond)
			require.NoError(t, pick(i%3 == 0, out, in).Hangup(context.Background()))
			require.Equal(t, Completed, from.outcome(out).Disposition)
			require.Equal(t, Completed, to.outcome(in).Disposition)
			require.Zero(t, w.a.ports.open.Load())
			require.Zero(t, w.b.ports.open.Load())
		}
	})
}

func TestManyCallsAtOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		const n = 10
		var outs, ins []*Call
		for range n {
			outs = append(outs, w.a.dial(w.b))
		}
		for range n {
			ins = append(ins, w.b.arrived())
		}
		seen := map[string]bool{}
		for _, in := range ins {
			require.NoError(t, in.Answer(context.Background(), AnswerOptions{}))
			require.False(t, seen[in.ID()])
			seen[in.ID()] = true
		}
		for range n {
			w.a.log.await(t, EventAnswered)
		}
		require.Len(t, w.a.d.Calls(), n)
		pass(time.Second)
		for i := range n {
			require.NoError(t, outs[i].Hangup(context.Background()))
		}
		for i := range n {
			require.Equal(t, Completed, w.a.outcome(outs[i]).Disposition)
			require.Equal(t, Completed, w.b.outcome(ins[i]).Disposition)
		}
	})
}

func TestNew_NeedsItsParts(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "UA is missing")
}

func TestMethods_InTheWrongState(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx := context.Background()
		out := w.a.dial(w.b)
		in := w.b.arrived()
		require.ErrorIs(t, out.Hold(ctx), ErrState)
		require.ErrorIs(t, out.SendDigits(ctx, "1"), ErrState)
		require.ErrorIs(t, out.Answer(ctx, AnswerOptions{}), ErrState)
		require.ErrorIs(t, out.Reject(ctx, 486), ErrState)
		require.Error(t, in.Reject(ctx, 200))
		require.NoError(t, in.Answer(ctx, AnswerOptions{}))
		require.ErrorIs(t, in.Answer(ctx, AnswerOptions{}), ErrState)
		require.Error(t, in.SendDigits(ctx, "1x"))
		require.Error(t, in.SendDigits(ctx, ""))
		w.a.log.await(t, EventAnswered)
		require.NoError(t, out.Hangup(ctx))
		w.a.outcome(out)
		require.ErrorIs(t, out.Hold(ctx), ErrEnded)
		require.ErrorIs(t, out.Unhold(ctx), ErrEnded)
		require.ErrorIs(t, out.SendDigits(ctx, "1"), ErrEnded)
		require.ErrorIs(t, out.Mute(true), ErrEnded)
		require.ErrorIs(t, out.Reject(ctx, 486), ErrEnded)
		out.SetSource(nil)
		out.SetSink(nil)
		_, live := w.a.d.Call(out.ID())
		require.False(t, live)
	})
}
