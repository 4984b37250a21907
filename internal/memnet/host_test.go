package memnet

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBind(t *testing.T) {
	ctx := context.Background()
	n := New(1, Link{})
	defer n.Close()
	h := n.Host(netip.MustParseAddr("10.0.0.9"))
	for _, tc := range []struct {
		name, network, addr string
		want                string
		err                 error
	}{
		{"exact", "udp", "10.0.0.9:5060", "10.0.0.9:5060", nil},
		{"in use", "udp", "10.0.0.9:5060", "", syscall.EADDRINUSE},
		{"wildcard in use", "udp", "0.0.0.0:5060", "", syscall.EADDRINUSE},
		{"foreign", "udp", "10.0.0.8:5060", "", syscall.EADDRNOTAVAIL},
		{"wildcard", "udp", "0.0.0.0:5061", "0.0.0.0:5061", nil},
		{"under wildcard", "udp", "10.0.0.9:5061", "", syscall.EADDRINUSE},
		{"any port", "udp4", "10.0.0.9:0", "10.0.0.9:49152", nil},
		{"next port", "udp4", ":0", "0.0.0.0:49153", nil},
		{"own loopback", "udp", "127.0.0.1:7000", "127.0.0.1:7000", nil},
	} {
		c, err := h.ListenPacket(ctx, tc.network, tc.addr)
		if tc.err != nil {
			assert.ErrorIs(t, err, tc.err, tc.name)
			var op *net.OpError
			assert.ErrorAs(t, err, &op, tc.name)
			continue
		}
		require.NoError(t, err, tc.name)
		assert.Equal(t, tc.want, c.LocalAddr().String(), tc.name)
	}
	for _, bad := range []string{"10.0.0.9", "10.0.0.9:99999", "name:1", "10.0.0.9:x"} {
		_, err := h.ListenPacket(ctx, "udp", bad)
		assert.Error(t, err, bad)
	}
	_, err := h.ListenPacket(ctx, "ip", ":1")
	assert.ErrorContains(t, err, "unknown network")
	_, err = h.ListenPacket(ctx, "udp6", "10.0.0.9:1")
	assert.Error(t, err)

	l, err := h.Listen(ctx, "tcp", "10.0.0.9:5060")
	require.NoError(t, err, "TCP ports are apart from UDP's")
	_, err = h.Listen(ctx, "tcp", ":5060")
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, l.Close())
	l, err = h.Listen(ctx, "tcp", ":5060")
	require.NoError(t, err)
	assert.Equal(t, "0.0.0.0:5060", l.Addr().String())
}

func TestHost_LoopbackIsPrivate(t *testing.T) {
	ctx := context.Background()
	n := New(1, Link{})
	defer n.Close()
	h1, h2 := n.Host(netip.MustParseAddr("10.0.0.1")), n.Host(netip.MustParseAddr("10.0.0.2"))
	a, err := h1.ListenPacket(ctx, "udp", "127.0.0.1:9")
	require.NoError(t, err)
	b, err := h2.ListenPacket(ctx, "udp", "127.0.0.1:9")
	require.NoError(t, err)
	c, err := h1.ListenPacket(ctx, "udp", "127.0.0.1:10")
	require.NoError(t, err)
	_, err = c.WriteTo([]byte("home"), b.LocalAddr())
	require.NoError(t, err)
	got, _ := receive(t, a)
	assert.Equal(t, "home", got)
}

func TestHost_WildcardSourceAndFamilies(t *testing.T) {
	ctx := context.Background()
	n := New(1, Link{})
	defer n.Close()
	v4, v6 := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("fd00::9")
	h := n.Host(v4, v6)
	assert.Same(t, h, n.Host(v6))
	both, err := h.ListenPacket(ctx, "udp", ":5060")
	require.NoError(t, err)
	assert.Equal(t, "[::]:5060", both.LocalAddr().String())

	a, err := n.ListenPacket(ctx, "udp", "10.0.0.2:1")
	require.NoError(t, err)
	_, err = a.WriteTo([]byte("hi"), &net.UDPAddr{IP: v4.AsSlice(), Port: 5060})
	require.NoError(t, err)
	_, from := receive(t, both)
	assert.Equal(t, "10.0.0.2:1", from.String())
	_, err = both.WriteTo([]byte("yes"), from)
	require.NoError(t, err)
	_, from = receive(t, a)
	assert.Equal(t, "10.0.0.9:5060", from.String(), "sent from the address of the peer's family")

	_, err = a.WriteTo([]byte("x"), &net.UDPAddr{IP: v6.AsSlice(), Port: 5060})
	assert.Error(t, err, "an IPv4 socket reaches no IPv6 address")

	got, err := h.LocalFor(netip.MustParseAddr("fd00::77"))
	require.NoError(t, err)
	assert.Equal(t, v6, got)
	only4 := n.Host(netip.MustParseAddr("10.0.0.2"))
	_, err = only4.LocalFor(v6)
	assert.ErrorIs(t, err, syscall.ENETUNREACH)
	got, err = only4.LocalFor(netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	assert.True(t, got.IsLoopback())
}
