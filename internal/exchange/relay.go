package exchange

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/pion/sdp/v3"
)

// sockets are an RTP socket on an even port and its RTCP socket above it.
type sockets struct{ rtp, rtcp net.PacketConn }

// openSockets finds a free pair on the exchange's address.
func (e *Exchange) openSockets() (sockets, error) {
	var last error
	for range 64 {
		rtp, err := e.listenRTP(0)
		if err != nil {
			return sockets{}, err
		}
		port := portOf(rtp)
		if port%2 == 1 || port == 65534 {
			_ = rtp.Close()
			if rtp, err = e.listenRTP(port + 1); err != nil {
				last = err
				continue
			}
			port++
		}
		rtcp, err := e.listenRTP(port + 1)
		if err == nil {
			return sockets{rtp, rtcp}, nil
		}
		last = err
		_ = rtp.Close()
	}
	return sockets{}, fmt.Errorf("exchange: no free pair of RTP ports: %w", last)
}

func (e *Exchange) listenRTP(port uint16) (net.PacketConn, error) {
	addr := netip.AddrPortFrom(e.local.Addr(), port).String()
	return e.cfg.ListenPacket(context.WithoutCancel(e.ctx), "udp", addr)
}

func portOf(c net.PacketConn) uint16 {
	a, _ := netip.ParseAddrPort(c.LocalAddr().String())
	return a.Port()
}

func (s sockets) close() {
	_ = s.rtp.Close()
	_ = s.rtcp.Close()
}

// relay carries RTP and RTCP of one call through the exchange: what arrives on
// the sockets shown to one side leaves from those shown to the other.
type relay struct {
	ex *Exchange
	// shown[sideA] are the sockets that side A sends to.
	shown  [2]sockets
	unhook func() bool

	mu sync.Mutex
	to [2]remoteEnd // where each side wants its media
}

type remoteEnd struct{ rtp, rtcp netip.AddrPort }

func newRelay(e *Exchange) (*relay, error) {
	a, err := e.openSockets()
	if err != nil {
		return nil, err
	}
	b, err := e.openSockets()
	if err != nil {
		a.close()
		return nil, err
	}
	r := &relay{ex: e, shown: [2]sockets{a, b}}
	r.mu.Lock()
	r.unhook = context.AfterFunc(e.ctx, r.close)
	r.mu.Unlock()
	for _, s := range []side{sideA, sideB} {
		e.background(func() { r.carry(s, false) })
		e.background(func() { r.carry(s, true) })
	}
	return r, nil
}

// carry forwards what side from sends until the sockets close.
func (r *relay) carry(from side, rtcp bool) {
	in, out := r.shown[from].rtp, r.shown[1-from].rtp
	if rtcp {
		in, out = r.shown[from].rtcp, r.shown[1-from].rtcp
	}
	buf := make([]byte, 2048)
	for {
		n, src, err := in.ReadFrom(buf)
		if err != nil {
			return
		}
		to, ok := r.next(from, rtcp, src)
		if !ok || !rtcp && r.ex.spoil(buf[:n]) {
			continue
		}
		_, _ = out.WriteTo(buf[:n], net.UDPAddrFromAddrPort(to))
	}
}

// next is where a packet of side from goes. It comes from where that side said
// or its address at least: others are not let in.
func (r *relay) next(from side, rtcp bool, src net.Addr) (netip.AddrPort, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := src.(*net.UDPAddr)
	if !ok || u.AddrPort().Addr().Unmap() != r.to[from].rtp.Addr() {
		return netip.AddrPort{}, false
	}
	to := r.to[1-from].rtp
	if rtcp {
		to = r.to[1-from].rtcp
	}
	return to, to.IsValid() && to.Port() != 0 && !to.Addr().IsUnspecified()
}

// spoil lets the fault hook see an RTP packet; true drops it.
func (e *Exchange) spoil(p []byte) bool {
	return e.cfg.RTPFault != nil && isRTP(p) && e.cfg.RTPFault(p)
}

// isRTP tells RTP from RTCP and the rest (RFC 5761 §4).
func isRTP(p []byte) bool {
	return len(p) >= 12 && p[0]>>6 == 2 && (p[1]&0x7f < 64 || p[1]&0x7f > 95)
}

// describe notes where side from wants its media, and puts the relay's address
// into the description for the other side. What cannot be read passes as it is.
func (r *relay) describe(raw []byte, from side) []byte {
	s, audio, err := findAudio(raw, "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")
	if err != nil {
		return raw
	}
	var t terms
	if t.address(s, s.MediaDescriptions[audio]) != nil {
		return raw
	}
	r.mu.Lock()
	r.to[from] = remoteEnd{t.remote, t.remoteRTCP}
	r.mu.Unlock()
	port := portOf(r.shown[1-from].rtp)
	for i, m := range s.MediaDescriptions {
		if i != audio {
			m.MediaName.Port.Value = 0
			continue
		}
		m.MediaName.Port.Value = int(port)
		for j, a := range m.Attributes {
			if a.Key == "rtcp" {
				m.Attributes[j].Value = strconv.Itoa(int(port) + 1)
			}
		}
		if !t.remote.Addr().IsUnspecified() {
			m.ConnectionInformation = r.connection()
		}
	}
	out, err := s.Marshal()
	if err != nil {
		return raw
	}
	return out
}

func (r *relay) connection() *sdp.ConnectionInformation {
	family := "IP4"
	if r.ex.local.Addr().Is6() {
		family = "IP6"
	}
	return &sdp.ConnectionInformation{NetworkType: "IN", AddressType: family, Address: &sdp.Address{Address: r.ex.local.Addr().String()}}
}

func (r *relay) close() {
	r.mu.Lock()
	r.unhook()
	r.mu.Unlock()
	for _, s := range r.shown {
		s.close()
	}
}
