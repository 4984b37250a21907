package sip

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxExpires  = 24 * time.Hour
	minRefresh  = time.Second
	maxRefusals = 3 // refusals taken for passing trouble once the account had worked
)

// Registration keeps one account bound to our address (RFC 3261 §10.2). One
// goroutine does everything; all methods may be called from any goroutine.
//
//	Registering -200-> Registered -time-> (refresh) ...
//	     |  \-5xx, silence-> Retrying -back-off-> Registering
//	     \-403, wrong password-> Rejected -Update-> Registering
//	Close: Unregistering -> Unregistered
type Registration struct {
	ua       *UserAgent
	callback func(RegistrationState)
	callID   string
	tag      string
	closing  chan struct{}
	finished chan struct{}
	wake     chan struct{}

	mu       sync.Mutex
	account  Account
	auth     *authenticator
	updated  bool
	lost     bool // the connection to the registrar broke
	moved    bool // our address on the way to the registrar changed
	abort    context.CancelFunc
	closeCtx context.Context
	state    RegistrationState
	changed  chan struct{}            // replaced at every change of state
	servers  map[netip.Addr]time.Time // the registrar's addresses, and when it had them last
	public   netip.AddrPort           // our address as the registrar sees it; zero without NAT
	flow     hop                      // where the last successful REGISTER went
	local    netip.Addr               // our address on the way there
	services []sipmsg.Uri             // Service-Route of the registrar
	agreed   agreement                // about RFC 5626

	// The loop's own:
	seq      uint32
	refusals int
	worked   bool        // this account has been registered
	bound    *sipmsg.Uri // Contact the registrar holds
	boundAs  Account
	unsure   *sipmsg.Uri   // Contact in a REGISTER with credentials that was not answered
	minimum  time.Duration // Min-Expires seen
	plain    bool          // RFC 5626 is not offered: a proxy lacks it
	moves    int           // immediate re-registrations after our public address changed
	drops    int           // connections to the registrar that broke soon, in a row
	since    time.Time     // of the last successful REGISTER
	granted  time.Duration
}

// Register starts to register an account and keeps it registered until Close.
// f, which may be nil, is told every change of state from the registration's
// goroutine and must not block. The error reports an account that cannot work.
func (ua *UserAgent) Register(a Account, f func(RegistrationState)) (*Registration, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	r := &Registration{
		ua: ua, callback: f, callID: newCallID(), tag: newTag(), account: a, auth: newAuthenticator(a),
		closing: make(chan struct{}), finished: make(chan struct{}), wake: make(chan struct{}, 1),
		changed: make(chan struct{}), servers: make(map[netip.Addr]time.Time), seq: rand.Uint32N(1 << 14),
	}
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if ua.stopping {
		return nil, ErrClosed
	}
	ua.regs[r] = struct{}{}
	ua.wg.Go(r.run)
	return r, nil
}

// State returns the present state.
func (r *Registration) State() RegistrationState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Wait blocks until the account is registered (nil), refused for good (the
// error says why, *StatusError for a response), closed (ErrClosed), or ctx ends.
func (r *Registration) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		st, changed := r.state, r.changed
		r.mu.Unlock()
		switch st.Phase {
		case Registered:
			return nil
		case Rejected:
			return st.Err
		case Unregistering, Unregistered:
			return ErrClosed
		case Idle, Registering, Retrying: // undecided
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if st.Err != nil {
				return st.Err
			}
			return context.Cause(ctx)
		}
	}
}

// Update changes the account and registers anew at once; when user, domain,
// server or transport changed, the old binding is taken back first. An account
// that cannot work leaves the registration Rejected.
func (r *Registration) Update(a Account) {
	r.mu.Lock()
	r.account, r.auth, r.updated = a, newAuthenticator(a), true
	if r.state.Phase < Unregistering {
		r.state.Phase = Registering // so that Wait does not see the old account's outcome
	}
	if r.abort != nil {
		r.abort()
	}
	r.mu.Unlock()
	r.poke()
}

// Close takes the binding back (REGISTER with Expires 0) and waits for the
// answer or for ctx. It is idempotent.
func (r *Registration) Close(ctx context.Context) error {
	r.mu.Lock()
	select {
	case <-r.closing:
	default:
		r.closeCtx = ctx
		close(r.closing)
		if r.abort != nil {
			r.abort()
		}
	}
	r.mu.Unlock()
	select {
	case <-r.finished:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Registration) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// streamGone is told of every connection that ends; losing the registrar's means that
// calls cannot reach us. The result, unless it is nil, is closed once the account is
// registered anew.
func (r *Registration) streamGone(h hop) <-chan struct{} {
	r.mu.Lock()
	mine := r.flow == h && r.state.Phase == Registered
	if mine {
		r.lost = true
	}
	changed := r.changed
	r.mu.Unlock()
	if !mine {
		return nil
	}
	r.poke()
	return changed
}

func (r *Registration) current() Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.account
}

func (r *Registration) authenticator() *authenticator {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.auth
}

// serverLasts is how long an address stays the registrar's that the DNS names no more:
// one that is named in turn comes back, one that was given up may go to anybody.
const serverLasts = 48 * time.Hour

// trusts tells whether an address is one of the account's registrar.
func (r *Registration) trusts(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.servers[a.Unmap()]
	return ok
}

func (r *Registration) run() {
	defer close(r.finished)
	defer func() {
		r.ua.mu.Lock()
		delete(r.ua.regs, r)
		r.ua.mu.Unlock()
	}()
	for {
		wait := r.step()
		if !r.sleep(wait) {
			r.unregister()
			return
		}
	}
}

// sleep waits for the next try (negative: for Update only); false means Close.
func (r *Registration) sleep(wait time.Duration) bool {
	var due, reconnect <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		due = t.C
	}
	keep, stop := r.keepAlive()
	defer stop()
	for {
		r.mu.Lock()
		updated, lost := r.updated || r.moved, r.lost
		r.lost = false
		r.mu.Unlock()
		if updated {
			return !r.isClosing()
		}
		if lost {
			t := time.NewTimer(r.reconnectWait())
			defer t.Stop()
			reconnect = t.C
		}
		select {
		case <-r.closing:
			return false
		case <-due:
			return true
		case <-reconnect:
			return true
		case <-keep:
			r.ping()
		case <-r.wake:
		}
	}
}

// steady is how long a connection to the registrar lasts that was no failure.
const steady = 10 * time.Second

// reconnectWait is how long to wait before registering over a new connection:
// not at all, unless connections keep breaking right after the answer.
func (r *Registration) reconnectWait() time.Duration {
	if time.Since(r.since) >= steady {
		r.drops = 0
	}
	r.drops++
	if r.drops == 1 {
		return 0
	}
	return r.backOff(r.drops - 1)
}

func (r *Registration) isClosing() bool {
	select {
	case <-r.closing:
		return true
	default:
		return false
	}
}

// step does one registration and returns how long to wait before the next,
// negative for until Update.
func (r *Registration) step() time.Duration {
	if r.isClosing() {
		return -1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.mu.Lock()
	a, updated := r.account, r.updated
	r.updated, r.lost, r.moved = false, false, false
	r.abort = cancel
	r.mu.Unlock()
	if updated {
		r.changeOver(ctx, a)
	}
	if err := a.validate(); err != nil {
		r.set(RegistrationState{Phase: Rejected, Err: err})
		return -1
	}
	if st := r.State(); !updated && st.Phase != Registered {
		st.Phase, st.RetryIn = Registering, 0
		r.set(st)
	}
	res, err := r.exchange(ctx, a, r.wanted(a))
	if ctx.Err() != nil {
		return 0
	}
	return r.judge(a, res, err)
}

// changeOver takes an old binding back when the account became another.
func (r *Registration) changeOver(ctx context.Context, a Account) {
	r.refusals, r.worked, r.minimum, r.plain = 0, false, 0, false
	old := r.boundAs
	if r.bound != nil && (old.User != a.User || old.domain() != a.domain() || old.server() != a.server() || old.Proxy != a.Proxy || old.Transport != a.Transport || old.TLS != a.TLS) {
		bctx, cancel := context.WithTimeout(ctx, r.ua.cfg.CloseTimeout)
		_, _ = r.exchange(bctx, old, 0)
		cancel()
		r.bound = nil
		r.mu.Lock()
		r.servers, r.public = make(map[netip.Addr]time.Time), netip.AddrPort{}
		r.mu.Unlock()
	}
	st := r.State()
	st.Phase, st.Attempt = Registering, 0
	r.set(st)
}

func (r *Registration) wanted(a Account) time.Duration { return max(a.expires(), r.minimum) }

// set publishes a state.
func (r *Registration) set(st RegistrationState) {
	r.mu.Lock()
	r.state = st
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
	if st.Err != nil {
		r.ua.log.Info("sip: registration", "account", r.current().id(), "phase", st.Phase.String(), "err", st.Err, "retry_in", st.RetryIn)
	}
	if r.callback != nil {
		r.callback(st)
	}
}

// unregister takes the binding back before the registration ends.
func (r *Registration) unregister() {
	r.mu.Lock()
	ctx := r.closeCtx
	r.mu.Unlock()
	st := r.State()
	if r.bound == nil && r.unsure != nil {
		r.bound, r.boundAs = r.unsure, r.current()
	}
	if r.bound != nil {
		r.set(RegistrationState{Phase: Unregistering, Contact: st.Contact})
		cctx, cancel := context.WithTimeout(ctx, timer64)
		if _, err := r.exchange(cctx, r.boundAs, 0); err != nil {
			r.ua.log.Debug("sip: un-registration failed", "err", err)
		}
		cancel()
	}
	r.set(RegistrationState{Phase: Unregistered})
}
