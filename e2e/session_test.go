package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A call of two phones through Asterisk, with the shortest session timer there is:
// both legs are refreshed after 45 s, and the call goes on.
func TestAsterisk_SessionTimer_RFC4028(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ transport, caller, callee string }{{"udp", "alice", "bob"}, {"tcp", "erin", "frank"}, {"tls", "kate", "ivan"}} {
		t.Run(c.transport, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, c.callee)
			callee := answeringBy(t, c.transport, c.callee, "--session-expires", "90s", "--sip-trace", "--count", "1")
			args := []string{"call", c.callee, "--json", "--duration", "50s", "--session-expires", "90s", "--sip-trace", "--media-timeout", "0s"}
			caller := softphone(t, append(args, by(c.transport, c.caller)...)...)
			r := caller.done(80 * time.Second)
			require.Equal(t, "completed", r.text("cause"))
			require.Equal(t, "local", r.text("ended_by"))
			require.GreaterOrEqual(t, r.number("talk_ms"), 49_000.0)
			checkTransport(t, c.transport, r)
			for who, p := range map[string]*phone{"caller": caller, "callee": callee} {
				trace := p.errors()
				require.Contains(t, trace, "Session-Expires: 90;refresher=", who)
				require.Regexp(t, `(?s)CSeq: \d+ (UPDATE|INVITE)\r?\n.*SIP/2.0 200.*CSeq: \d+ (UPDATE|INVITE)`, afterFirstACK(trace), who)
			}
		})
	}
}

// afterFirstACK is what a trace holds of the call that is up.
func afterFirstACK(trace string) string {
	_, rest, _ := strings.Cut(trace, "\nACK ")
	if i := strings.LastIndex(rest, "\nBYE "); i >= 0 {
		rest = rest[:i]
	}
	return rest
}
