package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// Host is one machine on a Network. Its four functions have the shape of a
// user agent's network seam: sockets bind to this host and no other.
type Host struct {
	net   *Network
	addrs []netip.Addr

	// guarded by net.mu
	packets   map[netip.AddrPort]*packetConn // keyed by bound address; wildcards by unspecified address
	listeners map[netip.AddrPort]*listener
	streams   map[netip.AddrPort]int // local ends in use by dialled streams
	nextPort  [2]uint16              // udp, tcp
}

// Host returns the host that owns the first of addrs, made when there is none,
// and gives it the other addresses too. Without addrs it is the default host.
func (n *Network) Host(addrs ...netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(addrs) == 0 {
		return n.primary
	}
	h := n.hosts[addrs[0].Unmap()]
	if h == nil {
		h = &Host{
			net:       n,
			packets:   make(map[netip.AddrPort]*packetConn),
			listeners: make(map[netip.AddrPort]*listener),
			streams:   make(map[netip.AddrPort]int),
			nextPort:  [2]uint16{firstPort, firstPort},
		}
	}
	for _, a := range addrs {
		if a = a.Unmap(); n.hosts[a] == nil {
			n.hosts[a] = h
			h.addrs = append(h.addrs, a)
		}
	}
	return h
}

// Addr is the host's first address.
func (h *Host) Addr() netip.Addr { return h.addrs[0] }

// LocalFor returns the address this host sends from towards remote: the first
// of the same family, or loopback for loopback. It fails with ENETUNREACH when
// the host has none.
func (h *Host) LocalFor(remote netip.Addr) (netip.Addr, error) {
	remote = remote.Unmap()
	if remote.IsLoopback() {
		return remote, nil
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for _, a := range h.addrs {
		if a.Is4() == remote.Is4() {
			return a, nil
		}
	}
	return netip.Addr{}, &net.OpError{Op: "dial", Net: "udp", Addr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(remote, 9)),
		Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
}

// LocalFor is Host.LocalFor of the default host: sockets bound elsewhere by
// address want their own Host's.
func (n *Network) LocalFor(remote netip.Addr) (netip.Addr, error) {
	return n.Host().LocalFor(remote)
}

// ListenPacket is Host.ListenPacket on the host that addr names.
func (n *Network) ListenPacket(ctx context.Context, network, addr string) (net.PacketConn, error) {
	return n.hostOf(addr).ListenPacket(ctx, network, addr)
}

// Listen is Host.Listen on the host that addr names.
func (n *Network) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	return n.hostOf(addr).Listen(ctx, network, addr)
}

// Dial is Host.Dial from the host that laddr names.
func (n *Network) Dial(ctx context.Context, network, laddr, raddr string) (net.Conn, error) {
	return n.hostOf(laddr).Dial(ctx, network, laddr, raddr)
}

func (n *Network) hostOf(addr string) *Host {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() && !a.IsLoopback() {
			return n.Host(a)
		}
	}
	return n.Host()
}

// ListenPacket opens a packet socket. network is "udp", "udp4" or "udp6"; addr
// is "IP:port" with an address of this host, loopback, or none; port 0 takes a
// free one. An address in use gives EADDRINUSE, a foreign one EADDRNOTAVAIL.
func (h *Host) ListenPacket(ctx context.Context, network, addr string) (net.PacketConn, error) {
	local, dual, err := h.resolve(ctx, "udp", network, addr)
	if err != nil {
		return nil, err
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	local, err = h.bind("udp", network, local)
	if err != nil {
		return nil, err
	}
	c := newPacketConn(h, network, local, dual)
	h.packets[local] = c
	h.net.open[c] = struct{}{}
	return c, nil
}

// resolve reads addr for a socket of this host. dual says that it takes both
// address families.
func (h *Host) resolve(ctx context.Context, proto, network, addr string) (local netip.AddrPort, dual bool, err error) {
	fail := func(err error) (netip.AddrPort, bool, error) {
		return netip.AddrPort{}, false, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	only4, only6 := network == proto+"4", network == proto+"6"
	if !only4 && !only6 && network != proto {
		return fail(net.UnknownNetworkError(network))
	}
	host, port, err := splitAddr(addr)
	if err != nil {
		return fail(err)
	}
	switch {
	case host == "" && (only4 || !h.hasIPv6() && !only6):
		return netip.AddrPortFrom(netip.IPv4Unspecified(), port), false, nil
	case host == "":
		return netip.AddrPortFrom(netip.IPv6Unspecified(), port), !only6, nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return fail(err)
	}
	a = a.Unmap()
	if only4 && !a.Is4() || only6 && a.Is4() {
		return fail(&net.AddrError{Err: "address of the wrong family", Addr: addr})
	}
	return netip.AddrPortFrom(a, port), a == netip.IPv6Unspecified() && !only6, nil
}

func splitAddr(addr string) (host string, port uint16, err error) {
	if addr == "" {
		return "", 0, nil
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	p, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, &net.AddrError{Err: "port is no number from 0 to 65535", Addr: addr}
	}
	return host, uint16(p), nil
}

func (h *Host) hasIPv6() bool {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for _, a := range h.addrs {
		if !a.Is4() {
			return true
		}
	}
	return false
}

// bind checks that local may be bound and chooses its port when that is 0.
// The caller holds net.mu.
func (h *Host) bind(proto, network string, local netip.AddrPort) (netip.AddrPort, error) {
	fail := func(err error) (netip.AddrPort, error) {
		return netip.AddrPort{}, &net.OpError{Op: "listen", Net: network, Addr: sockAddr(proto, local), Err: err}
	}
	if h.net.closed {
		return fail(net.ErrClosed)
	}
	if a := local.Addr(); !a.IsUnspecified() && !a.IsLoopback() && h.net.hosts[a] != h {
		return fail(os.NewSyscallError("bind", syscall.EADDRNOTAVAIL))
	}
	if local.Port() != 0 {
		if h.inUse(proto, local) {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
		return local, nil
	}
	next := &h.nextPort[0]
	if proto == "tcp" {
		next = &h.nextPort[1]
	}
	for range 1 << 16 {
		p := *next
		if *next++; *next == 0 {
			*next = firstPort
		}
		if try := netip.AddrPortFrom(local.Addr(), p); !h.inUse(proto, try) {
			return try, nil
		}
	}
	return fail(fmt.Errorf("no free port: %w", syscall.EADDRINUSE))
}

// inUse says whether local collides with a bound socket; a wildcard collides
// with every address of its port.
func (h *Host) inUse(proto string, local netip.AddrPort) bool {
	hit := func(b netip.AddrPort) bool {
		return b.Port() == local.Port() &&
			(b.Addr() == local.Addr() || b.Addr().IsUnspecified() || local.Addr().IsUnspecified())
	}
	if proto == "udp" {
		for b := range h.packets {
			if hit(b) {
				return true
			}
		}
		return false
	}
	for b := range h.listeners {
		if hit(b) {
			return true
		}
	}
	return h.streams[local] > 0
}

// find looks up the socket that takes what is sent to dst: bound exactly, else
// a wildcard of its family, else one of both. The caller holds net.mu.
func find[S any](m map[netip.AddrPort]S, dst netip.AddrPort, dual func(S) bool) (S, bool) {
	if s, ok := m[dst]; ok {
		return s, true
	}
	if dst.Addr().Is4() {
		if s, ok := m[netip.AddrPortFrom(netip.IPv4Unspecified(), dst.Port())]; ok {
			return s, true
		}
	}
	s, ok := m[netip.AddrPortFrom(netip.IPv6Unspecified(), dst.Port())]
	if ok && dst.Addr().Is4() && !dual(s) {
		var none S
		return none, false
	}
	return s, ok
}

// hostAt is the host that dst leads to from h; loopback leads home.
// The caller holds net.mu.
func (h *Host) hostAt(dst netip.Addr) *Host {
	if dst.IsLoopback() {
		return h
	}
	return h.net.hosts[dst]
}

func sockAddr(proto string, a netip.AddrPort) net.Addr {
	if proto == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}
