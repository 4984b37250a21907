package dialer

import (
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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

// TestCancel_WhileTheINVITELeaves: who hangs up in the moment in which the INVITE
// leaves is told that it left, and then of the end.
func TestCancel_WhileTheINVITELeaves(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var out atomic.Pointer[Call]
		ready := make(chan struct{})
		w.net.Filter(func(_, _ netip.AddrPort, p []byte) bool {
			if strings.HasPrefix(string(p), "INVITE ") {
				<-ready
				c := out.Load()
				c.mail.post(func() { c.hangup(603) }) // before the stack can say that it sent
			}
			return false
		})
		out.Store(w.a.dial(w.b))
		close(ready)
		o := w.a.outcome(out.Load())
		require.Equal(t, Cancelled, o.Disposition)
		require.True(t, o.InviteSent)
		require.Equal(t, []EventType{EventDialing, EventEnded}, w.a.log.types())
		pass(40 * time.Second)
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
		require.ErrorContains(t, a.Err, "media timeout after 10s")
		require.Equal(t, "media timeout", a.Reason)
		require.InDelta(t, 15*time.Second, a.Talk, float64(100*time.Millisecond))
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

func TestClose_ContextEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out := w.a.dial(w.b)
		w.b.arrived()
		w.net.Cut(addrB, true)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, w.a.d.Close(ctx), context.Canceled)
		require.Equal(t, Cancelled, w.a.outcome(out).Disposition, "it goes on ending by itself")
	})
}

// TestUserAgentCloses: the calls end though nobody asked the dialer.
func TestUserAgentCloses(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		ringing := w.a.dial(w.b)
		w.b.arrived()
		require.NoError(t, w.a.ua.Close())
		require.Equal(t, Completed, w.a.outcome(out).Disposition)
		require.Equal(t, Local, w.a.outcome(out).EndedBy)
		require.Equal(t, Remote, w.b.outcome(in).EndedBy)
		require.NotZero(t, w.a.outcome(ringing).Disposition)
	})
}
