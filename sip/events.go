package sip

import (
	"log/slog"
	"net/netip"
	"time"
)

// Path is the way that a request takes, or took: what a session description has to
// know of it.
type Path struct {
	Local     netip.Addr // our address on it
	Public    netip.Addr // Config.Public where the peer is beyond the NAT, else invalid
	Transport Transport  // to or from the next hop
	// STUN is a server that says where our ports are seen from outside (RFC 8489). It
	// is valid where the peer is beyond a NAT, and that server has answered us lately:
	// then each port for media should ask it, once.
	STUN netip.AddrPort
}

// OfferFunc builds the session description of an offer. It runs once per hop
// that is tried, since only then the path is known.
// A nil OfferFunc sends INVITE without SDP (late offer). The request waits for it.
type OfferFunc func(Path) ([]byte, error)

// Header is a header field added to a request. Names and values with control
// characters are refused.
type Header struct{ Name, Value string }

// InviteRequest describes an outgoing call.
type InviteRequest struct {
	Account Account // whose identity and password are used; need not be registered
	Target  URI
	Offer   OfferFunc
	// Answer makes the answer to an offer that comes in a reliable provisional
	// response, where Offer is nil; it leaves in the PRACK (RFC 3262 §5), and the
	// 2xx of that dialog has no body then. It is asked once for each early dialog,
	// in a goroutine of its own, within the 32 s that the callee waits. An error
	// cancels the call. Nil: reliable responses are not asked for where Offer is nil,
	// and the offer comes in the 2xx.
	Answer  func(d *Dialog, p Path, offer []byte) ([]byte, error)
	Headers []Header
	// CallerNumber, when set, is presented as P-Preferred-Identity (RFC 3325).
	CallerNumber string
	// Logger takes the lines about this call and its dialogs, so that they carry
	// what its owner knows it by. Nil: that of the user agent.
	Logger *slog.Logger
	// Anonymous asks not to be named to the other side (RFC 3323): From and Contact
	// are anonymous, Privacy is "id", and the account stands in
	// P-Preferred-Identity, for its registrar alone.
	Anonymous bool
	// Redirect is asked whether a target that a 3xx names is called instead; of one
	// call at most five 3xx are followed. Nil: none is, and the call ends with the
	// 3xx. Whoever answers could make the account call any number.
	Redirect func(target URI) bool
}

// Response is what a ClientInvite streams: Sent, Provisional or Final.
type Response interface{ isResponse() }

// Sent tells that the INVITE has left. It comes once per call, first of all
// unless the call fails before anything could be sent.
type Sent struct {
	Local  netip.Addr
	CallID string
}

// Provisional is a 1xx response other than 100.
type Provisional struct {
	Code   int
	Reason string
	Dialog *Dialog // early dialog; nil when the response had no To-tag
	Body   []byte
	// Reliable tells one that was sent reliably (RFC 3262) and is acknowledged.
	Reliable bool
	// Headers returns the values of a header field, in order.
	Headers func(name string) []string
}

// Final is the outcome; nothing follows it.
type Final struct {
	Code   int
	Reason string
	Dialog *Dialog // set for 2xx, which the owner must Ack or Bye
	Body   []byte
	// Err is nil for 2xx. Otherwise *StatusError for 3xx (not followed) to
	// 6xx, an error wrapping ErrUnreachable, or context.Canceled after Cancel.
	Err error
}

func (Sent) isResponse()        {}
func (Provisional) isResponse() {}
func (Final) isResponse()       {}

// DialogEvent is one of Confirmed, RemoteOffer, EarlyAnswer, RefreshDue, AddressChanged,
// ReferReceived, InfoReceived and Ended.
type DialogEvent interface{ isDialogEvent() }

// Confirmed tells that the caller acknowledged our answer. Body is the answer
// when our 200 carried the offer.
type Confirmed struct{ Body []byte }

// RemoteOffer is a re-INVITE, or an UPDATE (or PRACK) with an offer. One of Answer and
// Reject must be called; after 32 s without either a re-INVITE is refused with
// 500, after 10 s an UPDATE with 504.
type RemoteOffer struct {
	Body []byte // empty: the peer wants an offer from us, its answer comes through Acked
	// Update tells an UPDATE (RFC 3311), or a PRACK (RFC 3262 §5): it has a body, nobody may be asked
	// about it, and no ACK comes, so that Acked is closed without a value.
	Update bool
	Path   Path
	// Answer sends 200 with body and repeats it until the ACK comes.
	Answer func(body []byte) error
	// Reject refuses; the session goes on as it was (RFC 3261 §14.2).
	Reject func(code int, reason string) error
	// Acked delivers the body of the ACK (nil when it has none) and is then
	// closed. It is closed without a value when no ACK comes.
	Acked <-chan []byte
}

// EarlyAnswer is the answer to an offer of ours in a reliable provisional
// response (RFC 3262 §5). It comes in the early dialog: see Invitation.Early.
type EarlyAnswer struct{ Body []byte }

// RefreshDue asks the owner to send a re-INVITE with the session description as
// it stands: the session timer needs a refresh (RFC 4028 §7.4) and the peer does
// not know UPDATE. It comes again until there was one; without, the call ends
// with ErrSessionExpired. It comes too, once, when a connection was lost and the peer
// must learn our new Contact.
type RefreshDue struct{}

// AddressChanged tells that our address on the way to the peer is another one now, so
// that the session must be moved there: by a re-INVITE, whose Contact is right already.
type AddressChanged struct {
	Local netip.Addr
	STUN  netip.AddrPort // as Path.STUN; then Local may be what it was, and its NAT another
}

// InfoReceived is an INFO request, already answered 200.
type InfoReceived struct {
	ContentType string
	Body        []byte
}

// Ended tells that a confirmed dialog is over. It comes exactly once.
type Ended struct {
	Remote bool // the peer sent BYE
	Code   int  // response or Reason cause that ended it, 0 when none
	Reason string
	Err    error // ErrNoAck, ErrSessionExpired, *StatusError (481, 408), ErrClosed; nil for BYE
}

func (Confirmed) isDialogEvent()      {}
func (RemoteOffer) isDialogEvent()    {}
func (EarlyAnswer) isDialogEvent()    {}
func (RefreshDue) isDialogEvent()     {}
func (AddressChanged) isDialogEvent() {}
func (InfoReceived) isDialogEvent()   {}
func (Ended) isDialogEvent()          {}

// CancelCause tells why an Invitation is over (RFC 3326 Reason header).
type CancelCause struct {
	Code              int // 0 when the caller gave none
	Reason            string
	AnsweredElsewhere bool // Reason: SIP;cause=200
}

// Phase is the state of a Registration.
type Phase int

// The phases of a Registration.
const (
	Idle          Phase = iota
	Registering         // first request, or a refresh after a change, is under way
	Registered          // bound; stays so while refreshes succeed
	Retrying            // failed for now, the next try is in RetryIn
	Rejected            // refused for good (wrong password, unknown user); Update tries again
	Unregistering       // Close is taking the binding back
	Unregistered        // Close is done
)

// String returns the phase in lower case.
func (p Phase) String() string {
	names := [...]string{"idle", "registering", "registered", "retrying", "rejected", "unregistering", "unregistered"}
	if p < 0 || int(p) >= len(names) {
		return "invalid"
	}
	return names[p]
}

// RegistrationState is a snapshot of a Registration.
type RegistrationState struct {
	Phase   Phase
	Code    int           // last response code, 0 when there was none
	Reason  string        // its phrase
	Err     error         // what went wrong, nil while Registered
	Expires time.Duration // as granted
	RetryIn time.Duration // until the next try, in Retrying
	Attempt int           // failures in a row
	Contact string        // address we registered
}

// Capabilities is a peer's answer to OPTIONS (RFC 3261 §11.2).
type Capabilities struct {
	Code      int
	Allow     []string
	Accept    []string
	Supported []string
	Server    string
	RoundTrip time.Duration
}
