package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/softphone-go/softphone/dialer"
)

// ErrClosed is returned by Handle after Close.
var ErrClosed = errors.New("the directive layer is closed")

// Config is what an Agent needs. Telephone and Emit are mandatory; without the
// others the phone does what it can.
type Config struct {
	Telephone Telephone
	// Emit takes every event in order. It is called from the agent's own
	// goroutine and must not block.
	Emit func(Event)

	Book    Book    // nil: there are no contacts
	History History // nil: no call is remembered
	Rules   Rules   // nil: no number can be blocked
	// WhoIs tells what is known of a number, or of the user part of who calls:
	// the name from the contacts, whether the number is a mobile one, and
	// whether its last incoming call was missed. The token is the agent's; so is
	// the name when WhoIs gives none. Nil: nothing is known.
	WhoIs func(number string) Party
	// Canonical gives two spellings of one number one form. Nil: numbers are
	// compared as they are written.
	Canonical func(number string) string

	Permission   Permission   // nil: every call is allowed
	Focus        Focus        // nil: nobody is told
	AudioRoute   AudioRoute   // nil: there is one route
	Display      Display      // nil: candidates count as shown until they are replaced or released
	Surroundings Surroundings // nil: PhoneCall is the whole context

	// SendNumbers puts the numbers of contacts and past calls into candidates.
	// Without it candidates have a token and a label, and MakeCall with the token
	// calls; only with intent BLOCK the numbers are there, since BlockNumber needs
	// one.
	SendNumbers bool
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
	Cause  error  // MakeCallFailed: why, since the interface knows two codes only; else nil
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

	mu    sync.Mutex // guards inbox only
	inbox []func()   // what happened beside the loop, in order
	wake  chan struct{}

	// Owned by the loop.
	state    State
	call     current
	template *Template // nil: none; replaced, never changed
	seen     recent
	tokens   *tokenTable
	focused  bool // the device was told that focus is held
	routed   bool // the loudspeaker was opened for this call
	writes   sync.WaitGroup
	written  chan struct{} // closed when the newest write is over
}

// current is the call that the PhoneCall state speaks of.
type current struct {
	id            string
	playServiceID string
	dialogRequest string // of the MakeCall that began it
	callType      CallType
	recipient     Person
	party         *Party
	cause         error // why it could not be made
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
		done: make(chan struct{}), wake: make(chan struct{}, 1), tokens: newTokenTable(), written: make(chan struct{}),
	}
	close(a.written)
	go a.run()
	return a, nil
}

// Close works off what was observed so far, waits for the write to disk that is
// under way (those behind it are refused with ErrClosed), ends the loop and
// waits for it. Calls are not touched. It is idempotent.
func (a *Agent) Close() error {
	a.closing.Do(func() { close(a.quit) })
	<-a.done
	return nil
}

// Handle takes one delivery: a directive bare, as {"directive": ...} or as
// {"directives": [...]}. It returns nil when all of them were accepted, else
// the refusals joined, each a *RefusedError; a refused directive does not stop
// its siblings. It never waits for SIP, but for the disk: BlockNumber and
// BlockIncomingCall are accepted when their rule is on it. When ctx ends first
// its error is returned; what was begun goes on, and the same messageId asks
// for the answer.
func (a *Agent) Handle(ctx context.Context, message []byte) error {
	return a.Submit(ctx, message)()
}

// Submit begins what Handle does and returns as soon as every directive of the
// delivery had its turn. The function it returns waits as Handle does and
// returns the same; call it once. Meanwhile further deliveries may be handed
// in, and none waits for the disk on behalf of another.
func (a *Agent) Submit(ctx context.Context, message []byte) (answer func() error) {
	var waits []func() error
	for i, d := range decode(message) {
		waits = append(waits, a.submit(ctx, d, i))
	}
	return func() error {
		var errs []error
		for _, wait := range waits {
			if err := wait(); err != nil {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
}

func (a *Agent) submit(ctx context.Context, d delivered, index int) (wait func() error) {
	if d.refused != nil {
		return func() error { return d.refused }
	}
	var got *answer
	if err := a.do(ctx, func() error { got = a.perform(ctx, d.directive); return nil }); err != nil {
		return func() error { return err }
	}
	return func() error {
		select {
		case <-got.settled:
			return got.to(d.directive, index)
		default:
		}
		select {
		case <-got.settled:
			return got.to(d.directive, index)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Observe takes a call's event from the dialer. It never blocks; events are
// worked off in order.
func (a *Agent) Observe(ev dialer.Event) { a.post(func() { a.observe(ev) }) }

// post has the loop run f, after what was posted before. It never blocks.
func (a *Agent) post(f func()) {
	a.mu.Lock()
	a.inbox = append(a.inbox, f)
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

// Context returns the context as JSON: {"PhoneCall": {...}}, see type Context.
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
			a.writes.Wait()
			a.drain()
			return
		}
	}
}

// drain works off what was posted so far.
func (a *Agent) drain() {
	for {
		a.mu.Lock()
		posted := a.inbox
		a.inbox = nil
		a.mu.Unlock()
		if len(posted) == 0 {
			return
		}
		for _, f := range posted {
			f()
		}
	}
}
