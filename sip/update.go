package sip

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// updateLimit is how long an UPDATE with an offer waits for its owner: less
// than the 32 s that its transaction lasts (RFC 3311 §5.2).
const updateLimit = 10 * time.Second

// Update changes the session within an early or a confirmed dialog (RFC 3311
// §5.1) and returns the session description of the 2xx. With a nil offer it
// changes no session, but refreshes our Contact and the session timer.
//
// While an offer of either side is open, and before the offer of the INVITE has
// had its answer, an offer gives *StatusError 491 with the RetryAfter of RFC
// 3261 §14.1, as it does when the peer answers so; a 500 that says when to try
// again carries RetryAfter too. 481, 408 and silence end a confirmed dialog.
// It blocks until the final response or ctx ends. Use re-INVITE where a person
// may have to agree: an UPDATE must be answered at once.
func (d *Dialog) Update(ctx context.Context, offer OfferFunc) ([]byte, error) {
	if err := d.beginUpdate(offer != nil); err != nil {
		return nil, err
	}
	if offer != nil {
		defer func() {
			d.mu.Lock()
			d.offering = false
			d.mu.Unlock()
		}()
	}
	for raised := 0; ; raised++ {
		res, err := d.request(ctx, sipmsg.UPDATE, func(req *sipmsg.Request, rt *route) error {
			var body []byte
			if offer != nil {
				var err error
				if body, err = offer(d.path(rt.transport)); err != nil {
					return err
				}
			}
			req.AppendHeader(d.contactHeader())
			d.askTimer(req)
			d.ua.finishRequest(req, sdpType, body)
			return nil
		})
		d.judge(res, err)
		if err != nil {
			return nil, err
		}
		d.noteAllow(res)
		switch {
		case res.IsSuccess():
			d.refreshTarget(res.Contact())
			d.agreedTimer(res)
			return res.Body(), nil
		case res.StatusCode == 422 && raised < maxTimerRaises && d.raiseTimer(res):
			continue
		}
		e := statusError(res)
		if e.Code == 491 {
			e.RetryAfter = d.glare().RetryAfter
		}
		return nil, e
	}
}

// beginUpdate takes the right to make an offer, or says why there is none.
func (d *Dialog) beginUpdate(offers bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == ended:
		return ErrClosed
	case !offers:
	case d.offerOpenLocked():
		return d.glare()
	default:
		d.offering = true
	}
	return nil
}

// offerOpenLocked says whether an offer waits for its answer (RFC 3264 §4).
func (d *Dialog) offerOpenLocked() bool {
	return d.offering || d.answering || d.offered != nil || d.state == early && !d.agreed || len(d.answers) > 0
}

// onUpdate answers an UPDATE (RFC 3311 §5.2).
func (d *Dialog) onUpdate(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if d.ua.tooBrief(req, tx) {
		return
	}
	d.noteAllow(req)
	if len(req.Body()) == 0 {
		d.refreshTarget(req.Contact())
		d.ua.send(tx, req, d.updated(req, nil))
		return
	}
	d.takeOffer(req, tx, req.Body())
}

// takeOffer hands an offer to the owner, when there may be one.
func (d *Dialog) takeOffer(req *sipmsg.Request, tx *sipmsg.ServerTx, body []byte) {
	o := &remoteOffer{d: d, req: req, tx: tx, ans: newAnswer(nil, nil, 0)}
	d.mu.Lock()
	switch {
	case d.state == ended:
		d.mu.Unlock()
		d.ua.respond(tx, req, 481, "")
		return
	case d.offered != nil || d.state == early && !d.agreed && !d.caller:
		d.mu.Unlock()
		d.ua.busy(tx, req)
		return
	case d.offering || d.state == early && !d.agreed || d.lateAnswerLocked():
		d.mu.Unlock()
		d.ua.respond(tx, req, 491, "")
		return
	}
	d.offered = o
	o.timer = time.AfterFunc(updateLimit, func() { _ = o.reject(504, "") })
	d.mu.Unlock()
	if req.Method == sipmsg.UPDATE {
		d.refreshTarget(req.Contact())
	}
	d.events.post(RemoteOffer{
		Body: body, Update: true, Path: d.path(d.ua.peerOf(req).transport),
		Answer: o.answer, Reject: o.reject, Acked: o.ans.acked,
	})
}

// lateAnswerLocked says whether an offer in a 2xx of ours waits for its ACK.
func (d *Dialog) lateAnswerLocked() bool {
	for _, a := range d.answers {
		if a.offers {
			return true
		}
	}
	return false
}

// updated is the 200 to an UPDATE.
func (d *Dialog) updated(req *sipmsg.Request, body []byte) *sipmsg.Response {
	res := d.ua.newResponse(req, 200, "")
	res.AppendHeader(d.contactHeader())
	d.answerTimer(req, res)
	setSDP(res, body)
	return res
}

// answerUpdate is RemoteOffer.Answer of an UPDATE or PRACK.
func (o *remoteOffer) answerUpdate(body []byte) error {
	if !o.release() {
		return ErrClosed
	}
	defer o.ans.finish(nil, false)
	if o.req.Method == sipmsg.UPDATE {
		return o.tx.Respond(o.d.updated(o.req, body))
	}
	res := o.d.ua.newResponse(o.req, 200, "")
	setSDP(res, body)
	return o.tx.Respond(res)
}

// busy answers 500 with a Retry-After of up to 10 s, which is what comes upon an
// open offer of theirs gets (RFC 3261 §14.2, RFC 3311 §5.2).
func (ua *UserAgent) busy(tx *sipmsg.ServerTx, req *sipmsg.Request) {
	res := ua.newResponse(req, 500, "")
	res.AppendHeader(sipmsg.NewHeader("Retry-After", strconv.Itoa(rand.IntN(11))))
	ua.send(tx, req, res)
}

// Allows says whether the peer has told that it knows a method (RFC 3261
// §20.5). One that has told nothing is taken to know none that may be missing.
func (d *Dialog) Allows(method string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return hasToken(d.allow, method)
}

// noteAllow keeps the Allow header of a message, if it has one.
func (d *Dialog) noteAllow(m interface {
	GetHeaders(string) []sipmsg.Header
}) {
	if allow := headerValues(m, "Allow"); len(allow) > 0 {
		d.mu.Lock()
		d.allow = allow
		d.mu.Unlock()
	}
}

// request sends a request other than INVITE within the dialog and answers
// challenges. fill runs once for each try.
func (d *Dialog) request(ctx context.Context, method sipmsg.RequestMethod, fill func(*sipmsg.Request, *route) error) (*sipmsg.Response, error) {
	try := d.auth.begin()
	var failed []hop
	for {
		req, rt, err := d.newRequest(ctx, method, 0, failed...)
		if err != nil {
			return nil, err
		}
		if err := fill(req, rt); err != nil {
			return nil, err
		}
		try.sign(req)
		moved, changed, err := d.ua.fit(ctx, req, rt, d.account.Transport)
		if err != nil {
			return nil, err
		}
		if changed {
			d.ua.setVia(req, moved)
		}
		res, err := d.ua.roundTrip(ctx, req, moved)
		if d.failover(ctx, rt, &failed, res, err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if try.answer(res) {
			continue
		}
		return res, nil
	}
}

// judge ends a confirmed dialog on a response that says it is gone, and on
// silence (RFC 3261 §12.2.1.2). An early one lives and dies with its INVITE.
//
// One whose 2xx from us has no ACK yet is left alone too: the peer may not have
// it, and so know nothing of the dialog. Without an ACK it ends soon enough.
func (d *Dialog) judge(res *sipmsg.Response, err error) {
	if d.awaitsAck() {
		return
	}
	switch {
	case err == nil:
		d.gone(res)
	case errors.Is(err, errSilence):
		d.lost(err)
	}
}

// awaitsAck says whether our 2xx made the dialog and was not acknowledged.
func (d *Dialog) awaitsAck() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.caller && d.state == answered
}

// lost ends a confirmed dialog whose peer does not answer. The BYE is for a peer
// that is back later, or for the proxies between (RFC 3261 §12.2.1.2).
func (d *Dialog) lost(cause error) {
	if !d.confirmable() {
		return
	}
	if d.end(Ended{Code: 408, Reason: phrase(408), Err: cause}) {
		d.ua.start(func() { _ = d.sendBye(context.Background(), "") })
	}
}

// gone ends a confirmed dialog when a response says that the peer has forgotten
// it, or that nobody could ask it.
func (d *Dialog) gone(res *sipmsg.Response) {
	switch {
	case res.StatusCode == 408:
		d.lost(statusError(res))
	case res.StatusCode == 481 && d.confirmable():
		e := statusError(res)
		d.end(Ended{Code: e.Code, Reason: e.Reason, Err: e})
	}
}
