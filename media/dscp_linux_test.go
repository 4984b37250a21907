package media

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// marked is a socket that is told the traffic class of what it receives.
func marked(t *testing.T, network, addr string) *net.UDPConn {
	t.Helper()
	a, err := net.ResolveUDPAddr(network, addr)
	require.NoError(t, err)
	c, err := net.ListenUDP(network, a)
	require.NoError(t, err)
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	level, option := syscall.IPPROTO_IP, syscall.IP_RECVTOS
	if network == "udp6" {
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_RECVTCLASS
	}
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.NoError(t, syscall.SetsockoptInt(int(fd), level, option, 1))
	}))
	return c
}

// classes reads n datagrams and returns the traffic class of each.
func classes(t *testing.T, c *net.UDPConn, n int) (seen []int) {
	t.Helper()
	buf, oob := make([]byte, 2048), make([]byte, 128)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	for range n {
		_, m, _, _, err := c.ReadMsgUDP(buf, oob)
		require.NoError(t, err)
		messages, err := syscall.ParseSocketControlMessage(oob[:m])
		require.NoError(t, err)
		require.Len(t, messages, 1)
		seen = append(seen, int(messages[0].Data[0]))
	}
	return seen
}

// What arrives carries the mark, RTP and RTCP, IPv4 and IPv6, and getsockopt
// agrees; buffers are at least what the plain system grants.
func TestSocket_DSCP_RFC2474(t *testing.T) {
	for _, c := range []struct{ dscp, want int }{{0, 46}, {Expedited, 46}, {34, 34}, {BestEffort, 0}, {64, 0}} {
		for network, addr := range map[string]string{"udp4": "127.0.0.1", "udp6": "::1"} {
			socket, err := NewPorts(PortsConfig{DSCP: c.dscp}).Open(netip.MustParseAddr(addr))
			if err != nil && network == "udp6" {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			require.NoError(t, err)
			o, err := socket.Options()
			require.NoError(t, err)
			assert.Equal(t, c.want, o.DSCP, network)
			control, err := socket.rtcp.options()
			require.NoError(t, err)
			assert.Equal(t, o, control)
			const plain = 208 << 10 // net.core.rmem_max as Linux comes
			assert.GreaterOrEqual(t, o.ReceiveBuffer, plain)
			assert.GreaterOrEqual(t, o.SendBuffer, plain)

			rtp, rtcp := marked(t, network, net.JoinHostPort(addr, "0")), marked(t, network, net.JoinHostPort(addr, "0"))
			s, err := NewSession(SessionConfig{Socket: socket})
			require.NoError(t, err)
			d := agreed(rtp.LocalAddr().(*net.UDPAddr).AddrPort())
			d.RemoteRTCP = rtcp.LocalAddr().(*net.UDPAddr).AddrPort()
			require.NoError(t, s.Apply(d))
			for n := range uint64(4) {
				s.Tick(n)
			}
			require.NoError(t, s.Close()) // says BYE
			for _, class := range append(classes(t, rtp, 2), classes(t, rtcp, 1)...) {
				assert.Equal(t, c.want<<ecnBits, class, network)
			}
			_, err = socket.Options()
			assert.Error(t, err, "closed")
			require.NoError(t, rtp.Close())
			require.NoError(t, rtcp.Close())
		}
	}
}
