package sip

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The CANCEL is answered and the INVITE is not: after 64*T1 it counts as over.
func TestInvite_CancelAnsweredWithout487_RFC3261_9_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		synctest.Wait()
		start := time.Now()
		c.Cancel("")
		w.p.reply(w.p.request("CANCEL"), 200, "OK", "t1", "")
		next[Sent](t, c)
		next[Provisional](t, c)
		f := next[Final](t, c)
		require.ErrorIs(t, f.Err, context.Canceled)
		assert.Equal(t, 32*time.Second, time.Since(start))
		w.ua.mu.Lock()
		assert.Zero(t, w.ua.callsLocked())
		w.ua.mu.Unlock()
		w.p.silence(time.Minute)
	})
}
