package agent

// State is the PhoneCall state. The zero value is Idle.
type State int

// The states of PhoneCall 1.3.
const (
	Idle State = iota
	Outgoing
	Incoming
	Established
)

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

// input is something that happened: a directive, or a turn of the call.
type input int

const (
	inMakeCall      input = iota + 1 // a valid MakeCall whose type can be made
	inMakeVideoCall                  // a valid MakeCall of a type that cannot
	inEndCall                        // EndCall
	inAcceptCall                     // AcceptCall
	inBlockIncoming                  // BlockIncomingCall
	inArrived                        // a call is ringing here
	inInviteSent                     // our INVITE has left
	inAnswered                       // the call is up
	inEndedBefore                    // the call is over and no INVITE ever left
	inEnded                          // the call is over
	inDialRefused                    // the call could not even be begun
)

var inputNames = [...]string{
	inMakeCall: "D MakeCall", inMakeVideoCall: "D MakeCall VIDEO/CALLAR", inEndCall: "D EndCall",
	inAcceptCall: "D AcceptCall", inBlockIncoming: "D BlockIncomingCall", inArrived: "call arrived",
	inInviteSent: "INVITE sent", inAnswered: "call answered", inEndedBefore: "ended before INVITE",
	inEnded: "call ended", inDialRefused: "dial refused",
}

func (i input) String() string {
	if i <= 0 || int(i) >= len(inputNames) {
		return "INVALID"
	}
	return inputNames[i]
}

// effect is something to be done after a step, in order.
type effect int

const (
	doDial effect = iota + 1
	doHangup
	doAnswer
	doBlockCaller
	doAcquireFocus
	doReleaseFocus
	emitCallArrived
	emitMakeCallSucceeded
	emitMakeCallFailed
	emitUnsupportedType
	emitCallEstablished
	emitCallEnded
)

var effectNames = [...]string{
	doDial: "dial", doHangup: "hang up", doAnswer: "answer", doBlockCaller: "block caller",
	doAcquireFocus: "acquire focus", doReleaseFocus: "release focus",
	emitCallArrived: "E CallArrived", emitMakeCallSucceeded: "E MakeCallSucceeded",
	emitMakeCallFailed: "E MakeCallFailed", emitUnsupportedType: "E MakeCallFailed CALL_TYPE_NOT_SUPPORTED",
	emitCallEstablished: "E CallEstablished", emitCallEnded: "E CallEnded",
}

func (e effect) String() string {
	if e <= 0 || int(e) >= len(effectNames) {
		return "INVALID"
	}
	return effectNames[e]
}

// step is the whole state machine: what an input makes of a state, and what is
// to be done. ok is false when the input has no place in the state; the state
// then stays. A directive that the specification lets pass without effect
// (EndCall in IDLE, AcceptCall outside INCOMING) is ok with no effects.
//
// Audio focus is acquired at OUTGOING and at acceptance and not while ringing,
// because holding it would silence the spoken announcement of the caller.
func step(s State, in input) (next State, effects []effect, ok bool) {
	switch in {
	case inMakeVideoCall:
		if s == Idle {
			return Idle, []effect{emitUnsupportedType}, true
		}
	case inMakeCall:
		if s == Idle {
			return Outgoing, []effect{doAcquireFocus, doDial}, true
		}
	case inEndCall:
		if s == Idle {
			return Idle, nil, true
		}
		return s, []effect{doHangup}, true
	case inAcceptCall:
		if s == Incoming {
			return Incoming, []effect{doAcquireFocus, doAnswer}, true
		}
		return s, nil, true
	case inBlockIncoming:
		if s == Incoming {
			return Incoming, []effect{doBlockCaller, doHangup}, true
		}
		return s, nil, true
	case inArrived:
		if s == Idle {
			return Incoming, []effect{emitCallArrived}, true
		}
	case inInviteSent:
		if s == Outgoing {
			return Outgoing, []effect{emitMakeCallSucceeded}, true
		}
	case inAnswered:
		if s == Outgoing || s == Incoming {
			return Established, []effect{emitCallEstablished}, true
		}
	case inEndedBefore, inDialRefused:
		if s == Outgoing {
			return Idle, []effect{doReleaseFocus, emitMakeCallFailed}, true
		}
	case inEnded:
		if s != Idle {
			return Idle, []effect{doReleaseFocus, emitCallEnded}, true
		}
	}
	return s, nil, false
}
