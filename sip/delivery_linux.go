package sip

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not name.
const tcpUserTimeout = 18

// watchDelivery has the system close a connection on which what was sent, a
// keep-alive too, stays unacknowledged for that long (RFC 5482). Without it that takes
// a quarter of an hour.
func watchDelivery(d *net.Dialer, limit time.Duration) {
	d.Control = func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			// Where it cannot be had, the pongs of the peer do without.
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(limit.Milliseconds()))
		})
	}
}
