package media

import (
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/jitter"
)

// TapPacket is one datagram seen by a Session, before any check when received.
type TapPacket struct {
	Time          time.Time // of arrival or sending
	Sent          bool
	RTCP          bool // by its first two octets (RFC 5761 §4)
	Local, Remote netip.AddrPort
	Data          []byte // valid during the call only
}

// SessionConfig sets up a Session. Callbacks run on the goroutine that ticks:
// they must not block, must not allocate if nothing is to allocate, and must not
// call Close of the same Session.
type SessionConfig struct {
	// Socket is where media flows. The Session owns it from NewSession on,
	// also when NewSession fails.
	Socket *Socket

	// CNAME identifies this end in RTCP (RFC 7022); "" takes a random one.
	CNAME string

	// Tap sees every datagram. nil: none.
	Tap func(TapPacket)

	Logger *slog.Logger // nil: silent

	// Jitter sets up the playout buffer; the zero value is its default.
	Jitter jitter.Config

	// OnDigit is told each key press once, when the key is up. nil: none.
	OnDigit func(dtmf.Digit)

	// Digits says how key presses travel; the zero value is DigitsAuto.
	Digits DigitMode

	// ExtendedReports says when RTCP XR (RFC 3611) is sent.
	ExtendedReports ExtendedReports

	// OnTimeout is called when the peer gave no sign of life for Timeout while
	// media is to be received: not on hold and not before the first Apply. It is
	// called once, and again only after a sign came in between, or SetTimeout.
	// 0 or nil: never.
	//
	// A sign of life is a valid RTP packet from the right source. RTCP is one
	// only while the last RTP was comfort noise (RFC 3389): then the peer has
	// said that it will be silent. Else reports prove that its program runs, but
	// not that its sound finds the way here.
	Timeout   time.Duration
	OnTimeout func()

	// Rand gives SSRC, first sequence number and timestamp and the RTCP
	// intervals. nil: crypto/rand.
	Rand io.Reader
}
