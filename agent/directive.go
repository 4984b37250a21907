package agent

import (
	"encoding/json"
	"fmt"
	"time"
)

// perform validates one directive and takes its step. It runs on the loop.
func (a *Agent) perform(d directive) error {
	var err *RefusedError
	var act func() *RefusedError
	switch d.Header.Name {
	case "MakeCall":
		act, err = a.makeCall(d)
	case "AcceptCall":
		act, err = a.acceptCall(d)
	case "EndCall":
		act = func() *RefusedError { a.take(inEndCall, effectArgs{}); return nil }
	case "BlockIncomingCall":
		act = func() *RefusedError { return a.blockIncoming() }
	default:
		err = &RefusedError{Field: "header.name", Reason: fmt.Sprintf("%q is not a directive this phone carries out", clip(d.Header.Name))}
	}
	if err == nil {
		if !a.seen.add(d.Header.MessageID, time.Now()) {
			a.log.Debug("directive repeated, not run again", "name", d.Header.Name, "messageId", d.Header.MessageID)
			return nil
		}
		err = act()
	}
	if err != nil {
		err.Name, err.MessageID = d.Header.Name, d.Header.MessageID
		a.log.Debug("directive refused", "name", d.Header.Name, "field", err.Field, "reason", err.Reason)
		return err
	}
	return nil
}

// makeCall checks a MakeCall (recipient and callType are mandatory).
func (a *Agent) makeCall(d directive) (func() *RefusedError, *RefusedError) {
	raw, ok := d.Payload["recipient"]
	if !ok {
		return nil, &RefusedError{Field: "payload.recipient", Reason: "is missing"}
	}
	person, err := readPerson(raw, "payload.recipient")
	if err != nil {
		return nil, err
	}
	callType, err := d.Payload.mandatoryString("payload", "callType")
	if err != nil {
		return nil, err
	}
	begin := current{
		playServiceID: d.Payload.optionalString("playServiceId"), dialogRequest: d.Header.DialogRequestID,
		callType: CallType(callType), recipient: person,
	}
	in := inMakeCall
	if begin.callType != CallNormal && begin.callType != CallSpeaker {
		in = inMakeVideoCall
	}
	return func() *RefusedError {
		if _, _, ok := step(a.state, in); !ok {
			return &RefusedError{Reason: fmt.Sprintf("a call is already up (state %s); end it first", a.state)}
		}
		a.take(in, effectArgs{begin: begin})
		return nil
	}, nil
}

// acceptCall checks an AcceptCall (speakerPhone is a mandatory JSON boolean).
func (a *Agent) acceptCall(d directive) (func() *RefusedError, *RefusedError) {
	raw, ok := d.Payload["speakerPhone"]
	if !ok {
		return nil, &RefusedError{Field: "payload.speakerPhone", Reason: "is missing"}
	}
	var speaker bool
	if err := json.Unmarshal(raw, &speaker); err != nil {
		return nil, &RefusedError{Field: "payload.speakerPhone", Reason: "must be true or false, without quotes", Err: err}
	}
	return func() *RefusedError {
		a.take(inAcceptCall, effectArgs{speaker: speaker})
		return nil
	}, nil
}

// blockIncoming stores a rule for the ringing number, then rejects the call.
func (a *Agent) blockIncoming() *RefusedError {
	args := effectArgs{}
	a.take(inBlockIncoming, args)
	return nil
}
