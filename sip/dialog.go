package sip

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	sipmsg "github.com/emiago/sipgo/sip"
)

// dialogState follows RFC 3261 §12.
type dialogState int

const (
	early     dialogState = iota // a provisional response with a To-tag
	answered                     // 2xx sent or received, ACK not yet
	confirmed                    // ACK received or sent
	ended
)

// Dialog is one call leg (RFC 3261 §12). All methods may be called from any
// goroutine.
//
//	caller  early --2xx--> answered --Ack--> confirmed --BYE--> ended
//	callee           200-> answered --ACK--> confirmed --BYE--> ended
type Dialog struct {
	ua        *UserAgent
	caller    bool // we sent the INVITE
	callID    string
	localTag  string
	remoteTag string
	account   Account
	auth      *authenticator
	from, to  sipmsg.Uri // our and the peer's address, for From and To
	fromName  string     // as printed between quotes
	toName    string
	remote    Identity
	peer      hop // where the dialog's INVITE went to or came from

	// lateAnswer answers an offer in a reliable provisional response; nil where our
	// INVITE had one.
	lateAnswer func(Path, []byte) ([]byte, error)
	invitation *Invitation // that made it, when it rang here first
	log        atomic.Pointer[slog.Logger]

	events dialogEvents
	turns  turns
	over   chan struct{} // closed when ended
	acked  chan struct{} // closed when confirmed

	mu           sync.Mutex
	state        dialogState
	unanswered   bool       // ended while it was early
	agreed       bool       // the INVITE's offer has had its answer before the 2xx
	answering    bool       // our PRACK with an answer is under way
	local        netip.Addr // our address on the way to the peer
	moves        int        // how often that, or our NAT, changed
	contact      sipmsg.Uri // ours
	target       sipmsg.Uri // the peer's Contact
	routes       []sipmsg.Uri
	localSeq     uint32
	remoteSeq    uint32
	haveRemote   bool // remoteSeq is set
	inviteSeq    uint32
	authHeader   []sipmsg.Header // credentials of the INVITE, repeated in its ACK
	ack          map[uint32]*sentAck
	answers      map[uint32]*answer // our 2xx to INVITEs, by CSeq
	told         hop                // where our last INVITE or UPDATE went, if it was not the first; zero: none
	reconnecting bool               // the connection was lost and the peer is about to be told
	offering     bool               // our re-INVITE, or UPDATE with an offer, is under way
	offered      *remoteOffer       // the peer's is
	allow        []string           // the peer's latest Allow
	session      sessionTimer
	referred     *waitingRefer // the peer's REFER that is not decided on
	reliable     reliableSeen
	bye          chan struct{} // closed when Bye has its result; nil before Bye
	byeErr       error
	onEnd        []func()
}

type sentAck struct {
	req *sipmsg.Request
	rt  *route
}

func (ua *UserAgent) newDialog() *Dialog {
	return &Dialog{
		ua: ua, over: make(chan struct{}), acked: make(chan struct{}),
		ack: make(map[uint32]*sentAck), answers: make(map[uint32]*answer),
		localSeq: 1 + rand.Uint32N(1<<14),
	}
}

func dialogID(callID, localTag, remoteTag string) string {
	return strings.Join([]string{callID, localTag, remoteTag}, "\x00")
}

func (d *Dialog) key() string { return dialogID(d.callID, d.localTag, d.remoteTag) }

// ID identifies the dialog: Call-ID, local tag and remote tag.
func (d *Dialog) ID() string {
	return d.callID + ";local=" + d.localTag + ";remote=" + d.remoteTag
}

// CallID returns the Call-ID.
func (d *Dialog) CallID() string { return d.callID }

// Remote returns the other party.
func (d *Dialog) Remote() Identity { return d.remote }

// Caller says whether our INVITE made the dialog, so that the Call-ID is ours.
func (d *Dialog) Caller() bool { return d.caller }

// Local returns our address on the way to the peer, for session descriptions.
func (d *Dialog) Local() netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.local
}

// Handle sets who receives the dialog's events. Those that came before are
// delivered first. f is called from one goroutine at a time, in order, and
// must not block.
func (d *Dialog) Handle(f func(DialogEvent)) { d.events.handle(f) }

func (d *Dialog) isOver() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == ended
}

// confirmable reports whether Bye makes sense.
func (d *Dialog) confirmable() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == answered || d.state == confirmed
}

func (ua *UserAgent) addDialog(d *Dialog) {
	ua.mu.Lock()
	ua.dialogs[d.key()] = d
	ua.mu.Unlock()
}

// addEarly enters a dialog that rings here; its invitation counts as the call.
func (ua *UserAgent) addEarly(d *Dialog) {
	ua.mu.Lock()
	ua.early[d.key()] = d
	ua.mu.Unlock()
}

func (ua *UserAgent) dropDialog(d *Dialog) {
	ua.mu.Lock()
	if ua.early[d.key()] == d {
		delete(ua.early, d.key())
	}
	if ua.dialogs[d.key()] == d {
		delete(ua.dialogs, d.key())
	}
	ua.mu.Unlock()
}

func (ua *UserAgent) findDialog(callID, localTag, remoteTag string) *Dialog {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	id := dialogID(callID, localTag, remoteTag)
	if d := ua.dialogs[id]; d != nil {
		return d
	}
	return ua.early[id]
}

// confirm moves an answered dialog to confirmed; false when it was already.
func (d *Dialog) confirm() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != answered {
		return false
	}
	d.state = confirmed
	close(d.acked)
	return true
}

// end ends the dialog; only the first call has an effect. An early dialog ends
// without an event.
func (d *Dialog) end(ev Ended) bool {
	d.mu.Lock()
	was := d.state
	if was == ended {
		d.mu.Unlock()
		return false
	}
	d.state = ended
	d.unanswered = was == early
	d.stopTimerLocked()
	close(d.over)
	hooks := d.onEnd
	d.onEnd = nil
	offered := d.offered
	d.offered = nil
	referred := d.referred
	d.mu.Unlock()
	if referred != nil {
		_ = referred.reject(481, "")
	}
	if offered != nil {
		offered.abandon()
	}
	d.ua.dropDialog(d)
	d.ua.lately.add(d.key())
	for _, f := range hooks {
		f()
	}
	if was != early {
		d.events.post(ev)
	}
	return true
}

// newRequest builds an in-dialog request and opens the way to its next hop.
// seq 0 takes the next CSeq number. failed are hops that it shall not go to.
func (d *Dialog) newRequest(ctx context.Context, method sipmsg.RequestMethod, seq uint32, failed ...hop) (*sipmsg.Request, *route, error) {
	d.mu.Lock()
	if d.state == ended && method != sipmsg.BYE && method != sipmsg.ACK && method != sipmsg.NOTIFY {
		d.mu.Unlock()
		return nil, nil, ErrClosed
	}
	if seq == 0 {
		d.localSeq++
		seq = d.localSeq
	}
	target, routes := requestRoute(d.target, d.routes)
	next := d.target
	if len(d.routes) > 0 { // loose or strict: it goes to the first router (RFC 3261 §8.1.2)
		next = d.routes[0]
	}
	d.mu.Unlock()
	rt, err := d.open(ctx, next, failed)
	if err != nil {
		return nil, nil, err
	}
	if method == sipmsg.INVITE || method == sipmsg.UPDATE {
		d.mu.Lock()
		d.told = rt.hop
		d.mu.Unlock()
	}
	return d.build(method, seq, target, routes, rt), rt, nil
}

func (d *Dialog) build(method sipmsg.RequestMethod, seq uint32, target sipmsg.Uri, routes []sipmsg.Uri, rt *route) *sipmsg.Request {
	req := d.ua.newRequest(method, target, rt)
	for _, r := range routes {
		req.AppendHeader(&sipmsg.RouteHeader{Address: r})
	}
	from := &sipmsg.FromHeader{DisplayName: d.fromName, Address: d.from}
	from.Params.Add("tag", d.localTag)
	req.AppendHeader(from)
	to := &sipmsg.ToHeader{DisplayName: d.toName, Address: d.to}
	if d.remoteTag != "" {
		to.Params.Add("tag", d.remoteTag)
	}
	req.AppendHeader(to)
	id := sipmsg.CallIDHeader(d.callID)
	req.AppendHeader(&id)
	setCSeq(req, seq)
	return req
}

// requestRoute applies RFC 3261 §12.2.1.1: with a loose router first, the
// Request-URI is the remote target; with a strict one, that router's URI, and
// the remote target goes last in the route.
func requestRoute(target sipmsg.Uri, routes []sipmsg.Uri) (sipmsg.Uri, []sipmsg.Uri) {
	if len(routes) == 0 {
		return target, nil
	}
	if isLoose(routes[0]) {
		return target, routes
	}
	strict := *routes[0].Clone()
	strict.Headers = nil
	rest := append([]sipmsg.Uri{}, routes[1:]...)
	return strict, append(rest, target)
}

func isLoose(u sipmsg.Uri) bool { return u.UriParams.Has("lr") }

// do sends a request other than INVITE as ask does. A response that says the
// dialog is gone, and silence, end it (RFC 3261 §12.2.1.2).
func (d *Dialog) do(ctx context.Context, method sipmsg.RequestMethod, fill func(*sipmsg.Request)) (*sipmsg.Response, error) {
	res, err := d.ask(ctx, method, fill)
	d.judge(res, err)
	return res, err
}

// ask sends a request other than INVITE and answers challenges. Whatever comes
// of it leaves the dialog as it is.
func (d *Dialog) ask(ctx context.Context, method sipmsg.RequestMethod, fill func(*sipmsg.Request)) (*sipmsg.Response, error) {
	return d.request(ctx, method, func(req *sipmsg.Request, _ *route) error {
		fill(req)
		return nil
	})
}

// refreshTarget takes the peer's new Contact (RFC 3261 §12.2).
func (d *Dialog) refreshTarget(c *sipmsg.ContactHeader) {
	if c == nil || c.Address.Wildcard || c.Address.Host == "" {
		return
	}
	target := *c.Address.Clone()
	target.Headers = nil
	d.mu.Lock()
	d.target = target
	d.mu.Unlock()
}

func (d *Dialog) contactHeader() *sipmsg.ContactHeader {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &sipmsg.ContactHeader{Address: *d.contact.Clone()}
}

// Info sends an INFO request (RFC 6086). It blocks until the final response
// and returns *StatusError for one other than 2xx.
func (d *Dialog) Info(ctx context.Context, contentType string, body []byte) error {
	if contentType == "" || hasControl(contentType) {
		return fmt.Errorf("INFO needs a content type without control characters, not %q", contentType)
	}
	if !d.confirmable() {
		return ErrNotConfirmed
	}
	res, err := d.do(ctx, sipmsg.INFO, func(req *sipmsg.Request) {
		req.AppendHeader(d.contactHeader())
		d.ua.finishRequest(req, contentType, body)
	})
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return statusError(res)
	}
	return nil
}
