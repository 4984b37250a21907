package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAsterisk_RegisterMD5AndSHA256(t *testing.T) {
	for _, c := range []struct{ user, transport string }{
		{"alice", "udp"}, {"alice", "tcp"}, // MD5
		{"carol", "udp"}, {"carol", "tcp"}, // SHA-256 only
		{"dave", "udp"}, // both are offered
	} {
		t.Run(c.user+"-"+c.transport, func(t *testing.T) {
			users.borrow(t, c.user)
			p := softphone(t, append([]string{"register", "--transport", c.transport, "--json", "--duration", "30s"}, account(asterPB, c.user)...)...)
			p.waitRegistered(5 * time.Second)
			asterPB.waitRegistered(t, c.user, true)
			contact := asterPB.rx(t, "pjsip show contacts")
			require.Equal(t, c.transport == "tcp", strings.Contains(strings.ToLower(contact), "transport=tcp"), contact)
			p.interrupt()
			require.Equal(t, exitDone, p.wait(5*time.Second))
			asterPB.waitRegistered(t, c.user, false)
		})
	}
}

func TestAsterisk_RegisterWrongPassword(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"alice", "carol"} {
		p := softphoneEnv(t, []string{"SOFTPHONE_PASSWORD=wrong"},
			append([]string{"register", "--json", "--sip-trace", "--duration", "5s"}, account(asterPB, user)...)...)
		require.Equal(t, exitRegistration, p.wait(10*time.Second))
		sent := strings.Count(p.errors(), "\nREGISTER sip:")
		require.LessOrEqual(t, sent, 3, "the registrar must not be hammered:\n%s", p.errors())
		require.NotContains(t, p.errors(), "wrong\n", "the password must not be printed")
		require.Contains(t, strings.ToLower(p.errors()), "password")
	}
}

// The registrar grants 5 s whatever is asked for.
func TestAsterisk_RegisterRefreshes(t *testing.T) {
	t.Parallel()
	users.borrow(t, "short")
	p := softphone(t, append([]string{"register", "--json", "--sip-trace", "--duration", "17s"}, account(asterPB, "short")...)...)
	p.waitRegistered(5 * time.Second)
	end := time.Now().Add(14 * time.Second)
	for time.Now().Before(end) {
		require.True(t, asterPB.registered(t, "short"), "the registration lapsed")
		<-time.After(time.Second)
	}
	require.Equal(t, exitDone, p.wait(15*time.Second))
	asterPB.waitRegistered(t, "short", false)
	// First try, try with credentials, refreshes at most one a second, goodbye.
	sent := strings.Count(p.errors(), "\nREGISTER sip:")
	require.Greater(t, sent, 4)
	require.Less(t, sent, 34)
}

func TestAsterisk_RegisterAgainAfterRestart(t *testing.T) {
	t.Parallel()
	own, err := startPBX()
	require.NoError(t, err)
	defer own.remove()
	udp := softphone(t, append([]string{"register", "--json", "--duration", "5m"}, account(own, "short")...)...)
	tcp := softphone(t, append([]string{"register", "--json", "--transport", "tcp", "--expires", "60s", "--duration", "5m"}, account(own, "brief")...)...)
	udp.waitRegistered(5 * time.Second)
	tcp.waitRegistered(5 * time.Second)
	own.waitRegistered(t, "short", true)
	own.waitRegistered(t, "brief", true)
	own.stop(t)
	for _, p := range []*phone{udp, tcp} {
		p.waitFor(60*time.Second, "notice that the registrar is gone", func(l line) bool {
			return l.kind() == "registration" && l.text("phase") != "registered" && l.text("phase") != "registering"
		})
	}
	own.start(t)
	back := time.Now()
	for _, user := range []string{"short", "brief"} {
		eventually(t, 60*time.Second, func() bool { return own.registered(t, user) }, "%s did not register again by itself", user)
		t.Logf("%s was registered again %.1f s after Asterisk was back", user, time.Since(back).Seconds())
	}
	for _, p := range []*phone{udp, tcp} {
		p.terminate()
		require.Equal(t, exitDone, p.wait(10*time.Second))
	}
}
