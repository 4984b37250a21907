package dialer

import (
	"context"
	"errors"
	"time"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/sip"
)

// run is the call's loop: it alone touches the call's state. It ends with the
// call, once every message that got in has been seen.
func (c *Call) run() {
	defer c.d.work.Done()
	for {
		for _, message := range c.mail.take() {
			message()
			c.pump()
		}
		if c.state == Ended && c.mail.closeIfEmpty() {
			return
		}
		<-c.mail.ready
	}
}

// whileUp runs f in a helper, with a context that ends with the call.
func (c *Call) whileUp(f func(ctx context.Context)) {
	c.d.helper(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.d.helper(func() {
			select {
			case <-c.done:
				cancel()
			case <-ctx.Done():
			}
		})
		f(ctx)
	})
}

// step feeds the state table and carries its actions out. False means that the
// input came at a time when it has no meaning.
func (c *Call) step(in Input) bool {
	to, actions, ok := next(c.state, in)
	if !ok {
		c.log.Debug("input without meaning", "state", c.state, "input", in)
		return false
	}
	if to != c.state {
		c.log.Debug("call state", "from", c.state, "to", to, "input", in)
		c.state = to
		c.update(func(i *Info) { i.State = to })
	}
	for _, a := range actions {
		c.perform(a)
	}
	return true
}

// perform carries one action out. Nothing here waits for the network, and a
// failure comes back as a message, never as a step within a step.
func (c *Call) perform(a Action) {
	switch a {
	case ActionInvite:
		c.invite()
	case ActionRing:
		c.ring()
	case ActionReject:
		c.refuse()
	case ActionReport:
		c.report()
	case ActionAck:
		c.acknowledge()
	case ActionConnect:
		c.connect()
	case ActionCancel:
		c.client.Cancel(c.end.reason)
	case ActionBye:
		c.bye()
	case ActionAwait:
		c.timers.release.start(c.d.cfg.HangupTimeout, c.mail, func() { c.step(InputReleased) })
	case ActionRelease:
		c.release()
	case ActionFinish:
		c.finish()
	}
}

// blame notes why the call ends. The first to be blamed stays so.
func (c *Call) blame(d Disposition, by Party, code int, reason string, err error) {
	if c.end.settled {
		return
	}
	c.end.settled = true
	c.end.disposition, c.end.by, c.end.code, c.end.reason, c.end.err = d, by, code, reason, err
}

// connect is the answer: the user's sound goes out from here on.
func (c *Call) connect() {
	now := time.Now()
	c.end.answered = now
	c.timers.ring.stop()
	c.update(func(i *Info) { i.Answered = now; i.EarlyMedia = false })
	c.route()
	c.publish()
	c.tell(EventAnswered, 200, "")
	c.noteRemoteHold()
	c.watchSound()
}

// publish lets other goroutines see the session and what was agreed.
func (c *Call) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = c.leg.session
	c.info.Codec, c.info.Encryption = codec(c.leg.params), suite(c.leg.params)
}

// finish settles the outcome. Events come before done, so who waits for Done
// knows that all was told; the call leaves the live ones before the event, so
// that a next call may be made from it.
func (c *Call) finish() {
	c.timers.stopAll()
	stats := c.Stats()
	now := time.Now()
	c.mu.Lock()
	out := c.settle(now, stats)
	c.outcome = out
	c.mu.Unlock()
	c.d.forget(c)
	c.log.Info("call ended", "disposition", out.Disposition, "by", out.EndedBy,
		"code", out.Code, "ring", out.Ring, "talk", out.Talk)
	c.d.cfg.Events(Event{
		CallID: c.id, Time: now, Type: EventEnded, Direction: c.info.Direction,
		AccountID: c.info.AccountID, Remote: c.info.Remote, First: c.first, Context: c.info.Context, Started: c.info.Started,
		Code: out.Code, Reason: out.Reason, Outcome: &out,
	})
	close(c.done)
}

// settle puts the outcome together. The caller holds c.mu.
func (c *Call) settle(now time.Time, stats media.Stats) Outcome {
	e := c.end
	stopped := e.stopped
	if stopped.IsZero() {
		stopped = now
	}
	out := Outcome{
		Disposition: e.disposition, EndedBy: e.by, Code: e.code, Reason: e.reason, Err: e.err,
		InviteSent: e.sent, Started: c.info.Started, Answered: e.answered, Ended: now, Media: stats,
	}
	if !e.answered.IsZero() {
		out.Talk = stopped.Sub(e.answered)
		stopped = e.answered
	}
	if !e.rang.IsZero() {
		out.Ring = stopped.Sub(e.rang)
	}
	return out
}

// tell reports an event.
func (c *Call) tell(t EventType, code int, reason string) {
	if code > 0 {
		c.log.Info("call "+t.String(), "code", code)
	} else {
		c.log.Info("call " + t.String())
	}
	c.d.cfg.Events(c.event(t, code, reason))
}

func (c *Call) event(t EventType, code int, reason string) Event {
	return Event{
		CallID: c.id, Time: time.Now(), Type: t, Direction: c.info.Direction,
		AccountID: c.info.AccountID, Remote: c.info.Remote, First: c.first, Context: c.info.Context, Started: c.info.Started,
		Code: code, Reason: reason,
	}
}

// adopt makes dialog the call's own and lets its events in.
func (c *Call) adopt(dialog *sip.Dialog) {
	c.dialog = dialog
	c.d.know(dialog, c)
	dialog.Handle(func(ev sip.DialogEvent) {
		c.mail.post(func() {
			if c.dialog != dialog {
				c.stray(ev)
				return
			}
			c.onDialog(ev)
		})
	})
}

// onDialog takes what happens within the confirmed dialog.
func (c *Call) onDialog(ev sip.DialogEvent) {
	switch ev := ev.(type) {
	case sip.Confirmed:
		c.onConfirmed(ev)
	case sip.EarlyAnswer:
		c.onEarlyAnswer(ev)
	case sip.RemoteOffer:
		c.onRemoteOffer(ev)
	case sip.RefreshDue:
		c.refreshSession()
	case sip.AddressChanged:
		c.relocate(sip.Path{Local: ev.Local, STUN: ev.STUN})
	case sip.InfoReceived:
		c.onInfo(ev)
	case sip.ReferReceived:
		c.onRefer(ev)
	case sip.Ended:
		c.onDialogEnded(ev)
	}
}

// onDialogEnded takes the end of the dialog: their BYE, or the stack's finding
// that nobody is there any more.
func (c *Call) onDialogEnded(ev sip.Ended) {
	if c.follow != nil && c.state == Established {
		c.follow.left = true // whom they handed us to is being called: the call goes on
		return
	}
	if c.transferring && c.state == Established && ev.Remote {
		c.awaitOutcome(ev.Reason)
		return
	}
	if _, _, ok := next(c.state, InputRemoteEnded); ok {
		switch {
		case ev.Remote:
			// A Reason in the BYE may carry a Q.850 cause, which is no SIP code.
			c.blame(Completed, Remote, 200, ev.Reason, nil)
		case ev.Err != nil:
			c.blame(Failed, Network, ev.Code, ev.Reason, errors.Join(ErrNoReply, ev.Err))
		default: // the user agent closes and said goodbye for us
			c.blame(Completed, Local, 200, ev.Reason, nil)
		}
	}
	c.step(InputRemoteEnded)
}
