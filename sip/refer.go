package sip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A transfer, seen from the one who asks for it (RFC 3515, RFC 5589 §6):
//
//	Refer --REFER--> peer                    peer --INVITE--> target
//	      <--202---
//	      <--NOTIFY "SIP/2.0 100 Trying"---        <--100, 180---
//	      <--NOTIFY "SIP/2.0 200 OK"-------        <--200--------
//	nil
//
// Only the last NOTIFY tells how it went. It may come after the peer's BYE: the
// subscription that REFER makes is a usage of its own (RFC 5057 §4).

// ErrNoResult reports a transfer whose outcome the peer never told: its
// subscription ended, or ran out, without a final status.
var ErrNoResult = errors.New("the other side did not say how the transfer went")

// referTime is how long a subscription made by REFER lasts when the peer does
// not say.
const referTime = 3 * time.Minute

// ReferRequest asks the peer of a dialog to call somebody else.
type ReferRequest struct {
	Target URI
	// Replaces names the dialog that the new call takes the place of, as its
	// receiver knows it; nil for a blind transfer.
	Replaces *Replaces
	// Progress is told of every status the peer reports, the final one too, in
	// order. It must not block. Nil: nobody is.
	Progress func(code int, reason string)
}

// sentRefer is a REFER of ours until its final result.
type sentRefer struct {
	mu     sync.Mutex
	seqs   []uint32 // CSeq numbers it was sent with
	news   chan referNews
	closed bool
}

// referNews is what one NOTIFY says.
type referNews struct {
	code    int // 0: nothing that could be read
	reason  string
	over    bool // the subscription is terminated
	expires time.Duration
}

// Refer asks the peer to call somebody else and blocks until it has told how
// that went: nil when the new call was answered. A *StatusError, wrapped, is
// the peer's refusal of the REFER or the final status of the new call; ErrNoResult means
// that it never was told. The dialog is left as it is. When ctx ends first, its
// error is returned and the transfer goes on untold.
func (d *Dialog) Refer(ctx context.Context, r ReferRequest) error {
	if !d.confirmable() {
		return ErrNotConfirmed
	}
	if r.Target.Host == "" && r.Target.Scheme != "tel" || hasControl(r.Target.String()) {
		return fmt.Errorf("transfer target %q is no SIP URI: write sip:user@host", r.Target.String())
	}
	sent := &sentRefer{news: make(chan referNews, 16)}
	d.ua.usages.add(d.key(), sent)
	defer d.ua.usages.drop(d.key(), sent)
	to := referTo{target: r.Target, replaces: r.Replaces}.String()
	res, err := d.do(ctx, sipmsg.REFER, func(req *sipmsg.Request) {
		sent.sentAs(req.CSeq().SeqNo)
		req.AppendHeader(d.contactHeader())
		req.AppendHeader(sipmsg.NewHeader("Refer-To", to))
		req.AppendHeader(sipmsg.NewHeader("Referred-By", "<"+d.from.String()+">"))
		d.ua.finishRequest(req, "", nil)
	})
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return fmt.Errorf("the other side does not transfer: %w", statusError(res))
	}
	return d.followRefer(ctx, sent, r.Progress)
}

// followRefer waits for the final NOTIFY. Without a first one for 64*T1
// (RFC 6665 §4.1.2.4, timer N), or after the time that the peer gave, or 64*T1
// after the end of the dialog, nothing will come any more.
func (d *Dialog) followRefer(ctx context.Context, sent *sentRefer, progress func(int, string)) error {
	limit := time.NewTimer(timer64)
	defer limit.Stop()
	over := d.over
	for {
		select {
		case n := <-sent.news:
			if n.code > 0 && progress != nil {
				progress(n.code, n.reason)
			}
			switch {
			case n.code >= 300:
				return fmt.Errorf("the transfer failed: %w", &StatusError{Code: n.code, Reason: n.reason})
			case n.code >= 200:
				return nil
			case n.over:
				return ErrNoResult
			}
			if over != nil {
				limit.Reset(n.expires)
			}
		case <-over:
			over = nil
			limit.Reset(timer64)
		case <-limit.C:
			return ErrNoResult
		case <-d.ua.closing:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *sentRefer) sentAs(seq uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seqs = append(s.seqs, seq)
}

// knows reports whether an Event id means this REFER (RFC 3515 §2.4.6); "" is
// that of whichever is asked first.
func (s *sentRefer) knows(id string) bool {
	if id == "" {
		return true
	}
	seq, err := strconv.ParseUint(id, 10, 32)
	s.mu.Lock()
	defer s.mu.Unlock()
	return err == nil && slices.Contains(s.seqs, uint32(seq))
}

// tell hands a NOTIFY on; false when nobody waits any more.
func (s *sentRefer) tell(n referNews) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	select {
	case s.news <- n:
	default: // a flood of provisional ones: the oldest makes way
		select {
		case <-s.news:
		default: // all have just been taken
		}
		s.news <- n // only we send
	}
	s.closed = n.over || n.code >= 200
	return true
}

// referUsages are the subscriptions that our REFERs made, by dialog. They
// outlive the dialog's call.
type referUsages struct {
	mu sync.Mutex
	m  map[string][]*sentRefer
}

func newReferUsages() *referUsages { return &referUsages{m: make(map[string][]*sentRefer)} }

func (u *referUsages) add(key string, s *sentRefer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.m[key] = append(u.m[key], s)
}

func (u *referUsages) drop(key string, s *sentRefer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m[key] = slices.DeleteFunc(u.m[key], func(o *sentRefer) bool { return o == s }); len(u.m[key]) == 0 {
		delete(u.m, key)
	}
}

func (u *referUsages) find(key, id string) *sentRefer {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.m[key] {
		if s.knows(id) {
			return s
		}
	}
	return nil
}

// onReferNotify takes a NOTIFY of event "refer" with a To-tag (RFC 3515 §2.4.4).
func (ua *UserAgent) onReferNotify(req *sipmsg.Request, tx *sipmsg.ServerTx, eventID string) {
	key := dialogID(req.CallID().Value(), tagOf(req.To().Params), tagOf(req.From().Params))
	s := ua.usages.find(key, eventID)
	if s == nil {
		ua.respond(tx, req, 481, "")
		return
	}
	n, code := readReferNotify(req)
	if code != 200 {
		ua.respond(tx, req, code, "")
		return
	}
	if !s.tell(n) {
		code = 481
	}
	ua.respond(tx, req, code, "")
}

// readReferNotify returns what a NOTIFY says, and how it is answered.
func readReferNotify(req *sipmsg.Request) (referNews, int) {
	state, params := subscriptionState(req)
	if state == "" {
		return referNews{}, 400
	}
	n := referNews{over: state == "terminated", expires: referTime}
	if d, ok := seconds([]string{params["expires"]}); ok && d > 0 {
		n.expires = min(d, time.Hour)
	}
	if len(req.Body()) == 0 {
		return n, 200
	}
	ct := ""
	if h := req.ContentType(); h != nil {
		ct, _, _ = strings.Cut(h.Value(), ";")
	}
	if !strings.EqualFold(strings.TrimSpace(ct), sipfragType) {
		return n, 415
	}
	code, reason, err := parseSipfrag(req.Body())
	if err != nil {
		return n, 400
	}
	n.code, n.reason = code, reason
	return n, 200
}

// subscriptionState reads Subscription-State (RFC 6665 §8.2.3): active, pending,
// terminated or another token, in lower case; "" when there is none.
func subscriptionState(req *sipmsg.Request) (state string, params map[string]string) {
	values := headerValues(req, "Subscription-State")
	if len(values) != 1 {
		return "", nil
	}
	return headerParams(values[0])
}

// eventOf reads Event (RFC 6665 §8.2.1) and its id.
func eventOf(req *sipmsg.Request) (event, id string) {
	values := headerValues(req, "Event")
	if len(values) != 1 {
		return "", ""
	}
	event, params := headerParams(values[0])
	return event, params["id"]
}

// headerParams parts "token;name=value;..."; token and names in lower case.
func headerParams(v string) (string, map[string]string) {
	parts := splitUnquoted(v, ';')
	token := strings.ToLower(strings.TrimSpace(parts[0]))
	if !isToken(token) || len(parts) > 32 {
		return "", nil
	}
	params := make(map[string]string)
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		params[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return token, params
}
