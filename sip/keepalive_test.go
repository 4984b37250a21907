package sip

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tcpWorld has a registrar on TCP and no listener for connections.
func tcpWorld(t *testing.T, f func(w *world, p *streamPeer, a Account)) {
	inBubble(t, func(c *Config) { c.Listen = []Listen{{UDP, us()}} }, func(w *world) {
		p := newStreamPeer(t, w.net, 5060, nil)
		defer p.close()
		a := w.account()
		a.Transport = TCP
		f(w, p, a)
	})
}

// Pings go out, pongs keep the connection; a pong that does not come, where they did,
// means that it is half open: a new one is there within the time documented.
func TestKeepAlive_HalfOpen_RFC5626_4_4_1(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		for range 100 {
			start := time.Now()
			p.bytes(crlfs(2))
			assert.InDelta(t, 26.1*float64(time.Second), float64(time.Since(start)), 2.91*float64(time.Second), "80 to 100 %% of 29 s")
			p.write(crlfs(1))
		}
		p.bytes(crlfs(2))
		start := time.Now()
		p.accept()
		assert.Equal(t, pongTimeout, time.Since(start))
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400")
	})
}

// A server that knows nothing of pings keeps its connection.
func TestKeepAlive_SilentServer_RFC5626_4_4_1(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		for range 20 {
			p.bytes(crlfs(2))
		}
		assert.Empty(t, p.conns)
		assert.Equal(t, Registered, r.State().Phase)
	})
}

// The server's pings are answered, whole or in pieces, and stray line ends are not.
func TestKeepAlive_ServersPing_RFC5626_3_5_1(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		reg := p.request("REGISTER")
		p.write(crlfs(1)) // before a message
		p.reply(reg, 200, "OK", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		for _, parts := range [][]int{{2}, {1, 1}} {
			start := time.Now()
			for _, n := range parts {
				p.write(crlfs(n))
			}
			p.bytes(crlfs(1))
			assert.Zero(t, time.Since(start))
		}
	})
}

// The way to the registrar over UDP is kept open too.
func TestKeepAlive_UDP_RFC5626_3_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600")
		require.NoError(t, r.Wait(context.Background()))
		w.p.silence(10 * time.Minute)
		assert.InDelta(t, 600/26.1, float64(w.p.pings.Load()), 4)
	})
}

// A connection that ends is made anew at once, and, where connections keep ending, with
// growing pauses.
func TestRegister_Reconnects(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		_, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		var pauses []time.Duration
		start := time.Now()
		for range 6 {
			p.accept()
			pauses = append(pauses, time.Since(start))
			p.reply(p.request("REGISTER"), 200, "OK", "Expires: 3600")
			<-time.After(time.Second)
			require.NoError(t, p.conn.Close())
			start = time.Now()
		}
		assert.Zero(t, pauses[1])
		assert.Greater(t, pauses[5], pauses[2])
		assert.LessOrEqual(t, pauses[5], 16*time.Second)
	})
}
