package dialer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// Our own re-INVITEs: hold and resume (RFC 3264 §8.4). One at a time, and none
// while an offer of theirs is open; one that meets theirs (491) comes again
// after the wait of RFC 3261 §14.1. Whatever goes wrong, the sound goes on as
// it was.

// proposal is a re-INVITE that somebody waits for: a change of hold, or what
// stands, said again.
type proposal struct {
	hold  bool
	again bool // hold, or not, as it is (RFC 4028 §7.4)
	reply func(error)
	tries int // that ended in 491, or in 500 for now
}

// Hold tells the other side that we do not listen and stops our sound: sendonly,
// or inactive when they hold us too. It returns when they have agreed; when they
// refuse it returns their *sip.StatusError and the call goes on as it was. A
// ctx that ends first does not call it off.
func (c *Call) Hold(ctx context.Context) error { return c.wantHold(ctx, true) }

// Unhold undoes Hold, in the same manner.
func (c *Call) Unhold(ctx context.Context) error { return c.wantHold(ctx, false) }

func (c *Call) wantHold(ctx context.Context, hold bool) error {
	return c.ask(ctx, func(reply func(error)) {
		if c.state != Established {
			reply(c.stateError(pick(hold, "hold", "resume")))
			return
		}
		c.proposals = append(c.proposals, &proposal{hold: hold, reply: reply})
	})
}

// refreshSession says again what was agreed, for the session timer. One that
// cannot be sent now is asked for again.
func (c *Call) refreshSession() {
	if c.state != Established || len(c.proposals) > 0 { // whatever re-INVITE is on its way will do
		return
	}
	c.proposals = append(c.proposals, &proposal{again: true, reply: func(err error) {
		if err != nil {
			c.log.Info("the session could not be refreshed", "code", codeOf(err), "error", err)
		}
	}})
}

// pump starts the next re-INVITE when its time has come. The loop calls it after
// every message.
func (c *Call) pump() {
	for len(c.proposals) > 0 {
		p := c.proposals[0]
		if c.state != Established {
			c.settleProposal(p, c.stateError("changing hold"))
			continue
		}
		if c.glaring {
			return
		}
		if p.again {
			p.hold = c.info.Held
		} else if p.hold == c.info.Held && c.negotiation == stable {
			c.settleProposal(p, nil)
			continue
		}
		to, what, ok := negotiate(c.negotiation, offerSent)
		if !ok || what == wait {
			return
		}
		dir := c.wanted(p.hold)
		ours, err := c.leg.offer(dir)
		if err != nil {
			c.settleProposal(p, fmt.Errorf("dialer: offer: %w", err))
			continue
		}
		c.negotiation = to
		c.propose(p, ours, dir)
		return
	}
}

func (c *Call) settleProposal(p *proposal, err error) {
	c.proposals = c.proposals[1:]
	p.reply(err)
}

// wanted is the direction we offer: with their hold respected, for an offer of
// sendonly to who does not send would say nothing (RFC 3264 §8.4).
func (c *Call) wanted(hold bool) offer.Direction {
	switch {
	case hold && c.info.RemoteHeld:
		return offer.Inactive
	case hold:
		return offer.SendOnly
	default:
		return offer.SendRecv
	}
}

// propose sends the re-INVITE from a helper.
func (c *Call) propose(p *proposal, ours []byte, dir offer.Direction) {
	dialog, may := c.dialog, c.leg.mayOffer()
	c.whileUp(func(ctx context.Context) {
		theirs, err := dialog.ReInvite(ctx, func(path sip.Path) ([]byte, error) { return ours, may(path) })
		c.mail.post(func() {
			if c.dialog == dialog { // else pump proposes it in the new one
				c.onProposed(p, ours, dir, theirs, err)
			}
		})
	})
}

// onProposed takes what became of our re-INVITE.
func (c *Call) onProposed(p *proposal, ours []byte, dir offer.Direction, theirs []byte, err error) {
	if c.state != Established {
		return // pump replies to who waits
	}
	var params offer.Params
	if err == nil {
		params, err = c.leg.accept(ours, theirs)
	}
	if err == nil {
		err = c.leg.apply(params)
	}
	if err != nil {
		c.negotiation, _, _ = negotiate(c.negotiation, offerRefused)
		c.onRefusedProposal(p, err)
		return
	}
	c.negotiation, _, _ = negotiate(c.negotiation, answerReceived)
	c.publish()
	if c.info.Held != p.hold {
		c.update(func(i *Info) { i.Held = p.hold })
		c.route()
		c.tell(pick(p.hold, EventHeld, EventResumed), 200, "")
	}
	if dir.Sends() { // to an offer of nothing, the answer says nothing of their hold
		c.noteRemoteHold()
	}
	c.settleProposal(p, nil)
}

// onRefusedProposal leaves all as it was, or waits to try again after a glare.
func (c *Call) onRefusedProposal(p *proposal, err error) {
	if d, ok := c.mayRetry(err); ok && p.tries < glareRetries {
		p.tries++
		c.glaring = true
		c.timers.glare.start(max(d, 1), c.mail, func() { c.glaring = false })
		return
	}
	c.settleProposal(p, fmt.Errorf("dialer: %s: %w", pick(p.hold, "hold", "resume"), err))
}

// mayRetry says when a re-INVITE that was refused may be sent again: after a
// glare, and when a 500 gives a time, as it does where an offer of theirs was not
// through yet (RFC 3261 §14.2).
func (c *Call) mayRetry(err error) (time.Duration, bool) {
	var status *sip.StatusError
	if !errors.As(err, &status) {
		return 0, false
	}
	switch {
	case status.Code == 491:
		return glareWait(c.dialog.Caller(), rand.IntN), true
	case status.Code == 500 && status.RetryAfter > 0 && status.RetryAfter <= retryAfterLimit:
		return status.RetryAfter, true
	}
	return 0, false
}

// onRemoteOffer answers their re-INVITE.
func (c *Call) onRemoteOffer(o sip.RemoteOffer) {
	if c.state != Established {
		c.refuseOffer(o, 481) // the BYE is on its way
		return
	}
	to, what, ok := negotiate(c.negotiation, offerReceived)
	switch {
	case ok && what == glare:
		c.refuseOffer(o, 491)
		return
	case !ok || what == busy:
		c.refuseOffer(o, 500)
		return
	}
	c.negotiation = to
	if len(o.Body) == 0 {
		c.offerBack(o)
		return
	}
	if err := c.takeOrKeep(o); err != nil {
		c.negotiation, _, _ = negotiate(c.negotiation, offerRejected)
		return
	}
	c.negotiation, _, _ = negotiate(c.negotiation, answerSent)
	c.publish()
	c.noteRemoteHold()
}

// takeOrKeep answers an offer; one that cannot be taken leaves the sound as it was.
func (c *Call) takeOrKeep(o sip.RemoteOffer) error {
	before := c.leg.params
	err := c.takeOffer(o)
	if err == nil {
		return nil
	}
	c.log.Info("an offer could not be taken", "error", err)
	if c.leg.applied {
		if err := c.leg.apply(before); err != nil {
			c.log.Warn("media could not go back", "error", err)
		}
	}
	return err
}

// takeOffer answers an offer: receiving by the new description starts before
// the answer leaves.
func (c *Call) takeOffer(o sip.RemoteOffer) error {
	if err := c.leg.admit(o.Path, false); err != nil {
		c.refuseOffer(o, refusal(err, 500))
		return err
	}
	body, params, err := c.leg.answer(o.Body, c.willing())
	if err != nil {
		c.refuseOffer(o, refusal(err, 400))
		return err
	}
	if err := c.leg.apply(params); err != nil {
		c.refuseOffer(o, 500)
		return err
	}
	return o.Answer(body)
}

// willing is what we let happen whatever they offer.
func (c *Call) willing() offer.Direction {
	return pick(c.info.Held, offer.SendOnly, offer.SendRecv)
}

// offerBack answers a re-INVITE without SDP by our offer; their answer comes in
// the ACK (RFC 3261 §14.2).
func (c *Call) offerBack(o sip.RemoteOffer) {
	var ours []byte
	err := c.leg.admit(o.Path, false)
	if err == nil {
		ours, err = c.leg.offer(c.willing())
	}
	if err != nil {
		c.negotiation, _, _ = negotiate(c.negotiation, offerRejected)
		c.refuseOffer(o, refusal(err, 500))
		return
	}
	// Theirs was no offer after all: ours is, and it is open from here on.
	c.negotiation, _, _ = negotiate(stable, offerSent)
	if err := o.Answer(ours); err != nil {
		c.negotiation, _, _ = negotiate(c.negotiation, offerRefused)
		return
	}
	dialog := c.dialog
	c.d.helper(func() {
		var theirs []byte
		select {
		case theirs = <-o.Acked:
		case <-c.done:
		}
		c.mail.post(func() {
			if c.dialog == dialog {
				c.onOfferedBack(ours, theirs)
			}
		})
	})
}

// onOfferedBack takes the answer that came in the ACK.
func (c *Call) onOfferedBack(ours, theirs []byte) {
	if c.state != Established {
		return
	}
	params, err := c.leg.accept(ours, theirs)
	if err == nil {
		err = c.leg.apply(params)
	}
	if err != nil {
		c.log.Info("the ACK brought no usable answer", "error", err)
		c.negotiation, _, _ = negotiate(c.negotiation, offerRefused)
		return
	}
	c.negotiation, _, _ = negotiate(c.negotiation, answerReceived)
	c.publish()
	c.noteRemoteHold()
}

func (c *Call) refuseOffer(o sip.RemoteOffer, code int) {
	if err := o.Reject(code, phrase(code)); err != nil {
		c.log.Info("re-INVITE could not be refused", "code", code, "error", err)
	}
}

// noteRemoteHold tells when they hold us or let us go.
func (c *Call) noteRemoteHold() {
	held := c.leg.params.RemoteHold
	if c.info.RemoteHeld == held {
		return
	}
	c.update(func(i *Info) { i.RemoteHeld = held })
	c.tell(pick(held, EventRemoteHeld, EventRemoteResumed), 0, "")
}
