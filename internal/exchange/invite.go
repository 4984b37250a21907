package exchange

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
)

// asIs makes sipgo send a request as it was built.
func asIs(*sipgo.Client, *sipmsg.Request) error { return nil }

func (e *Exchange) routes(s *sipgo.Server) {
	handle := func(f func(*sipmsg.Request, sipmsg.ServerTransaction)) sipgo.RequestHandler {
		return func(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
			if !e.enter() {
				return
			}
			defer e.wg.Done()
			if wellFormed(req) {
				f(req, tx)
			} else if !req.IsAck() {
				e.respond(tx, req, sipmsg.StatusBadRequest, "")
			}
		}
	}
	s.OnRegister(handle(e.onRegister))
	s.OnInvite(handle(e.onInvite))
	s.OnAck(handle(e.onAck))
	s.OnBye(handle(e.onBye))
	s.OnCancel(handle(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
		e.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "") // sipgo answers the others
	}))
	s.OnNoRoute(handle(e.onOther))
}

// wellFormed says whether the fields that everything here relies on are there.
func wellFormed(req *sipmsg.Request) bool {
	return req.To() != nil && req.From() != nil && req.CallID() != nil && req.CSeq() != nil && req.Via() != nil &&
		req.CSeq().MethodName == req.Method
}

// incoming is an INVITE being answered.
type incoming struct {
	ex     *Exchange
	req    *sipmsg.Request
	tx     sipmsg.ServerTransaction
	caller *User
	shown  sipmsg.FromHeader // who the callee is told is calling

	once    sync.Once
	gone    chan struct{} // closed by the caller's CANCEL or BYE
	goneWhy string        // its Reason header; read after gone
}

func (in *incoming) leave(reason string) {
	in.once.Do(func() {
		in.goneWhy = reason
		close(in.gone)
	})
}

// onInvite takes a new call, or a re-INVITE.
func (e *Exchange) onInvite(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	if req.To().Params.Has("tag") {
		e.onReinvite(req, tx)
		return
	}
	callee := req.Recipient.User
	e.trace("%s asks the exchange: please call %s (INVITE).", e.nameOf(req.From().Address.User), callee)
	if code := e.unacceptable(req); code != 0 {
		e.refuse(tx, req, code)
		return
	}
	user := e.authenticate(req, tx, "Proxy-Authorization")
	if user == nil {
		return
	}
	in := &incoming{ex: e, req: req, tx: tx, caller: user, gone: make(chan struct{})}
	in.shown = e.identify(user, req)
	tx.OnCancel(func(r *sipmsg.Request) {
		e.trace("%s has hung up before an answer (CANCEL).", user.Name)
		in.leave(headerValue(r, "Reason"))
	})
	e.respond(tx, req, sipmsg.StatusTrying, "")
	if x := extensionOf(callee); x != nil {
		in.serve(x)
		return
	}
	if e.users[callee] == nil {
		e.trace("The exchange knows no %s: not found (404).", callee)
		e.respond(tx, req, sipmsg.StatusNotFound, "")
		return
	}
	in.bridge(callee)
}

// unacceptable checks a new INVITE before anything is done for it.
func (e *Exchange) unacceptable(req *sipmsg.Request) int {
	if code := int(e.failing.Load()); code != 0 {
		return code
	}
	if len(req.GetHeaders("Require")) > 0 {
		return sipmsg.StatusBadExtension
	}
	if m := req.MaxForwards(); m != nil && m.Val() == 0 {
		return sipmsg.StatusTooManyHops
	}
	if req.Contact() == nil {
		return sipmsg.StatusBadRequest
	}
	return 0
}

func (e *Exchange) refuse(tx sipmsg.ServerTransaction, req *sipmsg.Request, code int) {
	e.trace("The exchange refuses: %d %s.", code, reasonOf(code))
	res := e.response(req, code, "")
	if code == sipmsg.StatusBadExtension {
		res.AppendHeader(sipmsg.NewHeader("Unsupported", headerValue(req, "Require")))
	}
	e.send(tx, res)
}

// identify decides which number and name the callee sees (RFC 3325).
func (e *Exchange) identify(user *User, req *sipmsg.Request) sipmsg.FromHeader {
	from := req.From().Address.User
	number, name := user.Name, user.DisplayName
	if e.cfg.CallerID != nil {
		number, name = e.cfg.CallerID(user.Name, from)
	} else if e.users[from] == user {
		number = from
	}
	return sipmsg.FromHeader{DisplayName: name, Address: sipmsg.Uri{Scheme: "sip", User: number, Host: e.cfg.Realm}}
}

// onAck hands an ACK for a 2xx to who waits for it.
func (e *Exchange) onAck(req *sipmsg.Request, _ sipmsg.ServerTransaction) {
	if d, _ := e.find(req); d != nil {
		d.gotAck(req)
	}
}

func (d *dialog) gotAck(req *sipmsg.Request) {
	d.mu.Lock()
	ch := d.acks[req.CSeq().SeqNo]
	d.mu.Unlock()
	if ch == nil {
		return
	}
	select {
	case ch <- req.Body():
	default: // a repeated ACK
	}
}

// onBye ends a call.
func (e *Exchange) onBye(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	d, o := e.find(req)
	if d == nil {
		e.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "")
		return
	}
	e.trace("%s hangs up (BYE).", d.who)
	e.respond(tx, req, sipmsg.StatusOK, "")
	d.end()
	o.remoteBye(d)
}

// onReinvite carries an INVITE within a call (RFC 3261 §14.2).
func (e *Exchange) onReinvite(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	d, o := e.find(req)
	switch {
	case d == nil:
		e.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "")
		return
	case !d.inOrder(req.CSeq().SeqNo):
		e.respond(tx, req, sipmsg.StatusInternalServerError, "Request Out Of Order")
		return
	case !d.beginServing():
		res := e.response(req, sipmsg.StatusInternalServerError, "One Offer At A Time")
		res.AppendHeader(sipmsg.NewHeader("Retry-After", "3"))
		e.send(tx, res)
		return
	}
	defer d.endServing()
	e.respond(tx, req, sipmsg.StatusTrying, "")
	o.reinvite(d, req, tx)
}

// beginServing waits a moment for the end of the INVITE before: its ACK may
// have been overtaken, since messages are handled side by side.
func (d *dialog) beginServing() bool {
	deadline := time.Now().Add(ackGrace)
	for {
		d.mu.Lock()
		if !d.serving && len(d.acks) == 0 {
			d.serving = true
			d.mu.Unlock()
			return true
		}
		d.mu.Unlock()
		if !time.Now().Before(deadline) {
			return false
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-d.done:
			return false
		}
	}
}

func (d *dialog) endServing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serving = false
}

// onOther takes every other method.
func (e *Exchange) onOther(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	if !req.To().Params.Has("tag") {
		if req.Method == sipmsg.OPTIONS {
			e.respond(tx, req, sipmsg.StatusOK, "")
			return
		}
		e.respond(tx, req, sipmsg.StatusMethodNotAllowed, "")
		return
	}
	d, o := e.find(req)
	switch {
	case d == nil:
		e.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "")
	case !d.inOrder(req.CSeq().SeqNo):
		e.respond(tx, req, sipmsg.StatusInternalServerError, "Request Out Of Order")
	case !strings.Contains(allowed+", MESSAGE", string(req.Method)):
		e.respond(tx, req, sipmsg.StatusMethodNotAllowed, "")
	default:
		o.request(d, req, tx)
	}
}

// progress sends a provisional response in the early dialog d.
func (in *incoming) progress(d *dialog, code int, reason string, body []byte) {
	res := in.build(d, code, reason)
	setBody(res, sdpType, body)
	in.ex.send(in.tx, res)
}

// build is a response of the dialog d, with its tag and our Contact.
func (in *incoming) build(d *dialog, code int, reason string) *sipmsg.Response {
	return d.respondTo(in.req, code, reason)
}

func (d *dialog) respondTo(req *sipmsg.Request, code int, reason string) *sipmsg.Response {
	res := d.ex.response(req, code, reason)
	if to := res.To(); to != nil {
		to.Params.Remove("tag")
		to.Params.Add("tag", d.key.tag)
	}
	if code > 100 && code < 300 {
		res.AppendHeader(d.ex.contact(req.To().Address.User, d.transport))
	}
	return res
}

// accept sends the 200 and repeats it until its ACK comes, doubling from T1 to
// T2 for 64*T1 (RFC 3261 §13.3.1.4). It returns the body of the ACK, or an
// error when none came or the dialog ended meanwhile.
func (d *dialog) accept(req *sipmsg.Request, tx sipmsg.ServerTransaction, body []byte) ([]byte, error) {
	res := d.respondTo(req, sipmsg.StatusOK, "")
	setBody(res, sdpType, body)
	seq := req.CSeq().SeqNo
	ch := d.expectAck(seq)
	defer d.forgetAck(seq)
	if err := tx.Respond(res); err != nil {
		d.unconfirm()
		return nil, fmt.Errorf("the answer cannot be sent: %w", err)
	}
	wait, end := t1, time.NewTimer(giveUp)
	again := time.NewTimer(wait)
	defer end.Stop()
	defer again.Stop()
	for {
		select {
		case b := <-ch:
			return b, nil
		case ack := <-tx.Acks(): // an old client that keeps the branch
			return ack.Body(), nil
		case <-again.C:
			_ = tx.Respond(res)
			wait = min(2*wait, t2)
			again.Reset(wait)
		case <-end.C:
			return nil, fmt.Errorf("no ACK within %v", giveUp)
		case <-d.done:
			return nil, fmt.Errorf("the call has ended")
		case <-d.ex.ctx.Done():
			return nil, errClosed
		}
	}
}

func (d *dialog) expectAck(seq uint32) chan []byte {
	ch := make(chan []byte, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acks[seq] = ch
	d.confirmed = true
	return ch
}

// unconfirm takes back what expectAck promised: the 200 came after the CANCEL.
func (d *dialog) unconfirm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.confirmed = false
}

func (d *dialog) forgetAck(seq uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.acks, seq)
}
