package sip

import (
	"context"
	"fmt"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Ack acknowledges the 2xx that answered our INVITE (RFC 3261 §13.2.2.4); body
// is the answer when the 2xx carried the offer, else nil. The same ACK is
// repeated by itself for every retransmission of the 2xx. Later calls do
// nothing. On a dialog that we answered it returns an error.
func (d *Dialog) Ack(body []byte) error {
	if !d.caller {
		return fmt.Errorf("dialog %s: the caller sends the ACK, not we", d.callID)
	}
	d.mu.Lock()
	state, seq := d.state, d.inviteSeq
	done := d.ack[seq] != nil
	d.mu.Unlock()
	switch {
	case done:
		return nil
	case state == early:
		return ErrNotConfirmed
	}
	return d.sendAck(seq, body)
}

// sendAck builds, remembers and sends the ACK for the INVITE numbered seq.
func (d *Dialog) sendAck(seq uint32, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	req, rt, err := d.newRequest(ctx, sipmsg.ACK, seq)
	if err != nil {
		d.confirm()
		return err
	}
	d.mu.Lock()
	for _, h := range d.authHeader {
		req.AppendHeader(sipmsg.HeaderClone(h))
	}
	d.mu.Unlock()
	d.ua.finishRequest(req, sdpType, body)
	d.mu.Lock()
	d.ack[seq] = &sentAck{req: req, rt: rt}
	d.mu.Unlock()
	d.forgetAck(seq)
	err = d.ua.write(req, rt)
	d.confirm() // now a re-INVITE that waits for it may be answered
	return err
}

// forgetAck drops ACKs of earlier re-INVITEs.
func (d *Dialog) forgetAck(keep uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for seq := range d.ack {
		if seq != keep && len(d.ack) > 4 {
			delete(d.ack, seq)
		}
	}
}

// repeatAck sends the ACK of an INVITE again, if it has been sent at all.
func (d *Dialog) repeatAck(seq uint32) {
	d.mu.Lock()
	a := d.ack[seq]
	d.mu.Unlock()
	if a == nil {
		return
	}
	if err := d.ua.write(a.req, a.rt); err != nil {
		d.logger().Debug("sip: repeating an ACK failed", "to", a.rt.addr, "err", err)
	}
}

// answer is a 2xx of ours to an INVITE, repeated until its ACK comes.
type answer struct {
	tx     *sipmsg.ServerTx
	res    *sipmsg.Response
	seq    uint32
	offers bool          // the 2xx carries our offer, the ACK its answer
	acked  chan []byte   // gets the ACK's body, for re-INVITEs, and is closed
	done   chan struct{} // closed when the ACK has come or is waited for no more
	once   sync.Once
}

// finish ends the waiting for the ACK; only the first call has an effect.
func (a *answer) finish(body []byte, came bool) bool {
	first := false
	a.once.Do(func() {
		first = true
		if came {
			a.acked <- body
		}
		close(a.acked)
		close(a.done)
	})
	return first
}

func newAnswer(tx *sipmsg.ServerTx, res *sipmsg.Response, seq uint32) *answer {
	return &answer{tx: tx, res: res, seq: seq, acked: make(chan []byte, 1), done: make(chan struct{})}
}

// expectAck repeats the 2xx with intervals that double from T1 to T2, over any
// transport, until its ACK comes; after 64*T1 without one the session ends
// with BYE (RFC 3261 §13.3.1.4).
func (d *Dialog) expectAck(a *answer) {
	defer a.finish(nil, false)
	interval := t1
	again := time.NewTimer(interval)
	defer again.Stop()
	deadline := time.NewTimer(timer64)
	defer deadline.Stop()
	for {
		select {
		case <-a.done:
			return
		case req := <-a.tx.Acks(): // peers that reuse the INVITE's branch
			d.onAck(req)
		case <-d.over:
			return
		case <-d.ua.closing:
			return
		case <-again.C:
			_ = a.tx.Respond(a.res)
			interval = min(2*interval, t2)
			again.Reset(interval)
		case <-deadline.C:
			d.logger().Debug("sip: no ACK for our 2xx, ending the call")
			d.hangUpUnacked()
			return
		}
	}
}

// hangUpUnacked ends a dialog whose 2xx was never acknowledged.
func (d *Dialog) hangUpUnacked() {
	d.confirm() // the server transaction is over: BYE is allowed now (§15)
	d.ua.start(func() { _ = d.terminate(context.Background(), "", Ended{Err: ErrNoAck, Reason: "no ACK"}) })
}

// onAck takes an ACK of a 2xx.
func (d *Dialog) onAck(req *sipmsg.Request) {
	d.mu.Lock()
	a := d.answers[req.CSeq().SeqNo]
	delete(d.answers, req.CSeq().SeqNo)
	first := a != nil && a.seq == d.remoteInvite()
	d.mu.Unlock()
	if a == nil {
		return // repeated
	}
	body := req.Body()
	if len(body) == 0 {
		body = nil
	}
	if !a.finish(body, true) {
		return
	}
	if d.confirm() && first {
		d.events.post(Confirmed{Body: body})
	}
}

// remoteInvite is the CSeq of the INVITE that made the dialog, when the peer sent it.
func (d *Dialog) remoteInvite() uint32 {
	if d.caller {
		return 0
	}
	return d.inviteSeq
}
