package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// Caller is who calls, as screening sees it.
type Caller struct {
	Identity  sip.Identity
	AccountID string // the account that was called
	Number    string // the user part of Identity's URI, as it came
}

// Verdict is what screening decides about a caller. The zero value lets the
// call pass.
type Verdict struct {
	Block  bool
	Code   int    // SIP status code to refuse with; 300 to 699; otherwise 603
	Silent bool   // send no final response at all: the caller gives up by itself
	Rule   string // the rule that decided, for the log and the user
}

// Config is what a Dialer works with. UA, Ports and Pacer are needed, the rest
// has defaults. The caller owns UA, Ports and Pacer and closes them after the
// Dialer.
type Config struct {
	UA    *sip.UserAgent
	Ports *media.Ports
	Pacer *media.Pacer

	// Screen is asked before anything rings, whatever would answer the call.
	// Nil lets all pass. It runs in the goroutine of the invitation.
	Screen func(Caller) Verdict
	// Busy says whether the account takes no call now: 486. Nil means never.
	// It is asked for one invitation at a time and must not call Dial or
	// Receive; it may call Calls.
	Busy func(accountID string) bool
	// MaxCalls bounds the calls up at once, both directions; 0 is no bound.
	MaxCalls int

	Codecs           []offer.Codec // in order of preference; nil means PCMU, PCMA
	EventPayloadType uint8         // telephone-event in our offers; 0 means 101
	PTime            time.Duration // sound in one packet; 0 means 20 ms
	Jitter           jitter.Config // of every call's playout

	// Digits says how keys travel: by media.DigitsAuto as telephone events where
	// both know them, else as tones in the sound; by media.DigitsEvents as events,
	// else by INFO; by media.DigitsInband always as tones, by
	// media.DigitsInfo always by INFO, and events are neither offered nor taken.
	Digits media.DigitMode
	// DTX offers and takes comfort noise (RFC 3389). Where it is agreed on, silence
	// is not sent; where not, sound is sent all the time.
	DTX bool

	// RingTimeout ends an incoming call that nobody answers (480), and an
	// outgoing one that nobody answers (CANCEL). 0 means 3 minutes, negative
	// means never.
	RingTimeout time.Duration
	// MediaTimeout hangs up when an answered call that should hear something
	// hears nothing for so long, as media.SessionConfig.OnTimeout has it. On hold,
	// by whichever side, the time stands still, and begins anew after it. 0 or
	// less means never.
	MediaTimeout time.Duration
	// ExtendedReports says when RTCP XR (RFC 3611) is sent. Unless it is XROff,
	// our descriptions ask the other side for its own.
	ExtendedReports media.ExtendedReports
	// HangupTimeout bounds how long a call that was hung up waits before it
	// counts as ended: for the final response after its CANCEL, or for the ACK
	// without which a callee may not send BYE. The transactions go on without
	// it. 0 means 5 s.
	HangupTimeout time.Duration
	// DeclineCode is the response to a call that is hung up while it rings
	// here. 0 means 603.
	DeclineCode int

	// Security says how calls of an account protect their sound; the id is empty for
	// calls to nobody in particular. Nil: they do not. It is asked once for each call.
	Security func(accountID string) Security

	// AutoAnswer is asked when a caller wants to be answered at once (an intercom, a
	// door phone) and no other call is up: true answers the call with these ends of
	// its sound after the time the caller gave. It runs in the call's loop and must
	// not block. Nil: nobody's wish is granted, for it lets the caller listen in.
	AutoAnswer func(callID string, c Caller) (AnswerOptions, bool)
	// Redirect says whether an outgoing call goes on to whom a 3xx names. It must
	// not block. Nil: it ends with the 3xx.
	Redirect func(accountID string, target sip.URI) bool

	// Transfer says whether a call may follow the other side's wish to call
	// somebody else in its place (REFER). It runs in the call's loop and must not
	// block. Nil: no call does, for such a call is made at our cost.
	Transfer func(TransferRequest) bool

	// Events is told what happens, in order for each call, from the call's
	// loop: it must not block and must not wait for a method of that Call.
	Events func(Event)
	// MediaTap sees every RTP and RTCP packet; nil means no tap.
	MediaTap func(media.TapPacket)
	// NewSource makes what is sent when a call was given no Source. Nil means
	// silence.
	NewSource func() audio.Source
	Logger    *slog.Logger // nil means no log
}

// Dialer makes, takes and keeps calls, any number at once. All methods are safe
// for any goroutine.
type Dialer struct {
	cfg     Config
	log     *slog.Logger
	closing chan struct{}
	turn    chan struct{} // holds one token; taken while an invitation is admitted

	mu     sync.Mutex
	closed bool
	calls  map[string]*Call
	order  []string

	dialogs map[string]*Call // live calls by their dialogs, old ones too

	work sync.WaitGroup // loops and helpers
}

// New returns a Dialer. It starts no goroutine.
func New(cfg Config) (*Dialer, error) {
	switch {
	case cfg.UA == nil:
		return nil, errors.New("dialer: Config.UA is missing; give it the SIP user agent")
	case cfg.Ports == nil:
		return nil, errors.New("dialer: Config.Ports is missing; give it the RTP port range")
	case cfg.Pacer == nil:
		return nil, errors.New("dialer: Config.Pacer is missing; give it the media clock")
	case cfg.MaxCalls < 0:
		return nil, fmt.Errorf("dialer: Config.MaxCalls is %d; use 0 for no bound", cfg.MaxCalls)
	}
	if cfg.DeclineCode != 0 && (cfg.DeclineCode < 400 || cfg.DeclineCode > 699) {
		return nil, fmt.Errorf("dialer: Config.DeclineCode is %d; use a code from 400 to 699", cfg.DeclineCode)
	}
	if len(cfg.Codecs) == 0 {
		cfg.Codecs = []offer.Codec{offer.PCMU(), offer.PCMA()}
	}
	setDefault(&cfg.EventPayloadType, 101)
	if cfg.Digits == media.DigitsInband || cfg.Digits == media.DigitsInfo {
		cfg.EventPayloadType = 0
	}
	setDefault(&cfg.PTime, 20*time.Millisecond)
	setDefault(&cfg.RingTimeout, 3*time.Minute)
	setDefault(&cfg.HangupTimeout, 5*time.Second)
	setDefault(&cfg.DeclineCode, 603)
	if cfg.Events == nil {
		cfg.Events = func(Event) {}
	}
	if cfg.NewSource == nil {
		cfg.NewSource = func() audio.Source { return audio.Silence{} }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Dialer{
		cfg:     cfg,
		log:     cfg.Logger,
		closing: make(chan struct{}),
		turn:    make(chan struct{}, 1),
		calls:   make(map[string]*Call),
		dialogs: make(map[string]*Call),
	}, nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Call returns the live call of that id.
func (d *Dialer) Call(id string) (*Call, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.calls[id]
	return c, ok
}

// Calls returns the live calls, oldest first.
func (d *Dialer) Calls() []*Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls := make([]*Call, 0, len(d.order))
	for _, id := range d.order {
		calls = append(calls, d.calls[id])
	}
	return calls
}

// Close refuses new calls, ends those that are up and waits until all of them
// have ended and nothing of theirs is left, or until ctx ends; it then returns
// the error of ctx, and what is left goes on ending by itself. Later calls wait
// likewise.
func (d *Dialer) Close(ctx context.Context) error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.closing)
	}
	d.mu.Unlock()
	for _, c := range d.Calls() {
		c.mail.post(c.shutdown)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.work.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("dialer: closing: %d calls are still ending: %w", len(d.Calls()), ctx.Err())
	}
}

// admit makes c one of the live calls and starts its loop.
func (d *Dialer) admit(c *Call) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return ErrClosed
	case d.cfg.MaxCalls > 0 && len(d.calls) >= d.cfg.MaxCalls:
		return ErrBusy
	}
	d.calls[c.id] = c
	d.order = append(d.order, c.id)
	d.work.Add(1)
	go c.run()
	return nil
}

// start runs the loop of a call that is refused on arrival and never counts as
// one of the live calls.
func (d *Dialer) start(c *Call) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	d.work.Add(1)
	go c.run()
	return nil
}

// forget takes an ended call out of the live ones.
func (d *Dialer) forget(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls[c.id] != c {
		return
	}
	delete(d.calls, c.id)
	maps.DeleteFunc(d.dialogs, func(_ string, of *Call) bool { return of == c })
	for i, id := range d.order {
		if id == c.id {
			d.order = append(d.order[:i], d.order[i+1:]...)
			break
		}
	}
}

// helper runs f in a goroutine that Close waits for. It may be called only
// while something that Close waits for is still running.
func (d *Dialer) helper(f func()) {
	d.work.Add(1)
	go func() {
		defer d.work.Done()
		f()
	}()
}
