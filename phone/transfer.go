package phone

import (
	"context"
	"fmt"
	"strings"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/sip"
)

// Transfer hands the other side of a call to target, which is written as for
// Dial, and returns once target has taken the call: see dialer.Call.Transfer.
func (p *Phone) Transfer(ctx context.Context, c *dialer.Call, target string) error {
	acc, _ := p.account(c.Info().AccountID)
	uri, err := Target(target, acc.sip)
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return c.Transfer(ctx, uri)
}

// Lines returns the calls that are answered, oldest first.
func (p *Phone) Lines() []*dialer.Call { return p.dialer.Lines() }

// Switch makes c the line that is spoken on and holds the others: see
// dialer.Dialer.Switch.
func (p *Phone) Switch(ctx context.Context, c *dialer.Call) error { return p.dialer.Switch(ctx, c) }

// mayRedirect decides whether a call goes on to whom a 3xx names.
func (p *Phone) mayRedirect() func(string, sip.URI) bool {
	if !p.cfg.File.Phone.FollowRedirects {
		return nil
	}
	return func(string, sip.URI) bool { return true }
}

// autoAnswer grants the wish to be answered at once to the callers of auto_answer.
func (p *Phone) autoAnswer(id string, c dialer.Caller) (dialer.AnswerOptions, bool) {
	if c.Identity.Anonymous || c.Number == "" {
		return dialer.AnswerOptions{}, false
	}
	from := p.plan.Parse(c.Number)
	for _, allowed := range p.cfg.File.Phone.AutoAnswer {
		if n := p.plan.Parse(allowed); strings.EqualFold(allowed, c.Number) || !n.IsAnonymous() && n.String() == from.String() {
			return p.answerOptions(id), true
		}
	}
	return dialer.AnswerOptions{}, false
}

// mayTransfer decides on the other side's wish that we call somebody else.
func (p *Phone) mayTransfer(dialer.TransferRequest) bool { return p.cfg.File.Phone.AcceptTransfers }
