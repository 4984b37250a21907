package dialer

import (
	"context"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/internal/stun"
	"github.com/softphone-go/softphone/sip"
)

const outside = "203.0.113.5"

// natWorld is alice behind a NAT, bob beyond it, and a STUN server there.
type natWorld struct {
	*world
	nat  *memnet.NAT
	deaf atomic.Bool // the server
	said chan string // descriptions that alice has sent, as "address port"
}

var described = regexp.MustCompile(`(?s)c=IN IP4 (\S+).*m=audio (\d+) `)

func inNAT(t *testing.T, f func(w *natWorld)) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{Delay: 5 * time.Millisecond})
		w := &natWorld{world: &world{t: t, net: n}, said: make(chan string, 100)}
		w.nat = n.NAT(netip.MustParseAddr(outside), false, addrA, netip.MustParseAddr("10.0.0.77"))
		server, err := n.ListenPacket(context.Background(), "udp4", "198.51.100.3:3478")
		require.NoError(t, err)
		served := make(chan struct{})
		go func() {
			defer close(served)
			buf := make([]byte, 1500)
			for {
				size, from, err := server.ReadFrom(buf)
				if err != nil {
					return
				}
				if seen, ok := from.(*net.UDPAddr); ok && !w.deaf.Load() {
					_, _ = server.WriteTo(stun.Reply(buf[:size], seen.AddrPort()), from)
				}
			}
		}()
		w.a = newPhone(t, n, "alice", addrA, func(*Config) {}, func(c *sip.Config) {
			c.STUN = "198.51.100.3"
			c.Tap = func(m sip.TapMessage) {
				if d := described.FindSubmatch(m.Data); m.Sent && d != nil {
					w.said <- string(d[1]) + " " + string(d[2])
				}
			}
		})
		w.b = newPhone(t, n, "bob", netip.MustParseAddr("198.51.100.2"), func(*Config) {})
		defer func() { // after the phones
			_ = server.Close()
			<-served
		}()
		defer w.close()
		f(w)
	})
}

// atPublic checks that alice has named a port of the NAT.
func (w *natWorld) atPublic() {
	w.t.Helper()
	addr, port, _ := strings.Cut(<-w.said, " ")
	n, err := strconv.Atoi(port)
	require.NoError(w.t, err)
	assert.Equal(w.t, outside, addr)
	assert.Greater(w.t, n, 40000, "of the NAT, not of alice")
}

// The port for sound is asked for in both roles, and the sound goes both ways.
func TestSTUN_SoundIsNamedAsSeenFromOutside_RFC8489(t *testing.T) {
	inNAT(t, func(w *natWorld) {
		k := w.talk()
		w.atPublic()
		k.end(w.world)
		at := w.a.ua.Mappings(context.Background())[0].Public
		ear := &ear{}
		c := w.b.dial(w.a, func(r *DialRequest) {
			r.Target = sip.URI{Scheme: "sip", User: "alice", Host: at.Addr().String(), Port: int(at.Port())}
			r.Source, r.Sink = tone(toneB), ear
		})
		in := w.a.arrived()
		require.NoError(t, in.Answer(context.Background(), AnswerOptions{Source: tone(toneA)}))
		pass(2 * time.Second)
		w.atPublic()
		ear.hears(t, toneA)
		require.NoError(t, c.Hangup(context.Background()))
		w.a.outcome(in)
	})
}

// A server that is lost in the meantime costs a call half a second, one that was never
// there nothing.
func TestSTUN_ServerLost(t *testing.T) {
	inNAT(t, func(w *natWorld) {
		w.a.ua.Mappings(context.Background())
		w.deaf.Store(true)
		begun := time.Now()
		c := w.a.dial(w.b)
		in := w.b.arrived()
		assert.InDelta(t, 500*time.Millisecond, time.Since(begun), float64(20*time.Millisecond))
		assert.Contains(t, <-w.said, addrA.String()+" ")
		require.NoError(t, c.Hangup(context.Background()))
		w.b.outcome(in)
		pass(time.Minute) // it has been noticed
		begun = time.Now()
		c = w.a.dial(w.b)
		in = w.b.arrived()
		assert.Less(t, time.Since(begun), 20*time.Millisecond)
		assert.Contains(t, <-w.said, addrA.String()+" ")
		require.NoError(t, c.Hangup(context.Background()))
		w.b.outcome(in)
	})
}

// A call that ends while the server is asked leaves no port behind.
func TestSTUN_HungUpWhileAsking(t *testing.T) {
	inNAT(t, func(w *natWorld) {
		w.a.ua.Mappings(context.Background())
		w.deaf.Store(true)
		c := w.a.dial(w.b)
		pass(100 * time.Millisecond)
		require.EqualValues(t, 2, w.a.ports.open.Load())
		require.NoError(t, c.Hangup(context.Background()))
		w.a.outcome(c)
		pass(time.Second)
		require.Zero(t, w.a.ports.open.Load())
	})
}

// A NAT that begins anew, and another address of our own: the call goes on.
func TestSTUN_CallFollowsTheNAT(t *testing.T) {
	for name, change := range map[string]func(w *natWorld){
		"the NAT starts anew": func(w *natWorld) { w.nat.Forget() },
		"another address": func(w *natWorld) {
			require.True(w.t, w.net.Host(addrA).Move(addrA, netip.MustParseAddr("10.0.0.77")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inNAT(t, func(w *natWorld) {
				k := w.talk()
				w.atPublic()
				change(w)
				w.atPublic()
				pass(2 * time.Second)
				k.earA.forget()
				k.earB.forget()
				pass(2 * time.Second)
				k.bothHear(t)
				k.end(w.world)
			})
		})
	}
}
