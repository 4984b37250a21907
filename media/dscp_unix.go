//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package media

import (
	"net"
	"syscall"
)

// expedited is DSCP 46 (expedited forwarding, RFC 3246) in the place where the
// IPv4 TOS octet and the IPv6 traffic class have it.
const expedited = 46 << 2

func setTrafficClass(u *net.UDPConn) error {
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	level, option := syscall.IPPROTO_IP, syscall.IP_TOS
	if a, ok := u.LocalAddr().(*net.UDPAddr); ok && a.IP.To4() == nil {
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		setErr = syscall.SetsockoptInt(int(fd), level, option, expedited)
	})
	if err != nil {
		return err
	}
	return setErr
}
