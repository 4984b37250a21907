package sip

import (
	"net"
	"net/netip"
	"syscall"
)

// reportRefusals has the system report ICMP errors on an unconnected socket
// (ip(7), IP_RECVERR). Where that cannot be had, timers do without.
func reportRefusals(c net.PacketConn) {
	raw := rawConn(c)
	if raw == nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if err := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1); err != nil {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
			return
		}
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
	})
}

// maxReports bounds the reports read in one go.
const maxReports = 64

// takeRefusals reads the reports and tells where the refused datagrams went. It
// says whether there was any.
func takeRefusals(c net.PacketConn, tell func(netip.AddrPort)) (found bool) {
	raw := rawConn(c)
	if raw == nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		var head [64]byte // of the refused datagram; the rest is not wanted
		for range maxReports {
			_, _, _, to, err := syscall.Recvmsg(int(fd), head[:], nil, syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
			if err != nil {
				return
			}
			found = true
			switch a := to.(type) {
			case *syscall.SockaddrInet4:
				tell(netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)))
			case *syscall.SockaddrInet6:
				tell(netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)))
			}
		}
	})
	return found
}

func rawConn(c net.PacketConn) syscall.RawConn {
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
