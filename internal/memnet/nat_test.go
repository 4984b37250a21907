package memnet

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// natWorld is a port behind a NAT and two outside.
type natWorld struct {
	t                *testing.T
	nat              *NAT
	in, near, far, b net.PacketConn
}

func behindNAT(t *testing.T, symmetric bool, f func(w *natWorld)) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{})
		defer n.Close()
		w := &natWorld{t: t}
		for at, c := range map[string]*net.PacketConn{"10.0.0.7:5060": &w.in, "10.0.0.8:5060": &w.near, "198.51.100.1:1000": &w.far, "198.51.100.2:1000": &w.b} {
			var err error
			*c, err = n.ListenPacket(context.Background(), "udp4", at)
			require.NoError(t, err)
		}
		w.nat = n.NAT(netip.MustParseAddr("203.0.113.5"), symmetric, netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.8"))
		f(w)
	})
}

// pass sends from one to the other's address and returns where it came from; empty when
// it does not come.
func (w *natWorld) pass(from, to net.PacketConn, at string) string {
	w.t.Helper()
	_, err := from.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	require.NoError(w.t, err)
	require.NoError(w.t, to.SetReadDeadline(time.Now().Add(time.Second)))
	buf := make([]byte, 10)
	_, source, err := to.ReadFrom(buf)
	if err != nil {
		return ""
	}
	return source.String()
}

func TestNAT_MapsAndFilters_RFC4787_4(t *testing.T) {
	behindNAT(t, false, func(w *natWorld) {
		assert.Empty(t, w.pass(w.far, w.in, "10.0.0.7:5060"), "the address inside leads nowhere")
		assert.Equal(t, "203.0.113.5:40001", w.pass(w.in, w.far, "198.51.100.1:1000"))
		assert.Equal(t, "198.51.100.1:1000", w.pass(w.far, w.in, "203.0.113.5:40001"))
		assert.Empty(t, w.pass(w.b, w.in, "203.0.113.5:40001"), "who was not asked does not come in")
		assert.Equal(t, "203.0.113.5:40001", w.pass(w.in, w.b, "198.51.100.2:1000"))
		assert.Equal(t, "198.51.100.2:1000", w.pass(w.b, w.in, "203.0.113.5:40001"))
		assert.Equal(t, "10.0.0.7:5060", w.pass(w.in, w.near, "10.0.0.8:5060"))
		w.nat.Forget()
		assert.Empty(t, w.pass(w.far, w.in, "203.0.113.5:40001"))
		assert.Equal(t, "203.0.113.5:40002", w.pass(w.in, w.far, "198.51.100.1:1000"))
	})
}

func TestNAT_Symmetric_RFC4787_4_1(t *testing.T) {
	behindNAT(t, true, func(w *natWorld) {
		assert.Equal(t, "203.0.113.5:40001", w.pass(w.in, w.far, "198.51.100.1:1000"))
		assert.Equal(t, "203.0.113.5:40002", w.pass(w.in, w.b, "198.51.100.2:1000"))
		assert.Empty(t, w.pass(w.b, w.in, "203.0.113.5:40001"))
	})
}
