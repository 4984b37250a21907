package sip

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Provisional responses that must not be lost (RFC 3262), as the callee sends
// them, one at a time:
//
//	INVITE Supported: 100rel ->
//	                         <- 183 Require: 100rel, RSeq: 7    repeated after 0.5, 1, 2 s ...
//	PRACK RAck: 7 1 INVITE   ->
//	                         <- 200 (PRACK)
//	                         <- 200 (INVITE)                    not before the PRACK of a 183 with SDP
//
// Without a PRACK for 32 s the call is refused with 504.

const (
	reliableTag = "100rel"
	maxReliable = 16 // that wait for the PRACK of the one before
)

// Reliable says when our provisional responses are sent reliably (RFC 3262).
// Those of others are acknowledged unless it is ReliableOff.
type Reliable int

// The zero value is ReliableAuto.
const (
	ReliableAuto   Reliable = iota // where the caller requires it, or supports it and there is a session description
	ReliableAlways                 // wherever the caller supports it
	ReliableOff                    // never; a caller that requires it is refused with 420
)

// String returns "auto", "always" or "off".
func (r Reliable) String() string {
	switch r {
	case ReliableAuto:
		return "auto"
	case ReliableAlways:
		return "always"
	case ReliableOff:
		return "off"
	}
	return fmt.Sprintf("reliable(%d)", int(r))
}

// ParseReliable reads what String writes; the empty string is ReliableAuto.
func ParseReliable(s string) (Reliable, error) {
	for _, r := range []Reliable{ReliableAuto, ReliableAlways, ReliableOff} {
		if strings.EqualFold(strings.TrimSpace(s), r.String()) {
			return r, nil
		}
	}
	if s == "" {
		return ReliableAuto, nil
	}
	return ReliableAuto, fmt.Errorf("%q is not known: use auto, always or off", s)
}

// ringing is one provisional response that the owner wanted.
type ringing struct {
	code     int
	body     []byte
	reliable bool
}

// provisional is a reliable one on its way.
type provisional struct {
	res      *sipmsg.Response
	rseq     uint32
	sdp      bool
	since    time.Time
	interval time.Duration
	timer    *time.Timer
}

// reliableState is that of one invitation; Invitation.mu guards it.
type reliableState struct {
	rseq    uint32
	unacked *provisional
	waiting []*sipmsg.Response
	answer  func() // sends the 200 that waits for a PRACK
	dialog  *Dialog
}

// Ring sends 180, 183 or another provisional response, with body as early
// session description, and repeats it every minute. It is sent reliably (RFC
// 3262) as Config.Reliable says; it then leaves when the one before has been
// acknowledged, and without an acknowledgement for 32 s the invitation ends.
func (i *Invitation) Ring(code int, body []byte) error {
	if code <= 100 || code >= 200 {
		return fmt.Errorf("a provisional code is from 101 to 199, not %d", code)
	}
	r := &ringing{code: code, body: body, reliable: i.reliably(body)}
	i.mu.Lock()
	if i.over {
		i.mu.Unlock()
		return ErrClosed
	}
	i.ring = r
	if i.early == nil {
		i.early = i.newDialog()
		i.early.state, i.early.invitation = early, i
		i.ua.addEarly(i.early)
	}
	i.mu.Unlock()
	i.repeatRing(r)
	return i.sendRinging(r)
}

// Early is the dialog that the first Ring makes, nil before it. Its events are
// RemoteOffer, for an UPDATE of the caller once there was a reliable session
// description, and EarlyAnswer.
func (i *Invitation) Early() *Dialog {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.early
}

// reliably says how a provisional response goes out.
func (i *Invitation) reliably(body []byte) bool {
	policy := i.ua.cfg.Reliable
	if policy == ReliableOff {
		return false
	}
	if hasToken(headerValues(i.req, "Require"), reliableTag) {
		return true
	}
	if !hasToken(headerValues(i.req, "Supported"), reliableTag) {
		return false
	}
	if len(body) > 0 {
		return true
	}
	// The first reliable response to an INVITE without an offer must have one
	// (RFC 3261 §13.2.1), so one without a description goes as others do.
	d := i.Early()
	return policy == ReliableAlways && (len(i.offer) > 0 || d != nil && d.promised())
}

// OffersEarly says that Ring should be given our offer: the INVITE has none, and
// provisional responses are sent reliably, the first of which must have it (RFC
// 3261 §13.2.1, RFC 3262 §5). The answer comes as EarlyAnswer of Early.
func (i *Invitation) OffersEarly() bool {
	policy := i.ua.cfg.Reliable
	return len(i.offer) == 0 && policy != ReliableOff &&
		(hasToken(headerValues(i.req, "Require"), reliableTag) ||
			policy == ReliableAlways && hasToken(headerValues(i.req, "Supported"), reliableTag))
}

func (i *Invitation) repeatRing(r *ringing) {
	i.after(ringRepeat, func() {
		i.mu.Lock()
		current := i.ring == r && !i.over
		i.mu.Unlock()
		if !current {
			return
		}
		again := *r
		if again.reliable { // its description has arrived
			again.body = nil
		}
		_ = i.sendRinging(&again)
		i.repeatRing(r)
	})
}

func (i *Invitation) sendRinging(r *ringing) error {
	res := i.ua.newResponse(i.req, r.code, "")
	res.AppendHeader(&sipmsg.ContactHeader{Address: i.contact()})
	setSDP(res, r.body)
	if !r.reliable {
		return i.ua.respondInvite(i.tx, i.req, res)
	}
	i.mu.Lock()
	switch {
	case i.over:
		i.mu.Unlock()
		return ErrClosed
	case i.rel.unacked != nil:
		if len(i.rel.waiting) < maxReliable {
			i.rel.waiting = append(i.rel.waiting, res)
		}
		i.mu.Unlock()
		return nil
	}
	p := i.nextReliableLocked(res)
	i.mu.Unlock()
	return i.transmit(p)
}

// nextReliableLocked numbers a response; from here on its PRACK is awaited.
func (i *Invitation) nextReliableLocked(res *sipmsg.Response) *provisional {
	if i.rel.rseq == 0 {
		i.rel.rseq = rand.Uint32N(1 << 30) // RFC 3262 §3: chosen at random, below 2^31
	}
	i.rel.rseq++
	res.AppendHeader(sipmsg.NewHeader("Require", reliableTag))
	res.AppendHeader(sipmsg.NewHeader("RSeq", strconv.FormatUint(uint64(i.rel.rseq), 10)))
	i.rel.unacked = &provisional{res: res, rseq: i.rel.rseq, sdp: len(res.Body()) > 0, since: time.Now(), interval: t1}
	return i.rel.unacked
}

// transmit sends a reliable response and sees to its repetition (RFC 3262 §3).
func (i *Invitation) transmit(p *provisional) error {
	i.mu.Lock()
	if i.rel.unacked != p {
		i.mu.Unlock()
		return nil
	}
	left := timer64 - time.Since(p.since)
	wait := min(p.interval, left)
	p.interval *= 2
	silent := i.over && i.rel.answer == nil // answered, refused or cancelled: no need to go on
	if left > 0 && !silent {
		p.timer = time.AfterFunc(wait, func() { _ = i.transmit(p) })
	}
	i.mu.Unlock()
	switch {
	case silent:
		return nil
	case left <= 0:
		i.unacknowledged()
		return nil
	}
	return i.ua.respondInvite(i.tx, i.req, p.res)
}

// unacknowledged ends a call whose caller does not send PRACK.
func (i *Invitation) unacknowledged() {
	i.mu.Lock()
	d, postponed := i.rel.dialog, i.rel.answer != nil
	i.rel.answer, i.rel.unacked, i.rel.waiting = nil, nil, nil
	i.mu.Unlock()
	switch {
	case postponed:
		i.ua.respond(i.tx, i.req, 504, "")
		d.end(Ended{Code: 504, Reason: "no PRACK", Err: ErrNoPrack})
	case i.take():
		i.ua.respond(i.tx, i.req, 504, "")
		i.close(CancelCause{Code: 504, Reason: "no PRACK"})
	}
}

// postpone keeps the 200 back while a reliable response with a session
// description waits for its PRACK (RFC 3262 §3).
func (i *Invitation) postpone(d *Dialog, send func()) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rel.waiting = nil
	if i.rel.unacked == nil || !i.rel.unacked.sdp {
		return false
	}
	i.rel.answer, i.rel.dialog = send, d
	return true
}

// calledOff ends a call whose 200 was still kept back when the CANCEL came.
func (i *Invitation) calledOff() {
	i.mu.Lock()
	d, postponed := i.rel.dialog, i.rel.answer != nil
	i.rel.answer = nil
	i.mu.Unlock()
	if postponed {
		d.end(Ended{Remote: true, Code: 487, Reason: phrase(487)})
	}
}

// onPrack takes the acknowledgement of a provisional response of ours.
func (d *Dialog) onPrack(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	i := d.invitation
	rseq, cseq, ok := readRAck(headerValues(req, "RAck"))
	if !ok {
		d.ua.respond(tx, req, 400, "Bad Request: RAck is missing or malformed")
		return
	}
	if i == nil || cseq != i.req.CSeq().SeqNo {
		d.ua.respond(tx, req, 481, "")
		return
	}
	i.mu.Lock()
	p := i.rel.unacked
	if p == nil || p.rseq != rseq {
		i.mu.Unlock()
		d.ua.respond(tx, req, 481, "")
		return
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	i.rel.unacked = nil
	answer := i.rel.answer
	i.rel.answer = nil
	var next *provisional
	if !i.over && len(i.rel.waiting) > 0 {
		next = i.nextReliableLocked(i.rel.waiting[0])
		i.rel.waiting = i.rel.waiting[1:]
	}
	i.mu.Unlock()
	d.pracked(p, req, tx)
	if answer != nil {
		answer()
	}
	if next != nil {
		_ = i.transmit(next)
	}
}

// pracked answers a PRACK and takes the session description that it brings: an
// answer, when ours was the offer, else a new offer (RFC 3262 §5).
func (d *Dialog) pracked(p *provisional, req *sipmsg.Request, tx *sipmsg.ServerTx) {
	body := req.Body()
	ours := len(d.invitation.offer) == 0
	d.mu.Lock()
	was := d.agreed
	d.agreed = d.agreed || p.sdp && (!ours || len(body) > 0)
	now := d.agreed
	d.mu.Unlock()
	switch {
	case len(body) > 0 && now && (was || !ours):
		d.takeOffer(req, tx, body)
	case len(body) > 0 && now:
		d.ua.respond(tx, req, 200, "")
		d.events.post(EarlyAnswer{Body: body})
	default:
		d.ua.respond(tx, req, 200, "")
	}
}

// readRAck reads RAck (RFC 3262 §7.2): response number, CSeq number, INVITE.
func readRAck(values []string) (rseq, cseq uint32, ok bool) {
	if len(values) != 1 {
		return 0, 0, false
	}
	f := strings.Fields(values[0])
	if len(f) != 3 || f[2] != string(sipmsg.INVITE) {
		return 0, 0, false
	}
	r, err := strconv.ParseUint(f[0], 10, 32)
	c, err2 := strconv.ParseUint(f[1], 10, 32)
	return uint32(r), uint32(c), err == nil && err2 == nil && r > 0
}
