package media

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
)

func TestPorts_PairsUntilExhausted(t *testing.T) {
	n := memnet.New(1, memnet.Link{})
	defer func() { require.NoError(t, n.Close()) }()
	ports := NewPorts(PortsConfig{Range: PortRange{4001, 4010}, ListenPacket: n.ListenPacket})
	var open []*Socket
	seen := map[uint16]bool{}
	for range 4 { // 4002, 4004, 4006, 4008
		s, err := ports.Open(ourAddr)
		require.NoError(t, err)
		open = append(open, s)
		assert.Zero(t, s.RTP().Port()%2, "RTP even")
		assert.Equal(t, s.RTP().Port()+1, s.RTCP().Port(), "RTCP odd, one above")
		assert.Equal(t, ourAddr, s.RTP().Addr())
		assert.False(t, seen[s.RTP().Port()])
		seen[s.RTP().Port()] = true
	}
	_, err := ports.Open(ourAddr)
	require.ErrorIs(t, err, ErrNoPort)
	assert.ErrorContains(t, err, "4001-4010")

	require.NoError(t, open[2].Close())
	require.NoError(t, open[2].Close(), "closed twice")
	again, err := ports.Open(ourAddr)
	require.NoError(t, err)
	assert.Equal(t, open[2].RTP(), again.RTP())
}

// An odd port taken by someone else must not keep the even one below it.
func TestPorts_GivesBackHalfAPair(t *testing.T) {
	n := memnet.New(1, memnet.Link{})
	defer func() { require.NoError(t, n.Close()) }()
	taken, err := n.ListenPacket(t.Context(), "udp4", "10.0.0.1:4003")
	require.NoError(t, err)
	ports := NewPorts(PortsConfig{Range: PortRange{4002, 4003}, ListenPacket: n.ListenPacket})
	_, err = ports.Open(ourAddr)
	require.ErrorIs(t, err, ErrNoPort)
	require.NoError(t, taken.Close())
	_, err = ports.Open(ourAddr)
	require.NoError(t, err)
}

func TestPorts_Hopeless(t *testing.T) {
	n := memnet.New(1, memnet.Link{})
	defer func() { require.NoError(t, n.Close()) }()
	host, tries := n.Host(ourAddr), 0
	ports := NewPorts(PortsConfig{ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
		tries++
		return host.ListenPacket(ctx, network, addr)
	}})
	_, err := ports.Open(otherAddr)
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrNoPort, "it is the address that is wrong")
	assert.Equal(t, 1, tries)

	_, err = ports.Open(netip.Addr{})
	require.Error(t, err)
	_, err = NewPorts(PortsConfig{Range: PortRange{4001, 4002}}).Open(ourAddr)
	require.ErrorIs(t, err, ErrNoPort)
}

func TestPorts_RangeEnds(t *testing.T) {
	for r, want := range map[PortRange][2]int{
		{0, 5}:         {2, 2},
		{1, 1}:         {2, 0},
		{4000, 4001}:   {4000, 1},
		{4001, 4003}:   {4002, 1},
		{4000, 4002}:   {4000, 1},
		{65534, 65535}: {65534, 1},
		{65535, 65535}: {65536, 0},
		{5000, 4000}:   {5000, 0},
	} {
		first, count := r.pairs()
		assert.Equal(t, want, [2]int{first, count}, "%v", r)
	}
}
