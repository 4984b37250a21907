package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Asterisk is killed in the middle of two calls, and with two phones idle, and comes back
// 3 s later without knowing of any. The calls end when they have heard nothing for as long
// as they were told to wait, over TLS when Asterisk disowns them; all phones are found again, and take calls.
func TestAsterisk_KilledInACall(t *testing.T) {
	t.Parallel()
	own, err := startPBX()
	require.NoError(t, err)
	defer own.remove()
	const silence = 15 * time.Second
	tls := func(user string) []string { return append(over(own, user, "tls"), "--srtp", "required") }
	callees := []struct {
		name       string
		args, from []string // accounts of the callee and of who calls it
		busy       bool     // when Asterisk is killed
		phone      *phone
	}{
		{name: "short", args: account(own, "short"), from: account(own, "alice"), busy: true},
		{name: "ivan", args: tls("ivan"), from: tls("heidi"), busy: true},
		{name: "brief", args: account(own, "brief"), from: account(own, "alice")},
		{name: "kate", args: tls("kate"), from: tls("heidi")},
	}
	talking := map[string]*phone{}
	for i := range callees {
		c := &callees[i]
		c.phone = softphone(t, append([]string{"answer", "--json", "--echo", "--media-timeout", silence.String()}, c.args...)...)
		c.phone.waitRegistered(10 * time.Second)
		own.waitRegistered(t, c.name, true)
		if c.busy {
			caller := softphone(t, append([]string{"call", c.name, "--json", "--media-timeout", silence.String()}, c.from...)...)
			caller.waitEvent(10*time.Second, "call.answered")
			talking["the caller of "+c.name], talking[c.name] = caller, c.phone
		}
	}
	<-time.After(2 * time.Second)
	killed := time.Now()
	own.stop(t)
	<-time.After(3 * time.Second)
	own.start(t)
	back := time.Now()
	t.Logf("Asterisk was away for %.1f s", back.Sub(killed).Seconds())
	for i := range callees {
		name := callees[i].name
		eventually(t, 60*time.Second, func() bool { return own.registered(t, name) }, "%s did not register again by itself", name)
		t.Logf("%s was registered again %.1f s after Asterisk was back", name, time.Since(back).Seconds())
	}
	for who, p := range talking {
		ended := p.waitEvent(silence+15*time.Second, "call.ended")
		at, err := time.Parse(time.RFC3339Nano, ended.text("time"))
		require.NoError(t, err)
		summary := line(ended["ended"].(map[string]any))
		t.Logf("%s: the call ended %.1f s after the kill: %s, %s", who, at.Sub(killed).Seconds(), disposition(ended), summary.text("error"))
		require.Equal(t, "network", summary.text("ended_by"), who)
		if disposition(ended) == "failed" { // a call follows its new connection, and Asterisk knows of none
			require.Contains(t, summary.text("error"), "481", who)
			require.Contains(t, who, "ivan", "over TLS only")
		} else {
			require.Equal(t, "media-failed", disposition(ended), who)
			require.Contains(t, summary.text("error"), "no sound arrives any more")
			require.GreaterOrEqual(t, at.Sub(killed), silence-time.Second, who)
		}
		require.Less(t, at.Sub(killed), silence+10*time.Second, who)
	}
	for _, c := range callees {
		s := makeSaid(t, "early.wav")
		p := softphone(t, append([]string{"call", c.name, "--json", "--play", s.path}, c.from...)...)
		checkQuality(t, p.done(20*time.Second))
	}
	for _, c := range callees {
		c.phone.interrupt()
		require.Equal(t, exitDone, c.phone.wait(10*time.Second), c.name)
	}
}
