package dialer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// Disposition is how a call went, in one word.
type Disposition int

// How a call can go.
const (
	Completed         Disposition = iota + 1 // it was answered and hung up
	Busy                                     // 486 or 600; of an incoming call: this phone was busy
	Declined                                 // 603 and its kin; of an incoming call: the user refused it
	NoAnswer                                 // outgoing: it rang for too long
	Cancelled                                // outgoing: withdrawn before the answer
	Blocked                                  // incoming: refused by a rule, never rang
	Missed                                   // incoming: rang and was not answered
	AnsweredElsewhere                        // incoming: another phone took it (RFC 3326, cause 200)
	Failed                                   // any other SIP refusal, or the call broke off
	Unreachable                              // nobody could be asked: no address, refused, timed out
	MediaFailed                              // no sound could be had: no common codec, no port, bad SDP, silence
)

// String returns the disposition in lower case with hyphens.
func (d Disposition) String() string {
	names := [...]string{
		"completed", "busy", "declined", "no-answer", "cancelled", "blocked", "missed",
		"answered-elsewhere", "failed", "unreachable", "media-failed",
	}
	if d < 1 || int(d) > len(names) {
		return fmt.Sprintf("Disposition(%d)", int(d))
	}
	return names[d-1]
}

// Party is who ended a call.
type Party int

// Who can end a call.
const (
	Local   Party = iota + 1 // this side
	Remote                   // the other side
	Network                  // neither: no route, no response, no sound
)

// String returns "local", "remote" or "network".
func (p Party) String() string {
	switch p {
	case Local:
		return "local"
	case Remote:
		return "remote"
	case Network:
		return "network"
	default:
		return fmt.Sprintf("Party(%d)", int(p))
	}
}

// Outcome is the whole of a call, settled when it ends.
type Outcome struct {
	Disposition Disposition
	EndedBy     Party
	Code        int    // SIP status code that decided it; 200 for Completed, 0 when there was none
	Reason      string // reason phrase that came with Code, or ours in words
	Err         error  // the cause where there is one beyond Code
	InviteSent  bool   // outgoing: an INVITE has left

	Ring time.Duration // from the first ringing to the answer or the end
	Talk time.Duration // from the answer until the sound stopped

	Started  time.Time // when the Call came to be
	Answered time.Time // zero: never
	Ended    time.Time

	Media media.Stats // as they stood when the sound stopped; with the last party, where another took its place
}

// Errors of this package. All are wrapped with what was asked for.
var (
	ErrBusy    = errors.New("dialer: as many calls as configured are up; end one first or raise MaxCalls")
	ErrBlocked = errors.New("dialer: a block rule refuses this caller")
	ErrClosed  = errors.New("dialer: closed")
	ErrEnded   = errors.New("dialer: the call is over")
	ErrState   = errors.New("dialer: not possible in this state of the call")
	ErrMedia   = errors.New("dialer: no sound arrives any more")
	ErrNoReply = errors.New("dialer: the other side does not respond any more")
)

// verdictOf sorts the error that ended our INVITE (RFC 3261 §21 has the codes).
func verdictOf(err error) (Disposition, Party, int, string) {
	var status *sip.StatusError
	switch {
	case errors.As(err, &status):
		return dispositionOf(status.Code), Remote, status.Code, status.Reason
	case errors.Is(err, context.Canceled):
		return Cancelled, Local, 487, "Request Terminated"
	case errors.Is(err, sip.ErrUnreachable):
		return Unreachable, Network, 0, ""
	case errors.Is(err, offer.ErrNoCommonCodec), errors.Is(err, ErrKeysInClear), errors.Is(err, media.ErrNoPort):
		return MediaFailed, Local, 0, ""
	default:
		return Failed, Network, 0, ""
	}
}

// dispositionOf sorts the status code of a final response to our INVITE.
func dispositionOf(code int) Disposition {
	switch code {
	case 486, 600: // Busy Here, Busy Everywhere
		return Busy
	case 603, 607, 608: // Decline; Unwanted (RFC 8197); Rejected (RFC 8688)
		return Declined
	case 408, 480: // Request Timeout from a proxy; Temporarily Unavailable
		return NoAnswer
	case 415, 488, 606: // Unsupported Media Type, Not Acceptable Here, Not Acceptable
		return MediaFailed
	default:
		return Failed
	}
}

// codeOf is the SIP status code in an error; 0 when there is none.
func codeOf(err error) int {
	var status *sip.StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}
