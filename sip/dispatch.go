package sip

import (
	"net/netip"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// dispatch answers a request that starts a server transaction. The checks come
// in the order of RFC 3261 §8.2.
func (ua *UserAgent) dispatch(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	switch req.Method {
	case sipmsg.ACK:
		ua.onAck(req)
		tx.Terminate() // sipgo makes a transaction for an ACK too
		return
	case sipmsg.CANCEL: // those that match an INVITE never come here
		ua.respond(tx, req, 481, "")
		return
	}
	if ua.isClosing() {
		tx.Terminate()
		return
	}
	if scheme := strings.ToLower(req.Recipient.Scheme); scheme != "sip" && scheme != "" &&
		(scheme != "sips" || !ua.peerOf(req).transport.Secure()) {
		ua.respond(tx, req, 416, "")
		return
	}
	if tag := tagOf(req.To().Params); tag != "" && !(req.Method == sipmsg.INVITE && tag == ua.freshTag(req)) {
		ua.dispatchDialog(req, tx, tag)
		return
	}
	switch req.Method {
	case sipmsg.INVITE:
		if ua.acceptable(req, tx) && !ua.tooBrief(req, tx) {
			ua.onInvite(req, tx)
		}
	case sipmsg.OPTIONS:
		if ua.acceptable(req, tx) {
			ua.onOptions(req, tx)
		}
	case sipmsg.BYE, sipmsg.INFO, sipmsg.UPDATE, sipmsg.PRACK:
		ua.respond(tx, req, 481, "")
	case sipmsg.REFER: // only who is in a call may ask us to make another
		ua.respond(tx, req, 403, "")
	case sipmsg.NOTIFY:
		ua.onNotify(req, tx)
	default:
		ua.respond(tx, req, 405, "")
	}
}

// respond sends a plain response.
func (ua *UserAgent) respond(tx *sipmsg.ServerTx, req *sipmsg.Request, code int, reason string) {
	ua.send(tx, req, ua.newResponse(req, code, reason))
}

// send sends a response whose failure is nobody's business.
func (ua *UserAgent) send(tx *sipmsg.ServerTx, req *sipmsg.Request, res *sipmsg.Response) {
	var err error
	if req.Method == sipmsg.INVITE {
		err = ua.respondInvite(tx, req, res)
	} else {
		err = tx.Respond(res)
	}
	if err != nil {
		ua.log.Debug("sip: response not sent", "code", res.StatusCode, "err", err)
	}
}

// acceptable applies RFC 3261 §8.2.2.3 (Require) and §8.2.3 (content).
func (ua *UserAgent) acceptable(req *sipmsg.Request, tx *sipmsg.ServerTx) bool {
	if unknown := ua.unsupported(req); len(unknown) > 0 {
		res := ua.newResponse(req, 420, "")
		for _, r := range unknown[:min(len(unknown), 32)] {
			if isToken(r) {
				res.AppendHeader(sipmsg.NewHeader("Unsupported", r))
			}
		}
		ua.send(tx, req, res)
		return false
	}
	if req.Method == sipmsg.INVITE && !takesSDP(req) {
		res := ua.newResponse(req, 406, "")
		res.AppendHeader(sipmsg.NewHeader("Accept", sdpType))
		_ = ua.respondInvite(tx, req, res)
		return false
	}
	if len(req.Body()) == 0 {
		return true
	}
	if ct := req.ContentType(); req.Method == sipmsg.INFO || ct != nil && isSDP(ct.Value()) {
		if enc := tokens(headerValues(req, "Content-Encoding")); len(enc) == 0 || strings.EqualFold(enc[0], "identity") {
			return true
		}
	}
	if optionalBody(req) {
		req.SetBody(nil)
		return true
	}
	res := ua.newResponse(req, 415, "")
	res.AppendHeader(sipmsg.NewHeader("Accept", sdpType))
	res.AppendHeader(sipmsg.NewHeader("Accept-Encoding", "identity"))
	ua.send(tx, req, res)
	return false
}

func isSDP(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(t), sdpType)
}

// optionalBody reports Content-Disposition: ...;handling=optional (§20.11).
func optionalBody(req *sipmsg.Request) bool {
	for _, v := range headerValues(req, "Content-Disposition") {
		if strings.Contains(strings.ToLower(strings.ReplaceAll(v, " ", "")), ";handling=optional") {
			return true
		}
	}
	return false
}

// dispatchDialog takes a request with a To-tag (RFC 3261 §12.2.2).
func (ua *UserAgent) dispatchDialog(req *sipmsg.Request, tx *sipmsg.ServerTx, tag string) {
	d := ua.findDialog(req.CallID().Value(), tag, tagOf(req.From().Params))
	if d != nil {
		defer d.turns.await(req, ua.closing)()
		if d.isOver() { // by what came before, a BYE say
			d = nil
		}
	}
	switch req.Method {
	case sipmsg.INVITE, sipmsg.BYE, sipmsg.INFO, sipmsg.OPTIONS, sipmsg.UPDATE, sipmsg.PRACK, sipmsg.REFER, sipmsg.NOTIFY:
	default:
		ua.respond(tx, req, 405, "")
		return
	}
	if req.Method == sipmsg.NOTIFY { // a subscription outlives the call it was made in
		if d != nil && !d.inOrder(req.CSeq().SeqNo) {
			ua.respond(tx, req, 500, "CSeq out of order")
			return
		}
		ua.onNotify(req, tx)
		return
	}
	if d == nil {
		ua.respond(tx, req, 481, "")
		return
	}
	if req.Method != sipmsg.BYE && !ua.acceptable(req, tx) { // a BYE ends the call whatever it brings
		return
	}
	if !d.inOrder(req.CSeq().SeqNo) {
		ua.respond(tx, req, 500, "CSeq out of order")
		return
	}
	switch req.Method {
	case sipmsg.INVITE:
		d.onReInvite(req, tx)
	case sipmsg.BYE:
		d.onBye(req, tx)
	case sipmsg.INFO:
		d.onInfo(req, tx)
	case sipmsg.UPDATE:
		d.onUpdate(req, tx)
	case sipmsg.PRACK:
		d.onPrack(req, tx)
	case sipmsg.OPTIONS:
		ua.onOptions(req, tx)
	case sipmsg.REFER:
		d.onRefer(req, tx)
	}
}

// inOrder applies the CSeq rule of RFC 3261 §12.2.2.
func (d *Dialog) inOrder(seq uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.haveRemote && seq < d.remoteSeq {
		return false
	}
	d.remoteSeq, d.haveRemote = seq, true
	return true
}

func (d *Dialog) onInfo(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if len(headerValues(req, "Info-Package")) > 0 { // RFC 6086 §4.2.2: none is understood
		d.ua.respond(tx, req, 469, "")
		return
	}
	d.ua.respond(tx, req, 200, "")
	ct := ""
	if h := req.ContentType(); h != nil {
		ct = h.Value()
	}
	d.events.post(InfoReceived{ContentType: ct, Body: req.Body()})
}

func (ua *UserAgent) onAck(req *sipmsg.Request) {
	d := ua.findDialog(req.CallID().Value(), tagOf(req.To().Params), tagOf(req.From().Params))
	if d != nil {
		d.onAck(req)
	}
}

// onInvite takes an INVITE outside any dialog.
func (ua *UserAgent) onInvite(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	// RFC 3261 §8.2.2.2: the same request over another path.
	key := req.CallID().Value() + "\x00" + tagOf(req.From().Params) + "\x00" + req.CSeq().Value()
	source := sourceOf(req)
	reg, known := ua.called(req, source)
	i := &Invitation{
		ua: ua, req: req, tx: tx, tag: tagOf(req.To().Params), key: key, reg: reg, source: source,
		offer: req.Body(), done: make(chan struct{}),
	}
	i.peer = ua.peerOf(req)
	i.sentBy = ua.sentByTo(i.peer)
	if reg != nil {
		i.account = reg.current()
	}
	i.caller = identify(req, reg != nil && reg.trusts(source.Addr()))
	replaced, refusal := ua.replacedBy(req)
	i.replaced = replaced
	ua.mu.Lock()
	h := ua.handler
	code := 0
	switch {
	case ua.loopedLocked(i):
		code = 482
	case !known:
		code = 404
	case refusal != 0:
		code = refusal
	case h == nil || ua.stopping:
		code = 480
	case ua.callsLocked() >= ua.cfg.MaxDialogs && replaced == nil:
		code = 486
	default:
		ua.invitations[key] = i
	}
	ua.mu.Unlock()
	if code != 0 {
		ua.respond(tx, req, code, "")
		return
	}
	ua.respond(tx, req, 100, "")
	i.watch()
	ua.serve(i, h)
}

// peerOf is where a request came from, and how.
func (ua *UserAgent) peerOf(req *sipmsg.Request) hop {
	h := hop{transport: UDP, addr: sourceOf(req)}
	if strings.EqualFold(req.Transport(), "UDP") {
		return h
	}
	if s := ua.streams.from(h.addr); s != nil {
		return s.hop
	}
	h.transport = TCP // it has ended already
	return h
}

// sentByTo is the address peers reach us at on the path of a hop.
func (ua *UserAgent) sentByTo(h hop) netip.AddrPort {
	if h.transport == UDP {
		if p := ua.packetFor(h.addr.Addr()); p != nil {
			return ua.advertised(p.local, h.addr.Addr())
		}
	}
	if l := ua.listenerFor(h.transport, h.addr.Addr()); l != nil {
		return ua.advertised(l.local, h.addr.Addr())
	}
	if s := ua.streams.find(h); s != nil {
		return s.local
	}
	return netip.AddrPort{}
}

// called finds the account a request is for: by user name or alias in the
// Request-URI, and among several by the registrar it came from. known is
// false when nobody of that name is here.
func (ua *UserAgent) called(req *sipmsg.Request, source netip.AddrPort) (reg *Registration, known bool) {
	user := fromUri(&req.Recipient).User
	ua.mu.Lock()
	regs := make([]*Registration, 0, len(ua.regs))
	for r := range ua.regs {
		regs = append(regs, r)
	}
	ua.mu.Unlock()
	if len(regs) == 0 {
		return nil, ua.cfg.AcceptAny
	}
	for _, r := range regs {
		if !r.current().named(user) {
			continue
		}
		if reg == nil || r.trusts(source.Addr()) && !reg.trusts(source.Addr()) {
			reg = r
		}
	}
	return reg, reg != nil
}

func (a Account) named(user string) bool {
	if strings.EqualFold(user, a.User) {
		return true
	}
	for _, alias := range a.Aliases {
		if strings.EqualFold(user, alias) {
			return true
		}
	}
	return false
}

func sourceOf(req *sipmsg.Request) netip.AddrPort {
	source, _ := netip.ParseAddrPort(req.Source())
	return netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
}
