package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// ringRepeat is how often a provisional response is sent again, so that
// proxies do not give up (RFC 3261 §13.3.1.1).
const ringRepeat = time.Minute

// Invitation is an incoming call until it is answered, refused or cancelled.
// 100 has been sent already. All methods may be called from any goroutine.
type Invitation struct {
	ua      *UserAgent
	req     *sipmsg.Request
	tx      *sipmsg.ServerTx
	tag     string // ours
	key     string
	account Account
	reg     *Registration // nil without a registered account
	caller  Identity
	source  netip.AddrPort
	peer    hop
	sentBy  netip.AddrPort
	offer   []byte
	done    chan struct{}

	replaced *Dialog // that the caller wants to take the place of
	log      atomic.Pointer[slog.Logger]

	mu     sync.Mutex
	over   bool // answered, refused, cancelled
	cause  CancelCause
	ring   *ringing
	early  *Dialog // since the first provisional response
	rel    reliableState
	timers []*time.Timer
}

// CallID returns the Call-ID.
func (i *Invitation) CallID() string { return i.req.CallID().Value() }

// Caller is P-Asserted-Identity when the account's registrar sent the call
// (RFC 3325), else From.
func (i *Invitation) Caller() Identity { return i.caller }

// Callee is the Request-URI.
func (i *Invitation) Callee() URI { return fromUri(&i.req.Recipient) }

// AccountID tells which account is called; empty without accounts.
func (i *Invitation) AccountID() string {
	if i.reg == nil {
		return ""
	}
	return i.account.id()
}

// Header returns the values of a header field, in order.
func (i *Invitation) Header(name string) []string { return headerValues(i.req, name) }

// Offer is the session description; empty when the caller wants ours in the 200.
func (i *Invitation) Offer() []byte { return i.offer }

// Local is our address on the way to the caller, for session descriptions.
func (i *Invitation) Local() netip.Addr { return i.sentBy.Addr() }

// Path is the way that the INVITE took.
func (i *Invitation) Path() Path {
	return i.ua.pathTo(i.source.Addr(), i.Local(), i.peer.transport)
}

// Source is where the INVITE came from.
func (i *Invitation) Source() netip.AddrPort { return i.source }

// Done is closed when the invitation ended without a call (cancelled by the
// caller, expired, refused, connection lost), and, for one that was accepted,
// when its dialog ends.
func (i *Invitation) Done() <-chan struct{} { return i.done }

// Cause tells why; it is set before Done is closed.
func (i *Invitation) Cause() CancelCause {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cause
}

// after runs f later, unless the invitation is over by then.
func (i *Invitation) after(d time.Duration, f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.over {
		i.timers = append(i.timers, time.AfterFunc(d, f))
	}
}

// take makes the caller the one who ends the invitation.
func (i *Invitation) take() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return false
	}
	i.over = true
	for _, t := range i.timers {
		t.Stop()
	}
	return true
}

// Reject refuses the call with a 3xx to 6xx code; reason empty takes the
// standard phrase. It returns ErrClosed when the invitation is over already.
func (i *Invitation) Reject(code int, reason string) error {
	if code < 300 || code > 699 {
		return fmt.Errorf("a refusal has a code from 300 to 699, not %d", code)
	}
	if !i.take() {
		return ErrClosed
	}
	defer i.close(CancelCause{})
	return i.ua.respondInvite(i.tx, i.req, i.ua.newResponse(i.req, code, reason))
}

// Redirect sends the caller to target instead (302, RFC 3261 §8.3). It returns
// ErrClosed when the invitation is over already.
func (i *Invitation) Redirect(target URI) error {
	contact, err := toUri(target)
	if err != nil {
		return err
	}
	if !i.take() {
		return ErrClosed
	}
	defer i.close(CancelCause{})
	res := i.ua.newResponse(i.req, 302, "")
	res.AppendHeader(&sipmsg.ContactHeader{Address: contact})
	return i.ua.respondInvite(i.tx, i.req, res)
}

// Accept answers the call with 200 and body, an answer or, when Offer was
// empty, an offer. The 200 is repeated until the ACK comes, which the dialog
// reports as Confirmed; without one in 32 s the dialog ends with ErrNoAck.
// Accept does not wait. It returns ErrClosed when the caller was faster. After a
// reliable provisional response with a session description, the 200 has none,
// and leaves once that response has been acknowledged.
func (i *Invitation) Accept(body []byte) (*Dialog, error) {
	if !i.take() {
		return nil, ErrClosed
	}
	d := i.promote()
	agreed := d.promised()
	if agreed {
		body = nil
	}
	res := i.ua.newResponse(i.req, 200, "")
	res.AppendHeader(d.contactHeader())
	d.answerTimer(i.req, res)
	setSDP(res, body)
	a := newAnswer(i.tx, res, i.req.CSeq().SeqNo)
	a.offers = len(i.offer) == 0 && !agreed
	d.mu.Lock()
	d.answers[a.seq] = a
	d.onEnd = append(d.onEnd, func() { i.close(CancelCause{}) })
	d.mu.Unlock()
	i.ua.swapInvitation(i, d)
	if i.postpone(d, func() { i.answerNow(d, a) }) {
		return d, nil
	}
	if err := i.ua.respondInvite(i.tx, i.req, res); err != nil {
		d.mu.Lock()
		d.state = early // it never was answered: it ends without an event
		d.mu.Unlock()
		d.end(Ended{})
		if errors.Is(err, sipmsg.ErrTransactionCanceled) {
			return nil, ErrClosed
		}
		return nil, unreachable("answering "+i.source.String(), err)
	}
	if !i.ua.start(func() { d.expectAck(a) }) {
		d.end(Ended{Err: ErrClosed})
		return nil, ErrClosed
	}
	return d, nil
}

// answerNow sends the 200 that was kept back for a PRACK.
func (i *Invitation) answerNow(d *Dialog, a *answer) {
	if err := i.ua.respondInvite(i.tx, i.req, a.res); err != nil {
		d.end(Ended{Remote: errors.Is(err, sipmsg.ErrTransactionCanceled), Code: 487, Reason: phrase(487)})
		return
	}
	if !i.ua.start(func() { d.expectAck(a) }) {
		d.end(Ended{Err: ErrClosed})
	}
}

// promote makes the early dialog, if there is one, the call's.
func (i *Invitation) promote() *Dialog {
	i.mu.Lock()
	d := i.early
	i.mu.Unlock()
	if d == nil {
		return i.newDialog()
	}
	d.mu.Lock()
	d.state = answered
	d.mu.Unlock()
	return d
}

// promised says whether the session description has been given, or is on its
// way, in a reliable provisional response.
func (d *Dialog) promised() bool {
	i := d.invitation
	if i == nil {
		return false
	}
	i.mu.Lock()
	p := i.rel.unacked
	waits := p != nil && p.sdp
	i.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.agreed || waits
}

// newDialog makes the callee's dialog (RFC 3261 §12.1.1).
func (i *Invitation) newDialog() *Dialog {
	d := i.ua.newDialog()
	d.SetLogger(i.log.Load())
	d.state = answered
	d.callID, d.localTag, d.remoteTag = i.CallID(), i.tag, tagOf(i.req.From().Params)
	d.account = i.account
	if i.reg != nil {
		d.auth = i.reg.authenticator()
	}
	d.from, d.fromName = i.req.To().Address, i.req.To().DisplayName
	d.to, d.toName = i.req.From().Address, i.req.From().DisplayName
	d.remote = i.caller
	d.local = i.Local()
	d.peer = i.peer
	d.contact = i.contact()
	d.routes = routesOf(i.req)
	d.remoteSeq, d.haveRemote = i.req.CSeq().SeqNo, true
	d.inviteSeq = d.remoteSeq
	d.target = i.req.From().Address
	d.refreshTarget(i.req.Contact())
	d.noteAllow(i.req)
	return d
}

func (i *Invitation) contact() sipmsg.Uri {
	rt := &route{hop: i.peer, sentBy: i.sentBy}
	a := i.account
	if a.User == "" {
		a.User = fromUri(&i.req.Recipient).User
	}
	contact := i.ua.dialogContact(a, rt)
	if isSIPS(&i.req.Recipient) {
		contact = secured(contact)
	}
	return contact
}

// finish ends the invitation because of the caller or the network.
func (i *Invitation) finish(cause CancelCause) {
	i.mu.Lock()
	if i.cause == (CancelCause{}) {
		i.cause = cause // also when Accept is about to learn that it came too late
	}
	i.mu.Unlock()
	if i.take() {
		i.close(cause)
		return
	}
	i.calledOff()
}

// hangUp ends an invitation whose caller has sent BYE in the early dialog: the
// INVITE is answered 487 (RFC 3261 §15.1.2).
func (i *Invitation) hangUp(cause CancelCause) {
	if i.take() {
		i.ua.respond(i.tx, i.req, 487, "")
		i.close(cause)
	}
}

func (i *Invitation) close(cause CancelCause) {
	i.ua.mu.Lock()
	if i.ua.invitations[i.key] == i {
		delete(i.ua.invitations, i.key)
	}
	i.ua.mu.Unlock()
	i.mu.Lock()
	d, postponed := i.early, i.rel.answer != nil
	i.rel.answer = nil
	i.mu.Unlock()
	if postponed { // the dialog ended before the 200 could leave
		i.ua.respond(i.tx, i.req, 487, "")
	}
	if d != nil && d.ringsHere() {
		d.end(Ended{})
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.done:
	default:
		if cause != (CancelCause{}) {
			i.cause = cause
		}
		close(i.done)
	}
}

// swapInvitation puts the dialog in the invitation's place.
func (ua *UserAgent) swapInvitation(i *Invitation, d *Dialog) {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	delete(ua.invitations, i.key)
	delete(ua.early, d.key())
	ua.dialogs[d.key()] = d
}

// watch ends the invitation when the caller cancels, its INVITE expires, or
// the transaction dies.
func (i *Invitation) watch() {
	if !i.tx.OnCancel(func(req *sipmsg.Request) { i.finish(cancelCause(req)) }) {
		i.finish(CancelCause{})
		return
	}
	i.tx.OnTerminate(func(string, error) {
		i.mu.Lock()
		over := i.over
		i.mu.Unlock()
		if !over {
			i.finish(CancelCause{Reason: "connection lost"})
		}
	})
	if d, ok := seconds(headerValues(i.req, "Expires")); ok && d > 0 && d < 24*time.Hour {
		i.after(d, func() {
			if i.take() {
				_ = i.ua.respondInvite(i.tx, i.req, i.ua.newResponse(i.req, 487, ""))
				i.close(CancelCause{Code: 487, Reason: "INVITE expired"})
			}
		})
	}
}

func cancelCause(req *sipmsg.Request) CancelCause {
	code, text, protocol := reason(headerValues(req, "Reason"))
	c := CancelCause{Code: code, Reason: text}
	c.AnsweredElsewhere = protocol == "SIP" && code == 200 ||
		strings.Contains(strings.ToLower(text), "completed elsewhere")
	return c
}

// serve hands the invitation to the program.
func (ua *UserAgent) serve(i *Invitation, h func(*Invitation)) {
	if !ua.start(func() {
		defer ua.backlog.served(i.req)
		h(i)
	}) {
		_ = i.Reject(480, "")
	}
}

// respondInvite sends a response to an INVITE. sipgo keeps the last response
// handed to a transaction for retransmission even where its state forbids
// it, so after a CANCEL the 487 is put back.
func (ua *UserAgent) respondInvite(tx *sipmsg.ServerTx, req *sipmsg.Request, res *sipmsg.Response) error {
	if res.StatusCode > 100 {
		defer ua.backlog.served(req)
	}
	err := tx.Respond(res)
	if errors.Is(err, sipmsg.ErrTransactionCanceled) && res.StatusCode != 487 {
		_ = tx.Respond(ua.newResponse(req, 487, ""))
	}
	if err != nil && errors.Is(err, context.Canceled) {
		return ErrClosed
	}
	return err
}
