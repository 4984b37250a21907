package sip

import (
	"errors"
	"fmt"
	"slices"

	sipmsg "github.com/emiago/sipgo/sip"
)

// build makes the INVITE for a route, moving to TCP when it is too large.
func (c *ClientInvite) build(target sipmsg.Uri, rt *route, try *authTry) (*sipmsg.Request, *route, error) {
	body, err := c.offer(c.ua.path(rt))
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	c.seq++
	seq := c.seq
	c.mu.Unlock()
	req := c.request(target, rt, seq, body)
	try.sign(req)
	moved, changed, err := c.ua.fit(c.ctx, req, rt, c.in.Account.Transport)
	if err != nil || !changed {
		return req, moved, err
	}
	if c.ua.path(moved) != c.ua.path(rt) {
		if body, err = c.offer(c.ua.path(moved)); err != nil {
			return nil, nil, err
		}
	}
	moved.routes = rt.routes
	req = c.request(target, moved, seq, body)
	try.sign(req)
	return req, moved, nil
}

func (c *ClientInvite) offer(path Path) ([]byte, error) {
	if c.in.Offer == nil {
		return nil, nil
	}
	body, err := c.in.Offer(path)
	if err != nil {
		return nil, fmt.Errorf("the offer for local address %s could not be made: %w", path.Local, err)
	}
	return body, nil
}

func (c *ClientInvite) request(target sipmsg.Uri, rt *route, seq uint32, body []byte) *sipmsg.Request {
	ua, a := c.ua, c.in.Account
	req := ua.newRequest(sipmsg.INVITE, target, rt)
	setRoutes(req, rt.routes)
	from := &sipmsg.FromHeader{DisplayName: quotedName(a.DisplayName), Address: a.aor()}
	if a.User == "" {
		from.Address.User = "anonymous"
	}
	if from.Address.Host == "" { // straight to another phone: we are at our own address
		from.Address.Host = rt.sentBy.Addr().String()
	}
	host := from.Address.Host
	c.in.hide(from)
	from.Params.Add("tag", c.localTag)
	req.AppendHeader(from)
	req.AppendHeader(&sipmsg.ToHeader{Address: mustUri(c.in.dialled())})
	id := sipmsg.CallIDHeader(c.callID)
	req.AppendHeader(&id)
	setCSeq(req, seq)
	contact := ua.dialogContact(a, rt)
	if isSIPS(&target) {
		contact = secured(contact)
	}
	if c.in.Anonymous {
		contact.User = "anonymous"
	}
	req.AppendHeader(&sipmsg.ContactHeader{Address: contact})
	c.in.present(req, host)
	for _, h := range c.in.Headers {
		req.AppendHeader(sipmsg.NewHeader(h.Name, h.Value))
	}
	req.AppendHeader(sipmsg.NewHeader("Accept", sdpType))
	askTimer(req, c.timer, c.least)
	ua.finishRequest(req, sdpType, body)
	if len(body) == 0 && c.in.Answer != nil {
		req.RemoveHeader("Supported")
		ua.appendSupported(sipmsg.INVITE, true, req)
	}
	return req
}

// follows are the targets of a 3xx that may be called.
func (r InviteRequest) follows(targets []sipmsg.Uri) []sipmsg.Uri {
	return slices.DeleteFunc(targets, func(u sipmsg.Uri) bool { return r.Redirect == nil || !r.Redirect(fromUri(&u)) })
}

// hide takes the account's name out of From (RFC 3323 §4.1.1.3).
func (r InviteRequest) hide(from *sipmsg.FromHeader) {
	if r.Anonymous {
		from.DisplayName = "Anonymous"
		from.Address = sipmsg.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}
	}
}

// present names the caller to the registrar (RFC 3325 §9.2): a number of its own,
// or the account of one who is hidden from all others.
func (r InviteRequest) present(req *sipmsg.Request, host string) {
	user := r.CallerNumber
	if r.Anonymous {
		req.AppendHeader(sipmsg.NewHeader("Privacy", "id"))
		if user == "" {
			user = r.Account.User
		}
	}
	if user != "" {
		id := sipmsg.Uri{Scheme: "sip", User: escapeUser(user), Host: host}
		req.AppendHeader(sipmsg.NewHeader("P-Preferred-Identity", "<"+id.String()+">"))
	}
}

// dialled is the target with the account's domain filled in.
func (r InviteRequest) dialled() URI {
	t := r.Target
	if t.Scheme == "" {
		t.Scheme = "sip"
	}
	if t.Scheme == "tel" {
		t = URI{Scheme: "sip", User: t.User, Host: r.Account.domain(), Params: "user=phone"}
	}
	if t.Host == "" {
		t.Host = r.Account.domain()
	}
	return t
}

func (r InviteRequest) check() error {
	if r.dialled().Host == "" {
		return fmt.Errorf("target %q has no host and the account no domain to add", r.Target.User)
	}
	if hasControl(r.Target.String()) || hasControl(r.CallerNumber) || hasControl(r.Account.User+r.Account.Domain+r.Account.DisplayName) {
		return errors.New("target, caller number or account holds a control character: remove it")
	}
	if s := r.dialled().Scheme; s != "sip" && s != "sips" {
		return fmt.Errorf("target scheme %q is not offered: use sip, sips or tel", r.Target.Scheme)
	}
	for _, h := range r.Headers {
		if !isToken(h.Name) || hasControl(h.Value) || reserved(h.Name) {
			return fmt.Errorf("header %q cannot be added: its name is not a free token or its value holds a control character", h.Name)
		}
	}
	return nil
}
