package exchange

import (
	"errors"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// outgoing is a call to a user, ringing all contacts at once (RFC 3261 §16.6, §16.7).
type outgoing struct {
	ex      *Exchange
	from    sipmsg.FromHeader
	to      sipmsg.ToHeader
	prepare func(*sipmsg.Request) // adds headers and body to each INVITE

	state  atomic.Int32 // open, won or dropped
	events chan ringing
	over   chan struct{} // closed when ring returns
}

const (
	forkOpen int32 = iota
	forkWon
	forkDropped
)

// ringing is a response from one branch.
type ringing struct {
	leg *dialog
	res *sipmsg.Response // nil: no answer at all
	seq uint32           // of the INVITE
	err error
}

// outcome is how an outgoing call ended: leg is nil unless answered.
type outcome struct {
	leg  *dialog
	res  *sipmsg.Response // the best final response; nil when there was none
	seq  uint32
	code int
}

// ring calls the contacts and returns when one has answered, all have refused,
// nobody answered in time, or gone is closed (then code is 487). why is the
// Reason for the CANCELs after gone. Branches not answered are cancelled, and
// a 200 that crosses its CANCEL is acknowledged and hung up.
func (o *outgoing) ring(contacts []*binding, gone <-chan struct{}, why func() string, progress func(*dialog, *sipmsg.Response)) outcome {
	o.events, o.over = make(chan ringing), make(chan struct{})
	defer close(o.over)
	stops := make([]chan string, len(contacts))
	for i, b := range contacts {
		stops[i] = make(chan string, 1)
		leg := o.ex.uacDialog(b, o.from, o.to)
		o.ex.background(func() { o.branch(leg, stops[i]) })
	}
	cancelAll := func(reason string) {
		for _, s := range stops {
			select {
			case s <- reason:
			default:
			}
		}
	}
	timeout := time.NewTimer(o.ex.cfg.RingTimeout)
	defer timeout.Stop()
	best := outcome{code: sipmsg.StatusRequestTimeout}
	for left := len(contacts); left > 0; {
		select {
		case ev := <-o.events:
			switch {
			case ev.res == nil:
				left--
				if best.res == nil && errors.Is(ev.err, errFlowGone) {
					best.code = sipmsg.StatusTemporarilyUnavailable
				}
			case ev.res.IsProvisional():
				progress(ev.leg, ev.res)
			case ev.res.IsSuccess():
				cancelAll(reasonHeader(200, "Call completed elsewhere"))
				return outcome{leg: ev.leg, res: ev.res, seq: ev.seq, code: ev.res.StatusCode}
			default:
				left--
				if better(ev.res.StatusCode, best) {
					best.res, best.code = ev.res, ev.res.StatusCode
				}
				if ev.res.IsGlobalError() {
					cancelAll("")
				}
			}
		case <-timeout.C:
			if o.state.CompareAndSwap(forkOpen, forkDropped) {
				cancelAll(reasonHeader(408, "No answer"))
				return outcome{code: sipmsg.StatusRequestTimeout}
			}
		case <-gone:
			if o.state.CompareAndSwap(forkOpen, forkDropped) {
				cancelAll(why())
				return outcome{code: sipmsg.StatusRequestTerminated}
			}
			gone = nil // the answer is on its way to us
		case <-o.ex.ctx.Done():
			return outcome{code: sipmsg.StatusServiceUnavailable}
		}
	}
	return best
}

// better prefers 6xx, then the lowest class, then the lowest code.
func better(code int, than outcome) bool {
	if than.res == nil {
		return true
	}
	rank := func(c int) int {
		if c >= 600 {
			return c - 600
		}
		return c
	}
	return rank(code) < rank(than.code)
}

// branch runs one INVITE to its end.
func (o *outgoing) branch(leg *dialog, stop <-chan string) {
	req := leg.newRequest(sipmsg.INVITE, 0)
	o.prepare(req)
	seq := req.CSeq().SeqNo
	res, err := o.ex.invite(req, leg, stop, func(res *sipmsg.Response) {
		if res.StatusCode > sipmsg.StatusTrying {
			leg.learn(res)
			o.tell(ringing{leg: leg, res: res, seq: seq})
		}
	})
	if err != nil {
		o.tell(ringing{leg: leg, err: err})
		return
	}
	if !res.IsSuccess() {
		o.tell(ringing{leg: leg, res: res, seq: seq})
		return
	}
	leg.learn(res)
	if !o.state.CompareAndSwap(forkOpen, forkWon) {
		leg.ack(seq, nil) // too late: somebody else has it, or nobody wants it
		leg.hangup(reasonHeader(200, "Call completed elsewhere"))
		return
	}
	o.tell(ringing{leg: leg, res: res, seq: seq})
}

// tell reports unless nobody listens any more.
func (o *outgoing) tell(ev ringing) {
	select {
	case o.events <- ev:
	case <-o.over:
	}
}

// invite sends an INVITE and waits for its final response; a value on stop
// cancels it as soon as RFC 3261 §9.1 allows.
func (e *Exchange) invite(req *sipmsg.Request, leg *dialog, stop <-chan string, progress func(*sipmsg.Response)) (*sipmsg.Response, error) {
	if err := e.reachable(req); err != nil {
		return nil, err
	}
	tx, err := e.client.TransactionRequest(e.ctx, req, asIs)
	if err != nil {
		return nil, err
	}
	tx.OnRetransmission(leg.ackAgain)
	var overdue <-chan time.Time
	var cancel *sipmsg.Request
	heard := false
	sendCancel := func() {
		if cancel != nil && heard {
			c := cancel
			cancel = nil
			e.background(func() { _, _ = e.do(c) })
		}
	}
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
			heard = true
			sendCancel()
			if overdue == nil {
				progress(res)
			}
		case <-tx.Done():
			return nil, tx.Err()
		case reason := <-stop:
			stop = nil
			cancel = cancelOf(req, reason)
			overdue = time.After(giveUp)
			sendCancel()
		case <-overdue:
			tx.Terminate()
			return nil, errClosed
		case <-e.ctx.Done():
			tx.Terminate()
			return nil, errClosed
		}
	}
}
