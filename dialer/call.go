package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/quality"
	"github.com/softphone-go/softphone/media/srtp"
	"github.com/softphone-go/softphone/sip"
)

// Info is how a call stands at one moment.
type Info struct {
	ID        string
	Direction Direction
	State     State
	AccountID string
	Remote    sip.Identity
	Context   string // DialRequest.Context

	Diverted   []sip.Diversion // incoming: who forwarded it here, the last one first
	UserToUser string          // incoming: what the caller passes on (RFC 7433)

	EarlyMedia bool // sound before the answer
	Held       bool // we hold them
	RemoteHeld bool // they hold us
	Muted      bool

	Codec      string     // encoding name of what we send; "" until agreed
	Encryption srtp.Suite // of the sound; 0: none, or not yet agreed

	Started  time.Time // when the Call came to be
	Answered time.Time // zero until then
}

// Call is one call, from dialling or arrival to its end. Its id stays the same
// whatever becomes of the dialogs under it. All methods are safe for any
// goroutine, but must not be waited for from within Config.Events.
type Call struct {
	d    *Dialer
	id   string
	mail *mailbox
	done chan struct{}
	log  *slog.Logger

	mu      sync.Mutex // guards what any goroutine may read
	info    Info
	outcome Outcome
	session *media.Session
	stats   media.Stats  // once session is gone
	playing audio.Finite // the source, where it ends

	// What follows belongs to the loop.
	state  State
	leg    *leg
	source audio.Source // what is sent while nobody holds
	sink   audio.Sink
	timers timers
	dialog *sip.Dialog // confirmed
	end    ending

	request  sip.InviteRequest
	client   *sip.ClientInvite
	early    earlyDialogs
	heard    *sip.Dialog     // the early dialog whose sound is heard
	progress sip.Provisional // what ActionReport tells of
	ringing  bool            // EventRinging was told
	offered  []byte          // our offer, in the INVITE or in our 200
	answered []byte          // their answer that is in force

	agreedEarly bool // our offer in a 180 has been answered in PRACK

	invitation *sip.Invitation
	reject     rejection

	transferring bool         // our REFER is under way
	gone         bool         // they have said goodbye meanwhile
	follow       *follow      // their REFER is being followed
	first        sip.Identity // the other party before the first other one

	negotiation negotiation
	proposals   []*proposal // wanted re-INVITEs, first come first served
	glaring     bool        // a re-INVITE waits for its time after 491
	infoDigits  digitQueue
}

// ending is what will be said of the call when it is over. What was blamed
// first stands: a BYE that crosses ours does not make them the one who ended.
type ending struct {
	settled     bool
	disposition Disposition
	by          Party
	code        int
	reason      string
	err         error

	sent     bool // the INVITE has left
	rang     time.Time
	answered time.Time
	stopped  time.Time // when the sound stopped
}

// rejection is the final response that ActionReject sends.
type rejection struct {
	code   int
	reason string
	silent bool
	target sip.URI // 302: whom the caller is sent to
}

func newCall(d *Dialer, id string, dir Direction, accountID string, remote sip.Identity, ref string) *Call {
	if id == "" {
		id = newID()
	}
	c := &Call{
		d:    d,
		id:   id,
		mail: newMailbox(),
		done: make(chan struct{}),
		log:  d.log.With("call", id),
		leg:  newLeg(&d.cfg, d.security(accountID)),
		info: Info{
			ID: id, Direction: dir, AccountID: accountID, Remote: remote,
			Context: ref, Started: time.Now(),
		},
	}
	c.leg.onDigit = func(digit dtmf.Digit) { c.mail.post(func() { c.heardDigit(digit.Rune) }) }
	c.leg.onSilence = func() { c.mail.post(c.soundGone) }
	c.leg.source = audio.Silence{}
	return c
}

// newID returns a time-ordered UUID (RFC 9562 §5.7).
func newID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system's randomness failed; a call still needs a name
		return uuid.New().String()
	}
	return id.String()
}

// ID returns the call's stable id.
func (c *Call) ID() string { return c.id }

// Direction says who called.
func (c *Call) Direction() Direction { return c.Info().Direction }

// Remote is the other party.
func (c *Call) Remote() sip.Identity { return c.Info().Remote }

// State returns where the call stands.
func (c *Call) State() State { return c.Info().State }

// Done is closed when the call has ended and its EventEnded has been told.
func (c *Call) Done() <-chan struct{} { return c.done }

// Info returns how the call stands.
func (c *Call) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.info
}

// Outcome returns how the call went: the zero Outcome until it has ended.
func (c *Call) Outcome() Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outcome
}

// Stats returns the media statistics, after the end those of the end.
func (c *Call) Stats() media.Stats {
	c.mu.Lock()
	session, stats := c.session, c.stats
	c.mu.Unlock()
	if session == nil {
		return stats
	}
	return session.Stats()
}

// Quality returns how the sound is, here and there: while the call is up that of
// the last 100 ms and the last report, after the end that of the end.
func (c *Call) Quality() quality.Call { return c.Stats().Quality }

// Hangup ends the call in whatever state it is: an outgoing call that is not
// answered is cancelled, one that rings here is declined, an answered one gets
// a BYE, an ended one stays as it is. It returns nil once that is under way;
// Done tells when the call has ended.
func (c *Call) Hangup(ctx context.Context) error {
	err := c.ask(ctx, func(reply func(error)) {
		c.hangup(c.d.cfg.DeclineCode)
		reply(nil)
	})
	if errors.Is(err, ErrEnded) {
		return nil
	}
	return err
}

// Reject declines a call that rings here with a SIP status code from 300 to
// 699; 0 means Config.DeclineCode. In other states it returns ErrState.
func (c *Call) Reject(ctx context.Context, code int) error {
	if code == 0 {
		code = c.d.cfg.DeclineCode
	}
	if code < 300 || code > 699 {
		return fmt.Errorf("dialer: %d cannot refuse a call; use a code from 300 to 699", code)
	}
	return c.ask(ctx, func(reply func(error)) {
		if c.state != Incoming {
			reply(c.stateError("reject"))
			return
		}
		c.hangup(code)
		reply(nil)
	})
}

// Mute turns our microphone off or on. The far side is not told (RFC 3264 has
// hold for that); it hears silence.
func (c *Call) Mute(on bool) error {
	return c.ask(context.Background(), func(reply func(error)) {
		if c.state == Ended { // nothing is told after the end
			reply(ErrEnded)
			return
		}
		if c.leg.muted != on {
			c.leg.setMuted(on)
			c.update(func(i *Info) { i.Muted = on })
			c.tell(pick(on, EventMuted, EventUnmuted), 0, "")
		}
		reply(nil)
	})
}

// SetSource changes what we send. Nil means Config.NewSource's.
func (c *Call) SetSource(s audio.Source) {
	if s == nil {
		s = c.d.cfg.NewSource()
	}
	c.mail.post(func() {
		c.source = s
		c.route()
	})
}

// SetSink changes what takes the sound that arrives. Nil means nothing does.
func (c *Call) SetSink(s audio.Sink) {
	if s == nil {
		s = audio.Discard{}
	}
	c.mail.post(func() {
		c.sink = s
		c.route()
	})
}

// SetMonitor shows both sides of the sound, as media.Session.SetMonitor does, from
// early media to the end and through every hold. Nil forgets it.
func (c *Call) SetMonitor(m audio.Monitor) { c.mail.post(func() { c.leg.setMonitor(m) }) }

// route gives the session its source. Nothing of the user's sound is used up
// before the answer or while we hold: nobody would hear it.
func (c *Call) route() {
	c.leg.setSink(c.sink)
	if c.state == Established && !c.info.Held {
		c.leg.setSource(c.source)
		finite, _ := c.source.(audio.Finite)
		c.mu.Lock()
		c.playing = finite
		c.mu.Unlock()
	} else {
		c.leg.setSource(audio.Silence{})
	}
}

// ask has the loop run f and waits for its reply, for the end of the call or
// for ctx. The loop goes on with f when ctx ends first.
func (c *Call) ask(ctx context.Context, f func(reply func(error))) error {
	answer, ran := make(chan error, 1), make(chan struct{})
	if !c.mail.post(func() { f(func(err error) { answer <- err }); close(ran) }) {
		return ErrEnded
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
	}
	<-ran    // it may have been f that ended the call, and is about to say so
	select { // the reply may have come together with the end
	case err := <-answer:
		return err
	default:
		return ErrEnded
	}
}

func (c *Call) stateError(what string) error {
	if c.state == Ended {
		return ErrEnded
	}
	return fmt.Errorf("%w: %s while %s", ErrState, what, c.state)
}

// update changes what other goroutines see.
func (c *Call) update(f func(*Info)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.info)
}

// codec names what we send, for Info.
func codec(p offer.Params) string { return p.Send.Name }

// suite is what protects it.
func suite(p offer.Params) srtp.Suite {
	if p.SendKey == nil {
		return 0
	}
	return p.SendKey.Suite()
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
