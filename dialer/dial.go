package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// How an outgoing call goes; the offer is built for each address the INVITE
// may leave from, and one answer, of whichever fork, is in force at a time.
//
//	Dial -> INVITE ---------------------------> EventDialing
//	        180 <------------------------------ EventRinging
//	        183 + SDP <--- apply -------------- EventEarlyMedia
//	        200 + SDP <--- apply, ACK --------- EventAnswered

// DialRequest is a call to make.
type DialRequest struct {
	ID      string // of the call, for who wants to know it before its events; empty: a new one
	Account sip.Account
	Target  sip.URI
	Source  audio.Source  // what we send once they answer; nil: Config.NewSource's
	Sink    audio.Sink    // takes what arrives, early media too; nil: nothing does
	Monitor audio.Monitor // sees both sides, early media too; nil: nothing does
	Context string        // comes back in every Event of the call
	Headers []sip.Header  // more header fields for the INVITE
	// CallerNumber is the number to show instead of the account's user, where
	// the registrar allows it.
	CallerNumber string
	// Anonymous asks not to be named to the other side (RFC 3323).
	Anonymous bool
	// UserToUser goes along for the program at the other end (RFC 7433), such as
	// "56a390f3d2b7310023;encoding=hex". Empty: nothing does.
	UserToUser string
}

// Dial starts an outgoing call. It returns once the Call exists and never
// waits for SIP; what becomes of it is told by events and Call.Done. The call
// outlives ctx: end it with Hangup. Errors: ErrBusy, ErrClosed, that of ctx.
func (d *Dialer) Dial(ctx context.Context, req DialRequest) (*Call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if req.Target.Host == "" && req.Target.User == "" {
		return nil, errors.New("dialer: the target is empty; give a SIP URI such as sip:600@example.org")
	}
	c := newCall(d, req.ID, Outbound, accountID(req.Account), sip.Identity{URI: req.Target}, req.Context)
	c.source, c.sink = d.withDefaults(req.Source, req.Sink)
	c.leg.monitor = req.Monitor
	c.request = sip.InviteRequest{
		Account: req.Account, Target: req.Target, Offer: c.buildOffer,
		Headers: req.headers(), CallerNumber: req.CallerNumber, Logger: c.log,
		Anonymous: req.Anonymous, Redirect: c.mayRedirect(),
	}
	c.mail.post(func() { c.step(InputDial) })
	if err := d.admit(c); err != nil {
		return nil, fmt.Errorf("dialing: %w", err)
	}
	return c, nil
}

// headers are the header fields of the INVITE.
func (r DialRequest) headers() []sip.Header {
	if r.UserToUser == "" {
		return r.Headers
	}
	return append(slices.Clone(r.Headers), sip.Header{Name: "User-to-User", Value: r.UserToUser})
}

// accountID is how the SIP stack names an account too.
func accountID(a sip.Account) string {
	if a.ID != "" {
		return a.ID
	}
	domain := a.Domain
	if domain == "" {
		domain = a.Server
		if host, _, err := net.SplitHostPort(domain); err == nil {
			domain = host
		}
	}
	return a.User + "@" + domain
}

func (d *Dialer) withDefaults(source audio.Source, sink audio.Sink) (audio.Source, audio.Sink) {
	if source == nil {
		source = d.cfg.NewSource()
	}
	if sink == nil {
		sink = audio.Discard{}
	}
	return source, sink
}

// earlyDialogs are the dialogs that provisional responses have made, each with
// the last SDP it gave: a 2xx without SDP confirms that one.
type earlyDialogs map[string][]byte

// has says whether d is one of them.
func (e earlyDialogs) has(d *sip.Dialog) bool {
	_, ok := e[d.ID()]
	return ok
}

// maxEarlyDialogs bounds what a forking proxy can make us keep.
const maxEarlyDialogs = 64

// invite sends the INVITE and lets its responses in, in order.
func (c *Call) invite() {
	c.early = make(earlyDialogs)
	c.negotiation, _, _ = negotiate(c.negotiation, offerSent)
	c.route()
	c.timers.ring.start(c.d.cfg.RingTimeout, c.mail, c.ringTimeout)
	client := c.d.cfg.UA.Invite(context.Background(), c.request)
	c.client = client
	responses := client.Responses()
	c.d.helper(func() {
		for r := range responses {
			if !c.mail.post(func() { c.onResponseOf(client, r) }) {
				c.d.tooLate(c.log, r)
			}
		}
	})
}

// tooLate takes a response after the call's end: a 2xx still made a dialog.
func (d *Dialer) tooLate(log *slog.Logger, r sip.Response) {
	if final, ok := r.(sip.Final); ok && final.Err == nil && final.Dialog != nil {
		d.abandon(log, final.Dialog)
	}
}

// buildOffer is the OfferFunc of the INVITE: called by the SIP stack for each
// hop, it has the loop open a port on that hop's address. The port of a hop
// that led nowhere is closed.
func (c *Call) buildOffer(path sip.Path) ([]byte, error) {
	ready := c.portFor(path, func() *leg { return c.leg })
	defer ready.release()
	var body []byte
	err := c.ask(context.Background(), func(reply func(error)) {
		if c.state != Outgoing {
			reply(ErrEnded)
			return
		}
		err := c.leg.open(path, ready)
		if err == nil {
			err = c.leg.admit(path, true)
		}
		if err == nil {
			body, err = c.leg.offer(offer.SendRecv)
		}
		if err != nil {
			c.log.Warn("no offer could be made", "error", err)
		}
		c.offered = body
		reply(err)
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// onResponseOf takes what came back for an INVITE, unless another dialog has
// taken its place.
func (c *Call) onResponseOf(client *sip.ClientInvite, r sip.Response) {
	if c.client != client {
		c.d.helper(func() { c.d.tooLate(c.log, r) })
		return
	}
	c.onResponse(r)
}

// onResponse takes what came back for the INVITE.
func (c *Call) onResponse(r sip.Response) {
	switch r := r.(type) {
	case sip.Sent:
		c.end.sent = true
		if err := c.leg.start(); err != nil { // the answer will find the same and end the call
			c.log.Warn("not listening yet", "error", err)
		}
		if c.state == Outgoing || c.state == Cancelling { // hung up in the same moment
			c.tell(EventDialing, 0, "")
		}
	case sip.Provisional:
		c.progress = r
		c.noteEarly(r)
		c.step(InputProgress)
	case sip.Final:
		c.onFinal(r)
	}
}

// report tells of ringing and lets early media be heard (RFC 3960). With
// several forks the last one to send SDP is the one that is heard.
func (c *Call) report() {
	p := c.progress
	c.progress = sip.Provisional{}
	if p.Code == 180 && !c.ringing {
		c.ringing = true
		c.startRinging()
		c.tell(EventRinging, p.Code, p.Reason)
	}
	if len(p.Body) == 0 || p.Code == 100 {
		return
	}
	if err := c.agree(p.Body); err != nil {
		c.log.Info("early media cannot be heard", "error", err)
		return
	}
	c.heard = p.Dialog
	if !c.info.EarlyMedia {
		c.update(func(i *Info) { i.EarlyMedia = true })
		c.startRinging()
		c.tell(EventEarlyMedia, p.Code, p.Reason)
	}
}

// noteEarly keeps an early dialog and the last SDP it gave.
func (c *Call) noteEarly(p sip.Provisional) {
	if c.state != Outgoing || p.Dialog == nil || len(c.early) >= maxEarlyDialogs && !c.early.has(p.Dialog) {
		return
	}
	if !c.early.has(p.Dialog) {
		c.early[p.Dialog.ID()] = nil
		c.d.know(p.Dialog, c)
		c.listenEarly(p.Dialog)
	}
	if len(p.Body) > 0 && p.Code != 100 {
		c.early[p.Dialog.ID()] = p.Body
	}
}

func (c *Call) startRinging() {
	if c.end.rang.IsZero() {
		c.end.rang = time.Now()
	}
}

// agree puts an answer to our INVITE's offer into force. The same description
// again changes nothing; another one, of another fork say, latches anew.
func (c *Call) agree(body []byte) error {
	if c.leg.applied && string(body) == string(c.answered) {
		return nil
	}
	params, err := c.leg.accept(c.offered, body)
	if err != nil {
		return err
	}
	if err := c.leg.apply(params); err != nil {
		return err
	}
	c.answered = body
	c.publish()
	return nil
}

// onFinal takes the final response, or why there is none.
func (c *Call) onFinal(f sip.Final) {
	if f.Err != nil || f.Dialog == nil {
		c.onRefused(f)
		return
	}
	if c.state != Outgoing && c.state != Cancelling {
		c.d.helper(func() { c.d.abandon(c.log, f.Dialog) })
		return
	}
	if remote := f.Dialog.Remote(); remote.URI.Host != "" {
		c.update(func(i *Info) { i.Remote = remote })
	}
	c.dialog = f.Dialog
	if c.state == Cancelling {
		c.step(InputAccepted)
		return
	}
	body := f.Body
	if len(body) == 0 {
		body = c.early[f.Dialog.ID()]
	}
	c.early = nil
	if err := c.agree(body); err != nil {
		c.negotiation, _, _ = negotiate(c.negotiation, offerRefused)
		c.blame(MediaFailed, Local, 0, "the answer's SDP cannot be used", err)
		c.step(InputUnusable)
		return
	}
	c.negotiation, _, _ = negotiate(c.negotiation, answerReceived)
	c.step(InputAccepted)
}

// onRefused takes the end of an INVITE that made no call.
func (c *Call) onRefused(f sip.Final) {
	err := f.Err
	if err == nil {
		err = errors.New("dialer: a 2xx came without a dialog")
	}
	disposition, by, code, reason := verdictOf(err)
	if code == 0 {
		code, reason = f.Code, f.Reason
	}
	c.blame(disposition, by, code, reason, err)
	c.step(InputFailed)
}

// acknowledge sends the ACK and then lets the dialog's events in: a re-INVITE
// that came right behind the 2xx is seen in Established.
func (c *Call) acknowledge() {
	if err := c.dialog.Ack(nil); err != nil {
		// Their 2xx comes again, and the stack answers it with this ACK again.
		c.log.Info("ACK could not be sent", "error", err)
	}
	c.adopt(c.dialog)
}

// ringTimeout ends a call that nobody answers, whichever side rings.
func (c *Call) ringTimeout() {
	switch c.state {
	case Outgoing:
		c.blame(NoAnswer, Local, 0, "nobody answered", nil)
	case Incoming:
		c.reject = rejection{code: 480, reason: phrase(480)}
		c.blame(Missed, Local, 480, phrase(480), nil)
	default:
		return
	}
	c.step(InputRingTimeout)
}
