package dialer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/softphone-go/softphone/sip"
)

// hangup ends the call at the user's wish; code is what an invitation that
// rings here is refused with.
func (c *Call) hangup(code int) {
	switch c.state {
	case Outgoing:
		c.blame(Cancelled, Local, 487, phrase(487), nil)
	case Incoming:
		c.reject = rejection{code: code, reason: phrase(code)}
		c.blame(pick(code == 486 || code == 600, Busy, Declined), Local, code, phrase(code), nil)
	case Established:
		c.blame(Completed, Local, 200, "", nil)
	default:
		return
	}
	c.step(InputHangup)
}

// shutdown ends the call because the dialer closes: who rings here was not
// declined by anybody.
func (c *Call) shutdown() {
	if c.state == Incoming {
		c.blame(Missed, Local, 480, phrase(480), ErrClosed)
	}
	c.hangup(480)
}

// release stops the sound and gives the port back. It is idempotent.
func (c *Call) release() {
	if f := c.follow; f != nil {
		f.drop(487, phrase(487))
	}
	if c.end.stopped.IsZero() {
		c.end.stopped = time.Now()
	}
	had := c.leg.session != nil
	stats := c.leg.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
	if had {
		c.stats = stats
	}
}

// bye sends the BYE in a helper; the dialog answers challenges and waits for
// the ACK of our 200 by itself (RFC 3261 §15).
func (c *Call) bye() {
	dialog, reason := c.dialog, ""
	switch {
	case errors.Is(c.end.err, ErrMedia):
		reason = mediaTimeoutReason
	case c.end.err != nil:
		reason = c.end.reason
	}
	c.d.helper(func() {
		c.d.farewell(c.log, dialog, reason)
		c.mail.post(func() { c.step(InputReleased) })
	})
}

// byeLimit is more than a BYE can take: the wait for an ACK and then its own
// transaction, 64*T1 each (RFC 3261 §13.3.1.4 and §17.1.2.2).
const byeLimit = 66 * time.Second

// farewell ends a dialog that no call wants any more.
func (d *Dialer) farewell(log *slog.Logger, dialog *sip.Dialog, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), byeLimit)
	defer cancel()
	if err := dialog.Bye(ctx, reason); err != nil {
		log.Info("BYE was not answered well", "code", codeOf(err), "error", err)
	}
}

// abandon ends a dialog that came to be when its call was already over.
func (d *Dialer) abandon(log *slog.Logger, dialog *sip.Dialog) {
	if err := dialog.Ack(nil); err != nil {
		log.Info("ACK could not be sent", "error", err)
	}
	d.farewell(log, dialog, "")
}

// phrase is the reason phrase of the codes this package sends (RFC 3261 §21).
// For others the stack has one.
func phrase(code int) string {
	switch code {
	case 400:
		return "Bad Session Description"
	case 480:
		return "Temporarily Unavailable"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 491:
		return "Request Pending"
	case 500:
		return "Server Internal Error"
	case 600:
		return "Busy Everywhere"
	case 603:
		return "Decline"
	default:
		return ""
	}
}
