package dialer

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/quality"
)

// deaf drops the RTP to one side while it is set; SIP and RTCP go on.
func deaf(w *world, to netip.Addr) *atomic.Bool {
	var on atomic.Bool
	w.net.Filter(func(_, dst netip.AddrPort, p []byte) bool {
		rtp := len(p) > 12 && p[0]>>6 == 2 && (p[1] < 192 || p[1] > 223)
		return on.Load() && rtp && dst.Addr() == to
	})
	return &on
}

func timeoutAtA(side string, c *Config) {
	if side == "a" {
		c.MediaTimeout = 10 * time.Second
	}
}

// Sound that stops while everything else goes on ends the call with a BYE that
// says why, though the other side's reports still come.
func TestMediaTimeout_EndsTheCallWithACause(t *testing.T) {
	inWorld(t, timeoutAtA, func(w *world) {
		gone := deaf(w, addrA)
		out, in := w.connected(w.a, w.b)
		pass(5 * time.Second)
		gone.Store(true)
		a := w.a.outcome(out)
		require.Equal(t, MediaFailed, a.Disposition)
		require.ErrorIs(t, a.Err, ErrMedia)
		require.InDelta(t, 15*time.Second, a.Talk, float64(100*time.Millisecond))
		require.Positive(t, a.Media.RTCPReceived)
		b := w.b.outcome(in)
		require.Equal(t, Remote, b.EndedBy)
		require.Equal(t, "Media Timeout", b.Reason, "Reason header of the BYE (RFC 3326)")
	})
}

// The time stands still on hold, whoever holds, and begins anew at the end of it.
func TestMediaTimeout_PausesOnHold(t *testing.T) {
	inWorld(t, timeoutAtA, func(w *world) {
		gone := deaf(w, addrA)
		out, in := w.connected(w.a, w.b)
		ctx := context.Background()
		for _, holder := range []*Call{out, in} {
			pass(5 * time.Second)
			require.NoError(t, holder.Hold(ctx))
			gone.Store(true)
			pass(time.Minute)
			require.Equal(t, Established, out.State())
			require.NoError(t, holder.Unhold(ctx))
			pass(8 * time.Second)
			require.Equal(t, Established, out.State(), "8 s since the end of the hold")
			gone.Store(false)
		}
		pass(5 * time.Second)
		gone.Store(true)
		require.NoError(t, out.Hold(ctx))
		pass(time.Minute)
		require.NoError(t, out.Unhold(ctx))
		begin := time.Now()
		a := w.a.outcome(out)
		require.Equal(t, MediaFailed, a.Disposition)
		require.InDelta(t, 10*time.Second, a.Ended.Sub(begin), float64(200*time.Millisecond))
		w.b.outcome(in)
	})
}

// Nothing counts before the answer, however long it rings without a sound.
func TestMediaTimeout_CountsFromTheAnswer(t *testing.T) {
	inWorld(t, timeoutAtA, func(w *world) {
		gone := deaf(w, addrA)
		gone.Store(true)
		out := w.a.dial(w.b)
		in := w.b.arrived()
		pass(time.Minute)
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{}))
		w.a.log.await(t, EventAnswered)
		a := w.a.outcome(out)
		require.Equal(t, MediaFailed, a.Disposition)
		require.InDelta(t, 10*time.Second, a.Talk, float64(100*time.Millisecond))
		w.b.outcome(in)
	})
}

// How it sounds is known here and there while the call is up, and at its end.
func TestQuality_LiveAndAtTheEnd(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		require.Equal(t, quality.Unknown, out.Quality().Remote.Origin)
		pass(15 * time.Second)
		for _, c := range []*Call{out, in} {
			q := c.Quality()
			require.Equal(t, quality.Measured, q.Local.Origin)
			require.Equal(t, quality.Extended, q.Remote.Origin, "both of us ask for extended reports")
			require.InDelta(t, 4.4, q.Local.MOSCQ, 0.05)
			require.InDelta(t, 4.4, q.Remote.MOSCQ, 0.05)
		}
		require.NoError(t, out.Hangup(context.Background()))
		a, b := w.a.outcome(out), w.b.outcome(in)
		require.Equal(t, quality.Measured, a.Media.Quality.Local.Origin)
		require.Equal(t, quality.Extended, b.Media.Quality.Remote.Origin)
		require.Equal(t, a.Media.Quality, out.Quality())
		require.NotZero(t, a.Media.Quality.Local.Expected)
	})
}
