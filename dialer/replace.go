package dialer

import (
	"fmt"
	"time"

	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// Somebody takes the other side's place: an INVITE with Replaces (RFC 3891), the
// third party of an attended transfer, or a phone that picks up what another one
// has on the line.
//
//	INVITE, Replaces -> Screen -> the call that has this dialog -> 200
//	                                old dialog: BYE, or CANCEL while it rings there
//	                                EventReplaced; the call's id stays
//
// Nobody is asked: whoever answered the call has consented to it.

// replace finds the call that inv wants to enter.
func (d *Dialer) replace(inv *sip.Invitation) {
	old := inv.Replaced()
	d.mu.Lock()
	c := d.dialogs[old.ID()]
	d.mu.Unlock()
	if c == nil || !c.mail.post(func() { c.takeOver(inv) }) {
		d.refuseReplacing(inv, 481)
	}
}

func (d *Dialer) refuseReplacing(inv *sip.Invitation, code int) {
	if err := inv.Reject(code, phrase(code)); err != nil {
		d.log.Debug("invitation could not be refused", "error", err)
	}
}

// know notes whose dialog it is, so that a Replaces finds the call.
func (d *Dialer) know(dialog *sip.Dialog, c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls[c.id] == c {
		d.dialogs[dialog.ID()] = c
	}
}

// takeOver answers an INVITE that replaces the call's dialog.
func (c *Call) takeOver(inv *sip.Invitation) {
	c.withPort(c.has(inv.Replaced()), inv.Path(), func(ready *port) { c.replaceBy(inv, ready) },
		func() { c.d.refuseReplacing(inv, 481) })
}

// has says whether the dialog is the call's now.
func (c *Call) has(d *sip.Dialog) bool {
	return c.state == Established && c.dialog == d || c.state == Outgoing && c.early.has(d)
}

func (c *Call) replaceBy(inv *sip.Invitation, ready *port) {
	old := inv.Replaced()
	if !c.has(old) {
		c.d.refuseReplacing(inv, pick(c.state == Established, 486, 603))
		return
	}
	l := c.newSibling()
	dialog, err := c.acceptInto(l, inv, ready)
	if err != nil {
		l.close()
		c.log.Info("nobody could take the other side's place", "error", err)
		c.d.refuseReplacing(inv, refusal(err, 500))
		return
	}
	was := c.state
	if was == Outgoing {
		client := c.client
		c.client = nil // what it still brings came too late
		client.Cancel("")
	} else {
		c.d.helper(func() { c.d.farewell(c.log, old, "") })
	}
	if f := c.follow; f != nil {
		f.drop(487, "")
	}
	c.invitation = inv
	c.swap(l, dialog, inv.Caller())
	if was == Outgoing {
		c.early = nil
		c.step(InputReplaced)
	}
	c.tell(EventReplaced, 200, "")
}

// acceptInto opens l's media by inv's offer, or by ours, and sends the 200.
func (c *Call) acceptInto(l *leg, inv *sip.Invitation, ready *port) (*sip.Dialog, error) {
	if err := l.open(inv.Path(), ready); err != nil {
		return nil, err
	}
	if err := l.admit(inv.Path(), false); err != nil {
		return nil, err
	}
	var body []byte
	var err error
	if theirs := inv.Offer(); len(theirs) > 0 {
		var params offer.Params
		if body, params, err = l.answer(theirs, c.willing()); err == nil {
			err = l.apply(params)
		}
	} else if body, err = l.offer(c.willing()); err == nil {
		err = l.start()
	}
	if err != nil {
		return nil, err
	}
	dialog, err := inv.Accept(body)
	if err != nil {
		return nil, fmt.Errorf("dialer: answering: %w", err)
	}
	return dialog, nil
}

// swap puts another dialog and its media under the call. Hold and mute stay as
// the user has them; the sound goes on with the new party.
func (c *Call) swap(l *leg, dialog *sip.Dialog, remote sip.Identity) {
	old := c.leg
	monitor := old.monitor
	old.setMonitor(nil)
	old.close()
	c.leg = l
	l.setMonitor(monitor)
	l.setMuted(old.muted)
	c.negotiation, c.glaring, c.answered, c.offered = stable, false, nil, nil
	c.timers.glare.stop()
	if !l.applied { // our 200 carried the offer; the ACK brings the answer
		c.negotiation, _, _ = negotiate(stable, offerSent)
		c.offered = l.said
	}
	c.transferring, c.gone, c.end.stopped = false, false, time.Time{} // that was with the old one
	c.timers.outcome.stop()
	if c.first.URI.Host == "" {
		c.first = c.info.Remote
	}
	c.update(func(i *Info) { i.Remote = remote })
	c.adopt(dialog)
	if c.state != Established {
		return // what connects the call does the rest
	}
	c.route()
	c.publish()
	c.noteRemoteHold()
	c.watchSound()
}

// stray takes the events of a dialog whose place another one has taken.
func (c *Call) stray(ev sip.DialogEvent) {
	var err error
	switch ev := ev.(type) {
	case sip.RemoteOffer:
		err = ev.Reject(488, phrase(488))
	case sip.ReferReceived:
		err = ev.Reject(603, phrase(603))
	}
	if err != nil {
		c.log.Debug("request in a replaced dialog", "error", err)
	}
}
