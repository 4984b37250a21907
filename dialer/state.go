package dialer

import "fmt"

// State is where a Call stands. Early media, hold and mute are properties of a
// call, not states. The zero value is Idle.
type State int

// The states of a Call.
const (
	Idle        State = iota // made, nothing sent or received yet
	Outgoing                 // our INVITE is under way
	Cancelling               // our INVITE is being withdrawn
	Incoming                 // their INVITE rings here
	Established              // a 2xx was sent or received
	Terminating              // our BYE is under way
	Ended                    // over; nothing leaves this state
)

const stateCount = int(Ended) + 1

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Idle:
		return "Idle"
	case Outgoing:
		return "Outgoing"
	case Cancelling:
		return "Cancelling"
	case Incoming:
		return "Incoming"
	case Established:
		return "Established"
	case Terminating:
		return "Terminating"
	case Ended:
		return "Ended"
	default:
		return fmt.Sprintf("State(%d)", int(s))
	}
}

// Input is something that happens to a Call.
type Input int

// What can happen to a Call.
const (
	InputDial         Input = iota // the user calls
	InputArrive                    // an invitation passed screening
	InputRefuse                    // an invitation is refused before it rings
	InputProgress                  // 1xx to our INVITE
	InputAccepted                  // 2xx to our INVITE, its SDP usable
	InputUnusable                  // 2xx to our INVITE, its SDP not usable
	InputFailed                    // our INVITE ended without a 2xx
	InputAnswer                    // our 200 has left
	InputHangup                    // the user ends the call
	InputRingTimeout               // nobody answered in time
	InputRemoteCancel              // the caller withdrew the INVITE
	InputRemoteEnded               // the dialog is over: BYE from them, 481, no ACK
	InputMediaFailed               // no sound can be had: bad SDP, no port, silence for too long
	InputReplaced                  // somebody else answered in the place of whom we call
	InputReleased                  // our BYE or CANCEL is done, or waited for long enough
)

const inputCount = int(InputReleased) + 1

// String returns the input's name as the diagram shows it.
func (i Input) String() string {
	names := [...]string{
		"dial", "arrive", "refuse", "progress", "accepted", "unusable", "failed",
		"answer", "hangup", "ringTimeout", "remoteCancel", "remoteEnded", "mediaFailed", "replaced", "released",
	}
	if i < 0 || int(i) >= len(names) {
		return fmt.Sprintf("Input(%d)", int(i))
	}
	return names[i]
}

// Action is what the loop does on a transition, in the order of the table.
type Action int

// What a transition makes the loop do.
const (
	ActionInvite  Action = iota // send the INVITE
	ActionRing                  // send 180 and tell of the call
	ActionReject                // send the final non-2xx response
	ActionReport                // tell of ringing or early media
	ActionAck                   // send the ACK
	ActionConnect               // the call is answered: sound both ways
	ActionCancel                // send CANCEL
	ActionBye                   // send BYE
	ActionAwait                 // bound the wait for what was just sent
	ActionRelease               // close the media session and its port
	ActionFinish                // settle the outcome and tell of the end
)

// String returns the action's name as the diagram shows it.
func (a Action) String() string {
	names := [...]string{
		"invite", "ring", "reject", "report", "ack", "connect",
		"cancel", "bye", "await", "release", "finish",
	}
	if a < 0 || int(a) >= len(names) {
		return fmt.Sprintf("Action(%d)", int(a))
	}
	return names[a]
}

// next is the call's state table: where an input leads and what is to be done
// on the way. False means that the input has no meaning in this state and
// changes nothing. It is pure; the Call's loop carries the actions out.
func next(s State, in Input) (State, []Action, bool) {
	switch s {
	case Idle:
		return nextIdle(in)
	case Outgoing:
		return nextOutgoing(in)
	case Cancelling:
		return nextCancelling(in)
	case Incoming:
		return nextIncoming(in)
	case Established:
		return nextEstablished(in)
	case Terminating:
		return nextTerminating(in)
	default: // Ended: whatever still arrives came too late
		return s, nil, false
	}
}

func nextIdle(in Input) (State, []Action, bool) {
	switch in {
	case InputDial:
		return Outgoing, []Action{ActionInvite}, true
	case InputArrive:
		return Incoming, []Action{ActionRing}, true
	case InputRefuse:
		return Ended, []Action{ActionReject, ActionFinish}, true
	default:
		return Idle, nil, false
	}
}

func nextOutgoing(in Input) (State, []Action, bool) {
	switch in {
	case InputProgress:
		return Outgoing, []Action{ActionReport}, true
	case InputAccepted:
		return Established, []Action{ActionAck, ActionConnect}, true
	case InputUnusable:
		// A 2xx must be acknowledged even when nothing can be made of it
		// (RFC 3261 §13.2.2.4); the BYE follows at once.
		return Terminating, []Action{ActionAck, ActionRelease, ActionBye, ActionAwait}, true
	case InputReplaced:
		// An INVITE with Replaces was answered here (RFC 3891 §3); ours is being
		// cancelled behind the call's back.
		return Established, []Action{ActionConnect}, true
	case InputFailed:
		return Ended, []Action{ActionRelease, ActionFinish}, true
	case InputHangup, InputRingTimeout:
		return Cancelling, []Action{ActionRelease, ActionCancel, ActionAwait}, true
	default:
		return Outgoing, nil, false
	}
}

func nextCancelling(in Input) (State, []Action, bool) {
	switch in {
	case InputAccepted, InputUnusable:
		// The 2xx was on its way here when the CANCEL left (RFC 3261 §9.1).
		return Terminating, []Action{ActionAck, ActionBye, ActionAwait}, true
	case InputFailed, InputReleased:
		return Ended, []Action{ActionFinish}, true
	default:
		return Cancelling, nil, false
	}
}

func nextIncoming(in Input) (State, []Action, bool) {
	switch in {
	case InputAnswer:
		return Established, []Action{ActionConnect}, true
	case InputHangup, InputRingTimeout, InputMediaFailed:
		return Ended, []Action{ActionReject, ActionRelease, ActionFinish}, true
	case InputRemoteCancel:
		return Ended, []Action{ActionRelease, ActionFinish}, true
	default:
		return Incoming, nil, false
	}
}

func nextEstablished(in Input) (State, []Action, bool) {
	switch in {
	case InputHangup, InputMediaFailed:
		return Terminating, []Action{ActionRelease, ActionBye, ActionAwait}, true
	case InputRemoteEnded:
		return Ended, []Action{ActionRelease, ActionFinish}, true
	default:
		return Established, nil, false
	}
}

func nextTerminating(in Input) (State, []Action, bool) {
	switch in {
	case InputRemoteEnded, InputReleased:
		return Ended, []Action{ActionFinish}, true
	default:
		return Terminating, nil, false
	}
}
