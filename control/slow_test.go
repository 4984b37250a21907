package control_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/internal/memnet"
)

// bubble is a fixture over a network in memory, whose time is the bubble's.
type bubble struct {
	*fixture
	host *memnet.Host
}

func inBubble(t *testing.T, f func(*testing.T, *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{})
		defer n.Close()
		b := &bubble{host: n.Host(netip.MustParseAddr("10.0.0.2"))}
		b.fixture = newFixture(t, func(c *control.Config) {
			c.Listen = b.host.Listen
		})
		var err error
		b.client, err = client.New(client.Config{Address: b.server.Address(), TokenFile: b.cfg.TokenFile, Dial: b.dial})
		require.NoError(t, err)
		f(t, b)
		b.stop() // before the network is gone; stopping is idempotent
	})
}

func (b *bubble) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return b.host.Dial(ctx, network, "", addr)
}

func (b *bubble) transport() *http.Transport {
	return &http.Transport{DialContext: b.dial, DisableKeepAlives: true}
}

func (b *bubble) openSSE(t *testing.T, since uint64) *sse {
	return openSSE(t, b.server.Address(), b.token(), since, b.transport())
}

// big writes events that no window between the two ends can hold.
func (b *bubble) big() {
	b.t.Helper()
	data := `{"x":"` + strings.Repeat("x", 200_000) + `"}`
	for range 10 {
		b.event("call.dtmf", "calls/1", data)
	}
}

// Who does not read is cut off after the time to write, holds up nobody, and may
// come back to where it was.
func TestSlowReader_IsCutOff(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		ws, err := b.client.Events(t.Context(), client.Now)
		require.NoError(t, err)
		stuck := b.openSSE(t, client.Now)
		fast := b.openSSE(t, client.Now)
		began := time.Now()
		b.big()
		for range 10 {
			_, err := fast.Next(t.Context())
			require.NoError(t, err)
		}
		assert.Less(t, time.Since(began), time.Second, "the others are not held up")
		synctest.Wait()
		assert.NotContains(t, b.log.String(), "cut off")
		time.Sleep(10*time.Second - time.Since(began))
		time.Sleep(time.Second)
		synctest.Wait()
		for _, kind := range []string{"kind=WebSocket", `kind="server-sent events"`} {
			assert.Equal(t, 1, countLines(b.log.String(), "its reader was too slow", kind), kind)
		}
		b.event("call.ended", "calls/1", `{}`)
		ev, err := fast.Next(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(11), ev.Seq())

		last := uint64(0)
		for { // what had been sent can be read still
			if _, err := stuck.Next(t.Context()); err != nil {
				break
			}
			last = stuck.Seq()
		}
		assert.Less(t, last, uint64(11))
		stuck.Close()
		again := b.openSSE(t, last)
		for seq := last + 1; seq <= 11; seq++ {
			ev, err := again.Next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, seq, ev.Seq())
		}
		again.Close()
		fast.Close()
		ws.Close()
	})
}

func countLines(all string, parts ...string) (n int) {
	for line := range strings.Lines(all) {
		found := true
		for _, p := range parts {
			found = found && strings.Contains(line, p)
		}
		if found {
			n++
		}
	}
	return n
}

// A quiet stream lives on, past every time limit of a request and a connection.
func TestQuietStream_StaysOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		ws, err := b.client.Events(t.Context(), client.Now)
		require.NoError(t, err)
		s := b.openSSE(t, client.Now)
		got := make(chan api.Event, 2)
		for _, r := range []reader{ws, s} {
			go func() { // reading answers pings
				ev, err := r.Next(context.Background())
				assert.NoError(t, err)
				got <- ev
			}()
		}
		time.Sleep(10 * time.Minute)
		b.event("call.incoming", "calls/1", `{}`)
		for range 2 {
			assert.Equal(t, uint64(1), (<-got).Seq())
		}
		ws.Close()
		s.Close()
	})
}

// A WebSocket whose other side is gone without a word is given up at the first
// ping that nobody answers.
func TestQuietStream_OfADeadReader(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		ws, err := b.client.Events(t.Context(), client.Now)
		require.NoError(t, err)
		began := time.Now()
		for !strings.Contains(b.log.String(), "too slow") {
			require.Less(t, time.Since(began), time.Minute)
			time.Sleep(100 * time.Millisecond)
		}
		assert.InDelta(t, 25, time.Since(began).Seconds(), 0.5, "15 s to the ping, 10 s for its answer")
		ws.Close()
	})
}

// What a reader sends ends its stream: directives go elsewhere.
func TestWebSocket_TakesNoMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		header := http.Header{"Authorization": {"Bearer " + b.token()}}
		c, _, err := websocket.Dial(t.Context(), b.server.Address()+"/v1/events",
			&websocket.DialOptions{HTTPClient: &http.Client{Transport: b.transport()}, HTTPHeader: header})
		require.NoError(t, err)
		require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte(directive("EndCall", "m", `{}`))))
		_, _, err = c.Read(t.Context())
		assert.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err))
		_ = c.CloseNow()
		assert.Empty(t, b.orders.taken())
	})
}

// Readers who take nothing do not keep the phone from stopping.
func TestClose_DoesNotWaitForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		ws, err := b.client.Events(t.Context(), client.Now)
		require.NoError(t, err)
		s := b.openSSE(t, client.Now)
		b.big()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, b.server.Close(ctx), context.DeadlineExceeded)
		assert.InDelta(t, 3, time.Since(began).Seconds(), 0.1)
		ws.Close()
		s.Close()
		b.start() // for the end of the test
	})
}

// Slow senders are cut off too.
func TestTimeouts_OfRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		address := strings.TrimPrefix(b.server.Address(), "http://")
		for name, c := range map[string]struct {
			sent  string
			after time.Duration
		}{
			"no header": {"GET /healthz HTTP/1.1\r\nHost: ", 5 * time.Second},
			"no body": {"POST /v1/directives HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Bearer " + b.token() +
				"\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{", 30 * time.Second},
		} {
			conn, err := b.dial(t.Context(), "tcp", address)
			require.NoError(t, err)
			began := time.Now()
			_, err = conn.Write([]byte(c.sent))
			require.NoError(t, err)
			var answer bytes.Buffer
			_, _ = answer.ReadFrom(conn)
			assert.InDelta(t, c.after.Seconds(), time.Since(began).Seconds(), 1, name)
			if name == "no body" {
				assert.Contains(t, answer.String(), `"code":"timeout"`)
			}
			require.NoError(t, conn.Close())
		}
		assert.Empty(t, b.orders.taken())
	})
}
