package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// DialOptions are the free choices of a call.
type DialOptions struct {
	Account string // account id; empty: the first one
	Source  audio.Source
	Sink    audio.Sink
	Monitor audio.Monitor // sees both sides
	Context string        // comes back in every event of the call
	Headers []sip.Header
	// Anonymous and UserToUser are as in dialer.DialRequest.
	Anonymous  bool
	UserToUser string
}

// ErrNoAccount reports a call that no account can make.
var ErrNoAccount = errors.New("no account is given; give --server and --user, or a configuration file")

// Dial begins a call and returns once it exists; it never waits for SIP.
func (p *Phone) Dial(ctx context.Context, target string, o DialOptions) (*dialer.Call, error) {
	return p.dial(ctx, target, "", o)
}

func (p *Phone) dial(ctx context.Context, target, id string, o DialOptions) (*dialer.Call, error) {
	acc, ok := p.account(o.Account)
	if !ok {
		if o.Account != "" {
			return nil, fmt.Errorf("%w: %q", ErrAccount, o.Account)
		}
		return nil, ErrNoAccount
	}
	uri, err := Target(target, acc.sip)
	if err != nil {
		return nil, err
	}
	return p.dialer.Dial(ctx, dialer.DialRequest{
		ID: id, Account: acc.sip, Target: uri, Source: o.Source, Sink: o.Sink, Monitor: o.Monitor, Context: o.Context, Headers: o.Headers,
		Anonymous: o.Anonymous, UserToUser: o.UserToUser,
	})
}

// telephone is the Phone as its directive layer sees it: nothing blocks, and
// what becomes of a request is told by the call's events.
type telephone Phone

// Dial implements agent.Telephone with the first account in phone mode.
func (t *telephone) Dial(to agent.Callee, _ bool) (string, error) {
	p := (*Phone)(t)
	id, ok := p.phoneAccount()
	if !ok {
		return "", ErrNoAccount
	}
	if acc, _ := p.account(id); acc.reg != nil {
		if st := acc.reg.State(); st.Phase != sip.Registered {
			return "", fmt.Errorf("account %s is not registered (%s)", id, st.Phase)
		}
	}
	callID := uuid.Must(uuid.NewV7()).String()
	p.callees.Store(callID, to)
	call, err := p.dial(p.run, to.Number, callID, DialOptions{Account: id})
	if err != nil {
		p.callees.Delete(callID)
		return "", err
	}
	if p.cfg.Media != nil {
		source, sink := p.cfg.Media(call.ID())
		call.SetSource(source)
		call.SetSink(sink)
	}
	if p.cfg.Monitor != nil {
		call.SetMonitor(p.cfg.Monitor(call.ID()))
	}
	return call.ID(), nil
}

// Answer implements agent.Telephone.
func (t *telephone) Answer(id string, _ bool) error {
	p := (*Phone)(t)
	o := p.answerOptions(id)
	return p.request(id, "answer", func(c *dialer.Call) error { return c.Answer(p.run, o) })
}

// answerOptions are the ends of the sound of a call that rings here.
func (p *Phone) answerOptions(id string) dialer.AnswerOptions {
	var o dialer.AnswerOptions
	if p.cfg.Media != nil {
		o.Source, o.Sink = p.cfg.Media(id)
	}
	if p.cfg.Monitor != nil {
		o.Monitor = p.cfg.Monitor(id)
	}
	return o
}

// Hangup implements agent.Telephone.
func (t *telephone) Hangup(id string) error {
	p := (*Phone)(t)
	return p.request(id, "hang up", func(c *dialer.Call) error { return c.Hangup(p.run) })
}

// Busy implements agent.Telephone. Nobody refused the call: it was missed.
func (t *telephone) Busy(id string) error {
	p := (*Phone)(t)
	p.sentAway.Store(id, store.HistoryMissed)
	if _, live := p.dialer.Call(id); !live {
		p.sentAway.Delete(id)
	}
	return p.request(id, "send away", func(c *dialer.Call) error { return c.Reject(p.run, 486) })
}

// asked keeps the order of what is asked of calls.
type asked struct {
	mu   sync.Mutex
	last map[string]chan struct{} // by call; closed when the newest request is done
}

// next returns what to wait for before a request, and what to call after it.
func (a *asked) next(id string) (before <-chan struct{}, done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		a.last = map[string]chan struct{}{}
	}
	earlier, mine := a.last[id], make(chan struct{})
	if earlier == nil {
		earlier = make(chan struct{})
		close(earlier)
	}
	a.last[id] = mine
	return earlier, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.last[id] == mine {
			delete(a.last, id)
		}
		close(mine)
	}
}

// request runs f for the call in the background, after those of the same call
// before it: EndCall behind AcceptCall hangs up what was answered. Its failure
// is logged, its success shows in the call's events.
func (p *Phone) request(id, what string, f func(*dialer.Call) error) error {
	call, ok := p.dialer.Call(id)
	if !ok {
		return dialer.ErrEnded
	}
	before, done := p.asked.next(id)
	p.work.Go(func() {
		defer done()
		<-before
		if err := f(call); err != nil && !errors.Is(err, dialer.ErrEnded) {
			p.log.Warn("could not "+what, "call", id, "error", err)
		}
	})
	return nil
}

// phoneAccount is the account that directives call with.
func (p *Phone) phoneAccount() (string, bool) {
	p.accounts.mu.Lock()
	defer p.accounts.mu.Unlock()
	for _, id := range p.accounts.order {
		if p.accounts.byID[id].mode == config.ModePhone {
			return id, true
		}
	}
	return "", false
}

// phoneMode says whether the account's calls belong to the directive layer.
func (p *Phone) phoneMode(id string) bool {
	acc, ok := p.account(id)
	return id != "" && ok && acc.mode == config.ModePhone
}

// busy refuses a second call for accounts in phone mode (call waiting is off).
func (p *Phone) busy(accountID string) bool {
	if !p.phoneMode(accountID) {
		return false
	}
	for _, c := range p.dialer.Calls() {
		if p.phoneMode(c.Info().AccountID) {
			return true
		}
	}
	return false
}
