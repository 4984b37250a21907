package media

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/internal/stun"
)

// answerBindings is a STUN server until c is closed; it answers those of which f is true.
func answerBindings(c net.PacketConn, f func(from netip.AddrPort) bool) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			seen := unmap(from.(*net.UDPAddr).AddrPort())
			if f(seen) {
				_, _ = c.WriteTo([]byte("not what was asked for"), from)
				_, _ = c.WriteTo(stun.Reply(buf[:n], seen), from)
			}
		}
	}()
	return done
}

// natPorts is a Socket behind a NAT and a STUN server outside.
func natPorts(t *testing.T, link memnet.Link, f func(n *memnet.Network, s *Socket, server net.PacketConn)) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, link)
		defer n.Close()
		n.NAT(netip.MustParseAddr("203.0.113.5"), false, ourAddr)
		server, err := n.ListenPacket(context.Background(), "udp4", "198.51.100.3:3478")
		require.NoError(t, err)
		s, err := NewPorts(PortsConfig{ListenPacket: n.ListenPacket}).Open(ourAddr)
		require.NoError(t, err)
		f(n, s, server)
		require.NoError(t, s.Close())
		_ = server.Close()
	})
}

// Both ports learn where they are, through loss, and only from who was asked.
func TestMapped_BothPorts_RFC8489_6(t *testing.T) {
	natPorts(t, memnet.Link{Delay: 20 * time.Millisecond}, func(n *memnet.Network, s *Socket, server net.PacketConn) {
		var first atomic.Int32
		done := answerBindings(server, func(netip.AddrPort) bool { return first.Add(1) > 2 })
		start := time.Now()
		m, err := s.Mapped(context.Background(), unmap(server.LocalAddr().(*net.UDPAddr).AddrPort()))
		require.NoError(t, err)
		assert.Equal(t, "203.0.113.5:40001", m.RTP.String())
		assert.Equal(t, "203.0.113.5:40002", m.RTCP.String())
		assert.Less(t, time.Since(start), mappedAgain+45*time.Millisecond)
		_ = server.Close()
		<-done
	})
}

// A server that says nothing costs half a second, and says who is silent.
func TestMapped_ServerLost(t *testing.T) {
	natPorts(t, memnet.Link{}, func(n *memnet.Network, s *Socket, server net.PacketConn) {
		start := time.Now()
		_, err := s.Mapped(context.Background(), unmap(server.LocalAddr().(*net.UDPAddr).AddrPort()))
		assert.ErrorContains(t, err, "198.51.100.3:3478")
		assert.InDelta(t, mappedPatience, time.Since(start), float64(2*mappedPoll))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = s.Mapped(ctx, unmap(server.LocalAddr().(*net.UDPAddr).AddrPort()))
		assert.ErrorIs(t, err, context.Canceled)
	})
}

// The operating system's sockets too; afterwards a session finds them as they were.
func TestMapped_RealSockets(t *testing.T) {
	server, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	done := answerBindings(server, func(netip.AddrPort) bool { return true })
	s, err := NewPorts(PortsConfig{}).Open(netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	m, err := s.Mapped(context.Background(), unmap(server.LocalAddr().(*net.UDPAddr).AddrPort()))
	require.NoError(t, err)
	assert.Equal(t, Mapping{RTP: s.RTP(), RTCP: s.RTCP()}, m)
	require.NoError(t, s.Close())
	_ = server.Close()
	<-done
}
