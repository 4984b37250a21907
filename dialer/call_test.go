package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/offer"
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

func TestReceive_Busy(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "b" {
			c.Busy = func(account string) bool { return true }
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		got := w.a.outcome(out)
		require.Equal(t, Busy, got.Disposition)
		require.Equal(t, 486, got.Code)
		require.Zero(t, got.Ring, "it never rang")
		ev := w.b.log.await(t, EventEnded)
		require.Equal(t, Busy, ev.Outcome.Disposition)
		require.ErrorIs(t, ev.Outcome.Err, ErrBusy)
		require.Equal(t, []EventType{EventEnded}, w.b.log.types(), "nothing rings")
	})
}

func TestMaxCalls_BothDirections(t *testing.T) {
	inWorld(t, func(_ string, c *Config) { c.MaxCalls = 1 }, func(w *world) {
		out, in := w.connected(w.a, w.b)
		_, err := w.a.d.Dial(context.Background(), DialRequest{Account: w.a.account(), Target: w.b.uri()})
		require.ErrorIs(t, err, ErrBusy)
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
		w.b.outcome(in)
		w.connected(w.b, w.a) // there is room again
	})
}

func TestMaxCalls_IncomingGets486(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "b" {
			c.MaxCalls = 1
		}
	}, func(w *world) {
		w.connected(w.a, w.b)
		second := w.a.dial(w.b)
		require.Equal(t, 486, w.a.outcome(second).Code)
	})
}

func TestReceive_NoCommonCodec_Is488BeforeRinging(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		c.Codecs = []offer.Codec{offer.PCMU()}
		if side == "b" {
			c.Codecs = []offer.Codec{offer.PCMA()}
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		got := w.a.outcome(out)
		require.Equal(t, MediaFailed, got.Disposition)
		require.Equal(t, 488, got.Code)
		require.Equal(t, []EventType{EventDialing, EventEnded}, w.a.log.types())
		w.b.log.await(t, EventEnded)
		require.Equal(t, []EventType{EventEnded}, w.b.log.types())
	})
}

func TestScreen_BlocksBeforeRinging(t *testing.T) {
	var seen Caller
	inWorld(t, func(side string, c *Config) {
		if side == "b" {
			c.MaxCalls = 1
			c.Screen = func(caller Caller) Verdict {
				seen = caller
				return Verdict{Block: caller.Number == "alice", Rule: "EXACT alice"}
			}
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		got := w.a.outcome(out)
		require.Equal(t, Declined, got.Disposition)
		require.Equal(t, 603, got.Code)
		require.Equal(t, []EventType{EventDialing, EventEnded}, w.a.log.types(), "not one ring")
		require.Equal(t, "alice", seen.Number)

		blocked := w.b.log.await(t, EventBlocked)
		require.Equal(t, "EXACT alice", blocked.Verdict.Rule)
		require.Equal(t, 603, blocked.Code)
		require.Equal(t, "alice", blocked.Remote.URI.User)
		ended := w.b.log.await(t, EventEnded)
		require.Equal(t, Blocked, ended.Outcome.Disposition)
		require.ErrorIs(t, ended.Outcome.Err, ErrBlocked)
		require.Equal(t, []EventType{EventBlocked, EventEnded}, w.b.log.types())
	})
}

func TestScreen_Silent(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "b" {
			c.Screen = func(Caller) Verdict { return Verdict{Block: true, Silent: true} }
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		ended := w.b.log.await(t, EventEnded)
		require.Equal(t, Blocked, ended.Outcome.Disposition)
		require.Zero(t, ended.Outcome.Code)
		pass(20 * time.Second)
		require.Equal(t, Outgoing, out.State(), "the caller is left to wait")
		require.Equal(t, []EventType{EventDialing}, w.a.log.types())
		require.NoError(t, out.Hangup(context.Background()))
		require.Equal(t, Cancelled, w.a.outcome(out).Disposition)
	})
}

func TestScreen_SilentIsNotKeptForEver(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "b" {
			c.Screen = func(Caller) Verdict { return Verdict{Block: true, Silent: true} }
		} else {
			c.RingTimeout = -1
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		require.Equal(t, 480, w.a.outcome(out).Code)
	})
}

func TestCancel_WhileRinging(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		w.a.log.await(t, EventRinging)
		pass(4 * time.Second)
		require.NoError(t, out.Hangup(context.Background()))
		a, b := w.a.outcome(out), w.b.outcome(in)
		require.Equal(t, Cancelled, a.Disposition)
		require.Equal(t, Local, a.EndedBy)
		require.Equal(t, 487, a.Code)
		require.InDelta(t, 4*time.Second, a.Ring, float64(100*time.Millisecond))
		require.Equal(t, Missed, b.Disposition)
		require.Equal(t, Remote, b.EndedBy)
		require.ErrorIs(t, in.Answer(context.Background(), AnswerOptions{}), ErrEnded)
	})
}

// TestCancel_AtOnce: the CANCEL waits for the first provisional response
// (RFC 3261 §9.1); that is the stack's part, the call only has to end once.
func TestCancel_AtOnce_RFC3261_9_1(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out := w.a.dial(w.b)
		require.NoError(t, out.Hangup(context.Background()))
		require.Equal(t, Cancelled, w.a.outcome(out).Disposition)
		pass(40 * time.Second)
		for _, c := range w.b.d.Calls() {
			require.Fail(t, "ghost call", "%s", c.State())
		}
	})
}

// TestCancel_Crosses200: whichever way the two meet, no call is left over.
func TestCancel_Crosses200_RFC3261_9_1(t *testing.T) {
	for _, lead := range []time.Duration{-6, -5, -4, -1, 0, 1, 4, 5, 6} {
		t.Run((lead * time.Millisecond).String(), func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				out := w.a.dial(w.b)
				in := w.b.arrived()
				w.a.log.await(t, EventRinging)
				pass(time.Second)
				answered := make(chan error, 1)
				go func() {
					pass(10*time.Millisecond + lead*time.Millisecond)
					answered <- in.Answer(context.Background(), AnswerOptions{})
				}()
				pass(10 * time.Millisecond)
				require.NoError(t, out.Hangup(context.Background()))
				<-answered
				w.a.outcome(out)
				w.b.outcome(in)
			})
		})
	}
}

func TestRingTimeout_IncomingGets480(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "b" {
			c.RingTimeout = 20 * time.Second
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		b := w.b.outcome(in)
		require.Equal(t, Missed, b.Disposition)
		require.Equal(t, 480, b.Code)
		require.Equal(t, 20*time.Second, b.Ring)
		a := w.a.outcome(out)
		require.Equal(t, NoAnswer, a.Disposition)
		require.Equal(t, 480, a.Code)
	})
}

func TestRingTimeout_OutgoingIsCancelled(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "a" {
			c.RingTimeout = 20 * time.Second
		}
	}, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		a := w.a.outcome(out)
		require.Equal(t, NoAnswer, a.Disposition)
		require.Equal(t, Local, a.EndedBy)
		require.Equal(t, Missed, w.b.outcome(in).Disposition)
	})
}

func TestDial_Unreachable(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.net.Cut(addrB, true)
		out := w.a.dial(w.b)
		got := w.a.outcome(out)
		require.Equal(t, Unreachable, got.Disposition)
		require.Equal(t, Network, got.EndedBy)
		require.Equal(t, 32*time.Second, got.Ended.Sub(got.Started).Round(time.Second), "timer B, RFC 3261 §17.1.1.2")
		require.Error(t, got.Err)
	})
}

func TestDial_RefusesBadRequests(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		_, err := w.a.d.Dial(context.Background(), DialRequest{Account: w.a.account()})
		require.ErrorContains(t, err, "target is empty")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = w.a.d.Dial(ctx, DialRequest{Account: w.a.account(), Target: w.b.uri()})
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, w.a.d.Calls())
	})
}

func TestNetworkCut_MidCall(t *testing.T) {
	inWorld(t, func(side string, c *Config) {
		if side == "a" {
			c.MediaTimeout = 10 * time.Second
		}
	}, func(w *world) {
		out, in := w.connected(w.a, w.b)
		pass(5 * time.Second)
		w.net.Cut(addrB, true)
		a := w.a.outcome(out)
		require.Equal(t, MediaFailed, a.Disposition)
		require.Equal(t, Network, a.EndedBy)
		require.ErrorIs(t, a.Err, ErrMedia)
		require.InDelta(t, 15*time.Second, a.Talk, float64(1100*time.Millisecond))
		require.Equal(t, Established, in.State())
		require.NoError(t, in.Hangup(context.Background()))
		b := w.b.outcome(in)
		require.Equal(t, Local, b.EndedBy)
		require.LessOrEqual(t, b.Ended.Sub(b.Answered)-b.Talk, 6*time.Second, "nobody waits for 32 s to hang up")
	})
}

// TestNetworkCut_HangupEndsAtOnce: the session is over once the BYE is on its
// way (RFC 3261 §15.1.1); the transaction goes on behind it.
func TestNetworkCut_HangupEndsAtOnce_RFC3261_15_1_1(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		pass(time.Second)
		w.net.Cut(addrB, true)
		require.NoError(t, out.Hangup(context.Background()))
		a := w.a.outcome(out)
		require.Zero(t, w.a.ports.open.Load())
		require.Equal(t, Completed, a.Disposition)
		require.Equal(t, Local, a.EndedBy)
		require.Zero(t, a.Ended.Sub(a.Answered)-a.Talk)
		pass(2 * time.Second)
		w.net.Cut(addrB, false)
		require.Equal(t, Remote, w.b.outcome(in).EndedBy, "the BYE is being repeated and gets through")
	})
}

// TestNetworkCut_CancelEndsInTime: nobody waits for half a minute to have a
// CANCEL answered, and the 2xx that comes late makes no ghost call.
func TestNetworkCut_CancelEndsInTime(t *testing.T) {
	inWorld(t, func(_ string, c *Config) { c.HangupTimeout = 3 * time.Second }, func(w *world) {
		out := w.a.dial(w.b)
		in := w.b.arrived()
		w.a.log.await(t, EventRinging)
		w.net.Cut(addrB, true)
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{}))
		begun := time.Now()
		require.NoError(t, out.Hangup(context.Background()))
		a := w.a.outcome(out)
		require.Equal(t, Cancelled, a.Disposition)
		require.Equal(t, 3*time.Second, a.Ended.Sub(begun))
		w.net.Cut(addrB, false)
		b := w.b.outcome(in)
		require.Equal(t, Remote, b.EndedBy)
		require.Less(t, b.Talk, 20*time.Second)
	})
}

func TestClose_WithLiveCalls(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out1, in1 := w.connected(w.a, w.b)
		out2 := w.a.dial(w.b)
		in2 := w.b.arrived()
		out3, in3 := w.connected(w.b, w.a)
		require.Len(t, w.b.d.Calls(), 3)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, w.b.d.Close(ctx))
		require.NoError(t, w.b.d.Close(ctx))
		require.Zero(t, w.b.ports.open.Load())
		require.Equal(t, Completed, w.b.outcome(in1).Disposition)
		require.Equal(t, Missed, w.b.outcome(in2).Disposition)
		require.Equal(t, Completed, w.b.outcome(out3).Disposition)
		require.Equal(t, Completed, w.a.outcome(out1).Disposition)
		require.Equal(t, 480, w.a.outcome(out2).Code)
		require.Equal(t, Completed, w.a.outcome(in3).Disposition)

		_, err := w.b.d.Dial(context.Background(), DialRequest{Account: w.b.account(), Target: w.a.uri()})
		require.ErrorIs(t, err, ErrClosed)
		late := w.a.dial(w.b)
		require.Equal(t, 480, w.a.outcome(late).Code)
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
