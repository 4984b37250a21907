package sip

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// hop is one place a request may be sent to.
type hop struct {
	transport Transport
	addr      netip.AddrPort
	link
}

// link is what TLS and WebSocket need besides an address. It is zero for others.
type link struct {
	name string     // the server's, before any look-up
	path string     // of the WebSocket
	tls  *TLSConfig // may be nil
}

// linkTo is how connections for the account to a server of that name are made.
func (a Account) linkTo(name string) link {
	path := a.WebSocketPath
	if path == "" {
		path = "/ws"
	}
	return link{name: bareHost(name), path: path, tls: a.TLS}
}

// over leaves out what a transport does not need, so that hops can be compared.
func (l link) over(t Transport) link {
	switch t {
	case TLS:
		l.path = ""
	case WS:
		l.tls = nil
	case WSS:
	case Any, UDP, TCP:
		return link{}
	}
	return l
}

// route is a hop with its local end open.
type route struct {
	hop
	sentBy netip.AddrPort // for Via and Contact
	local  netip.Addr     // our address on that path, for SDP
	packet *packetConn    // UDP
	stream *streamConn    // others
	large  bool           // TCP was tried and failed: UDP whatever the size
}

// path is what a session description has to know of the route.
func (r *route) path() Path { return Path{Local: r.local, Transport: r.transport} }

// locate resolves a host as RFC 3263 §4 says, without NAPTR: an address is
// taken as it is, a name with a port gives its addresses, a name without a
// port its SRV records and only then its addresses. want Any means UDP
// where we listen on it, else TCP.
func (ua *UserAgent) locate(ctx context.Context, want Transport, host string, port int, l link) ([]hop, error) {
	hops, err := ua.resolve(ctx, want, host, port)
	for i := range hops {
		hops[i].link = l.over(hops[i].transport)
	}
	return hops, err
}

func (ua *UserAgent) resolve(ctx context.Context, want Transport, host string, port int) ([]hop, error) {
	if host == "" {
		return nil, fmt.Errorf("no host to send to: %w", ErrUnreachable)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return ua.usable([]hop{{transport: want, addr: netip.AddrPortFrom(addr.Unmap(), want.portOr(port))}}, host)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if port == 0 && strings.Contains(strings.TrimSuffix(host, "."), ".") {
		if hops := ua.locateSRV(ctx, want, host); len(hops) > 0 {
			return ua.usable(hops, host)
		}
	}
	addrs, err := ua.cfg.Network.LookupAddr(ctx, host)
	if err != nil {
		return nil, unreachable("looking up "+host, err)
	}
	var hops []hop
	for _, a := range addrs {
		hops = append(hops, hop{transport: want, addr: netip.AddrPortFrom(a.Unmap(), want.portOr(port))})
	}
	return ua.usable(hops, host)
}

// portOr is port, or where t is served when there is none.
func (t Transport) portOr(port int) uint16 {
	if port <= 0 || port > 65535 {
		return t.port()
	}
	return uint16(port)
}

const maxHops = 8

func (ua *UserAgent) locateSRV(ctx context.Context, want Transport, host string) []hop {
	var hops []hop
	for _, t := range []Transport{UDP, TCP, TLS} {
		if want != Any && want != t || want == Any && t == TLS || want == Any && t == UDP && len(ua.packets) == 0 {
			continue
		}
		records, err := ua.cfg.Network.LookupSRV(ctx, t.service()+"."+host)
		if err != nil {
			continue
		}
		for _, r := range records {
			if len(hops) >= maxHops || r.Target == "." {
				break
			}
			addrs, err := ua.cfg.Network.LookupAddr(ctx, strings.TrimSuffix(r.Target, "."))
			if err != nil {
				continue
			}
			for _, a := range addrs {
				hops = append(hops, hop{transport: t, addr: netip.AddrPortFrom(a.Unmap(), t.portOr(int(r.Port)))})
			}
		}
		if len(hops) > 0 {
			break
		}
	}
	return hops
}

// service is the beginning of a name with SRV records (RFC 3263 §4.1).
func (t Transport) service() string {
	if t == TLS {
		return "_sips._tcp"
	}
	return "_sip._" + t.String()
}

// usable settles Any and leaves out hops of a family we cannot send from.
func (ua *UserAgent) usable(hops []hop, host string) ([]hop, error) {
	var out []hop
	for _, h := range hops {
		if h.transport == Any {
			h.transport = UDP
			if ua.packetFor(h.addr.Addr()) == nil {
				h.transport = TCP
			}
		}
		if h.transport == UDP && ua.packetFor(h.addr.Addr()) == nil {
			continue
		}
		if len(out) < maxHops {
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no address that our listeners (%v) can send to: %w", host, ua.Listening(), ErrUnreachable)
	}
	return out, nil
}

// packetFor chooses the UDP listener for a remote address: one bound to the
// address packets would leave from, else one bound to all, else any of the family.
func (ua *UserAgent) packetFor(remote netip.Addr) *packetConn {
	var best *packetConn
	rank := 0
	for _, p := range ua.packets {
		if r := ua.rank(p.local.Addr(), remote); r > rank {
			best, rank = p, r
		}
	}
	return best
}

func (ua *UserAgent) rank(bound, remote netip.Addr) int {
	switch {
	case bound.Is4() != remote.Is4():
		return 0
	case bound.IsUnspecified():
		return 2
	}
	if l, err := ua.cfg.Network.LocalFor(remote); err == nil && l.Unmap() == bound {
		return 3
	}
	return 1
}

// advertised is the address for Via and Contact of a listener.
func (ua *UserAgent) advertised(bound netip.AddrPort, remote netip.Addr) netip.AddrPort {
	if bound.Addr().IsUnspecified() {
		if l, err := ua.cfg.Network.LocalFor(remote); err == nil {
			return netip.AddrPortFrom(l.Unmap().WithZone(""), bound.Port())
		}
	}
	return bound
}

// open opens the local end of a hop: it chooses the UDP listener or connects.
func (ua *UserAgent) open(ctx context.Context, h hop) (*route, error) {
	r := &route{hop: h}
	if h.transport == UDP {
		r.packet = ua.packetFor(h.addr.Addr())
		if r.packet == nil {
			return nil, unreachable("no UDP listener can send to "+h.addr.String(), nil)
		}
		r.sentBy = ua.advertised(r.packet.local, h.addr.Addr())
		r.local = r.sentBy.Addr()
		return r, nil
	}
	listener := ua.listenerFor(h.transport, h.addr.Addr())
	var bind netip.Addr
	if listener != nil {
		bind = listener.local.Addr()
	}
	s, err := ua.stream(ctx, h, bind)
	if err != nil {
		return nil, err
	}
	r.stream = s
	r.local = s.local.Addr()
	r.sentBy = s.local
	if listener != nil {
		r.sentBy = netip.AddrPortFrom(r.local, listener.local.Port())
	}
	return r, nil
}

// listenerFor chooses the listener that peers at remote reach us at over t.
func (ua *UserAgent) listenerFor(t Transport, remote netip.Addr) *streamListener {
	var best *streamListener
	rank := 0
	for _, l := range ua.listeners {
		if l.transport != t {
			continue
		}
		if r := ua.rank(l.local.Addr(), remote); r > rank {
			best, rank = l, r
		}
	}
	return best
}

// accountHops finds where a request of an account for target goes: to the
// account's server for its own domain, else to the target itself. trusted
// tells that the server of the account will see it, so that its challenges
// may be answered with the account's password.
func (ua *UserAgent) accountHops(ctx context.Context, a Account, target *sipmsg.Uri) (hops []hop, trusted bool, err error) {
	want := a.Transport
	host, port, _ := splitHostPort(a.server())
	if host != "" && a.owns(target.Host, target.Port) {
		hops, err = ua.locate(ctx, a.over(target), host, port, a.linkTo(host))
		return hops, true, err
	}
	if want == Any {
		want = transportParam(target)
	}
	if isSIPS(target) && !want.Secure() {
		want = TLS
	}
	hops, err = ua.locate(ctx, want, bareHost(target.Host), target.Port, a.linkTo(target.Host))
	if err == nil && host != "" {
		trusted = ua.sameServer(a, hops)
	}
	return hops, trusted, err
}

// over is the transport to the account's server for a target: a sips URI wants one
// that is secure (RFC 3261 §26.2.2).
func (a Account) over(target *sipmsg.Uri) Transport {
	if isSIPS(target) && !a.Transport.Secure() {
		return TLS
	}
	return a.Transport
}

// transportParam is the transport that a URI names, Any when it names none of ours.
func transportParam(u *sipmsg.Uri) Transport {
	v, _ := u.UriParams.Get("transport")
	t, err := ParseTransport(v)
	if err != nil {
		return Any
	}
	return t
}

func isSIPS(u *sipmsg.Uri) bool { return strings.EqualFold(u.Scheme, "sips") }

// owns tells whether a URI host is the account's domain or server.
func (a Account) owns(host string, port int) bool {
	host = bareHost(host)
	if port == 0 && strings.EqualFold(host, a.domain()) {
		return true
	}
	h, p, err := splitHostPort(a.server())
	return err == nil && strings.EqualFold(host, h) && a.Transport.portOr(p) == a.Transport.portOr(port)
}

// sameServer tells whether hops lead to the account's server, as far as that
// is known without asking the DNS: it is written as an address, or the account
// is registered.
func (ua *UserAgent) sameServer(a Account, hops []hop) bool {
	host, _, _ := splitHostPort(a.server())
	own, _ := netip.ParseAddr(host)
	for _, h := range hops {
		if h.addr.Addr() == own.Unmap() {
			return true
		}
	}
	ua.mu.Lock()
	defer ua.mu.Unlock()
	for r := range ua.regs {
		if r.current().id() != a.id() {
			continue
		}
		for _, h := range hops {
			if r.trusts(h.addr.Addr()) {
				return true
			}
		}
	}
	return false
}

func bareHost(h string) string { return strings.Trim(h, "[]") }
