package dialer

import (
	"fmt"
	"time"

	"github.com/softphone-go/softphone/sip"
)

// Direction says who called.
type Direction int

// The directions of a call.
const (
	Outbound Direction = iota + 1 // we called
	Inbound                       // they called
)

// String returns "outbound" or "inbound".
func (d Direction) String() string {
	switch d {
	case Outbound:
		return "outbound"
	case Inbound:
		return "inbound"
	default:
		return fmt.Sprintf("Direction(%d)", int(d))
	}
}

// EventType says what an Event tells of.
type EventType int

// What is told of a call. Every call ends with exactly one EventEnded.
const (
	EventDialing        EventType = iota + 1 // the INVITE has left
	EventRinging                             // 180 or another 1xx that says the far phone is being alerted
	EventEarlyMedia                          // sound before the answer
	EventIncoming                            // a call rings here; screening is passed
	EventAnswered                            // sound both ways
	EventHeld                                // we hold them
	EventResumed                             // we hold them no longer
	EventRemoteHeld                          // they hold us
	EventRemoteResumed                       // they hold us no longer
	EventMuted                               // our microphone is off
	EventUnmuted                             // our microphone is on again
	EventDigit                               // they pressed a key: Event.Digit
	EventBlocked                             // a rule refused the caller: Event.Verdict; EventEnded follows
	EventTransferring                        // a transfer is under way, ours or theirs: Event.Target, Code how it stands
	EventTransferred                         // we handed them to Event.Target; EventEnded follows
	EventTransferFailed                      // Event.Target did not take the call, which goes on unless they have left: Code, Reason
	EventReplaced                            // the call goes on with another party: Event.Remote
	EventEnded                               // the call is over: Event.Outcome
)

// String returns the event's name in lower case with hyphens.
func (t EventType) String() string {
	names := [...]string{
		"dialing", "ringing", "early-media", "incoming", "answered", "held", "resumed",
		"remote-held", "remote-resumed", "muted", "unmuted", "digit", "blocked",
		"transferring", "transferred", "transfer-failed", "replaced", "ended",
	}
	if t < 1 || int(t) > len(names) {
		return fmt.Sprintf("EventType(%d)", int(t))
	}
	return names[t-1]
}

// Event tells what happened to a call. The events of one call come in order
// and one at a time; those of different calls come from different goroutines.
type Event struct {
	CallID    string
	Time      time.Time
	Type      EventType
	Direction Direction
	AccountID string
	Remote    sip.Identity
	First     sip.Identity // whom the call began with, once it goes on with another party; else the zero Identity
	Code      int          // SIP status code of EventRinging, EventEarlyMedia, EventBlocked, EventEnded and of transfers; 0 when none
	Reason    string       // reason phrase that came with Code
	Digit     rune         // EventDigit: 0-9, *, #, A-D
	Verdict   Verdict      // EventBlocked
	Target    sip.URI      // of a transfer: whom the call goes to
	Outcome   *Outcome     // EventEnded
	Context   string       // DialRequest.Context, as it was given
	Started   time.Time    // when the Call came to be
}
