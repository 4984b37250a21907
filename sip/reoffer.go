package sip

import (
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// remoteOffer is the peer's re-INVITE, or UPDATE with an offer, until we answer it.
type remoteOffer struct {
	d     *Dialog
	req   *sipmsg.Request
	tx    *sipmsg.ServerTx
	ans   *answer
	timer *time.Timer

	once sync.Once
}

// onReInvite takes an INVITE inside the dialog (RFC 3261 §14.2).
func (d *Dialog) onReInvite(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if d.ringsHere() { // RFC 3261 §14.2: the first INVITE has no final response yet
		d.ua.busy(tx, req)
		return
	}
	if !d.awaitConfirmed() {
		d.ua.respond(tx, req, 491, "")
		return
	}
	if d.ua.tooBrief(req, tx) {
		return
	}
	d.noteAllow(req)
	o := &remoteOffer{d: d, req: req, tx: tx, ans: newAnswer(tx, nil, req.CSeq().SeqNo)}
	o.ans.offers = len(req.Body()) == 0
	d.mu.Lock()
	switch {
	case d.state == ended:
		d.mu.Unlock()
		d.ua.respond(tx, req, 481, "")
		return
	case d.offered != nil:
		d.mu.Unlock()
		d.ua.busy(tx, req)
		return
	case d.offering:
		d.mu.Unlock()
		d.ua.respond(tx, req, 491, "")
		return
	}
	d.offered = o
	o.timer = time.AfterFunc(timer64, func() { _ = o.reject(500, "") })
	d.mu.Unlock()
	d.ua.respond(tx, req, 100, "")
	d.refreshTarget(req.Contact())
	if !tx.OnCancel(func(*sipmsg.Request) { o.abandonCancelled() }) {
		o.abandonCancelled()
		return
	}
	body := req.Body()
	if len(body) == 0 {
		body = nil
	}
	d.events.post(RemoteOffer{Body: body, Path: d.path(d.ua.peerOf(req).transport), Answer: o.answer, Reject: o.reject, Acked: o.ans.acked})
}

// ringsHere says whether the peer's INVITE has no final response yet.
func (d *Dialog) ringsHere() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.caller && d.state == early
}

// awaitConfirmed gives the ACK of our 200 time to arrive, since a re-INVITE right
// behind it may overtake it, and our own ACK time to leave. False means that the
// INVITE of the dialog is still open.
func (d *Dialog) awaitConfirmed() bool {
	t := time.NewTimer(t1)
	defer t.Stop()
	select {
	case <-d.acked:
	case <-d.over:
	case <-d.ua.closing:
	case <-t.C:
		if d.caller {
			return false
		}
		// It was answered, or there would be no re-INVITE: go on (and keep
		// repeating the 200 until the ACK does come).
	}
	return true
}

// release ends the offer's life; false when it is over already.
func (o *remoteOffer) release() bool {
	first := false
	o.once.Do(func() {
		first = true
		o.d.mu.Lock()
		o.timer.Stop()
		if o.d.offered == o {
			o.d.offered = nil
		}
		o.d.mu.Unlock()
	})
	return first
}

func (o *remoteOffer) answer(body []byte) error {
	if o.req.Method != sipmsg.INVITE {
		return o.answerUpdate(body)
	}
	d := o.d
	d.mu.Lock()
	if d.offered != o {
		d.mu.Unlock()
		return ErrClosed
	}
	d.answers[o.ans.seq] = o.ans // before the offer is released: between the two we may offer nothing
	d.mu.Unlock()
	if !o.release() {
		d.unanswer(o.ans)
		return ErrClosed
	}
	res := d.ua.newResponse(o.req, 200, "")
	res.AppendHeader(d.contactHeader())
	d.answerTimer(o.req, res)
	setSDP(res, body)
	o.ans.res = res
	if err := d.ua.respondInvite(o.tx, o.req, res); err != nil {
		d.unanswer(o.ans)
		o.ans.finish(nil, false)
		return err
	}
	if !d.ua.start(func() { d.expectAck(o.ans) }) {
		o.ans.finish(nil, false)
		return ErrClosed
	}
	return nil
}

// unanswer forgets a 2xx that was not sent.
func (d *Dialog) unanswer(a *answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answers[a.seq] == a {
		delete(d.answers, a.seq)
	}
}

func (o *remoteOffer) reject(code int, reason string) error {
	if code < 300 || code > 699 {
		code, reason = 488, ""
	}
	if !o.release() {
		return ErrClosed
	}
	o.ans.finish(nil, false)
	res := o.d.ua.newResponse(o.req, code, reason)
	if o.req.Method != sipmsg.INVITE {
		return o.tx.Respond(res)
	}
	return o.d.ua.respondInvite(o.tx, o.req, res)
}

// abandon answers 487 because the dialog has ended (RFC 3261 §15.1.2).
func (o *remoteOffer) abandon() {
	if o.release() {
		o.ans.finish(nil, false)
		o.d.ua.respond(o.tx, o.req, 487, "")
	}
}

// abandonCancelled forgets an offer whose INVITE was cancelled; sipgo sends
// the 487. It runs under the transaction's lock and so must not use it.
func (o *remoteOffer) abandonCancelled() {
	if o.release() {
		o.ans.finish(nil, false)
	}
}
