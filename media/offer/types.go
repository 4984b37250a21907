package offer

import (
	"net/netip"
	"strings"
	"time"

	"github.com/softphone-go/softphone/media/srtp"
)

// Codec is one payload format under one payload type.
type Codec struct {
	Name        string // encoding name as in a=rtpmap, compared without case
	PayloadType uint8  // 0 to 127
	ClockRate   int    // Hz
}

// PCMU is ITU-T G.711 µ-law under its static payload type (RFC 3551 §6).
func PCMU() Codec { return Codec{Name: "PCMU", PayloadType: 0, ClockRate: 8000} }

// PCMA is ITU-T G.711 A-law under its static payload type (RFC 3551 §6).
func PCMA() Codec { return Codec{Name: "PCMA", PayloadType: 8, ClockRate: 8000} }

// same says whether two codecs are the same format, whatever their payload
// types.
func (c Codec) same(d Codec) bool {
	return c.ClockRate == d.ClockRate && strings.EqualFold(c.Name, d.Name)
}

// Direction says which way media flows, seen from the side that says it
// (RFC 8866 §6.7). The zero value is Inactive.
type Direction int

// The four directions. SendOnly and RecvOnly are bits, SendRecv is both.
const (
	Inactive Direction = 0
	SendOnly Direction = 1
	RecvOnly Direction = 2
	SendRecv Direction = SendOnly | RecvOnly
)

// String is the attribute's name: "inactive", "sendonly", "recvonly" or
// "sendrecv".
func (d Direction) String() string {
	switch d {
	case Inactive:
		return "inactive"
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case SendRecv:
		return "sendrecv"
	}
	return "invalid"
}

// Reverse is the same flow seen from the other side.
func (d Direction) Reverse() Direction { return d&SendOnly<<1 | d&RecvOnly>>1 }

// And is what both d and e allow.
func (d Direction) And(e Direction) Direction { return d & e }

// Sends says whether the side that says d sends media.
func (d Direction) Sends() bool { return d&SendOnly != 0 }

// Receives says whether the side that says d takes media.
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

// Local is what this side offers or answers with. It is a value: change a
// copy for the next offer, with Version one higher (RFC 3264 §8).
type Local struct {
	Addr     netip.Addr // where media is received; never unspecified
	RTPPort  uint16
	RTCPPort uint16 // 0: RTPPort+1

	SessionID uint64 // o= session id, kept for the whole call
	Version   uint64 // o= version: one more at each changed description

	Codecs           []Codec       // by preference; at least one
	EventPayloadType uint8         // telephone-event (RFC 4733) in our offers; 0: no events
	ComfortNoise     uint8         // payload type of CN (RFC 3389) in our offers, 13; 0: none, in answers too
	PTime            time.Duration // 10 to 60 ms in steps of 10; 0: 20 ms
	MaxPTime         time.Duration // a=maxptime; 0: not said
	Direction        Direction     // ours. The zero value is Inactive

	// Encryption is what is wanted of SRTP, and Keys are ours to send under, by
	// preference, one for each suite; at least one unless NoEncryption.
	Encryption Encryption
	Keys       []*srtp.Key

	// XR is which extended reports we ask the peer for (RFC 3611 §5).
	XR XR

	// RTCPMux offers rtcp-mux (RFC 5761) in Offer. Answer takes it whenever
	// the peer offers it.
	RTCPMux bool

	// Of what is in force, by Keep: the suite, and whether the stream is RTP/SAVP or
	// encrypted RTP/AVP.
	suite     srtp.Suite
	savp, avp bool
}

// Params is what both sides agreed on, seen from this one.
type Params struct {
	// Remote is where to send RTP. It is the zero AddrPort when the peer gave
	// 0.0.0.0 or :: (hold as in RFC 2543): then nothing may be sent, RTCP
	// included, and Direction does not send.
	Remote netip.AddrPort
	// RemoteRTCP is where to send RTCP: Remote with RTCPMux, else a=rtcp, else
	// the port after Remote's. Zero when Remote is, or when there is no such
	// port.
	RemoteRTCP netip.AddrPort
	RTCPMux    bool

	// XR is which extended reports the peer asks us for.
	XR XR

	Send    Codec   // what to send, under the peer's payload type
	Receive []Codec // what may arrive, under our payload types; the agreed ones first

	EventSend    uint8 // telephone-event payload type to send with; 0: none agreed
	EventReceive uint8 // telephone-event payload type to expect; 0: none agreed

	ComfortNoiseSend    uint8 // payload type of CN to send in silence; 0: none agreed
	ComfortNoiseReceive uint8 // payload type of CN to expect; 0: none agreed

	PTime      time.Duration // of the packets we send: 10 to 60 ms in steps of 10
	Direction  Direction     // ours
	RemoteHold bool          // the peer put us on hold: it does not want our media

	// SendKey and ReceiveKey are set both, for SRTP, or neither, for RTP. SendKey is
	// one of ours.
	SendKey, ReceiveKey *srtp.Key
	SAVP                bool // the stream's transport is RTP/SAVP or RTP/SAVPF
}
