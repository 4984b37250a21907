package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/offer"
)

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
