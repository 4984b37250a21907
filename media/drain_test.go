package media

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/jitter"
)

// The peer speaks and hangs up: what still waited for its turn is not lost.
func TestSession_CloseDrainsToTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(c *SessionConfig) { c.Jitter = jitter.Config{Target: 300 * time.Millisecond, Fixed: true} }
		r := newRig(t, memnet.Link{Delay: 5 * time.Millisecond}, slow)
		defer r.close()
		a, b := r.session, r.open(peerAddr, slow)
		heard := &ear{}
		a.SetSink(heard)
		b.SetSource(&noise{seed: 2})
		require.NoError(t, a.Apply(agreed(b.socket.RTP())))
		require.NoError(t, b.Apply(agreed(a.socket.RTP())))
		time.Sleep(2 * time.Second)
		require.NoError(t, b.Close())
		time.Sleep(10 * time.Millisecond)
		before := len(heard.heard())
		require.NoError(t, a.Close())

		spoken := uint32(b.Stats().PacketsSent) * 160
		last := coded(2, spoken-1600, 1600)
		at := find(heard.heard(), last)
		assert.GreaterOrEqual(t, at, before-1600, "the last 200 ms were still to be played")
		assert.LessOrEqual(t, len(heard.heard())-before, maxDrain*80)
	})
}
