package dialer

import (
	"context"
	"fmt"

	"github.com/softphone-go/softphone/sip"
)

// Redirect sends the caller of a call that rings here to target instead (302, RFC
// 3261 §8.3); whether it goes there is the caller's affair. In other states it
// returns ErrState.
func (c *Call) Redirect(ctx context.Context, target sip.URI) error {
	if target.Host == "" {
		return fmt.Errorf("dialer: %q has no host to send the caller to; give a SIP URI such as sip:bob@example.org", target.User)
	}
	return c.ask(ctx, func(reply func(error)) {
		if c.state != Incoming {
			reply(c.stateError("redirect"))
			return
		}
		c.reject = rejection{code: 302, reason: "Moved Temporarily", target: target}
		c.blame(Declined, Local, 302, c.reject.reason, nil)
		c.step(InputHangup)
		reply(nil)
	})
}

// mayRedirect is what the INVITE asks of a 3xx; nil follows none.
func (c *Call) mayRedirect() func(sip.URI) bool {
	may, account := c.d.cfg.Redirect, c.info.AccountID
	if may == nil {
		return nil
	}
	return func(target sip.URI) bool { return may(account, target) }
}

// autoAnswer grants the caller's wish to be answered, where that is allowed and
// nobody else would be overheard.
func (c *Call) autoAnswer() {
	allow := c.d.cfg.AutoAnswer
	after, wanted := c.invitation.AutoAnswer()
	if !wanted || allow == nil || c.state != Incoming {
		return
	}
	c.timers.answer.start(max(after, 1), c.mail, func() {
		if c.state != Incoming || len(c.d.Lines()) > 0 {
			return
		}
		caller := Caller{Identity: c.info.Remote, AccountID: c.info.AccountID, Number: c.info.Remote.URI.User}
		options, ok := allow(c.id, caller)
		if !ok {
			return
		}
		c.beginAnswer(options, func(err error) {
			if err != nil {
				c.log.Info("call could not be answered by itself", "error", err)
			}
		})
	})
}
