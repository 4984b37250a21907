package capture

import (
	"encoding/binary"
	"net/netip"
)

// Protocol numbers (IANA).
const (
	protocolTCP = 6
	protocolUDP = 17
)

// Header lengths without options.
const (
	ipv4Header = 20
	ipv6Header = 40
	udpHeader  = 8
	tcpHeader  = 20
)

// maxDatagram is the largest IPv4 packet, which we keep to for IPv6 too.
const maxDatagram = 65535

// flow is one packet's way.
type flow struct{ from, to netip.AddrPort }

// newFlow gives both ends one address family, as packets have: a socket that is
// bound to no address takes the other end's family, and IPv4 inside IPv6 is
// written as IPv4.
func newFlow(from, to netip.AddrPort) flow {
	a, b := from.Addr().Unmap(), to.Addr().Unmap()
	switch {
	case !a.IsValid() && !b.IsValid():
		a, b = netip.IPv4Unspecified(), netip.IPv4Unspecified()
	case !a.IsValid() || a.IsUnspecified() && a.Is4() != b.Is4() && b.IsValid():
		a = unspecified(b)
	case !b.IsValid() || b.IsUnspecified() && a.Is4() != b.Is4():
		b = unspecified(a)
	}
	if a.Is4() != b.Is4() {
		a, b = netip.AddrFrom16(a.As16()), netip.AddrFrom16(b.As16())
	}
	return flow{netip.AddrPortFrom(a, from.Port()), netip.AddrPortFrom(b, to.Port())}
}

func unspecified(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// reverse is the way back.
func (f flow) reverse() flow { return flow{f.to, f.from} }

// ipHeader is how long the IP header is.
func (f flow) ipHeader() int {
	if f.from.Addr().Is4() {
		return ipv4Header
	}
	return ipv6Header
}

// appendIP adds an IP header for a packet that carries size octets of protocol.
func (f flow) appendIP(b []byte, protocol byte, size int, id uint16) []byte {
	be := binary.BigEndian
	from, to := f.from.Addr(), f.to.Addr()
	if from.Is4() {
		at := len(b)
		b = append(b, 0x45, 0)
		b = be.AppendUint16(b, uint16(ipv4Header+size))
		b = be.AppendUint16(b, id)
		b = append(b, 0x40, 0, 64, protocol, 0, 0) // do not fragment; 64 hops
		src, dst := from.As4(), to.As4()
		b = append(append(b, src[:]...), dst[:]...)
		be.PutUint16(b[at+10:], fold(sum(0, b[at:at+ipv4Header])))
		return b
	}
	b = append(b, 0x60, 0, 0, 0)
	b = be.AppendUint16(b, uint16(size))
	b = append(b, protocol, 64)
	src, dst := from.As16(), to.As16()
	return append(append(b, src[:]...), dst[:]...)
}

// pseudo is the checksum of the pseudo header (RFC 768, RFC 8200 §8.1).
func (f flow) pseudo(protocol byte, size int) uint32 {
	s := uint32(protocol) + uint32(size)
	if f.from.Addr().Is4() {
		src, dst := f.from.Addr().As4(), f.to.Addr().As4()
		return sum(sum(s, src[:]), dst[:])
	}
	src, dst := f.from.Addr().As16(), f.to.Addr().As16()
	return sum(sum(s, src[:]), dst[:])
}

// appendUDP adds a whole UDP packet of size octets, of which data is the part
// that was kept. A packet cut short has no checksum.
func (f flow) appendUDP(b, data []byte, size int, id uint16) []byte {
	be := binary.BigEndian
	b = f.appendIP(b, protocolUDP, udpHeader+size, id)
	at := len(b)
	b = be.AppendUint16(b, f.from.Port())
	b = be.AppendUint16(b, f.to.Port())
	b = be.AppendUint16(b, uint16(udpHeader+size))
	b = append(b, 0, 0)
	b = append(b, data...)
	if len(data) == size {
		check := fold(sum(f.pseudo(protocolUDP, udpHeader+size), b[at:]))
		if check == 0 {
			check = 0xFFFF // zero says that there is none
		}
		be.PutUint16(b[at+6:], check)
	}
	return b
}

// TCP flags.
const (
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
)

// appendTCP adds a whole TCP segment.
func (f flow) appendTCP(b, data []byte, flags byte, seq, ack uint32, id uint16) []byte {
	be := binary.BigEndian
	b = f.appendIP(b, protocolTCP, tcpHeader+len(data), id)
	at := len(b)
	b = be.AppendUint16(b, f.from.Port())
	b = be.AppendUint16(b, f.to.Port())
	b = be.AppendUint32(b, seq)
	b = be.AppendUint32(b, ack)
	b = append(b, tcpHeader/4<<4, flags, 0xFF, 0xFF, 0, 0, 0, 0) // the widest window
	b = append(b, data...)
	be.PutUint16(b[at+16:], fold(sum(f.pseudo(protocolTCP, tcpHeader+len(data)), b[at:])))
	return b
}

// sum adds data to an Internet checksum (RFC 1071). Data of up to 64 KiB cannot
// overflow it.
func sum(s uint32, data []byte) uint32 {
	for len(data) > 1 {
		s += uint32(data[0])<<8 | uint32(data[1])
		data = data[2:]
	}
	if len(data) == 1 {
		s += uint32(data[0]) << 8
	}
	return s
}

// fold ends an Internet checksum.
func fold(s uint32) uint16 {
	for s > 0xFFFF {
		s = s>>16 + s&0xFFFF
	}
	return ^uint16(s)
}
