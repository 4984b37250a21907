package sip

import (
	"context"
	"errors"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Bye ends the dialog (RFC 3261 §15.1.1). It blocks until the final response
// or ctx ends; the BYE goes on in the background in the latter case. A 2xx we
// have not acknowledged yet is acknowledged first; a call we answered waits
// for the caller's ACK first (§15). It returns *StatusError for a non-2xx
// response other than 481 and 408, which mean that the call is over anyway.
// Later calls return nil. The Ended event comes when the BYE is sent.
func (d *Dialog) Bye(ctx context.Context, reason string) error {
	d.mu.Lock()
	switch {
	case d.state == early:
		d.mu.Unlock()
		return ErrNotConfirmed
	case d.state == ended || d.bye != nil:
		d.mu.Unlock()
		return nil
	}
	result := make(chan struct{})
	d.bye = result
	d.mu.Unlock()
	started := d.ua.start(func() {
		defer close(result)
		if err := d.waitAcked(); err == nil {
			err = d.terminate(context.Background(), reason, Ended{})
			d.mu.Lock()
			d.byeErr = err
			d.mu.Unlock()
		}
	})
	if !started {
		d.end(Ended{Err: ErrClosed})
		return ErrClosed
	}
	select {
	case <-result:
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.byeErr
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waitAcked returns once a BYE may be sent; an error means the dialog ended
// by itself meanwhile.
func (d *Dialog) waitAcked() error {
	if d.caller {
		d.mu.Lock()
		pending := d.state == answered
		d.mu.Unlock()
		if pending {
			if err := d.Ack(nil); err != nil {
				d.logger().Debug("sip: ACK before BYE failed", "err", err)
			}
		}
		return nil
	}
	select {
	case <-d.acked:
		return nil
	case <-d.over:
		return ErrClosed
	case <-d.ua.closing:
		return ErrClosed
	}
}

// terminate sends BYE. The session counts as over as soon as the BYE is on its
// way, whatever becomes of it (RFC 3261 §15.1.1).
func (d *Dialog) terminate(ctx context.Context, reason string, ev Ended) error {
	if ev.Reason == "" {
		ev.Reason = cleanPhrase(reason)
	}
	if !d.end(ev) {
		return nil
	}
	return d.sendBye(ctx, reason)
}

// sendBye sends the BYE of a dialog that has ended here.
func (d *Dialog) sendBye(ctx context.Context, reason string) error {
	try := d.auth.begin()
	var failed []hop
	for {
		req, rt, err := d.newRequest(ctx, sipmsg.BYE, 0, failed...)
		if err != nil {
			return err
		}
		if reason != "" {
			req.AppendHeader(sipmsg.NewHeader("Reason", reasonHeader(reason)))
		}
		d.ua.finishRequest(req, "", nil)
		try.sign(req)
		res, err := d.ua.roundTrip(ctx, req, rt)
		switch {
		case errors.Is(err, ErrClosed):
			return nil
		case d.failover(ctx, rt, &failed, res, err):
			continue
		case err != nil:
			return err
		case try.answer(res):
			continue
		case res.IsSuccess() || res.StatusCode == 481 || res.StatusCode == 408:
			return nil
		}
		return statusError(res)
	}
}

// onBye answers the peer's BYE (RFC 3261 §15.1.2). That of an early dialog ends
// the invitation, or this one fork of our INVITE.
func (d *Dialog) onBye(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	d.ua.respond(tx, req, 200, "")
	code, text, _ := reason(headerValues(req, "Reason"))
	if d.ringsHere() {
		d.invitation.hangUp(CancelCause{Code: code, Reason: text})
		return
	}
	d.end(Ended{Remote: true, Code: code, Reason: text})
}
