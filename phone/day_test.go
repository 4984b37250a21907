package phone_test

import (
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// A day in the life of two phones: a call every ten minutes, registrations that
// are refreshed all the time, and an hour in which the registrar is gone. It is
// noticed, calls meanwhile end with a reason, all comes back by itself, and at
// the end of the day nothing is left that was not there in the morning.
func TestPhone_ADayWithAnHourWithoutRegistrar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "alice", config.ModeAutomation)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
		defer bob.close(t)
		const (
			day   = 24 * time.Hour
			every = 10 * time.Minute
			gone  = 6 * time.Hour
			back  = 7 * time.Hour
		)
		registrar := netip.MustParseAddr("10.0.0.1")
		morning := 0
		completed, unreachable := 0, 0
		for at := time.Duration(0); at < day; at += every {
			w.net.Cut(registrar, at >= gone && at < back)
			if at == back {
				time.Sleep(2 * time.Minute) // the longest pause between two tries is one
			}
			begun := time.Now()
			switch o := talk(t, alice, bob); o.Disposition {
			case dialer.Completed:
				completed++
				assert.InDelta(t, 3, o.Talk.Seconds(), 0.5)
			case dialer.Unreachable:
				unreachable++
				assert.True(t, at >= gone && at < back, "at %s", at)
				assert.Less(t, time.Since(begun), 40*time.Second)
			default:
				t.Errorf("at %s: %s", at, o.Disposition)
			}
			if time.Sleep(every - time.Since(begun)); at == every {
				morning = runtime.NumGoroutine()
			}
		}
		assert.Equal(t, 144-6, completed)
		assert.Equal(t, 6, unreachable)
		assert.True(t, w.ex.Registered("alice") && w.ex.Registered("bob"))
		evening := runtime.NumGoroutine()
		assert.InDelta(t, morning, evening, 2)
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{Limit: 1000})
		require.NoError(t, err)
		assert.Len(t, rows, completed)
		t.Logf("%d calls, %d of them while the registrar was gone; %d goroutines in the morning, %d in the evening",
			completed+unreachable, unreachable, morning, evening)
	})
}

// talk is one call from alice to bob, of 3 s when it comes about.
func talk(t *testing.T, alice, bob *user) dialer.Outcome {
	t.Helper()
	c, err := alice.Dial(t.Context(), "bob", phone.DialOptions{})
	require.NoError(t, err)
	time.Sleep(time.Second)
	if len(bob.Calls()) == 1 {
		require.NoError(t, bob.Agent().Handle(t.Context(), directive("AcceptCall", `{"speakerPhone":false}`)))
		time.Sleep(3 * time.Second)
		require.NoError(t, c.Hangup(t.Context()))
	}
	<-c.Done()
	return c.Outcome()
}
