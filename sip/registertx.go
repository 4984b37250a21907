package sip

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// exchange registers for expires (0: takes the binding back) with the first of
// the registrar's hosts that answers, and returns its final response.
func (r *Registration) exchange(ctx context.Context, a Account, expires time.Duration) (*sipmsg.Response, error) {
	routes, err := a.proxyRoute()
	if err != nil {
		return nil, err
	}
	hops, err := r.registrars(ctx, a, routes)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	now := time.Now()
	for _, h := range hops {
		r.servers[h.addr.Addr()] = now
	}
	maps.DeleteFunc(r.servers, func(_ netip.Addr, last time.Time) bool { return now.Sub(last) > serverLasts })
	hops = r.ua.hops.livelyFirst(preferred(hops, r.flow))
	r.mu.Unlock()
	var res *sipmsg.Response
	for _, h := range r.ua.swiftest(ctx, hops) {
		var rt *route
		if rt, err = r.ua.open(ctx, h); err == nil {
			rt.routes = routes
			res, err = r.send(ctx, a, rt, expires)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		r.ua.hops.outcome(h, err == nil && res.StatusCode != 503)
		if err == nil && res.StatusCode != 503 || err != nil && !errors.Is(err, ErrUnreachable) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// registrars are the hops to the registrar, or to the proxy before it.
func (r *Registration) registrars(ctx context.Context, a Account, routes []sipmsg.Uri) ([]hop, error) {
	if len(routes) > 0 {
		return r.ua.hopsOf(ctx, a, &routes[0], false)
	}
	host, port, err := splitHostPort(a.server())
	if err != nil {
		return nil, err
	}
	return r.ua.locate(ctx, a.Transport, host, port, a.linkTo(host))
}

// preferred puts the hop that worked last first.
func preferred(hops []hop, last hop) []hop {
	for i, h := range hops {
		if h == last && i > 0 {
			out := append([]hop{h}, hops[:i]...)
			return append(out, hops[i+1:]...)
		}
	}
	return hops
}

// send sends REGISTER and answers challenges.
func (r *Registration) send(ctx context.Context, a Account, rt *route, expires time.Duration) (*sipmsg.Response, error) {
	r.mu.Lock()
	auth := r.auth
	r.mu.Unlock()
	if a.Password != r.current().Password || a.authUser() != r.current().authUser() {
		auth = newAuthenticator(a) // the account has just been changed
	}
	try := auth.begin()
	for challenged := false; ; challenged = true {
		contact := r.ua.contactFor(a, rt)
		if expires == 0 && r.bound != nil {
			contact = *r.bound.Clone()
		}
		req := r.request(a, rt, contact, expires)
		try.sign(req)
		moved, changed, err := r.ua.fit(ctx, req, rt, a.Transport)
		if err != nil {
			return nil, err
		}
		if changed {
			moved.routes = rt.routes
			rt = moved
			continue
		}
		if challenged { // it is there, and will likely take this one
			r.unsure = &contact
		}
		res, err := r.ua.roundTrip(ctx, req, rt)
		if err != nil {
			return nil, err
		}
		r.unsure = nil
		r.learnPublic(req, res, rt)
		if try.answer(res) {
			continue
		}
		r.bindingOf(res, a, rt, contact, expires)
		return res, nil
	}
}

func (r *Registration) request(a Account, rt *route, contact sipmsg.Uri, expires time.Duration) *sipmsg.Request {
	req := r.ua.newRequest(sipmsg.REGISTER, sipmsg.Uri{Scheme: "sip", Host: a.domain()}, rt)
	setRoutes(req, rt.routes)
	from := &sipmsg.FromHeader{DisplayName: quotedName(a.DisplayName), Address: a.aor()}
	from.Params.Add("tag", r.tag)
	req.AppendHeader(from)
	req.AppendHeader(&sipmsg.ToHeader{Address: a.aor()})
	id := sipmsg.CallIDHeader(r.callID)
	req.AppendHeader(&id)
	r.seq++
	setCSeq(req, r.seq)
	secs := strconv.Itoa(int(expires / time.Second))
	c := &sipmsg.ContactHeader{Address: contact}
	c.Params.Add("expires", secs)
	r.offerOutbound(req, c)
	req.AppendHeader(c)
	r.mu.Lock()
	replaces := r.agreed.outbound // RFC 5626 §6: by instance and reg-id
	r.mu.Unlock()
	if r.bound != nil && expires > 0 && !replaces && r.bound.String() != contact.String() {
		old := &sipmsg.ContactHeader{Address: *r.bound.Clone()} // our address has changed
		old.Params.Add("expires", "0")
		req.AppendHeader(old)
	}
	req.AppendHeader(sipmsg.NewHeader("Expires", secs))
	r.ua.finishRequest(req, "", nil)
	return req
}

// bindingOf notes what a 2xx says about our binding.
func (r *Registration) bindingOf(res *sipmsg.Response, a Account, rt *route, contact sipmsg.Uri, expires time.Duration) {
	if !res.IsSuccess() {
		return
	}
	if expires == 0 {
		r.bound = nil
		r.mu.Lock()
		r.services, r.agreed = nil, agreement{}
		r.mu.Unlock()
		return
	}
	r.bound, r.boundAs = &contact, a
	r.granted = grantedTime(res, &contact, expires)
	r.mu.Lock()
	r.agree(res, rt)
	r.flow, r.local, r.services = rt.hop, rt.local, serviceRoutes(res)
	r.mu.Unlock()
}

// grantedTime reads the time the registrar keeps our Contact.
func grantedTime(res *sipmsg.Response, contact *sipmsg.Uri, asked time.Duration) time.Duration {
	all := res.GetHeaders("Contact")
	for _, h := range all {
		c, ok := h.(*sipmsg.ContactHeader)
		if !ok || !sameContact(&c.Address, contact) && len(all) > 1 {
			continue
		}
		if v, ok := c.Params.Get("expires"); ok {
			if d, ok := seconds([]string{strings.Trim(v, `" `)}); ok {
				return d
			}
		}
	}
	if d, ok := seconds(headerValues(res, "Expires")); ok {
		return d
	}
	return asked
}

// sameContact compares addresses the way registrars keep them: user, host and port.
func sameContact(a, b *sipmsg.Uri) bool {
	return a.User == b.User && strings.EqualFold(bareHost(a.Host), bareHost(b.Host)) &&
		transportParam(a).portOr(a.Port) == transportParam(b).portOr(b.Port)
}

// learnPublic reads received and rport of our Via (RFC 3581 §4): where they
// differ from what we wrote, a NAT is between us and the registrar, and its
// outer address is the one to register. Over TCP only another host counts,
// since our source port is not the one we listen on.
func (r *Registration) learnPublic(req *sipmsg.Request, res *sipmsg.Response, rt *route) {
	sent, got := req.Via(), res.Via()
	host, err := netip.ParseAddr(sent.Host)
	if err != nil || got == nil {
		return
	}
	seen := netip.AddrPortFrom(host.Unmap(), uint16(sent.Port))
	if v, ok := got.Params.Get("received"); ok {
		if addr, err := netip.ParseAddr(bareHost(v)); err == nil {
			seen = netip.AddrPortFrom(addr.Unmap(), seen.Port())
		}
	}
	if v, ok := got.Params.Get("rport"); ok && (rt.transport == UDP || seen.Addr() != host.Unmap()) {
		if n, err := strconv.ParseUint(v, 10, 16); err == nil && n > 0 {
			seen = netip.AddrPortFrom(seen.Addr(), uint16(n))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.public = netip.AddrPort{}
	if seen != rt.sentBy {
		r.public = seen
	}
}

// maxMoves bounds immediate re-registrations: behind some NATs the outer
// address never settles.
const maxMoves = 2

// elsewhere reports that the address just registered is not the one the registrar
// sees us at, so that the new one must be registered at once.
func (r *Registration) elsewhere() bool {
	r.mu.Lock()
	public := r.public
	r.mu.Unlock()
	at := netip.AddrPortFrom(netip.Addr{}, uint16(r.bound.Port))
	if a, err := netip.ParseAddr(bareHost(r.bound.Host)); err == nil {
		at = netip.AddrPortFrom(a.Unmap(), uint16(r.bound.Port))
	}
	if !public.IsValid() || public == at || r.moves >= maxMoves {
		r.moves = 0
		return false
	}
	r.moves++
	return true
}

// contactFor is the Contact address of an account on a route: what the
// registrar sees of us when a NAT is in between, else what was configured or a STUN
// server sees, else our own.
func (ua *UserAgent) contactFor(a Account, rt *route) sipmsg.Uri {
	at := rt.sentBy
	if public := ua.publicFor(rt.addr.Addr()); public.IsValid() {
		at = netip.AddrPortFrom(public, at.Port())
	} else if mapped, _ := ua.mappedFor(rt.addr.Addr()); mapped.IsValid() && rt.transport == UDP {
		at = mapped
	}
	ua.mu.Lock()
	for r := range ua.regs {
		r.mu.Lock()
		if _, server := r.servers[rt.addr.Addr()]; server && r.public.IsValid() && r.account.id() == a.id() {
			at = r.public
		}
		r.mu.Unlock()
	}
	ua.mu.Unlock()
	return ua.contactURI(a.User, at, rt.transport)
}
