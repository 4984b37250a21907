package dialer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/softphone-go/softphone/sip"
)

// We hand the other side to somebody else. Nothing of the call changes until
// the other side has told how it went:
//
//	Transfer   REFER -> 202 -> NOTIFY ... -> EventTransferring
//	           NOTIFY 200 ----------------> EventTransferred, BYE, EventEnded
//	           NOTIFY 486, 603, none -----> EventTransferFailed; the call goes on
//
// TransferTo is the same with a Replaces in it, for two calls of ours.

// errTransferring refuses a second transfer of a call.
var errTransferring = fmt.Errorf("%w: it is being transferred already", ErrState)

// Transfer has the other side call target in our place (RFC 3515, RFC 5589 §6:
// blind transfer). It returns nil once that call is answered; ours is hung up
// then. The *sip.StatusError of whoever refused, sip.ErrNoResult when the other
// side never told, and any other error leave the call as it was. Hold it before,
// if the other side shall hear nothing meanwhile. A ctx that ends first does not
// call the transfer off: the events tell what becomes of it.
func (c *Call) Transfer(ctx context.Context, target sip.URI) error {
	return c.transfer(ctx, sip.ReferRequest{Target: target}, nil)
}

// TransferTo connects the other side of this call with that of another of our
// calls (RFC 5589 §7: attended transfer, by RFC 3891 Replaces) and returns nil
// once they talk; both calls are hung up then. Both must be answered. It fails
// as Transfer does, and then both go on.
func (c *Call) TransferTo(ctx context.Context, other *Call) error {
	if other == c {
		return fmt.Errorf("%w: a call cannot be transferred to itself", ErrState)
	}
	var dialog *sip.Dialog
	err := other.ask(ctx, func(reply func(error)) {
		if other.state != Established {
			reply(other.stateError("transfer to it"))
			return
		}
		dialog = other.dialog
		reply(nil)
	})
	if err != nil {
		return fmt.Errorf("dialer: the call to transfer to: %w", err)
	}
	replaces := dialog.Replaces()
	return c.transfer(ctx, sip.ReferRequest{Target: dialog.Target(), Replaces: &replaces}, other)
}

// transfer waits for the outcome, which may come after the end of the call.
func (c *Call) transfer(ctx context.Context, r sip.ReferRequest, other *Call) error {
	outcome := make(chan error, 1)
	err := c.ask(ctx, func(reply func(error)) { reply(c.refer(r, other, outcome)) })
	if err != nil {
		return err
	}
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refer sends the REFER from a helper, which outlives the call: the outcome may
// be told after their BYE.
func (c *Call) refer(r sip.ReferRequest, other *Call, outcome chan<- error) error {
	switch {
	case c.state != Established:
		return c.stateError("transfer")
	case c.transferring || c.follow != nil:
		return errTransferring
	}
	c.transferring = true
	dialog, target := c.dialog, r.Target
	if other != nil { // people know it by its name, not by where its phone is
		target = other.Remote().URI
	}
	r.Progress = func(code int, reason string) {
		if code < 200 {
			c.mail.post(func() { c.tellTransfer(EventTransferring, target, code, reason) })
		}
	}
	c.d.helper(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.d.helper(func() {
			select {
			case <-c.d.closing:
				cancel()
			case <-ctx.Done():
			}
		})
		err := dialog.Refer(ctx, r)
		if err != nil {
			err = fmt.Errorf("dialer: transfer: %w", err)
		}
		c.mail.post(func() {
			if c.dialog == dialog { // else somebody took the other side's place meanwhile
				c.onTransferred(target, err)
			}
		})
		if err == nil && other != nil {
			_ = other.Hangup(ctx) // whom we introduced talks to the other one now
		}
		outcome <- err
	})
	return nil
}

// onTransferred takes the outcome.
func (c *Call) onTransferred(target sip.URI, err error) {
	c.transferring = false
	if c.state != Established {
		return
	}
	if err == nil {
		c.tellTransfer(EventTransferred, target, 200, "")
		c.blame(Completed, pick(c.gone, Remote, Local), 200, transferred, nil)
		c.step(pick(c.gone, InputRemoteEnded, InputHangup))
		return
	}
	var status *sip.StatusError
	code, reason := 0, err.Error()
	if errors.As(err, &status) {
		code, reason = status.Code, status.Reason
	}
	c.log.Info("transfer failed", "code", code, "error", err)
	c.tellTransfer(EventTransferFailed, target, code, reason)
	if c.gone {
		c.leave("")
	}
}

// outcomeTime is how long a call whose other side has said goodbye waits for the
// outcome of its transfer: many a PBX tells both in the same moment, and datagrams
// overtake one another.
const outcomeTime = time.Second

// awaitOutcome takes their BYE while a transfer is under way.
func (c *Call) awaitOutcome(reason string) {
	c.gone = true
	c.end.stopped = time.Now()
	c.timers.outcome.start(outcomeTime, c.mail, func() {
		if c.gone {
			c.leave(reason)
		}
	})
}

// leave ends a call whose other side has said goodbye.
func (c *Call) leave(reason string) {
	c.blame(Completed, Remote, 200, reason, nil)
	c.step(InputRemoteEnded)
}

// transferred is the Reason of the Outcome of a call that was handed on.
const transferred = "transferred"

func (c *Call) tellTransfer(t EventType, target sip.URI, code int, reason string) {
	if c.state == Ended || c.state == Terminating {
		return
	}
	ev := c.event(t, code, reason)
	ev.Target = target
	c.d.cfg.Events(ev)
}
