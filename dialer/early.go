package dialer

import "github.com/softphone-go/softphone/sip"

// listenEarly lets the events of an early dialog in: an UPDATE of a callee whose
// reliable 183 has brought its answer (RFC 3311 §5.1).
func (c *Call) listenEarly(dialog *sip.Dialog) {
	dialog.Handle(func(ev sip.DialogEvent) {
		if o, ok := ev.(sip.RemoteOffer); ok {
			c.mail.post(func() { c.onEarlyOffer(dialog, o) })
		}
	})
}

// onEarlyOffer answers an offer before the call is. There is one sound, so that of
// a fork that is not heard has to wait.
func (c *Call) onEarlyOffer(dialog *sip.Dialog, o sip.RemoteOffer) {
	switch {
	case c.state == Established && c.dialog == dialog: // the 2xx came between
		c.onRemoteOffer(o)
	case c.state != Outgoing:
		c.refuseOffer(o, 481)
	case c.heard != dialog:
		c.refuseOffer(o, 500)
	case c.takeOrKeep(o) == nil:
		c.publish()
	}
}
