package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/dialer"
)

// perform validates one directive and carries it out, once. It runs on the loop.
func (a *Agent) perform(ctx context.Context, d directive) *answer {
	n := newAnswer()
	payload, err := d.read()
	if p, ok := payload.(BlockNumber); ok && err == nil {
		err = a.checkNumber(p)
	}
	if err == nil {
		if first, repeated := a.seen.add(d.Header.MessageID, time.Now(), n); repeated {
			a.log.Debug("directive repeated, not run again", "name", d.Header.Name, "messageId", d.Header.MessageID)
			return first
		}
		err = a.carryOut(ctx, d.Header, payload, n)
	}
	if err != nil {
		a.log.Debug("directive refused", "name", d.Header.Name, "field", err.Field, "reason", err.Reason)
	}
	if !n.open {
		n.settle(err)
	}
	return n
}

// carryOut does what a valid directive asks for. It leaves n open when the
// answer comes later.
func (a *Agent) carryOut(ctx context.Context, h Header, payload any, n *answer) *RefusedError {
	switch p := payload.(type) {
	case SendCandidates:
		a.sendCandidates(ctx, h, p)
	case MakeCall:
		return a.makeCall(ctx, h, p)
	case EndCall:
		a.take(inEndCall, effectArgs{ctx: ctx})
	case AcceptCall:
		a.take(inAcceptCall, effectArgs{ctx: ctx, speaker: p.SpeakerPhone})
	case BlockIncomingCall:
		a.take(inBlockIncoming, effectArgs{ctx: ctx, answer: n})
	case BlockNumber:
		return a.blockNumber(ctx, p, n)
	}
	return nil
}

// makeCall begins a call, unless one is up.
func (a *Agent) makeCall(ctx context.Context, h Header, p MakeCall) *RefusedError {
	begin := current{
		playServiceID: p.PlayServiceID, dialogRequest: h.DialogRequestID,
		callType: p.CallType, recipient: p.Recipient,
	}
	in := inMakeCall
	if p.CallType != CallNormal && p.CallType != CallSpeaker {
		in = inMakeVideoCall
		begin.cause = fmt.Errorf("calls of type %q cannot be made; only NORMAL and SPEAKER can", clip(string(p.CallType)))
	}
	if _, _, ok := step(a.state, in); !ok {
		return &RefusedError{Reason: fmt.Sprintf("a call is already up (state %s); end it first", a.state)}
	}
	a.take(in, effectArgs{ctx: ctx, begin: begin, speaker: p.CallType == CallSpeaker})
	return nil
}

// checkNumber refuses what no rule can be made of.
func (a *Agent) checkNumber(p BlockNumber) *RefusedError {
	if a.cfg.Rules == nil {
		return &RefusedError{Reason: "this phone keeps no block rules"}
	}
	err := a.cfg.Rules.Check(p.BlockType, p.Number)
	if err == nil {
		return nil
	}
	reason := err
	var bad *blocklist.PatternError
	if errors.As(err, &bad) {
		reason = bad.Reason
	}
	return &RefusedError{Field: "payload.number", Reason: fmt.Sprintf("cannot be blocked by %s, because %v", p.BlockType, reason), Err: err}
}

// blockNumber makes a rule that holds from now on. The directive is accepted
// when the rule is on disk.
func (a *Agent) blockNumber(ctx context.Context, p BlockNumber, n *answer) *RefusedError {
	if !a.cfg.Rules.Blockable() {
		return notKept(ErrRulesFull)
	}
	a.keep(ctx, n, a.cfg.Rules.Block(p.BlockType, p.Number), notKept)
	return nil
}

func notKept(err error) *RefusedError {
	if errors.Is(err, ErrRulesFull) {
		return &RefusedError{Reason: ErrRulesFull.Error(), Err: err}
	}
	return &RefusedError{Reason: "the rule was not kept: " + err.Error(), Err: err}
}

// blockCaller makes a rule for who is ringing. The call is sent away without
// waiting for the disk, whether the rule could be made or not.
func (a *Agent) blockCaller(args effectArgs) {
	unblocked := func(err error) *RefusedError {
		return &RefusedError{Reason: "the call is rejected, but its number was not blocked: " + err.Error(), Err: err}
	}
	write, err := a.cfg.Telephone.BlockCaller(a.call.id)
	switch {
	case errors.Is(err, dialer.ErrEnded): // the caller was faster
	case err != nil:
		a.keep(args.ctx, args.answer, func(context.Context) error { return err }, unblocked)
	case write != nil: // else there is no number to block
		a.keep(args.ctx, args.answer, write, unblocked)
	}
}
