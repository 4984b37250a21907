package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A call in which nobody speaks: where both sides take comfort noise hardly a
// packet flows, either way, none counts as lost, and the call lives, on through
// hold and back. Where one side does not, sound flows all the time.
func TestDTX_AgreedByBoth_RFC3389(t *testing.T) {
	for name, test := range map[string]struct {
		a, b        bool
		least, most uint64
	}{
		"both": {true, true, 60, 130}, "the caller": {true, false, 2000, 2300}, "the callee": {false, true, 2000, 2300},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(side string, c *Config) {
				c.DTX = side == "a" && test.a || side == "b" && test.b
				c.MediaTimeout = 10 * time.Second
			}, func(w *world) {
				out, in := w.connected(w.a, w.b)
				pass(20 * time.Second)
				ctx := context.Background()
				require.NoError(t, in.Hold(ctx))
				pass(20 * time.Second)
				require.NoError(t, in.Unhold(ctx))
				pass(20 * time.Second)
				require.NoError(t, out.Hangup(ctx))
				a, b := w.a.outcome(out), w.b.outcome(in)
				t.Logf("sent %d and %d packets", a.Media.PacketsSent, b.Media.PacketsSent)
				require.GreaterOrEqual(t, a.Media.PacketsSent, test.least)
				require.LessOrEqual(t, a.Media.PacketsSent, test.most)
				require.Zero(t, a.Media.PacketsLost+b.Media.PacketsLost)
				require.Zero(t, a.Media.Unmapped+b.Media.Unmapped)
			})
		})
	}
}
