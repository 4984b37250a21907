package media

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/jitter"
)

func TestParser(t *testing.T) {
	var p parser
	p.init()
	plain := rtpPacket(0x80|101, 7, 8, 9, []byte{1, 2, 3})
	with := func(first byte, tail ...byte) []byte {
		b := append([]byte(nil), plain[:12]...)
		b[0] = first
		return append(b, tail...)
	}
	good := map[string][]byte{
		"plain":                           plain,
		"two contributors":                with(0x82, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3),
		"one-byte extension":              with(0x90, 0xBE, 0xDE, 0, 1, 0x10, 5, 0, 0, 1, 2, 3),
		"extension that is nonsense":      with(0x90, 0xBE, 0xDE, 0, 1, 0x1F, 5, 0, 0, 1, 2, 3),
		"padding":                         with(0xA0, 1, 2, 3, 0, 2),
		"contributor, extension, padding": with(0xB1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 1),
	}
	for name, data := range good {
		payload, ok := p.packet(data)
		require.True(t, ok, name)
		assert.Equal(t, []byte{1, 2, 3}, payload, name)
		h := p.header
		assert.Equal(t, []any{true, uint8(101), uint16(7), uint32(8), uint32(9)},
			[]any{h.Marker, h.PayloadType, h.SequenceNumber, h.Timestamp, h.SSRC}, name)
	}
	bad := map[string][]byte{
		"empty":                   nil,
		"short":                   plain[:11],
		"version 1":               with(0x40, 1, 2, 3),
		"contributors cut off":    with(0x8F, 1, 2, 3),
		"extension cut off":       with(0x90, 0xBE, 0xDE, 0),
		"extension too long":      with(0x90, 0xBE, 0xDE, 0xFF, 0xFF, 1),
		"padding without payload": with(0xA0),
		"padding of 0":            with(0xA0, 1, 2, 0),
		"padding too long":        with(0xA0, 1, 2, 4),
	}
	for name, data := range bad {
		_, ok := p.packet(data)
		assert.False(t, ok, name)
	}
}

func TestParser_DoesNotAllocate(t *testing.T) {
	var p parser
	p.init()
	many := make([]byte, maxDatagram) // hundreds of extensions, 15 contributors
	many[0] = 0x9F
	at := 12 + 60
	binary.BigEndian.PutUint16(many[at:], rtp.ExtensionProfileTwoByte)
	binary.BigEndian.PutUint16(many[at+2:], uint16((len(many)-at-4)/4))
	for i := at + 4; i < len(many); i++ {
		many[i] = 1
	}
	plain := rtpPacket(0, 7, 8, 9, make([]byte, 160))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = p.packet(plain)
		_, _ = p.packet(many)
		_, _ = p.packet(plain[:11])
		_, _ = p.packet(many[:40])
	}))
}

// quietSession has no network at all: nothing comes, everything leaves.
func quietSession(t testing.TB, cfg SessionConfig) *Session {
	cfg.Socket = &Socket{close: func() error { return nil }}
	cfg.Socket.rtp, cfg.Socket.rtcp = nowhere(1), nowhere(2)
	now := time.Duration(0)
	s := newSession(cfg)
	require.NoError(t, s.seed())
	s.rtpIn, s.rtcpIn = newRing(rtpSlots, rtpOctets), newRing(rtcpSlots, rtcpOctets)
	s.clock = func() time.Duration { now += frameTime / 100; return now }
	return s
}

func nowhere(port uint16) packetConn {
	return packetConn{fast: nowhereConn{}, local: netip.AddrPortFrom(ourAddr, port)}
}

type nowhereConn struct{}

func (nowhereConn) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) { select {} }
func (nowhereConn) WriteToUDPAddrPort(p []byte, _ netip.AddrPort) (int, error) {
	return len(p), nil
}

func FuzzSessionPacket(f *testing.F) {
	f.Add(rtpPacket(0, 7, 8, 9, make([]byte, 160)), false)
	f.Add(rtpPacket(96, 7, 8, 9, []byte{1, 0x80, 0, 100}), false)
	f.Add(rtpPacket(13, 7, 8, 9, []byte{40}), false)
	f.Add([]byte{0x9F, 0, 0, 1}, false)
	f.Add([]byte{0x80, 200, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, true)
	f.Add([]byte{0x9F, 203, 0, 1, 0, 0, 0, 9}, true)
	f.Add([]byte{0x80, 201, 255, 255, 0, 0, 0, 9}, false)
	f.Fuzz(func(t *testing.T, data []byte, onRTCP bool) {
		s := quietSession(t, SessionConfig{Jitter: jitter.Config{}})
		s.sender.ssrc = 1
		d, err := describe(agreed(netip.AddrPortFrom(peerAddr, 4000)), nil)
		require.NoError(t, err)
		s.settings.description.Store(d)
		s.Tick(0)
		before := s.count
		from := slot{from: netip.AddrPortFrom(peerAddr, 4000), arrival: s.clock()}
		if onRTCP {
			from.from = netip.AddrPortFrom(peerAddr, 4001)
		}
		for i := range 5 {
			s.datagram(&from, append([]byte(nil), data...), onRTCP)
			s.Tick(uint64(i) + 1)
		}
		c := s.count
		if c.Malformed+c.Unmapped+c.PacketsReceived+c.RTCPReceived+c.WrongSource < before.Malformed+5 {
			t.Fatalf("a packet was not counted: %+v", c)
		}
		if c.RTT < 0 || c.RTT > maxRTT {
			t.Fatalf("round trip %v", c.RTT)
		}
	})
}
