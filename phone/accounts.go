package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/sip"
)

// account is one account and, where it registers, its registration.
type account struct {
	sip      sip.Account
	mode     config.Mode
	security dialer.Security
	reg      *sip.Registration
	box      *sip.Subscription   // to its mailbox; nil: it did not ask for one
	messages *sip.MessageSummary // the last one told; nil: none yet
}

// accounts is the set of accounts; it changes while calls are up.
type accounts struct {
	mu     sync.Mutex // guards data only
	byID   map[string]*account
	order  []string
	closed bool
}

// AccountState is an account as it stands.
type AccountState struct {
	ID           string
	Mode         config.Mode
	Account      sip.Account
	Registration sip.RegistrationState
	// Messages is what waits in the mailbox; nil while nothing was told of it.
	Messages *sip.MessageSummary
}

// ErrAccount reports an account id that is taken or unknown.
var ErrAccount = errors.New("no such account")

// SIPAccount translates an account of the file.
func SIPAccount(a config.Account) (sip.Account, error) {
	transport, err := sip.ParseTransport(a.Transport)
	if err != nil {
		return sip.Account{}, err
	}
	secure, err := tlsOf(a.TLS)
	if err != nil {
		return sip.Account{}, fmt.Errorf("account %s: %w", a.Name(), err)
	}
	return sip.Account{
		ID: a.Name(), User: a.User, Domain: a.Domain, DisplayName: a.DisplayName, AuthUser: a.AuthUser,
		Password: a.Password, Server: a.Server, Transport: transport, TLS: secure, WebSocketPath: a.WSPath, Proxy: a.Proxy,
		Expires: time.Duration(a.Expires), Aliases: a.Aliases,
	}, nil
}

// AddAccount adds an account and starts registering it; calls can be made with
// it at once. It does not wait: see WaitRegistered.
func (p *Phone) AddAccount(a config.Account) error { return p.addAccount(a, true) }

// AddUnregistered adds an account that makes calls without registering.
func (p *Phone) AddUnregistered(a config.Account) error { return p.addAccount(a, false) }

func (p *Phone) addAccount(a config.Account, register bool) error {
	s, err := p.sipAccount(a)
	if err != nil {
		return err
	}
	security, err := securityOf(a.Security.Over(p.cfg.File.Media.Security))
	if err != nil {
		return err
	}
	if a.Mode == "" {
		a.Mode = config.ModePhone
	}
	acc := &account{sip: s, mode: a.Mode, security: security}
	p.accounts.mu.Lock()
	defer p.accounts.mu.Unlock()
	if p.accounts.closed {
		return sip.ErrClosed
	}
	if _, ok := p.accounts.byID[s.ID]; ok {
		return fmt.Errorf("account %q is there already; remove or update it", s.ID)
	}
	if register {
		// The callback comes from the registration's own goroutine, never from
		// within Register, so holding the lock here is safe.
		if acc.reg, err = p.ua.Register(s, func(st sip.RegistrationState) { p.registration(s.ID, st) }); err != nil {
			return err
		}
		if a.MessageWaiting {
			if acc.box, err = p.ua.SubscribeMessages(s); err != nil {
				return err
			}
		}
	}
	if p.accounts.byID == nil {
		p.accounts.byID = make(map[string]*account)
	}
	p.accounts.byID[s.ID] = acc
	p.accounts.order = append(p.accounts.order, s.ID)
	return nil
}

// UpdateAccount changes an account in place, its password for example, and
// registers it anew. Live calls stay.
func (p *Phone) UpdateAccount(a config.Account) error {
	s, err := p.sipAccount(a)
	if err != nil {
		return err
	}
	security, err := securityOf(a.Security.Over(p.cfg.File.Media.Security))
	if err != nil {
		return err
	}
	p.accounts.mu.Lock()
	acc, ok := p.accounts.byID[s.ID]
	var reg *sip.Registration
	var box *sip.Subscription
	if ok {
		box, acc.box = acc.box, nil
		acc.sip, acc.security, reg = s, security, acc.reg
		if a.Mode != "" {
			acc.mode = a.Mode
		}
	}
	p.accounts.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: %q", ErrAccount, s.ID)
	}
	if reg != nil {
		reg.Update(s)
	}
	return p.newBox(s, box, reg != nil && a.MessageWaiting)
}

// newBox puts a subscription to the changed account's mailbox in the old one's
// place, which goes in the background.
func (p *Phone) newBox(s sip.Account, old *sip.Subscription, wanted bool) error {
	if old != nil {
		p.work.Go(func() { _ = old.Close(p.run) })
	}
	if !wanted {
		return nil
	}
	box, err := p.ua.SubscribeMessages(s)
	if err != nil {
		return err
	}
	p.accounts.mu.Lock()
	acc, ok := p.accounts.byID[s.ID]
	if ok {
		acc.box, box = box, acc.box
	}
	p.accounts.mu.Unlock()
	if box != nil { // the account is gone, or was changed by another one meanwhile
		p.work.Go(func() { _ = box.Close(p.run) })
	}
	return nil
}

// RemoveAccount takes the registration back and forgets the account. Live
// calls stay.
func (p *Phone) RemoveAccount(ctx context.Context, id string) error {
	p.accounts.mu.Lock()
	acc, ok := p.accounts.byID[id]
	if ok {
		delete(p.accounts.byID, id)
		for i, o := range p.accounts.order {
			if o == id {
				p.accounts.order = append(p.accounts.order[:i], p.accounts.order[i+1:]...)
				break
			}
		}
	}
	p.accounts.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: %q", ErrAccount, id)
	}
	if acc.reg == nil {
		return nil
	}
	var unsubscribed error
	if acc.box != nil {
		unsubscribed = acc.box.Close(ctx)
	}
	err := errors.Join(unsubscribed, acc.reg.Close(ctx))
	if p.cfg.Metrics != nil {
		p.cfg.Metrics.Forget(id)
	}
	return err
}

// Accounts returns the accounts in the order they were added.
func (p *Phone) Accounts() []AccountState {
	p.accounts.mu.Lock()
	defer p.accounts.mu.Unlock()
	out := make([]AccountState, 0, len(p.accounts.order))
	for _, id := range p.accounts.order {
		acc := p.accounts.byID[id]
		st := AccountState{ID: id, Mode: acc.mode, Account: acc.sip, Messages: acc.messages}
		if acc.reg != nil {
			st.Registration = acc.reg.State()
		}
		out = append(out, st)
	}
	return out
}

// WaitRegistered waits until the account is registered. It returns an error
// when the registrar refuses it for good, or when ctx ends: then the error
// says why it is not registered yet.
func (p *Phone) WaitRegistered(ctx context.Context, id string) error {
	acc, ok := p.account(id)
	if !ok || acc.reg == nil {
		return fmt.Errorf("%w: %q", ErrAccount, id)
	}
	err := acc.reg.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		if st := acc.reg.State(); st.Err != nil {
			return fmt.Errorf("not registered within the time given: %w", st.Err)
		}
	}
	return err
}

// account returns the account of that id, or the first one when id is empty.
func (p *Phone) account(id string) (account, bool) {
	p.accounts.mu.Lock()
	defer p.accounts.mu.Unlock()
	if id == "" && len(p.accounts.order) > 0 {
		id = p.accounts.order[0]
	}
	acc, ok := p.accounts.byID[id]
	if !ok {
		return account{}, false
	}
	return *acc, true
}

func (a *accounts) closeAll(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	var regs []interface{ Close(context.Context) error }
	for _, acc := range a.byID {
		if acc.box != nil {
			regs = append(regs, acc.box)
		}
		if acc.reg != nil {
			regs = append(regs, acc.reg)
		}
	}
	a.mu.Unlock()
	errs := make([]error, len(regs))
	var wg sync.WaitGroup
	for i, r := range regs {
		wg.Go(func() { errs[i] = r.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Target reads what a person or a directive gives to call: a SIP or tel URI,
// user@host, an extension, a number in any spelling, or a user name. What has
// no host is called at the account's server.
func Target(s string, a sip.Account) (sip.URI, error) {
	s = strings.TrimSpace(s)
	switch lower := strings.ToLower(s); {
	case s == "":
		return sip.URI{}, errors.New("the number to call is empty; give an extension, a number or a SIP URI")
	case strings.HasPrefix(lower, "sip:"), strings.HasPrefix(lower, "sips:"):
		return sip.ParseURI(s)
	case strings.HasPrefix(lower, "tel:"):
		u, err := sip.ParseURI(s)
		if err != nil {
			return sip.URI{}, err
		}
		s = u.User
	case strings.Contains(s, "@"):
		return sip.ParseURI("sip:" + s)
	}
	if a.Server == "" && a.Domain == "" {
		return sip.URI{}, fmt.Errorf("%q has no host; give a whole SIP URI such as sip:%s@pbx.example.com, or an account with --server", s, s)
	}
	user := s
	if dialable := strings.Map(dropSeparator, s); isNumber(dialable) {
		user = dialable
	}
	if strings.ContainsAny(user, " \t\r\n<>\"") {
		return sip.URI{}, fmt.Errorf("%q is not a number, a user name or a SIP URI", s)
	}
	u := sip.URI{Scheme: "sip", User: user, Host: a.Domain}
	if u.Host == "" {
		parsed, err := sip.ParseURI("sip:" + bracketed(a.Server))
		if err != nil {
			return sip.URI{}, err
		}
		u.Host, u.Port = parsed.Host, parsed.Port
	}
	return u, nil
}

func bracketed(server string) string {
	if strings.Count(server, ":") > 1 && !strings.HasPrefix(server, "[") {
		return "[" + server + "]"
	}
	if host, port, err := net.SplitHostPort(server); err == nil {
		return net.JoinHostPort(host, port)
	}
	return server
}

// dropSeparator drops the visual separators of RFC 3966 §5.1.1 and spaces.
func dropSeparator(r rune) rune {
	if strings.ContainsRune(" -.()", r) {
		return -1
	}
	return r
}

func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789*#") == ""
}
