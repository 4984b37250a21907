package media

import (
	"fmt"
	"strings"
	"time"

	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
)

const (
	clockRate    = 8000 // Hz, of everything sent and received
	frameSize    = jitter.FrameSize
	frameTime    = 10 * time.Millisecond
	defaultPTime = 20 * time.Millisecond
	maxPTime     = 60 * time.Millisecond

	payloadTypes     = 128
	comfortNoiseType = 13 // RFC 3551 §6: static, and sent by some without asking
	maxFramesPerTime = int(maxPTime / frameTime)
)

// description is what Apply was given, made ready for the tick. It is never
// changed once published.
type description struct {
	offer.Params
	serial   uint64 // one more with each Apply
	frames   int    // of 10 ms in a packet we send
	send     jitter.Payload
	payloads [payloadTypes]jitter.Payload // what may arrive

	protect   *srtp.Sender // nil: in the clear, both
	unprotect *srtp.Receiver
}

// sends says whether media leaves under this description.
func (d *description) sends() bool {
	return d != nil && d.Direction.Sends() && d.Remote.IsValid() && d.Remote.Port() != 0
}

// receives says whether media is heard under this description.
func (d *description) receives() bool { return d != nil && d.Direction.Receives() }

// describe checks p and joins it to the description before. Payload types agreed
// on earlier stay known, since packets with them may still be under way and their
// meaning cannot change within a session (RFC 3264 §8.3.2).
func describe(p offer.Params, before *description) (*description, error) {
	d := &description{Params: p, serial: 1, frames: framesOf(p.PTime)}
	if before != nil {
		d.serial, d.payloads = before.serial+1, before.payloads
	}
	if p.Direction.Sends() {
		send, err := payloadOf(p.Send)
		if err != nil {
			return nil, fmt.Errorf("media: cannot send: %w", err)
		}
		d.send = send
	}
	for _, c := range p.Receive {
		kind, err := payloadOf(c)
		if err != nil {
			return nil, fmt.Errorf("media: cannot receive: %w", err)
		}
		d.payloads[c.PayloadType] = kind
	}
	if p.EventReceive >= payloadTypes || p.EventSend >= payloadTypes {
		return nil, fmt.Errorf("media: payload types %d and %d of telephone events: use 0 to 127", p.EventReceive, p.EventSend)
	}
	if p.EventReceive != 0 {
		d.payloads[p.EventReceive] = jitter.Event
	}
	if p.ComfortNoiseSend >= payloadTypes || p.ComfortNoiseReceive >= payloadTypes {
		return nil, fmt.Errorf("media: payload types %d and %d of comfort noise: use 0 to 127", p.ComfortNoiseReceive, p.ComfortNoiseSend)
	}
	d.mapComfort()
	return d, nil
}

func payloadOf(c offer.Codec) (jitter.Payload, error) {
	if c.PayloadType >= payloadTypes {
		return 0, fmt.Errorf("payload type %d of %s: use 0 to 127", c.PayloadType, c.Name)
	}
	if c.ClockRate == clockRate {
		switch strings.ToUpper(c.Name) {
		case "PCMU":
			return jitter.PCMU, nil
		case "PCMA":
			return jitter.PCMA, nil
		}
	}
	return 0, fmt.Errorf("codec %q at %d Hz: use PCMU or PCMA at 8000 Hz", c.Name, c.ClockRate)
}

// framesOf is how many frames of 10 ms go into a packet: 1 to 6.
func framesOf(ptime time.Duration) int {
	if ptime <= 0 {
		ptime = defaultPTime
	}
	return min(max(int(ptime/frameTime), 1), maxFramesPerTime)
}
