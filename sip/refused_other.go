//go:build !linux

package sip

import (
	"net"
	"net/netip"
)

// Only Linux tells an unconnected socket where a refused datagram went.
func reportRefusals(net.PacketConn) {}

func takeRefusals(net.PacketConn, func(netip.AddrPort)) bool { return false }
