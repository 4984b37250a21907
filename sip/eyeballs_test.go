package sip

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server with an IPv6 address that leads nowhere is registered with over IPv4 after
// 250 ms, and with one that refuses at once; one that is there is taken.
func TestDualStack_SwiftestConnection_RFC8305_5(t *testing.T) {
	const six = "fd00::2"
	for _, c := range []struct {
		name    string
		arrange func(w *world)
		wait    time.Duration
		over    string
	}{
		{"silent", func(w *world) { w.net.Cut(netip.MustParseAddr(six), true) }, attemptDelay, ourAddr},
		{"refused", func(*world) {}, 0, ourAddr},
	} {
		z := &zone{addr: map[string]string{"pbx.example.com": six + " " + peerAddr}}
		inBubble(t, func(cfg *Config) {
			z.serve(cfg)
			cfg.Listen = []Listen{{UDP, us()}}
		}, func(w *world) {
			w.net.Host(netip.MustParseAddr(ourAddr), netip.MustParseAddr("fd00::1:1"))
			w.net.Host(netip.MustParseAddr(peerAddr), netip.MustParseAddr(six))
			p := newStreamPeer(t, w.net, 5060, nil)
			defer p.close()
			c.arrange(w)
			a := w.account()
			a.Server, a.Transport = "pbx.example.com:5060", TCP
			start := time.Now()
			r, err := w.ua.Register(a, nil)
			require.NoError(t, err)
			p.accept()
			assert.Equal(t, c.wait, time.Since(start), c.name)
			p.reply(p.request("REGISTER"), 200, "OK", "Expires: 3600")
			require.NoError(t, r.Wait(context.Background()))
			assert.Equal(t, c.over, addrPortOf(p.conn.RemoteAddr()).Addr().String())
		})
	}
}

// Only hops that differ by their family alone are tried side by side: the order of SRV
// and of transports stays.
func TestDualStack_OrderOfServersStays_RFC3263_4_2(t *testing.T) {
	at := func(t Transport, s string) hop { return hop{transport: t, addr: netip.MustParseAddrPort(s)} }
	assert.Equal(t, 2, rivalOf([]hop{at(TCP, "[fd00::2]:5060"), at(TCP, "[fd00::3]:5060"), at(TCP, "10.0.0.2:5060")}))
	assert.Equal(t, 1, rivalOf([]hop{at(TLS, "10.0.0.2:5061"), at(TLS, "[fd00::2]:5061")}))
	assert.Zero(t, rivalOf([]hop{at(TCP, "[fd00::2]:5060"), at(TCP, "10.0.0.2:5070"), at(TLS, "10.0.0.2:5060")}))
	assert.Zero(t, rivalOf([]hop{at(UDP, "[fd00::2]:5060"), at(UDP, "10.0.0.2:5060")}))
	assert.Zero(t, rivalOf([]hop{at(TCP, "10.0.0.2:5060")}))
	assert.Zero(t, rivalOf(nil))
}
