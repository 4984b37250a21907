package e2e

import (
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cutter hands connections on to the PBX until they are cut.
type cutter struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	made  int
}

func startCutter(t testing.TB, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp4", loopback(ports.one()).String()) //nolint:noctx // closed by the test
	require.NoError(t, err)
	c := &cutter{listener: l, to: to}
	c.running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp4", c.to) //nolint:noctx // on this machine
			if err != nil {
				_ = near.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, near, far)
			c.made++
			c.mu.Unlock()
			c.running.Go(func() { c.pass(near, far) })
			c.running.Go(func() { c.pass(far, near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
		c.running.Wait()
	})
	return c
}

func (c *cutter) pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = to.Close()
}

// cut ends all connections and returns how many there have been.
func (c *cutter) cut() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
	return c.made
}

// A connection that is cut in mid-call is made anew, and Asterisk is told of it: its BYE
// comes over the new one, since the phone listens for none.
func TestAsterisk_ConnectionCutInACall_RFC3261_12_2_1_2(t *testing.T) {
	t.Parallel()
	users.borrow(t, "alice")
	relay := startCutter(t, asterPB.addr())
	alice := softphone(t, "call", "600", "--json", "--duration", "60s", "--sip-trace", "--transport", "tcp",
		"--sip-listen", "udp:127.0.0.1:0", "--server", relay.listener.Addr().String(), "--user", "alice")
	alice.waitEvent(10*time.Second, "call.answered")
	<-time.After(time.Second)
	require.Equal(t, 1, relay.cut())
	eventually(t, 5*time.Second, func() bool {
		return regexp.MustCompile(`(?s)SIP/2.0 200 OK.*CSeq: \d+ (UPDATE|INVITE)`).MatchString(afterFirstACK(alice.errors()))
	}, "the phone did not tell Asterisk its new connection")
	channel := regexp.MustCompile(`PJSIP/alice-\w+`).FindString(asterPB.rx(t, "core show channels concise"))
	require.NotEmpty(t, channel)
	asterPB.rx(t, "channel request hangup "+channel)
	r := alice.done(10 * time.Second)
	require.Equal(t, "remote", r.text("ended_by"))
	require.Equal(t, "completed", r.text("cause"))
}
