package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/softphone-go/softphone/internal/stun"
)

// Client-initiated connections (RFC 5626), with one flow for each registration:
//
//	REGISTER  Supported: outbound             ->
//	          Contact: ...;+sip.instance;reg-id=1
//	                          <- 200, Require: outbound, Flow-Timer
//	ping      CRLF CRLF, or a Binding request over UDP -> every 80 to 100 % of Flow-Timer
//	          no answer, or another mapped address: REGISTER again, same reg-id
//	calls     Contact: <...;ob>
//
// A registrar that does not say "outbound" is registered with as RFC 3261 has it.

// flowID is the reg-id of the one flow that a registration has.
const flowID = "1"

// instanceForm is an instance id (RFC 5626 §4.1).
var instanceForm = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (c Config) checkInstance() error {
	if c.Instance != "" && !instanceForm.MatchString(c.Instance) {
		return fmt.Errorf("sip: instance %q is not urn:uuid: with a UUID in small letters", c.Instance)
	}
	return nil
}

// agreement is what the registrar said about RFC 5626 in its last 2xx.
type agreement struct {
	outbound  bool
	flowTimer time.Duration  // zero: none
	mapped    netip.AddrPort // as its last Binding response had it; invalid: there was none
	answers   bool           // it has answered Binding requests
	deaf      bool           // it does not
	asking    bool           // one is under way
}

// offerOutbound makes a Contact of REGISTER that of a flow (RFC 5626 §4.2).
func (r *Registration) offerOutbound(req *sipmsg.Request, c *sipmsg.ContactHeader) {
	supported := "path" // RFC 3327 §5.1
	if id := r.ua.cfg.Instance; id != "" && !r.plain {
		supported += ", outbound"
		c.Params.Add("reg-id", flowID)
		c.Params.Add("+sip.instance", `"<`+id+`>"`)
	}
	req.AppendHeader(sipmsg.NewHeader("Supported", supported))
}

// agree notes what a 2xx says; r.mu is held.
func (r *Registration) agree(res *sipmsg.Response, rt *route) {
	was := r.agreed
	r.agreed = agreement{outbound: r.ua.cfg.Instance != "" && !r.plain && hasToken(headerValues(res, "Require"), "outbound")}
	if !r.agreed.outbound {
		return
	}
	if d, ok := seconds(headerValues(res, "Flow-Timer")); ok && d > 0 {
		r.agreed.flowTimer = d
	}
	if r.flow == rt.hop {
		r.agreed.answers, r.agreed.deaf = was.answers, was.deaf
	}
	if rt.stream != nil {
		rt.stream.pace(r.pause())
	}
}

// pause is the longest time between keep-alives; r.mu is held.
func (r *Registration) pause() time.Duration {
	every := r.ua.cfg.KeepAlive
	if t := r.agreed.flowTimer; t > 0 && t < every {
		return t
	}
	return every
}

// firstHopLacks takes a 439: a proxy on the way knows nothing of RFC 5626, so that the
// flow is registered without it (RFC 5626 §11.6).
func (r *Registration) firstHopLacks(code int) bool {
	if code != 439 || r.plain || r.ua.cfg.Instance == "" {
		return false
	}
	r.plain = true
	return true
}

// flowsThrough says whether requests on a hop go over the flow of an account.
func (ua *UserAgent) flowsThrough(a Account, h hop) bool {
	r := ua.registrationOf(a)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agreed.outbound && r.flow.transport == h.transport && r.flow.addr == h.addr
}

// dialogContact is contactFor for what makes or refreshes a dialog: where the account's
// flow is used, all requests of the dialog shall come over it (RFC 5626 §4.3).
func (ua *UserAgent) dialogContact(a Account, rt *route) sipmsg.Uri {
	u := ua.contactFor(a, rt)
	if ua.flowsThrough(a, rt.hop) {
		if u.UriParams == nil {
			u.UriParams = sipmsg.NewParams()
		}
		u.UriParams.Add("ob", "")
	}
	return u
}

// ping keeps the way to the registrar over UDP open: by a Binding request where it has
// said that it knows RFC 5626 (§4.4.2), which shows too whether the way still leads
// there; else by CRLF CRLF, which it ignores and NATs on the way take for use.
func (r *Registration) ping() {
	r.mu.Lock()
	to := r.flow.addr
	bind := r.agreed.outbound && !r.agreed.deaf
	begin := bind && !r.agreed.asking
	r.agreed.asking = r.agreed.asking || bind
	r.mu.Unlock()
	p := r.ua.packetFor(to.Addr())
	switch {
	case p == nil:
	case begin:
		r.ua.start(func() { r.probe(p, to) })
	case !bind:
		_, _ = p.WriteTo([]byte("\r\n\r\n"), net.UDPAddrFromAddrPort(to))
	}
}

// probe asks the registrar where it sees us. No answer, and another address than last
// time, mean that the flow has failed. A registrar that has never answered cannot be
// believed to have outbound: it gets CRLF CRLF from then on.
func (r *Registration) probe(p *packetConn, to netip.AddrPort) {
	ctx, cancel := context.WithTimeout(context.Background(), pongTimeout)
	defer cancel()
	mapped, err := p.bind(ctx, to)
	r.mu.Lock()
	r.agreed.asking = false
	was := r.agreed.mapped
	failed := false
	switch {
	case r.ua.isClosing() || r.flow.addr != to || r.state.Phase != Registered:
	case err == nil:
		failed = was.IsValid() && was != mapped
		r.agreed.mapped, r.agreed.answers = mapped, true
	case errors.Is(err, stun.ErrRefused) || !r.agreed.answers:
		r.agreed.deaf = true
	default:
		failed = true
	}
	if failed {
		r.lost = true
	}
	r.mu.Unlock()
	if failed {
		r.ua.log.Info("sip: the way to the registrar has changed or is lost, registering anew", "account", r.current().id(),
			"seen_at", mapped, "was", was, "err", err)
		r.poke()
	}
}

// pace sets how long the connection waits between keep-alives, from now on.
func (s *streamConn) pace(every time.Duration) {
	if every <= 0 || time.Duration(s.every.Swap(int64(every))) == every {
		return
	}
	select {
	case s.sooner <- struct{}{}:
	default:
	}
}
