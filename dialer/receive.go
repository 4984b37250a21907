package dialer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// How an incoming call goes; nothing rings before all of the first line is
// passed.
//
//	INVITE -> Screen -> Busy, MaxCalls -> common codec -> 180, EventIncoming
//	Answer -> port, receiving -> 200 -> EventAnswered -> ACK
//	CANCEL -> EventEnded (Missed, AnsweredElsewhere)

// silentLimit is how long an invitation that is refused in silence is kept when
// its caller does not give up: RFC 3261 §16.6 has proxies wait for 3 minutes.
const silentLimit = 3 * time.Minute

// Receive takes an invitation: pass it to UserAgent.Serve. It screens the
// caller, refuses what cannot be taken (the Verdict's code, 486 busy, 488 no
// common codec, 400 broken SDP) and lets the rest ring. It does not wait for
// the answer.
func (d *Dialer) Receive(inv *sip.Invitation) {
	identity := inv.Caller()
	caller := Caller{Identity: identity, AccountID: inv.AccountID(), Number: identity.URI.User}
	var verdict Verdict
	if d.cfg.Screen != nil {
		verdict = d.cfg.Screen(caller)
	}
	c := newCall(d, "", Inbound, caller.AccountID, identity, "")
	c.invitation = inv
	inv.SetLogger(c.log)
	c.source, c.sink = d.withDefaults(nil, nil)
	if verdict.Block {
		c.mail.post(func() { c.block(verdict) })
		d.orReject(c, d.start(c))
		return
	}
	if inv.Replaced() != nil {
		d.replace(inv)
		return
	}
	if !d.takeTurn() {
		d.orReject(c, ErrClosed)
		return
	}
	defer d.giveTurn()
	err := c.unacceptable(caller.AccountID)
	if err == nil {
		c.mail.post(func() { c.arrive() })
		if err = d.admit(c); err == nil {
			return
		}
		c.mail.take() // not to arrive after all
	}
	if errors.Is(err, ErrClosed) {
		d.orReject(c, err)
		return
	}
	c.mail.post(func() { c.turnAway(err) })
	d.orReject(c, d.start(c))
}

// orReject refuses an invitation whose loop could not start: the dialer closes.
func (d *Dialer) orReject(c *Call, err error) {
	if err == nil {
		return
	}
	if err := c.invitation.Reject(480, phrase(480)); err != nil {
		c.log.Debug("invitation could not be refused", "error", err)
	}
}

// takeTurn lets one invitation be admitted at a time, so that Busy and MaxCalls
// see all that came before. False means that the dialer closes.
func (d *Dialer) takeTurn() bool {
	select {
	case d.turn <- struct{}{}:
		return true
	case <-d.closing:
		return false
	}
}

func (d *Dialer) giveTurn() { <-d.turn }

// unacceptable says why the call cannot be taken, nil when it can.
func (c *Call) unacceptable(accountID string) error {
	if busy := c.d.cfg.Busy; busy != nil && busy(accountID) {
		return ErrBusy
	}
	body := c.invitation.Offer()
	if len(body) == 0 {
		return nil // they want our offer
	}
	return c.leg.probe(c.invitation.Path(), body)
}

// block refuses a screened-out caller. Nothing rings and nothing is told but
// that it was blocked.
func (c *Call) block(v Verdict) {
	code := pick(v.Code < 300 || v.Code > 699, 603, v.Code)
	reason := phrase(code)
	c.reject = rejection{code: code, reason: reason, silent: v.Silent}
	if v.Silent {
		code, reason = 0, ""
	}
	ev := c.event(EventBlocked, code, reason)
	ev.Verdict = v
	c.d.cfg.Events(ev)
	c.blame(Blocked, Local, code, reason, ErrBlocked)
	c.step(InputRefuse)
}

// turnAway refuses a call that cannot be taken.
func (c *Call) turnAway(err error) {
	code, disposition := 400, MediaFailed
	switch {
	case errors.Is(err, ErrBusy):
		code, disposition = 486, Busy
	default:
		code = refusal(err, code)
	}
	c.reject = rejection{code: code, reason: phrase(code)}
	c.blame(disposition, Local, code, c.reject.reason, err)
	c.step(InputRefuse)
}

// arrive lets the call ring here.
func (c *Call) arrive() {
	c.end.rang = time.Now()
	inv := c.invitation
	c.d.helper(func() {
		select {
		case <-inv.Done():
			c.mail.post(c.withdrawn)
		case <-c.done:
		}
	})
	c.timers.ring.start(c.d.cfg.RingTimeout, c.mail, c.ringTimeout)
	c.update(func(i *Info) { i.Diverted, i.UserToUser = inv.Diversions(), inv.UserToUser() })
	c.step(InputArrive)
	c.autoAnswer()
}

// withdrawn takes the end of an invitation that was not answered: the caller's
// CANCEL with its reason (RFC 3326), or a transport that is gone.
func (c *Call) withdrawn() {
	if c.state != Incoming {
		return
	}
	cause := c.invitation.Cause()
	switch {
	case cause.AnsweredElsewhere:
		c.blame(AnsweredElsewhere, Remote, 200, cause.Reason, nil)
	default:
		// 487 is what the stack answered; a Reason may carry a Q.850 cause.
		c.blame(Missed, Remote, 487, cause.Reason, nil)
	}
	c.step(InputRemoteCancel)
}

// refuse sends the final response. A silent refusal keeps the invitation until
// its caller gives up.
func (c *Call) refuse() {
	inv, r := c.invitation, c.reject
	if r.silent {
		c.d.helper(func() { c.d.staySilent(inv) })
		return
	}
	err := error(nil)
	if r.target.Host != "" {
		err = inv.Redirect(r.target)
	} else {
		err = inv.Reject(r.code, r.reason)
	}
	if err != nil {
		c.log.Info("invitation could not be refused", "code", r.code, "error", err)
	}
}

func (d *Dialer) staySilent(inv *sip.Invitation) {
	limit := time.NewTimer(silentLimit)
	defer limit.Stop()
	select {
	case <-inv.Done():
		return
	case <-limit.C:
	case <-d.closing:
	}
	if err := inv.Reject(480, phrase(480)); err != nil {
		d.log.Debug("invitation could not be refused", "error", err)
	}
}

// AnswerOptions are the ends of an answered call's sound.
type AnswerOptions struct {
	Source  audio.Source  // what we send; nil: Config.NewSource's
	Sink    audio.Sink    // takes what arrives; nil: nothing does
	Monitor audio.Monitor // sees both sides; nil: nothing does
}

// Answer takes a call that rings here: it opens a port, starts receiving, sends
// the 200 and returns once that has left. It returns ErrState for a call that
// does not ring, ErrEnded when the caller gave up first, and ends the call when
// no sound can be had.
func (c *Call) Answer(ctx context.Context, o AnswerOptions) error {
	return c.ask(ctx, func(reply func(error)) { c.beginAnswer(o, reply) })
}

// beginAnswer answers once there is a port, and tells how that went unless the call is
// over.
func (c *Call) beginAnswer(o AnswerOptions, told func(error)) {
	if c.state != Incoming {
		told(c.stateError("answer"))
		return
	}
	path := c.invitation.Path()
	c.withPort(!c.leg.fits(path), path, func(ready *port) { told(c.answer(o, ready)) }, func() {})
}

func (c *Call) answer(o AnswerOptions, ready *port) error {
	if c.state != Incoming {
		return c.stateError("answer")
	}
	if o.Source != nil {
		c.source = o.Source
	}
	if o.Sink != nil {
		c.sink = o.Sink
	}
	if o.Monitor != nil {
		c.leg.setMonitor(o.Monitor)
	}
	c.route()
	body, err := c.prepare(ready)
	if err != nil {
		code := refusal(err, 500)
		c.reject = rejection{code: code, reason: phrase(code)}
		c.blame(MediaFailed, Local, code, c.reject.reason, err)
		c.step(InputMediaFailed)
		return err
	}
	dialog, err := c.invitation.Accept(body)
	if err != nil {
		return c.notAccepted(err)
	}
	c.adopt(dialog)
	c.step(InputAnswer)
	return nil
}

// prepare builds the body of the 200 and starts receiving: our answer, or our
// offer when they sent none.
func (c *Call) prepare(ready *port) ([]byte, error) {
	if err := c.leg.open(c.invitation.Path(), ready); err != nil {
		return nil, err
	}
	if err := c.leg.admit(c.invitation.Path(), false); err != nil {
		return nil, err
	}
	theirs := c.invitation.Offer()
	if len(theirs) == 0 {
		return c.offerLate()
	}
	body, params, err := c.leg.answer(theirs, offer.SendRecv)
	if err != nil {
		return nil, err
	}
	return body, c.leg.apply(params)
}

// notAccepted: the 200 could not be sent, as a rule because the CANCEL was
// faster.
func (c *Call) notAccepted(err error) error {
	select {
	case <-c.invitation.Done():
		c.withdrawn()
		return fmt.Errorf("%w: the caller gave up", ErrEnded)
	default:
	}
	c.blame(Failed, Network, 0, "the 200 could not be sent", err)
	c.step(InputRemoteCancel)
	return fmt.Errorf("dialer: answering: %w", err)
}

// onConfirmed takes the ACK of our 200. It brings the answer when the 200
// carried our offer.
func (c *Call) onConfirmed(ev sip.Confirmed) {
	if c.state != Established || c.offered == nil || c.invitation == nil || len(c.invitation.Offer()) > 0 {
		return
	}
	if c.takeAnswer(ev.Body) {
		c.noteRemoteHold()
	}
}
