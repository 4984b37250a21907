package sip

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// WithSystem is n with the operating system's functions for those that are nil, as
// New uses it.
func (n Network) WithSystem() Network {
	if n.ListenPacket == nil {
		n.ListenPacket = func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			var lc net.ListenConfig
			return lc.ListenPacket(ctx, network, addr)
		}
	}
	if n.Listen == nil {
		n.Listen = func(ctx context.Context, network, addr string) (net.Listener, error) {
			var lc net.ListenConfig
			return lc.Listen(ctx, network, addr)
		}
	}
	if n.Dial == nil {
		n.Dial = dialOS
	}
	if n.LocalFor == nil {
		n.LocalFor = localForOS
	}
	if n.LookupAddr == nil {
		n.LookupAddr = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if n.LookupNAPTR == nil {
		n.LookupNAPTR = lookupNAPTR
		if n.LookupSRV != nil {
			n.LookupNAPTR = func(context.Context, string) ([]NAPTR, error) { return nil, nil }
		}
	}
	if n.LookupSRV == nil {
		n.LookupSRV = func(ctx context.Context, name string) ([]*net.SRV, error) {
			_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
			return records, err
		}
	}
	return n
}

// undelivered is how long what was sent on a connection may stay unacknowledged.
const undelivered = 30 * time.Second

// dialOS connects so that the loss of the other end is noticed: within a minute when
// nothing is sent, within undelivered when something is.
func dialOS(ctx context.Context, network, laddr, raddr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}}
	watchDelivery(&d, undelivered)
	if laddr != "" {
		local, err := net.ResolveTCPAddr(network, laddr)
		if err != nil {
			return nil, err
		}
		d.LocalAddr = local
	}
	return d.DialContext(ctx, network, raddr)
}

// localForOS asks the routing table: connecting a UDP socket sends nothing.
func localForOS(remote netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(remote, 9)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return addrPortOf(c.LocalAddr()).Addr(), nil
}

// addrPortOf reads an address of any kind this package meets; IPv4 mapped into
// IPv6 becomes plain IPv4. Unknown kinds give the zero value.
func addrPortOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	case nil:
		return ap
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
