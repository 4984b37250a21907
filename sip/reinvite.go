package sip

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// ReInvite changes the session (RFC 3261 §14.1) and returns the session
// description of the 2xx, which it has acknowledged. It needs an offer: ReInviteLate
// has the peer make one. While an offer of either side is open it returns
// *StatusError 491 with the random RetryAfter of §14.1, as it does when the peer
// answers so. 481, 408 and silence end the dialog; a connection that cannot be made
// does not. When ctx ends the re-INVITE is cancelled.
func (d *Dialog) ReInvite(ctx context.Context, offer OfferFunc) ([]byte, error) {
	if offer == nil {
		return nil, errors.New("ReInvite needs an offer; ReInviteLate asks the peer for one")
	}
	return d.reInvite(ctx, offer, nil)
}

// ReInviteLate sends a re-INVITE without a session description and acknowledges
// the 2xx with what answer makes of the peer's offer.
func (d *Dialog) ReInviteLate(ctx context.Context, answer func(offer []byte) ([]byte, error)) error {
	_, err := d.reInvite(ctx, nil, answer)
	return err
}

func (d *Dialog) reInvite(ctx context.Context, offer OfferFunc, late func([]byte) ([]byte, error)) ([]byte, error) {
	d.mu.Lock()
	switch {
	case d.state == ended:
		d.mu.Unlock()
		return nil, ErrClosed
	case d.state != confirmed:
		d.mu.Unlock()
		return nil, ErrNotConfirmed
	case d.offerOpenLocked():
		d.mu.Unlock()
		return nil, d.glare()
	}
	d.offering = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.offering = false
		d.mu.Unlock()
	}()
	res, err := d.sendReInvite(ctx, offer)
	if err != nil {
		if errors.Is(err, errSilence) {
			d.lost(err)
		}
		return nil, err
	}
	if !res.IsSuccess() {
		e := statusError(res)
		if e.Code == 491 {
			e.RetryAfter = d.glare().RetryAfter
		}
		d.gone(res)
		return nil, e
	}
	return d.ackReInvite(res, late)
}

func (d *Dialog) ackReInvite(res *sipmsg.Response, late func([]byte) ([]byte, error)) ([]byte, error) {
	d.refreshTarget(res.Contact())
	d.noteAllow(res)
	d.agreedTimer(res)
	var body []byte
	var answerErr error
	if late != nil {
		body, answerErr = late(res.Body())
	}
	if err := d.sendAck(res.CSeq().SeqNo, body); err != nil {
		return nil, err
	}
	if answerErr != nil {
		return nil, answerErr
	}
	return res.Body(), nil
}

// sendReInvite runs the INVITE transaction and answers challenges.
func (d *Dialog) sendReInvite(ctx context.Context, offer OfferFunc) (*sipmsg.Response, error) {
	try := d.auth.begin()
	cancel := make(chan struct{})
	release := context.AfterFunc(ctx, func() { close(cancel) })
	defer release()
	var failed []hop
	for raised := 0; ; {
		req, rt, err := d.newRequest(ctx, sipmsg.INVITE, 0, failed...)
		if err != nil {
			return nil, err
		}
		var body []byte
		if offer != nil {
			if body, err = offer(d.path(rt.transport)); err != nil {
				return nil, err
			}
		}
		req.AppendHeader(d.contactHeader())
		d.askTimer(req)
		d.ua.finishRequest(req, sdpType, body)
		try.sign(req)
		moved, changed, err := d.ua.fit(ctx, req, rt, d.account.Transport)
		if err != nil {
			return nil, err
		}
		if changed {
			d.ua.setVia(req, moved)
		}
		d.mu.Lock()
		d.authHeader = append(append([]sipmsg.Header{}, req.GetHeaders("Authorization")...), req.GetHeaders("Proxy-Authorization")...)
		d.mu.Unlock()
		seq := req.CSeq().SeqNo
		tx := &inviteTx{ua: d.ua, log: d.logger(), req: req, rt: moved, cancel: cancel, provisional: func(res *sipmsg.Response) { d.onReliable(res) },
			again: func(*sipmsg.Response) { d.repeatAck(seq) }}
		res, err := tx.run(ctx)
		if d.failover(ctx, rt, &failed, res, err) {
			continue
		}
		if err != nil {
			if errors.Is(err, errCancelled) && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, err
		}
		if try.answer(res) {
			continue
		}
		if res.StatusCode == 422 && raised < maxTimerRaises && d.raiseTimer(res) {
			raised++
			continue
		}
		return res, nil
	}
}

// glare is 491 with the wait of RFC 3261 §14.1: 2.1 to 4 s for the side that
// chose the Call-ID, else 0 to 2 s, in steps of 10 ms.
func (d *Dialog) glare() *StatusError {
	wait := time.Duration(rand.IntN(201)) * 10 * time.Millisecond
	if d.caller {
		wait = 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
	}
	return &StatusError{Code: 491, Reason: phrase(491), RetryAfter: wait}
}
