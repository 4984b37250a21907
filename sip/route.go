package sip

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

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
	routes []sipmsg.Uri   // Route header fields of requests outside dialogs
	large  bool           // TCP was tried and failed: UDP whatever the size
	more   bool           // of a dialog: there are further hops to try
}

// path is what a session description has to know of the route.
func (ua *UserAgent) path(r *route) Path { return ua.pathTo(r.addr.Addr(), r.local, r.transport) }

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
		if len(out) < maxHops && !slices.Contains(out, h) {
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
	ua.awaitMapping(ctx, h.addr.Addr())
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

// way is where a request of an account goes, and by which routes (RFC 3261 §8.1.1.1).
type way struct {
	hops    []hop
	routes  []sipmsg.Uri // Route header fields to begin with
	trusted bool         // the account's server sees it: its challenges may be answered
}

// accountWay finds where a request of an account for target goes: through its outbound
// proxy and the routes its registrar gave (RFC 3608), else to the account's server for
// its own domain, else to the target itself.
func (ua *UserAgent) accountWay(ctx context.Context, a Account, target *sipmsg.Uri) (w way, err error) {
	reg := ua.registrationOf(a)
	if w.routes, err = a.proxyRoute(); err != nil {
		return w, err
	}
	if reg != nil {
		w.routes = joinRoutes(w.routes, reg.serviceRoute())
	}
	host, port, _ := splitHostPort(a.server())
	switch {
	case len(w.routes) > 0:
		w.trusted = true
		w.hops, err = ua.hopsOf(ctx, a, &w.routes[0], isSIPS(target))
	case host != "" && a.owns(target.Host, target.Port):
		w.trusted = true
		w.hops, err = ua.locate(ctx, a.over(target), host, port, a.linkTo(host))
	default:
		w.hops, err = ua.hopsOf(ctx, a, target, isSIPS(target))
		w.trusted = err == nil && host != "" && ua.sameServer(a, w.hops)
	}
	if reg != nil && w.trusted {
		w.hops = ua.hops.livelyFirst(preferred(w.hops, reg.way()))
	}
	return w, err
}

// hopsOf resolves a URI over the transport of the account, else its own.
func (ua *UserAgent) hopsOf(ctx context.Context, a Account, u *sipmsg.Uri, secure bool) ([]hop, error) {
	want := a.Transport
	if want == Any {
		want = transportParam(u)
	}
	if (secure || isSIPS(u)) && !want.Secure() {
		want = TLS
	}
	return ua.locate(ctx, want, bareHost(u.Host), u.Port, a.linkTo(u.Host))
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
