package exchange

import (
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// carried are the header fields that pass from leg to leg as they are.
func carried() []string {
	return []string{"Subject", "Privacy", "Alert-Info", "Call-Info", "Diversion", "History-Info", "User-To-User",
		"Priority", "Reason", "Warning", "Retry-After", "Info-Package", "Recv-Info", "Accept"}
}

// bridge joins the caller's dialog to the callee's.
type bridge struct {
	ex    *Exchange
	relay *relay // nil when RTP goes end to end
	once  sync.Once

	mu   sync.Mutex
	a, b *dialog
}

// bridge rings the callee's contacts and joins the one that answers.
func (in *incoming) bridge(callee string) {
	e := in.ex
	contacts := e.bound(callee)
	if len(contacts) == 0 {
		e.trace("%s is known but not registered just now: unavailable (480).", callee)
		e.respond(in.tx, in.req, sipmsg.StatusTemporarilyUnavailable, "")
		return
	}
	br := &bridge{ex: e}
	if e.cfg.RelayRTP {
		r, err := newRelay(e)
		if err != nil {
			e.log.Warn("no RTP relay", "error", err)
			e.respond(in.tx, in.req, sipmsg.StatusServiceUnavailable, "")
			return
		}
		br.relay = r
	}
	offer := br.mangle(in.req.Body(), sideA)
	e.trace("The exchange asks %s's phone: %s is calling (INVITE).", callee, e.nameOf(in.shown.Address.User))
	o := &outgoing{ex: e, from: in.fromFor(), to: sipmsg.ToHeader{Address: sipmsg.Uri{Scheme: "sip", User: callee, Host: e.cfg.Realm}}}
	o.prepare = func(req *sipmsg.Request) { in.passOn(req, offer) }

	legs := make(map[*dialog]*dialog) // callee's leg to the caller's dialog
	side := func(leg *dialog) *dialog {
		if legs[leg] == nil {
			legs[leg] = e.uasDialog(in.req, token())
			legs[leg].enrol(&early{in})
		}
		return legs[leg]
	}
	res := o.ring(contacts, in.gone, func() string { return in.goneWhy }, func(leg *dialog, res *sipmsg.Response) {
		in.relayProgress(br, side(leg), leg, res)
	})
	for leg, d := range legs {
		if leg != res.leg {
			d.end()
		}
	}
	if res.leg == nil {
		br.close()
		in.relayRefusal(res)
		return
	}
	in.connect(br, side(res.leg), res)
}

// fromFor is the From that the callee sees: the caller's own when it asks for
// privacy, else the identity that the exchange vouches for.
func (in *incoming) fromFor() sipmsg.FromHeader {
	from := in.req.From()
	if in.private() {
		return sipmsg.FromHeader{DisplayName: from.DisplayName, Address: *from.Address.Clone()}
	}
	out := in.shown
	if out.DisplayName == "" {
		out.DisplayName = from.DisplayName
	}
	return out
}

// private says whether the caller asked to stay unknown (RFC 3323, RFC 3325 §9.3).
func (in *incoming) private() bool {
	for _, h := range in.req.GetHeaders("Privacy") {
		for _, v := range strings.FieldsFunc(strings.ToLower(h.Value()), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if v == "id" || v == "user" || v == "header" {
				return true
			}
		}
	}
	return false
}

// passOn turns a bare INVITE for the callee into the caller's.
func (in *incoming) passOn(req *sipmsg.Request, offer []byte) {
	carry(in.req, req, carried()...)
	for _, h := range in.req.Headers() {
		if strings.HasPrefix(strings.ToLower(h.Name()), "x-") {
			req.AppendHeader(sipmsg.NewHeader(h.Name(), h.Value()))
		}
	}
	if m := in.req.MaxForwards(); m != nil {
		req.MaxForwards().Dec()
		*req.MaxForwards() = sipmsg.MaxForwardsHeader(min(m.Val(), 70) - 1)
	}
	if !in.private() {
		id := in.shown // P-Asserted-Identity, RFC 3325 §9.1
		req.AppendHeader(sipmsg.NewHeader("P-Asserted-Identity", id.Value()))
	}
	setBody(req, sdpType, offer)
}

// relayProgress carries 180, 183 and their SDP to the caller.
func (in *incoming) relayProgress(br *bridge, d, leg *dialog, res *sipmsg.Response) {
	switch {
	case len(res.Body()) > 0:
		in.ex.trace("%s's phone already has sound for the caller (%d with media).", leg.who, res.StatusCode)
	case res.StatusCode == sipmsg.StatusRinging:
		in.ex.trace("%s's phone rings (180).", leg.who)
	default:
		in.ex.trace("%s's phone is at it (%d).", leg.who, res.StatusCode)
	}
	out := in.build(d, res.StatusCode, res.Reason)
	carry(res, out, carried()...)
	setBody(out, sdpType, br.mangle(res.Body(), sideB))
	in.ex.send(in.tx, out)
}

// relayRefusal tells the caller why there is no call. After CANCEL sipgo has
// already answered 487.
func (in *incoming) relayRefusal(res outcome) {
	if res.code == sipmsg.StatusRequestTerminated && res.res == nil {
		return
	}
	reason := ""
	if res.res != nil {
		reason = res.res.Reason
	}
	in.ex.trace("No call: %d %s.", res.code, orElse(reason, reasonOf(res.code)))
	out := in.ex.response(in.req, res.code, reason)
	if res.res != nil {
		carry(res.res, out, carried()...)
		if res.res.IsRedirection() {
			carry(res.res, out, "Contact")
		}
	}
	in.ex.send(in.tx, out)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// connect answers the caller, waits for its ACK and carries that to the callee.
func (in *incoming) connect(br *bridge, d *dialog, res outcome) {
	e := in.ex
	br.mu.Lock()
	br.a, br.b = d, res.leg
	br.mu.Unlock()
	d.enrol(br)
	res.leg.enrol(br)
	e.trace("%s answers: the exchange connects %s and %s (200).", res.leg.who, d.who, res.leg.who)
	body, err := d.accept(in.req, in.tx, br.mangle(res.res.Body(), sideB))
	if err != nil {
		res.leg.ack(res.seq, nil) // a 200 is owed its ACK whatever comes
		br.hangup(err.Error())
		return
	}
	e.trace("%s confirms: the conversation begins (ACK).", d.who)
	res.leg.ack(res.seq, br.mangle(body, sideA))
}

// side of a bridge: A called, B was called.
type side int

const (
	sideA side = iota
	sideB
)

func (br *bridge) sideOf(d *dialog) (side, *dialog) {
	br.mu.Lock()
	defer br.mu.Unlock()
	if d == br.a {
		return sideA, br.b
	}
	return sideB, br.a
}

// mangle leads RTP described by one side through the relay, if there is one.
func (br *bridge) mangle(sdp []byte, from side) []byte {
	if br.relay == nil || len(sdp) == 0 {
		return sdp
	}
	return br.relay.describe(sdp, from)
}

// hangup ends both dialogs.
func (br *bridge) hangup(why string) {
	br.mu.Lock()
	a, b := br.a, br.b
	br.mu.Unlock()
	for _, d := range []*dialog{a, b} {
		if d != nil {
			d.hangup(reasonHeader(480, why))
		}
	}
	br.close()
}

func (br *bridge) close() {
	br.once.Do(func() {
		if br.relay != nil {
			br.relay.close()
		}
	})
}

// remoteBye passes the hang-up on.
func (br *bridge) remoteBye(d *dialog) {
	_, other := br.sideOf(d)
	if other != nil {
		other.hangup("")
	}
	br.close()
}

// reinvite carries a new offer across and its answer back (hold and resume).
func (br *bridge) reinvite(d *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	e := br.ex
	from, other := br.sideOf(d)
	if other == nil || !other.beginInviting() {
		e.respond(tx, req, sipmsg.StatusRequestPending, "")
		return
	}
	defer other.endInviting()
	e.trace("%s changes the conversation%s (INVITE again).", d.who, describeDirection(req.Body()))
	d.retarget(req)
	out := other.newRequest(sipmsg.INVITE, 0)
	seq := out.CSeq().SeqNo
	carry(req, out, carried()...)
	setBody(out, sdpType, br.mangle(req.Body(), from))
	stop := make(chan string, 1)
	tx.OnCancel(func(r *sipmsg.Request) {
		select {
		case stop <- headerValue(r, "Reason"):
		default:
		}
	})
	res, err := e.invite(out, other, stop, func(*sipmsg.Response) {})
	if err != nil {
		e.respond(tx, req, sipmsg.StatusRequestTimeout, "")
		return
	}
	if !res.IsSuccess() {
		back := d.respondTo(req, res.StatusCode, res.Reason)
		carry(res, back, carried()...)
		e.send(tx, back)
		return
	}
	other.retarget(res)
	body, err := d.accept(req, tx, br.mangle(res.Body(), 1-from))
	if err != nil {
		other.ack(seq, nil)
		br.hangup(err.Error())
		return
	}
	other.ack(seq, br.mangle(body, from))
}

// beginInviting claims the right to send a re-INVITE to d; with one under way
// in either direction there is none (RFC 3261 §14.1, §14.2).
func (d *dialog) beginInviting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || d.inviting || d.serving {
		return false
	}
	d.inviting = true
	return true
}

func (d *dialog) endInviting() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inviting = false
}

// request carries INFO, OPTIONS, UPDATE and MESSAGE across.
func (br *bridge) request(d *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	e := br.ex
	from, other := br.sideOf(d)
	if other == nil {
		e.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "")
		return
	}
	e.trace("%s tells %s something during the call (%s).", d.who, other.who, req.Method)
	out := other.newRequest(req.Method, 0)
	carry(req, out, carried()...)
	copyBody(req, out, br, from)
	res, err := e.do(out)
	if err != nil {
		e.respond(tx, req, sipmsg.StatusRequestTimeout, "")
		return
	}
	if req.Method == sipmsg.UPDATE && res.IsSuccess() {
		d.retarget(req)
		other.retarget(res)
	}
	back := d.respondTo(req, res.StatusCode, res.Reason)
	carry(res, back, carried()...)
	copyBody(res, back, br, 1-from)
	e.send(tx, back)
}

func copyBody(from, to sipmsg.Message, br *bridge, s side) {
	body, kind := from.Body(), headerValue(from, "Content-Type")
	if strings.EqualFold(kind, sdpType) {
		body = br.mangle(body, s)
	}
	setBody(to, kind, body)
}

// early is the owner of an early dialog: a BYE there is as good as CANCEL.
type early struct{ in *incoming }

func (o *early) remoteBye(*dialog) {
	o.in.leave("")
	o.in.ex.respond(o.in.tx, o.in.req, sipmsg.StatusRequestTerminated, "")
}

func (o *early) reinvite(_ *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	o.in.ex.respond(tx, req, sipmsg.StatusRequestPending, "")
}

func (o *early) request(_ *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	if req.Method == sipmsg.OPTIONS {
		o.in.ex.respond(tx, req, sipmsg.StatusOK, "")
		return
	}
	o.in.ex.respond(tx, req, sipmsg.StatusRequestPending, "")
}
