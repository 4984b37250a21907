package dialer

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// TestLeg_PortPerHop: a hop with another local address, IPv6 say, gets a port
// of its own, and the port of the one before is closed.
func TestLeg_PortPerHop(t *testing.T) {
	n := memnet.New(1, memnet.Link{})
	defer n.Close()
	four, six := addrA, netip.MustParseAddr("fd00::1")
	ports := &countedPorts{host: n.Host(four, six)}
	cfg := &Config{
		Ports:  media.NewPorts(media.PortsConfig{ListenPacket: ports.listen}),
		Codecs: []offer.Codec{offer.PCMU()},
	}
	l := newLeg(cfg, Security{})
	require.NoError(t, l.open(sip.Path{Local: four}, nil))
	first, err := l.offer(offer.SendRecv)
	require.NoError(t, err)
	require.Contains(t, string(first), "IN IP4 10.0.0.1")
	require.EqualValues(t, 2, ports.open.Load(), "RTP and RTCP")

	require.NoError(t, l.open(sip.Path{Local: netip.AddrFrom16(four.As16())}, nil), "the same address written as IPv6")
	again, err := l.offer(offer.SendRecv)
	require.NoError(t, err)
	require.Equal(t, string(first), string(again), "nothing changed, so neither does the version")

	require.NoError(t, l.open(sip.Path{Local: six}, nil))
	other, err := l.offer(offer.SendRecv)
	require.NoError(t, err)
	require.Contains(t, string(other), "IN IP6 fd00::1")
	require.EqualValues(t, 2, ports.open.Load(), "the port of the hop before is closed")
	_, before := origin(t, string(first))
	_, after := origin(t, string(other))
	require.Equal(t, before+1, after)

	require.NoError(t, l.open(sip.Path{Local: six, Public: netip.MustParseAddr("2001:db8::5")}, nil))
	other, err = l.offer(offer.SendRecv)
	require.NoError(t, err)
	require.Contains(t, string(other), "IN IP6 2001:db8::5", "what the peer is told")
	require.EqualValues(t, 2, ports.open.Load(), "on the same port")

	require.Error(t, l.open(sip.Path{Local: netip.MustParseAddr("192.0.2.1")}, nil), "not an address of this host")
	require.Zero(t, l.close())
	require.Zero(t, ports.open.Load())
}
