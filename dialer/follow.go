package dialer

import (
	"context"
	"time"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/sip"
)

// The other side hands us to somebody else (RFC 5589 §6 and §7, the transferee).
// The call keeps its id and its sound until the new party has answered, also
// when the old one leaves before:
//
//	REFER -> Config.Transfer? --no---> 603
//	         202, INVITE to the target, with their Replaces
//	180  ---> NOTIFY 180, EventTransferring
//	200  ---> ACK, the new dialog takes the old one's place, NOTIFY 200, EventReplaced
//	486  ---> NOTIFY 486, EventTransferFailed; the call goes on, or ends if they have left

// TransferRequest is the other side's wish that we call somebody else.
type TransferRequest struct {
	CallID    string
	AccountID string
	Remote    sip.Identity // who asks
	Target    sip.URI      // whom we are to call
	Attended  bool         // the target expects us: there is a call that we shall take over
}

// follow is the INVITE by which a call follows a REFER. The call's loop owns it.
type follow struct {
	c        *Call
	target   sip.URI
	referral *sip.Referral
	client   *sip.ClientInvite
	leg      *leg
	offered  []byte
	early    earlyDialogs
	left     bool // they have hung up meanwhile
	timer    alarm
}

// followTime is how long the new party may ring: less than the time that their
// subscription lasts, so that they are told.
const followTime = 150 * time.Second

// oldDialogTime is how long the old dialog waits for their BYE once the new one
// is up: who asked for the transfer ends the call with it (RFC 5589 §6).
const oldDialogTime = 3 * time.Second

// onRefer decides on a REFER.
func (c *Call) onRefer(ev sip.ReferReceived) {
	code := 603
	switch allow := c.d.cfg.Transfer; {
	case c.state != Established:
		code = 481
	case c.follow != nil || c.transferring:
		code = 491
	case allow != nil && allow(TransferRequest{
		CallID: c.id, AccountID: c.info.AccountID, Remote: c.info.Remote, Target: ev.Target, Attended: ev.Replaces != nil,
	}):
		c.startFollow(ev)
		return
	}
	c.log.Info("transfer refused", "code", code)
	if err := ev.Reject(code, ""); err != nil {
		c.log.Debug("REFER could not be refused", "error", err)
	}
}

func (c *Call) startFollow(ev sip.ReferReceived) {
	referral, err := ev.Accept()
	if err != nil {
		c.log.Info("REFER could not be accepted", "error", err)
		return
	}
	f := &follow{c: c, target: ev.Target, referral: referral, leg: c.newSibling(), early: make(earlyDialogs)}
	c.follow = f
	c.tellTransfer(EventTransferring, f.target, 100, "")
	req := sip.InviteRequest{Account: c.dialog.Account(), Target: ev.Target, Offer: f.buildOffer, Logger: c.log}
	if ev.Replaces != nil {
		req.Headers = append(req.Headers, sip.Header{Name: "Replaces", Value: ev.Replaces.String()})
	}
	if ev.ReferredBy != "" {
		req.Headers = append(req.Headers, sip.Header{Name: "Referred-By", Value: ev.ReferredBy})
	}
	limit := followTime
	if c.d.cfg.RingTimeout > 0 {
		limit = min(limit, c.d.cfg.RingTimeout)
	}
	f.timer.start(limit, c.mail, func() { f.fail(408, "nobody answered") })
	f.client = c.d.cfg.UA.Invite(context.Background(), req)
	responses := f.client.Responses()
	c.d.helper(func() {
		for r := range responses {
			if !c.mail.post(func() { f.onResponse(r) }) {
				c.d.tooLate(c.log, r)
			}
		}
	})
}

// newSibling is media beside the call's own, silent until it takes its place.
func (c *Call) newSibling() *leg {
	l := newLeg(&c.d.cfg, c.d.security(c.info.AccountID))
	l.onDigit, l.onSilence = c.leg.onDigit, c.leg.onSilence
	l.source, l.sink, l.muted = audio.Silence{}, audio.Discard{}, c.leg.muted
	return l
}

// buildOffer is the OfferFunc of the INVITE.
func (f *follow) buildOffer(path sip.Path) ([]byte, error) {
	ready := f.c.portFor(path, func() *leg { return f.leg })
	defer ready.release()
	var body []byte
	err := f.c.ask(context.Background(), func(reply func(error)) {
		if f.c.follow != f {
			reply(ErrEnded)
			return
		}
		err := f.leg.open(path, ready)
		if err == nil {
			err = f.leg.admit(path, true)
		}
		if err == nil {
			body, err = f.leg.offer(f.c.willing())
		}
		f.offered = body
		reply(err)
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

func (f *follow) onResponse(r sip.Response) {
	if f.c.follow != f {
		f.c.d.helper(func() { f.c.d.tooLate(f.c.log, r) })
		return
	}
	switch r := r.(type) {
	case sip.Sent:
		if err := f.leg.start(); err != nil {
			f.c.log.Warn("not listening yet", "error", err)
		}
	case sip.Provisional:
		if r.Dialog != nil && len(r.Body) > 0 && len(f.early) < maxEarlyDialogs {
			f.early[r.Dialog.ID()] = r.Body
		}
		f.referral.Notify(r.Code, r.Reason)
		f.c.tellTransfer(EventTransferring, f.target, r.Code, r.Reason)
	case sip.Final:
		f.onFinal(r)
	}
}

func (f *follow) onFinal(r sip.Final) {
	if r.Err != nil || r.Dialog == nil {
		_, _, code, reason := verdictOf(r.Err)
		f.fail(pick(code == 0, 503, code), reason)
		return
	}
	body := r.Body
	if len(body) == 0 {
		body = f.early[r.Dialog.ID()]
	}
	params, err := f.leg.accept(f.offered, body)
	if err == nil {
		err = f.leg.apply(params)
	}
	if err != nil {
		f.c.d.helper(func() { f.c.d.abandon(f.c.log, r.Dialog) })
		f.fail(488, "")
		return
	}
	f.arrive(r.Dialog)
}

// arrive puts the new party in the old one's place.
func (f *follow) arrive(dialog *sip.Dialog) {
	c := f.c
	if err := dialog.Ack(nil); err != nil {
		c.log.Info("ACK could not be sent", "error", err)
	}
	f.timer.stop()
	c.follow = nil
	f.referral.Notify(200, "")
	old := c.dialog
	c.swap(f.leg, dialog, sip.Identity{URI: f.target})
	c.d.helper(func() {
		wait := time.NewTimer(oldDialogTime)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-c.d.closing:
		}
		c.d.farewell(c.log, old, "")
	})
	c.tell(EventReplaced, 200, "")
}

// fail ends the attempt. Who has left in the meantime leaves us without a call.
func (f *follow) fail(code int, reason string) {
	c := f.c
	if c.follow != f {
		return
	}
	f.drop(code, reason)
	c.log.Info("transfer could not be followed", "code", code, "reason", reason)
	c.tellTransfer(EventTransferFailed, f.target, code, reason)
	if f.left {
		c.blame(Failed, Remote, code, reason, nil)
		c.step(InputRemoteEnded)
		return
	}
	c.watchSound()
}

// drop calls the attempt off and tells them so.
func (f *follow) drop(code int, reason string) {
	f.c.follow = nil
	f.timer.stop()
	f.referral.Notify(code, reason)
	f.client.Cancel("")
	f.leg.close()
}
