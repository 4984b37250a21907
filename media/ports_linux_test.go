package media

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPorts_RealSockets(t *testing.T) {
	ports := NewPorts(PortsConfig{})
	for _, addr := range []string{"127.0.0.1", "::1"} {
		s, err := ports.Open(netip.MustParseAddr(addr))
		if err != nil && addr == "::1" {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		require.NoError(t, err)
		level, option := syscall.IPPROTO_IP, syscall.IP_TOS
		if addr == "::1" {
			level, option = syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS
		}
		for _, c := range []packetConn{s.rtp, s.rtcp} {
			require.NoError(t, c.direct.Control(func(fd uintptr) {
				class, err := syscall.GetsockoptInt(int(fd), level, option)
				require.NoError(t, err)
				assert.Equal(t, expedited, class, "DSCP on %s", addr)
			}))
		}
		require.NoError(t, s.Close())
	}
}
