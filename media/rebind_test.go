package media

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// After Close a socket that is handed over is closed too.
func TestSession_RebindAfterClose(t *testing.T) {
	ports := NewPorts(PortsConfig{Range: PortRange{Min: 20000, Max: 20999}})
	open := func() *Socket {
		s, err := ports.Open(netip.MustParseAddr("127.0.0.1"))
		require.NoError(t, err)
		return s
	}
	first, second, third := open(), open(), open()
	s, err := NewSession(SessionConfig{Socket: first})
	require.NoError(t, err)
	require.NoError(t, s.Rebind(second))
	s.Tick(1)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Rebind(third), ErrClosed)
	again, err := ports.Open(netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	require.NoError(t, again.Close())
}
