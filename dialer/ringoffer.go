package dialer

import (
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// A call without an offer whose caller wants to be told reliably that it rings
// (RFC 3261 §13.2.1, RFC 3262 §5):
//
//	INVITE, no SDP        ->
//	                      <-  180 with our offer
//	PRACK with the answer ->
//	                      <-  200 (PRACK), and some time later 200 (INVITE), no SDP
//
// Nothing of the user's sound goes out before the call is answered, and nothing
// of the caller's is heard.

// ring is the 180 and the event.
func (c *Call) ring() {
	if inv := c.invitation; inv.OffersEarly() {
		c.withPort(!c.leg.fits(inv.Path()), inv.Path(), c.ringWithOffer, func() {})
	} else {
		c.sendRinging(nil)
	}
	c.tell(EventIncoming, 0, "")
}

// ringWithOffer rings unless the call is past that.
func (c *Call) ringWithOffer(ready *port) {
	if c.state != Incoming {
		return
	}
	body, err := c.prepare(ready)
	if err != nil { // the answer will find the same and refuse the call
		c.log.Warn("no offer could be made while it rings", "error", err)
	}
	c.leg.setSource(audio.Silence{})
	c.leg.setSink(audio.Discard{})
	c.sendRinging(body)
	if early := c.invitation.Early(); early != nil {
		early.Handle(func(ev sip.DialogEvent) { c.mail.post(func() { c.onRinging(early, ev) }) })
	}
}

func (c *Call) sendRinging(body []byte) {
	if err := c.invitation.Ring(180, body); err != nil {
		// The caller gave up meanwhile, which Done tells, or will ask again.
		c.log.Info("180 could not be sent", "error", err)
	}
}

// onRinging takes what happens in the early dialog of a call that rings here.
func (c *Call) onRinging(early *sip.Dialog, ev sip.DialogEvent) {
	if c.dialog == early { // it was answered meanwhile
		c.onDialog(ev)
		return
	}
	switch ev := ev.(type) {
	case sip.EarlyAnswer:
		c.onEarlyAnswer(ev)
	case sip.RemoteOffer:
		switch {
		case c.state != Incoming:
			c.refuseOffer(ev, 481)
		case c.takeOrKeep(ev) == nil:
			c.publish()
		}
	}
}

// onEarlyAnswer takes the answer that came in PRACK.
func (c *Call) onEarlyAnswer(ev sip.EarlyAnswer) {
	if c.state != Incoming && c.state != Established || c.offered == nil || c.invitation == nil {
		return
	}
	c.agreedEarly = true
	if c.takeAnswer(ev.Body) && c.state == Established {
		c.noteRemoteHold()
	}
}

// offerLate makes our offer for a call that has none, unless it has gone ahead of
// the 200: then it is the same, and nothing once it has been answered.
func (c *Call) offerLate() ([]byte, error) {
	if c.agreedEarly || c.offered != nil {
		return c.offered, nil
	}
	body, err := c.leg.offer(offer.SendRecv)
	if err == nil {
		c.offered = body
		c.negotiation, _, _ = negotiate(c.negotiation, offerSent)
	}
	return body, err
}

// takeAnswer puts the answer to an offer that we made as the callee into force.
// One that is of no use ends the call.
func (c *Call) takeAnswer(body []byte) bool {
	ours := c.offered
	c.offered = nil
	params, err := c.leg.accept(ours, body)
	if err == nil {
		err = c.leg.apply(params)
	}
	if err != nil {
		c.negotiation, _, _ = negotiate(c.negotiation, offerRefused)
		c.reject = rejection{code: 488, reason: phrase(488)}
		c.blame(MediaFailed, Local, 0, "the answer's SDP cannot be used", err)
		c.step(InputMediaFailed)
		return false
	}
	c.negotiation, _, _ = negotiate(c.negotiation, answerReceived)
	c.publish()
	return true
}
