package phone

import (
	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/sip"
)

// caller is the number that rules, history and CallArrived all use; empty for
// who withheld it. Callers without a number are not one caller.
func (p *Phone) caller(id sip.Identity) number.Number {
	if n := p.plan.Parse(id.URI.User); !id.Anonymous && !n.IsAnonymous() {
		return n
	}
	return number.Number{}
}

// screen applies the block rules. The dialer asks it before anything rings,
// however the call would be answered.
func (p *Phone) screen(c dialer.Caller) dialer.Verdict {
	n := p.plan.Parse(c.Number)
	rule, blocked := p.rules.Check(n, c.Identity.Anonymous)
	if !blocked {
		rule, blocked = p.coming.list.Match(n)
	}
	if !blocked {
		return dialer.Verdict{}
	}
	v := dialer.Verdict{Block: true, Code: 603, Rule: rule.Explain()}
	switch p.cfg.File.Block.Reject {
	case "486":
		v.Code = 486
	case "silent":
		v.Code, v.Silent = 0, true
	}
	p.log.Info("blocked before ringing", "rule", rule.Explain())
	return v
}

// whoIs tells the directive layer what is known of a number.
func (p *Phone) whoIs(num string) agent.Party {
	n := p.plan.Parse(num)
	missed, err := p.store.IsRecentMissed(p.run, n.String())
	if err != nil && p.run.Err() == nil {
		p.log.Warn("history could not be read", "error", err)
	}
	party := agent.Party{IsMobile: agent.Bool(n.IsMobile()), IsRecentMissed: agent.Bool(missed)}
	if found := p.contacts.ByNumber(n); len(found) > 0 {
		party.Name = found[0].Contact.Name
	}
	return party
}
