package e2e

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	phonepkg "github.com/softphone-go/softphone/phone"
)

// openPhone opens a phone in this process, registered at the PBX, with ports
// for four calls.
func openPhone(t *testing.T, user string) *phonepkg.Phone {
	t.Helper()
	file := config.Default()
	file.DataDir = t.TempDir()
	file.SIP.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}
	first := ports.block(8)
	file.Media.RTPPorts = fmt.Sprintf("%d-%d", first, first+7)
	p, err := phonepkg.Open(context.Background(), phonepkg.Config{File: file})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, p.Close(ctx))
	})
	account := config.Account{ID: user, Server: asterPB.addr(), User: user, Password: user + "-secret", Mode: config.ModeAutomation}
	require.NoError(t, p.AddAccount(account))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, p.WaitRegistered(ctx, user))
	return p
}

// oneCall calls the echo, stays for a moment, and hangs up.
func oneCall(t *testing.T, p *phonepkg.Phone, stay time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := p.Dial(ctx, "600", phonepkg.DialOptions{})
	require.NoError(t, err)
	eventually(t, 10*time.Second, func() bool { return c.State() == dialer.Established || c.State() == dialer.Ended }, "the call is not answered")
	require.Equal(t, dialer.Established, c.State(), "%+v", c.Outcome())
	<-time.After(stay)
	require.NoError(t, c.Hangup(ctx))
	select {
	case <-c.Done():
	case <-ctx.Done():
		require.FailNow(t, "the call does not end")
	}
	o := c.Outcome()
	require.Equal(t, dialer.Completed, o.Disposition)
	require.Positive(t, o.Media.PacketsReceived)
}

// holding is what a process holds: goroutines, and files and sockets.
type holding struct{ goroutines, files int }

func holdings(t *testing.T) holding {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return holding{runtime.NumGoroutine(), len(entries)}
}

func checkNothingLeaked(t *testing.T, before holding) {
	t.Helper()
	var after holding
	deadline := time.Now().Add(45 * time.Second) // transactions linger for 32 s (RFC 3261 §17)
	for {
		runtime.GC()
		after = holdings(t)
		if after.goroutines <= before.goroutines && after.files <= before.files {
			t.Logf("before %+v, after %+v", before, after)
			return
		}
		if time.Now().After(deadline) {
			break
		}
		<-time.After(250 * time.Millisecond)
	}
	var stacks strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	require.FailNow(t, "leaked", "before %+v, after %+v\n%s", before, after, stacks.String())
}

// 50 calls in a row on ports for four: a port, goroutine or file that leaks
// shows. This test does not run beside others, which would count too.
func TestAsterisk_FiftyCallsLeakNothing(t *testing.T) {
	users.borrow(t, "dave")
	p := openPhone(t, "dave")
	for range 2 {
		oneCall(t, p, 200*time.Millisecond)
	}
	before := holdings(t)
	for range 50 {
		oneCall(t, p, 200*time.Millisecond)
	}
	checkNothingLeaked(t, before)
	require.Empty(t, p.Calls())
	asterPB.waitIdle(t, "dave")
}

// The same for as long as SOAK says.
func TestSoak_CallsInARow(t *testing.T) {
	limit, err := time.ParseDuration(os.Getenv("SOAK"))
	require.NoError(t, err, "SOAK must be a duration such as 10m")
	users.borrow(t, "dave")
	p := openPhone(t, "dave")
	oneCall(t, p, 200*time.Millisecond)
	before := holdings(t)
	calls := 0
	for end := time.Now().Add(limit); time.Now().Before(end); calls++ {
		oneCall(t, p, 500*time.Millisecond)
	}
	t.Logf("%d calls in %s", calls, limit)
	checkNothingLeaked(t, before)
}
