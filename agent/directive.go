package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/softphone-go/softphone/blocklist"
)

// perform validates one directive and carries it out, once. It runs on the loop.
func (a *Agent) perform(ctx context.Context, d directive, index int) error {
	payload, err := d.read()
	if p, ok := payload.(BlockNumber); ok && err == nil {
		err = a.checkNumber(p)
	}
	if err == nil {
		if !a.seen.add(d.Header.MessageID, time.Now()) {
			a.log.Debug("directive repeated, not run again", "name", d.Header.Name, "messageId", d.Header.MessageID)
			if refused := a.seen.at[d.Header.MessageID].refused; refused != nil {
				again := *refused
				return again.of(d, index)
			}
			return nil
		}
		if err = a.carryOut(ctx, d.Header, payload); err != nil {
			a.seen.refuse(d.Header.MessageID, *err)
		}
	}
	if err != nil {
		a.log.Debug("directive refused", "name", d.Header.Name, "field", err.Field, "reason", err.Reason)
		return err.of(d, index)
	}
	return nil
}

// carryOut does what a valid directive asks for.
func (a *Agent) carryOut(ctx context.Context, h Header, payload any) *RefusedError {
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
		a.take(inBlockIncoming, effectArgs{ctx: ctx})
	case BlockNumber:
		return a.blockNumber(ctx, p)
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

// blockNumber keeps a rule, durably before it is accepted.
func (a *Agent) blockNumber(ctx context.Context, p BlockNumber) *RefusedError {
	if !a.cfg.Rules.Blockable() {
		return &RefusedError{Reason: "no further number can be blocked (numberBlockable is FALSE); remove some rules first"}
	}
	if err := a.cfg.Rules.Block(ctx, p.BlockType, p.Number); err != nil {
		a.log.Error("a block rule was not kept", "error", err)
		return &RefusedError{Reason: "the rule was not kept: " + err.Error(), Err: err}
	}
	return nil
}
