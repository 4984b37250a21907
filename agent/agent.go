package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/softphone-go/softphone/dialer"
)

// ErrClosed is returned by Handle after Close.
var ErrClosed = errors.New("the directive layer is closed")

// Telephone is what the agent asks of the calls below it. None of the methods
// may block: what becomes of a request is told by dialer events, handed back
// through Observe.
type Telephone interface {
	// Dial begins a call to a number, a user name or a SIP URI and returns the
	// call's id. An error means that no call came to be.
	Dial(target string, speaker bool) (callID string, err error)
	// Answer accepts the ringing call.
	Answer(callID string, speaker bool) error
	// Hangup cancels, rejects or ends the call, whatever its state.
	Hangup(callID string) error
	// Busy sends a ringing call away as busy.
	Busy(callID string) error
	// BlockCaller stores a rule for the ringing call's number, durably.
	BlockCaller(callID string) error
}

// Focus tells the device when the phone needs the loudspeaker and microphone
// for a call, and when it needs them no longer. It must not block.
type Focus func(held bool)

// Config is what an Agent needs. Telephone and Emit are mandatory.
type Config struct {
	Telephone Telephone

	// Emit takes every event in order. It is called from the agent's own
	// goroutine and must not block.
	Emit func(Event)

	// WhoIs tells what is known of a number, or of the user part of who calls:
	// the name from the contacts, whether the number is a mobile one, and
	// whether its last incoming call was missed. The token is the agent's; so is
	// the name when WhoIs gives none. Nil: nothing is known.
	WhoIs func(number string) Party

	// NumberBlockable reports whether another block rule may be stored. Nil: no.
	NumberBlockable func() bool

	// Permission refuses outgoing calls that the device does not allow. Nil: allowed.
	Permission func() error

	// Focus is told when audio focus is acquired and released. May be nil.
	Focus Focus

	// PlayServiceID stands in events of calls that no directive started.
	PlayServiceID string

	// Logger takes what happens, without whole numbers. Nil: nothing is logged.
	Logger *slog.Logger
}

// Event is one event of the interface, ready to be delivered.
type Event struct {
	Name   string // such as "CallArrived"
	CallID string // the dialer's call, empty where there is none
	JSON   []byte // {"context": ..., "event": ...}
}

// Agent runs the PhoneCall interface over a Telephone. All methods are safe
// for use by several goroutines.
type Agent struct {
	cfg  Config
	log  *slog.Logger
	in   chan func()
	done chan struct{} // closed when the loop has ended
	quit chan struct{} // closed by Close

	closing sync.Once

	mu      sync.Mutex // guards pending only
	pending []dialer.Event
	wake    chan struct{}

	// Owned by the loop.
	state  State
	call   current
	seen   recent
	tokens *tokenTable
}

// current is the call that the PhoneCall state speaks of.
type current struct {
	id            string
	playServiceID string
	dialogRequest string // of the MakeCall that began it
	callType      CallType
	recipient     Person
	party         *Party
}

// New returns a running Agent. Close ends it.
func New(cfg Config) (*Agent, error) {
	if cfg.Telephone == nil || cfg.Emit == nil {
		return nil, errors.New("agent: Config.Telephone and Config.Emit are mandatory")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Agent{
		cfg: cfg, log: cfg.Logger, in: make(chan func()), quit: make(chan struct{}),
		done: make(chan struct{}), wake: make(chan struct{}, 1), tokens: newTokenTable(),
	}
	go a.run()
	return a, nil
}

// Close works off what was observed so far, ends the loop and waits for it.
// Calls are not touched. It is idempotent.
func (a *Agent) Close() error {
	a.closing.Do(func() { close(a.quit) })
	<-a.done
	return nil
}

// Handle takes one delivery: a directive bare, as {"directive": ...} or as
// {"directives": [...]}. It returns nil when all of them were accepted, else
// the refusals joined, each a *RefusedError; a refused directive does not stop
// its siblings. It never waits for SIP.
func (a *Agent) Handle(ctx context.Context, message []byte) error {
	directives, errs := decode(message)
	for _, d := range directives {
		if err := a.do(ctx, func() error { return a.perform(d) }); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Observe takes a call's event from the dialer. It never blocks; events are
// worked off in order.
func (a *Agent) Observe(ev dialer.Event) {
	a.mu.Lock()
	a.pending = append(a.pending, ev)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// State returns the PhoneCall state, Idle after Close.
func (a *Agent) State() State {
	var s State
	_ = a.do(context.Background(), func() error { s = a.state; return nil })
	return s
}

// Context returns the context as JSON: {"PhoneCall": {...}}.
func (a *Agent) Context(ctx context.Context) ([]byte, error) {
	var out []byte
	err := a.do(ctx, func() (err error) { out, err = a.contextJSON(); return })
	return out, err
}

// do runs f on the loop and returns what it returned.
func (a *Agent) do(ctx context.Context, f func() error) error {
	reply := make(chan error, 1)
	select {
	case a.in <- func() { reply <- f() }:
		return <-reply
	case <-a.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Agent) run() {
	defer close(a.done)
	for {
		select {
		case f := <-a.in:
			a.drain()
			f()
		case <-a.wake:
			a.drain()
		case <-a.quit:
			a.drain()
			return
		}
	}
}

// drain works off the events observed so far.
func (a *Agent) drain() {
	for {
		a.mu.Lock()
		events := a.pending
		a.pending = nil
		a.mu.Unlock()
		if len(events) == 0 {
			return
		}
		for _, ev := range events {
			a.observe(ev)
		}
	}
}

// recent remembers the message ids of the last ten minutes, and of at least
// the last thousand directives.
type recent struct {
	at    map[string]time.Time
	order []string
}

const (
	rememberFor   = 10 * time.Minute
	rememberLeast = 1000
	rememberMost  = 100_000 // a flood must not grow the memory without end
)

// add reports whether id is new, and remembers it.
func (r *recent) add(id string, now time.Time) bool {
	if r.at == nil {
		r.at = make(map[string]time.Time)
	}
	for len(r.order) > rememberLeast &&
		(now.Sub(r.at[r.order[0]]) > rememberFor || len(r.order) >= rememberMost) {
		delete(r.at, r.order[0])
		r.order = r.order[1:]
	}
	if t, ok := r.at[id]; ok && (now.Sub(t) <= rememberFor || len(r.order) <= rememberLeast) {
		return false
	}
	if _, ok := r.at[id]; !ok {
		r.order = append(r.order, id)
	}
	r.at[id] = now
	return true
}

// tokenTable resolves the tokens given out with CallArrived to numbers.
type tokenTable struct {
	numbers map[string]string
	order   []string
}

const mostTokens = 1000

func newTokenTable() *tokenTable { return &tokenTable{numbers: make(map[string]string)} }

func (t *tokenTable) issue(number string) string {
	token := newID()
	if len(t.order) >= mostTokens {
		delete(t.numbers, t.order[0])
		t.order = t.order[1:]
	}
	t.numbers[token] = number
	t.order = append(t.order, token)
	return token
}

// newID returns a time-ordered unique id (UUID version 7, RFC 9562).
func newID() string { return uuid.Must(uuid.NewV7()).String() }
