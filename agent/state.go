package agent

import "fmt"

// State is the PhoneCall state. The zero value is Idle.
type State int

// The states of PhoneCall 1.3.
const (
	Idle State = iota
	Outgoing
	Incoming
	Established
)

const stateCount = int(Established) + 1

// String returns the state's name as the interface writes it.
func (s State) String() string {
	switch s {
	case Idle:
		return "IDLE"
	case Outgoing:
		return "OUTGOING"
	case Incoming:
		return "INCOMING"
	case Established:
		return "ESTABLISHED"
	}
	return "INVALID"
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(text []byte) error {
	for i := range stateCount {
		if State(i).String() == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no PhoneCall state", clip(string(text)))
}

// input is something that happened: a directive, or a turn of the call.
type input int

const (
	inMakeCall      input = iota // a valid MakeCall whose type can be made
	inMakeVideoCall              // a valid MakeCall of a type that cannot
	inEndCall                    // EndCall
	inAcceptCall                 // AcceptCall
	inBlockIncoming              // BlockIncomingCall
	inDialled                    // a call that no directive asked for goes out
	inInviteSent                 // our INVITE has left
	inArrived                    // a call is ringing here
	inAnswered                   // the call is up
	inDialRefused                // the call could not even be begun
	inEndedBefore                // the call is over and no INVITE ever left
	inEnded                      // the call is over
)

const inputCount = int(inEnded) + 1

// String returns the input's name as the diagram shows it; D is a directive.
func (i input) String() string {
	names := [...]string{
		"D MakeCall", "D MakeCall VIDEO or CALLAR", "D EndCall", "D AcceptCall", "D BlockIncomingCall", "dialled by hand",
		"INVITE sent", "call arrived", "call answered", "dial refused", "ended before INVITE", "call ended",
	}
	if i < 0 || int(i) >= len(names) {
		return "INVALID"
	}
	return names[i]
}

// effect is something to be done after a step, in order.
type effect int

const (
	doDial effect = iota
	doHangup
	doAnswer
	doBlockCaller
	doAcquireFocus
	doReleaseFocus
	doRoute   // open the loudspeaker if the directive asked for it
	doUnroute // back to the usual route
	emitCallArrived
	emitMakeCallSucceeded
	emitMakeCallFailed
	emitUnsupportedType
	emitCallEstablished
	emitCallEnded
)

// String returns the effect's name as the diagram shows it; E is an event.
func (e effect) String() string {
	names := [...]string{
		"dial", "hang up", "answer", "block caller", "acquire focus", "release focus", "route", "unroute",
		"E CallArrived", "E MakeCallSucceeded", "E MakeCallFailed", "E MakeCallFailed CALL_TYPE_NOT_SUPPORTED",
		"E CallEstablished", "E CallEnded",
	}
	if e < 0 || int(e) >= len(names) {
		return "INVALID"
	}
	return names[e]
}

// transition is one cell of the state table.
type transition struct {
	next    State
	effects []effect
}

// step is the whole state machine: what an input makes of a state, and what is
// to be done. ok is false when the input has no place in the state; the state
// then stays. A directive that the specification lets pass without effect
// (EndCall in IDLE, AcceptCall outside INCOMING) is ok with no effects.
//
// Audio focus is acquired at OUTGOING and at acceptance and not while ringing,
// because holding it would silence the spoken announcement of the caller.
// Acquiring what is held, and releasing what is not, does nothing.
func step(s State, in input) (State, []effect, bool) {
	if t, ok := transitions(s)[in]; ok {
		return t.next, t.effects, true
	}
	return s, nil, false
}

// transitions is the row of the table for a state.
func transitions(s State) map[input]transition {
	ended := transition{Idle, []effect{doReleaseFocus, doUnroute, emitCallEnded}}
	failed := transition{Idle, []effect{doReleaseFocus, doUnroute, emitMakeCallFailed}}
	answered := transition{Established, []effect{doAcquireFocus, emitCallEstablished}}
	hangup := transition{s, []effect{doHangup}}
	nothing := transition{next: s}
	switch s {
	case Idle:
		return map[input]transition{
			inMakeCall:      {Outgoing, []effect{doAcquireFocus, doRoute, doDial}},
			inMakeVideoCall: {Idle, []effect{emitUnsupportedType}},
			inEndCall:       nothing,
			inAcceptCall:    nothing,
			inBlockIncoming: nothing,
			inDialled:       {Outgoing, []effect{doAcquireFocus}},
			inArrived:       {Incoming, []effect{emitCallArrived}},
		}
	case Outgoing:
		return map[input]transition{
			inEndCall:       hangup,
			inAcceptCall:    nothing,
			inBlockIncoming: nothing,
			inInviteSent:    {Outgoing, []effect{emitMakeCallSucceeded}},
			inAnswered:      answered,
			inDialRefused:   failed,
			inEndedBefore:   failed,
			inEnded:         ended,
		}
	case Incoming:
		return map[input]transition{
			inEndCall:       hangup,
			inAcceptCall:    {Incoming, []effect{doAcquireFocus, doRoute, doAnswer}},
			inBlockIncoming: {Incoming, []effect{doBlockCaller, doHangup}},
			inAnswered:      answered,
			inEnded:         ended,
		}
	case Established:
		return map[input]transition{
			inEndCall:       hangup,
			inAcceptCall:    nothing,
			inBlockIncoming: nothing,
			inEnded:         ended,
		}
	}
	return nil
}
