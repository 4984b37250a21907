package phone

import (
	"context"
	"sync"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/store"
)

// coming are the block rules on their way to the disk. They hold as those do
// that are there: a call that comes behind a BlockNumber does not ring, however
// long the disk takes.
type coming struct {
	list *blocklist.List // in memory

	mu    sync.Mutex // guards waits, and both of a rule and its count
	waits map[int64]int
}

func newComing(plan *number.Plan) (*coming, error) {
	list, err := blocklist.New(plan, blocklist.Options{Limit: -1})
	return &coming{list: list, waits: map[int64]int{}}, err
}

// add lets a rule hold until over is called, once. The same rule may be there
// several times.
func (c *coming) add(t blocklist.Type, pattern, by string) (over func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rule, err := c.list.Add(context.Background(), t, pattern, by)
	if err != nil {
		return nil, err
	}
	c.waits[rule.ID]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.waits[rule.ID]--; c.waits[rule.ID] == 0 {
			delete(c.waits, rule.ID)
			_ = c.list.Remove(context.Background(), rule.ID) // in memory, and there
		}
	}, nil
}

// hold makes a rule that holds from now on, and returns what keeps it. When that
// fails the rule holds no longer. may is asked first; it returns why the rule is
// not to be kept after all.
func (p *Phone) hold(t blocklist.Type, pattern, by string, may func() error) (keep func(context.Context) error, err error) {
	over, err := p.coming.add(t, pattern, by)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		defer over()
		err := may()
		if err == nil {
			_, err = p.rules.Add(ctx, t, pattern, by)
		}
		return err
	}, nil
}

// Check implements agent.Rules.
func (r *rules) Check(t agent.BlockType, number string) error {
	kind, err := blocklist.ParseType(string(t))
	if err == nil {
		_, err = blocklist.Canonical(r.plan, kind, number)
	}
	return err
}

// Block implements agent.Rules.
func (r *rules) Block(t agent.BlockType, number string) func(context.Context) error {
	kind, err := blocklist.ParseType(string(t))
	if err != nil {
		return func(context.Context) error { return err }
	}
	keep, err := (*Phone)(r).hold(kind, number, "BlockNumber", func() error {
		if !r.rules.Blockable() { // a rule before it was the last one
			return agent.ErrRulesFull
		}
		return nil
	})
	if err != nil {
		return func(context.Context) error { return err }
	}
	return keep
}

// Blocked implements agent.Rules.
func (r *rules) Blocked(num string) bool {
	n := r.plan.Parse(num)
	if _, blocked := r.rules.Match(n); blocked {
		return true
	}
	_, blocked := r.coming.list.Match(n)
	return blocked
}

// Blockable implements agent.Rules.
func (r *rules) Blockable() bool { return r.rules.Blockable() }

// BlockCaller implements agent.Telephone: EXACT for the ringing number. A caller
// without a number is only rejected.
func (t *telephone) BlockCaller(id string) (keep func(context.Context) error, err error) {
	p := (*Phone)(t)
	call, ok := p.dialer.Call(id)
	if !ok {
		return nil, dialer.ErrEnded
	}
	remote := call.Remote()
	if p.caller(remote).String() == "" {
		return nil, nil // no number to block
	}
	if keep, err = p.hold(blocklist.Exact, remote.URI.User, "BlockIncomingCall", func() error { return nil }); err != nil {
		return nil, err
	}
	p.sentAway.Store(id, store.HistoryBlocked)
	if _, live := p.dialer.Call(id); !live {
		p.sentAway.Delete(id)
	}
	return keep, nil
}
