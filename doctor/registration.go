package doctor

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
)

// phone makes the checks that need a whole phone: it registers, calls, and
// takes the registration back.
func (x *examination) phone(ctx context.Context, sensible bool) {
	var p *phone.Phone
	registered := x.check(ctx, Registration, sensible, func(ctx context.Context) (c Check) {
		p, c = x.register(ctx)
		return c
	})
	x.check(ctx, NAT, registered, func(ctx context.Context) Check { return x.nat(ctx, p) })
	x.check(ctx, Echo, registered, func(ctx context.Context) Check { return x.echo(ctx, p) })
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.cfg.Patience)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		x.cfg.Logger.Debug("the phone of the checks did not end well", "error", err)
	}
}

// register opens a phone on ports of its own and registers the account.
func (x *examination) register(ctx context.Context) (*phone.Phone, Check) {
	file := x.cfg.File
	file.SIP.Listen = nil
	for _, l := range x.anyPort(sip.Any) {
		file.SIP.Listen = append(file.SIP.Listen, l.Transport.String()+":"+l.Addr.String())
	}
	// What is said is sought in what is heard, where nothing may be stretched.
	file.Media.Delay, file.Media.Fixed = config.Duration(playout), true
	file.Media.MinDelay, file.Media.MaxDelay = 0, 0
	p, err := phone.Open(ctx, phone.Config{
		File: file, StorePath: phone.Memory, Network: x.cfg.Network, ListenMedia: x.cfg.ListenMedia,
		Registrations: func(string, sip.RegistrationState) {}, Logger: x.cfg.Logger,
	})
	if err != nil {
		return nil, failed("correct what is named", "the phone cannot start: %v", err)
	}
	begun := time.Now()
	account := x.account
	account.Mode = config.ModeAutomation // no directives here
	if err := p.AddAccount(account); err != nil {
		return p, failed("correct what is named", "%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*x.cfg.Patience)
	defer cancel()
	if err := p.WaitRegistered(ctx, x.account.Name()); err != nil {
		return p, x.refused(p, err)
	}
	st := p.Accounts()[0].Registration
	return p, ok("registered within %s, for %s", time.Since(begun).Round(time.Millisecond), st.Expires)
}

// refused says what a registrar means by its answer.
func (x *examination) refused(p *phone.Phone, err error) Check {
	var status *sip.StatusError
	if !errors.As(err, &status) {
		advice := "see whether the server has a registrar, and whether something on the way drops what is large or comes often"
		if st := p.Accounts()[0].Registration; st.Err != nil {
			err = st.Err
		}
		return failed(advice, "not registered: %v", err)
	}
	switch status.Code {
	case 401, 403, 407:
		return failed("look at user, password (SOFTPHONE_PASSWORD or password_file) and auth_user; the PBX's log says more",
			"the PBX does not accept account %s with this password (%v)", x.account.Name(), status)
	case 404:
		return failed("look at user and domain, and whether the PBX has this account", "the PBX does not know %s (%v)", x.account.Name(), status)
	case 423:
		return failed("leave expires out", "the PBX wants registrations to last longer (%v)", status)
	}
	if status.Code >= 500 {
		return failed("see what the PBX's log says", "the PBX cannot register anybody now (%v)", status)
	}
	return failed("see what the PBX's log says", "the PBX refuses to register %s (%v)", x.account.Name(), status)
}

// nat compares where the registrar sees this phone with its addresses: the
// Contact follows what the Via of the response says (RFC 3581 §4).
func (x *examination) nat(ctx context.Context, p *phone.Phone) Check {
	contact, err := sip.ParseURI(p.Accounts()[0].Registration.Contact)
	if err != nil {
		return skipped("where the PBX sees this phone is not known")
	}
	seen, err := netip.ParseAddr(contact.Host)
	if err != nil {
		return skipped("the PBX knows this phone by the name %s", contact.Host)
	}
	own, err := x.cfg.LocalAddresses()
	if err != nil {
		return skipped("this machine's addresses are not known: %v", err)
	}
	if slices.Contains(own, seen.Unmap()) {
		return ok("no address translation: the PBX sees this phone at %s, an address of this machine", seen)
	}
	if m := p.Mappings(ctx); len(m) > 0 {
		return x.stun(m[0], netip.AddrPortFrom(seen.Unmap(), uint16(contact.Port)))
	}
	return note("calls in come through while the registration keeps the way open; if some stay away, use tcp or tls, or a shorter expires",
		"there is address translation (NAT) on the way: the PBX sees this phone at %s", netip.AddrPortFrom(seen, uint16(contact.Port)))
}

// stun compares what the STUN server says with where the registrar sees this phone: a
// NAT that gives each destination an address of its own cannot be seen through.
func (x *examination) stun(m sip.Mapping, seen netip.AddrPort) Check {
	server := x.cfg.File.SIP.STUN
	switch {
	case m.Err != nil || !m.Public.IsValid():
		return note("see whether "+server+" is a STUN server, and let udp to it through the firewalls; without, sound may not come back",
			"there is address translation (NAT) on the way: the PBX sees this phone at %s, and the STUN server does not answer (%v)", seen, m.Err)
	case m.Public.Addr() != seen.Addr() || m.Public.Port() != seen.Port() && x.sip.Transport == sip.UDP:
		return note("let the PBX send sound to where ours comes from (symmetric RTP): no STUN server can help here",
			"the NAT on the way shows this phone to each peer at another address: the PBX sees %s, the STUN server %s", seen, m.Public)
	}
	return ok("there is address translation (NAT) on the way, and the STUN server knows where this phone is seen: %s", m.Public)
}
