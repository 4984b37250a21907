//go:build !linux

package sip

import (
	"net"
	"net/netip"
	"time"
)

// arrivals is not to be had here: a datagram counts as come when it is read.
type arrivals struct{}

func stampArrivals(net.PacketConn) *arrivals { return nil }

func (*arrivals) read([]byte) (n int, source netip.AddrPort, arrived time.Time, err error) {
	return 0, source, arrived, net.ErrClosed
}
