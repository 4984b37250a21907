package dialer

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Alice's machine gets another address in the middle of a call: both hear one another
// again within the time that looking takes (250 ms) and a round trip more.
func TestAddressChange_CallGoesOn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		k := w.talk()
		require.True(t, w.net.Host(addrA).Move(addrA, netip.MustParseAddr("10.0.0.77")))
		moved := time.Now()
		var quietA, quietB time.Duration // when 20 ms without the other's tone were over last
		for time.Since(moved) < 3*time.Second {
			k.earA.forget()
			k.earB.forget()
			pass(20 * time.Millisecond)
			if k.earA.level(toneB) < 2000 {
				quietA = time.Since(moved)
			}
			if k.earB.level(toneA) < 2000 {
				quietB = time.Since(moved)
			}
		}
		t.Logf("the sound was back after %v for who moved, %v for the other", quietA, quietB)
		require.LessOrEqual(t, quietA, 400*time.Millisecond)
		require.LessOrEqual(t, quietB, 400*time.Millisecond)
		pass(time.Second)
		k.bothHear(t)
		require.False(t, k.out.Info().Held)
		k.end(w)
	})
}

// On hold too: after it the sound goes to the new address.
func TestAddressChange_OnHold(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		k := w.talk()
		require.NoError(t, k.out.Hold(context.Background()))
		require.True(t, w.net.Host(addrA).Move(addrA, netip.MustParseAddr("10.0.0.77")))
		pass(5 * time.Second)
		require.True(t, k.out.Info().Held)
		require.NoError(t, k.out.Unhold(context.Background()))
		pass(2 * time.Second)
		k.bothHear(t)
		k.end(w)
	})
}

// forget starts to listen anew.
func (e *ear) forget() {
	e.mu.Lock()
	e.samples = e.samples[:0]
	e.mu.Unlock()
}
