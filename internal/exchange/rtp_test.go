package exchange

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"
)

// ear is an RTP socket of a test phone that keeps everything it hears.
type ear struct {
	c    net.PacketConn
	addr netip.AddrPort

	mu    sync.Mutex
	heard []rtp.Packet
	at    []time.Time
}

func (l *lab) ear(addr string) *ear {
	l.t.Helper()
	c, err := l.net.ListenPacket(context.Background(), "udp", addr)
	require.NoError(l.t, err)
	e := &ear{c: c, addr: netip.MustParseAddrPort(c.LocalAddr().String())}
	go func() {
		for {
			buf := make([]byte, 2048)
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var p rtp.Packet
			if p.Unmarshal(buf[:n]) != nil {
				continue
			}
			e.mu.Lock()
			e.heard = append(e.heard, p)
			e.at = append(e.at, time.Now())
			e.mu.Unlock()
		}
	}()
	return e
}

func (e *ear) packets() []rtp.Packet {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]rtp.Packet(nil), e.heard...)
}

func (e *ear) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard, e.at = nil, nil
}

func (e *ear) send(to netip.AddrPort, p rtp.Packet) {
	p.Version = 2
	raw, _ := p.Marshal()
	_, _ = e.c.WriteTo(raw, net.UDPAddrFromAddrPort(to))
}

// speak sends n packets of 20 ms whose payload is their number.
func (e *ear) speak(to netip.AddrPort, pt uint8, first, n int) {
	for i := first; i < first+n; i++ {
		payload := make([]byte, 160)
		payload[0], payload[1] = byte(i>>8), byte(i)
		e.send(to, rtp.Packet{Header: rtp.Header{PayloadType: pt, SequenceNumber: uint16(1000 + i), Timestamp: uint32(i) * 160, SSRC: 7}, Payload: payload})
		time.Sleep(20 * time.Millisecond)
	}
}

// press sends one digit; withEnds false loses its end packets.
func (e *ear) press(to netip.AddrPort, seq *uint16, ts uint32, event byte, withEnds bool) {
	for i := 1; i <= 7; i++ {
		d := uint16(i * 160)
		payload := []byte{event, 10, byte(d >> 8), byte(d)}
		if i > 4 {
			if !withEnds {
				*seq++
				continue
			}
			payload = []byte{event, 0x80 | 10, 640 >> 8, 640 & 0xff}
		}
		e.send(to, rtp.Packet{Header: rtp.Header{PayloadType: 101, SequenceNumber: *seq, Timestamp: ts, SSRC: 7, Marker: i == 1}, Payload: payload})
		*seq++
		time.Sleep(20 * time.Millisecond)
	}
}

// digitsIn are the digits that packets carry, by their timestamps.
func digitsIn(packets []rtp.Packet) (out string) {
	seen := map[uint32]bool{}
	for _, p := range packets {
		if p.PayloadType == 101 && !seen[p.Timestamp] {
			seen[p.Timestamp] = true
			out += string(keypad[p.Payload[0]])
		}
	}
	return out
}

// mediaOf is the audio address in a session description.
func mediaOf(body []byte) (netip.AddrPort, *sdp.MediaDescription) {
	s, i, err := parseAudio(body)
	if err != nil {
		return netip.AddrPort{}, nil
	}
	t := terms{}
	if t.address(s, s.MediaDescriptions[i]) != nil {
		return netip.AddrPort{}, nil
	}
	return t.remote, s.MediaDescriptions[i]
}
