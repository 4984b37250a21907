//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package media

import (
	"errors"
	"net"
	"syscall"
)

const (
	// maxDSCP is the highest code point: it has six bits (RFC 2474 §3).
	maxDSCP = 63

	// ecnBits lie below the code point in the IPv4 TOS octet and the IPv6 traffic
	// class (RFC 3168 §5).
	ecnBits = 2
)

// classOption is the socket option that holds TOS or traffic class.
func classOption(ipv4 bool) (level, option int) {
	if ipv4 {
		return syscall.IPPROTO_IP, syscall.IP_TOS
	}
	return syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS
}

func setTrafficClass(u *net.UDPConn, dscp int) error {
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	a, ok := u.LocalAddr().(*net.UDPAddr)
	level, option := classOption(!ok || a.IP.To4() != nil)
	var setErr error
	err = raw.Control(func(fd uintptr) {
		setErr = syscall.SetsockoptInt(int(fd), level, option, dscp<<ecnBits)
	})
	if err != nil {
		return err
	}
	return setErr
}

// socketOptions reads back what was set on the socket fd.
func socketOptions(fd uintptr, ipv4 bool) (o SocketOptions, err error) {
	get := func(level, option int) int {
		v, getErr := syscall.GetsockoptInt(int(fd), level, option)
		err = errors.Join(err, getErr)
		return v
	}
	level, option := classOption(ipv4)
	o.DSCP = get(level, option) >> ecnBits
	o.ReceiveBuffer = get(syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	o.SendBuffer = get(syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	return o, err
}
