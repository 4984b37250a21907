package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A transfer, seen from the one who is asked for it:
//
//	REFER --> ReferReceived --Accept--> 202, NOTIFY "100 Trying"
//	                        --Reject--> 603
//	          Referral.Notify(180, "")  NOTIFY "180 Ringing"
//	          Referral.Notify(200, "")  NOTIFY "200 OK", terminated

// referWait is how long a REFER waits to be accepted or refused.
const referWait = 20 * time.Second

// ReferReceived is the peer's wish that we call somebody else (RFC 3515). One of
// Accept and Reject must be called; after 20 s without either it is refused
// with 603. While one waits, a further one is refused with 491.
type ReferReceived struct {
	Target   URI
	Replaces *Replaces // to go into the new INVITE; nil for none
	// ReferredBy is the value of that header field for the new INVITE (RFC
	// 3892); empty when there was none that could be read.
	ReferredBy string
	// Accept answers 202 and sends the first NOTIFY.
	Accept func() (*Referral, error)
	// Reject refuses with a code from 300 to 699.
	Reject func(code int, reason string) error
}

func (ReferReceived) isDialogEvent() {}

// Referral is an accepted REFER until its outcome is told. Its methods may be
// called from any goroutine.
type Referral struct {
	d     *Dialog
	event string // value of the Event header field

	mu    sync.Mutex
	wake  chan struct{}
	queue []referNews
	over  bool // nothing more is taken
}

// Notify tells the peer how the new call stands. A code of 200 or more is the
// outcome: it ends the subscription, and nothing is told after it. Notify does
// not wait for the network. Provisional codes may be left out when the peer is
// slower than they come.
func (r *Referral) Notify(code int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || code < 100 || code > 699 {
		return
	}
	n := referNews{code: code, reason: reason, over: code >= 200}
	r.over = n.over
	if last := len(r.queue) - 1; last >= 0 {
		r.queue[last] = n // not sent yet, and no longer true
	} else {
		r.queue = append(r.queue, n)
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// onRefer takes a REFER inside the dialog.
func (d *Dialog) onRefer(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	values := headerValues(req, "Refer-To")
	if len(values) != 1 { // RFC 3515 §2.4.2
		d.ua.respond(tx, req, 400, "Exactly One Refer-To Needed")
		return
	}
	if !d.confirmable() {
		d.ua.respond(tx, req, 403, "")
		return
	}
	to, err := parseReferTo(values[0])
	if err != nil {
		d.logger().Debug("sip: REFER refused: its Refer-To cannot be used") // err quotes it
		d.ua.respond(tx, req, 400, "Bad Refer-To")
		return
	}
	w := &waitingRefer{d: d, req: req, tx: tx}
	d.mu.Lock()
	if d.referred != nil {
		d.mu.Unlock()
		d.ua.respond(tx, req, 491, "")
		return
	}
	d.referred = w
	w.timer = time.AfterFunc(referWait, func() { _ = w.reject(603, "") })
	d.mu.Unlock()
	d.events.post(ReferReceived{
		Target: to.target, Replaces: to.replaces, ReferredBy: referredBy(req), Accept: w.accept, Reject: w.reject,
	})
}

// waitingRefer is a REFER that nobody has decided on.
type waitingRefer struct {
	d     *Dialog
	req   *sipmsg.Request
	tx    *sipmsg.ServerTx
	timer *time.Timer
}

// take makes the caller the one who decides; false when that is done already.
func (w *waitingRefer) take() bool {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if w.d.referred != w {
		return false
	}
	w.d.referred = nil
	w.timer.Stop()
	return true
}

func (w *waitingRefer) reject(code int, reason string) error {
	if code < 300 || code > 699 {
		return fmt.Errorf("a refusal has a code from 300 to 699, not %d", code)
	}
	if !w.take() {
		return ErrClosed
	}
	return w.tx.Respond(w.d.ua.newResponse(w.req, code, reason))
}

func (w *waitingRefer) accept() (*Referral, error) {
	if !w.take() {
		return nil, ErrClosed
	}
	d := w.d
	r := &Referral{d: d, event: "refer;id=" + strconv.FormatUint(uint64(w.req.CSeq().SeqNo), 10), wake: make(chan struct{}, 1)}
	res := d.ua.newResponse(w.req, 202, "Accepted")
	res.AppendHeader(d.contactHeader())
	if err := w.tx.Respond(res); err != nil {
		return nil, unreachable("answering REFER", err)
	}
	r.Notify(100, "") // RFC 3515 §2.4.4: one NOTIFY at once
	if !d.ua.start(r.run) {
		return nil, ErrClosed
	}
	return r, nil
}

// run sends the NOTIFYs, one after the other, until the outcome is told, the
// peer has forgotten the subscription, or its time is over.
func (r *Referral) run() {
	ctx, cancel := context.WithTimeout(context.Background(), referTime+timer64)
	defer cancel()
	expiry := time.NewTimer(referTime)
	defer expiry.Stop()
	start := time.Now()
	last := referNews{code: 100}
	for {
		select {
		case <-r.wake:
		case <-expiry.C:
			r.mu.Lock()
			if len(r.queue) == 0 {
				r.queue = append(r.queue, last)
			}
			r.queue[0].over = true
			r.mu.Unlock()
		case <-r.d.ua.closing:
			return
		}
		n, ok := r.next()
		if !ok {
			continue
		}
		last = n
		if err := r.send(ctx, n, referTime-time.Since(start)); err != nil {
			r.d.logger().Info("sip: NOTIFY of a transfer", "code", n.code, "err", err)
			n.over = true
		}
		if n.over {
			r.mu.Lock()
			r.over = true
			r.mu.Unlock()
			return
		}
	}
}

// next takes what is to be told. There may be nothing: what woke us up may have
// been told already, in the place of something older.
func (r *Referral) next() (n referNews, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return referNews{}, false
	}
	n = r.queue[0]
	r.queue = r.queue[1:]
	return n, true
}

// send sends one NOTIFY. It leaves the dialog alone whatever the answer is: 481
// means that the subscription alone is gone (RFC 5057 §5.1).
func (r *Referral) send(ctx context.Context, n referNews, left time.Duration) error {
	state := "active;expires=" + strconv.Itoa(max(int(left/time.Second), 1))
	switch {
	case n.over && n.code < 200:
		state = "terminated;reason=timeout"
	case n.over:
		state = "terminated;reason=noresource"
	}
	res, err := r.d.ask(ctx, sipmsg.NOTIFY, func(req *sipmsg.Request) {
		req.AppendHeader(r.d.contactHeader())
		req.AppendHeader(sipmsg.NewHeader("Event", r.event))
		req.AppendHeader(sipmsg.NewHeader("Subscription-State", state))
		r.d.ua.finishRequest(req, sipfragType+";version=2.0", sipfrag(n.code, n.reason))
	})
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return errors.Join(errNotifyRefused, statusError(res))
	}
	return nil
}

var errNotifyRefused = errors.New("the other side does not want to know")
