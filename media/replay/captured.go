package replay

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/jitter"
)

// Static payload types of RFC 3551 §6 and RFC 3389 §7.
const (
	PayloadPCMU = payloadPCMU
	PayloadPCMA = payloadPCMA
	PayloadCN   = 13
)

const (
	payloadEvent = 101 // what a dynamic payload type is taken for
	payloadOther = 127
)

// ErrNoSound is returned for a capture of nothing that could be decoded.
var ErrNoSound = errors.New("the captured packets are no PCMU or PCMA, so only their times can be played, with other speech")

// Captured is one packet of RTP as it came in.
type Captured struct {
	Header  jitter.Header
	Payload []byte
	At      time.Duration // when it was captured
}

// RunCaptured plays captured packets in the order given: their own sound, or
// speech (8000 Hz) in its place, coded as Options say. When a packet was sent is
// taken from its timestamp, on the clock of the fastest packet: so the delays of
// the report and the record leave out what all packets have in common. Sequence
// numbers, timestamps and SSRC reach the engine as they are.
//
// Without speech the packets must be PCMU or PCMA; of others only the times are
// played. heard begins with the first packet.
func RunCaptured(packets []Captured, speech []int16, o Options) (heard []int16, report Report, err error) {
	if len(packets) > maxPackets {
		packets = packets[:maxPackets]
	}
	packets = slices.Clone(packets)
	slices.SortStableFunc(packets, func(a, b Captured) int { return cmp.Compare(a.At, b.At) })
	sound := slices.ContainsFunc(packets, func(p Captured) bool { return isSound(p.Header.PayloadType) })
	if speech == nil && !sound {
		return nil, Report{}, ErrNoSound
	}
	trace, rate := timeline(packets)
	out := make([]delivery, 0, len(packets))
	for i, p := range packets {
		d := delivery{header: p.Header, sent: trace[i].Sent, at: trace[i].Arrived, payload: p.Payload}
		if speech != nil && (isSound(p.Header.PayloadType) || !sound && !isEvent(p)) {
			d.voice(speech, o.Codec, packets, i, rate)
		}
		switch pt := d.header.PayloadType; {
		case isEvent(p):
			d.header.PayloadType = payloadEvent
		case !isSound(pt) && pt != PayloadCN:
			d.header.PayloadType = payloadOther
		}
		out = append(out, d)
	}
	heard, report = play(withGaps(trace), out, o)
	return heard, report, nil
}

func isSound(payloadType uint8) bool {
	return payloadType == PayloadPCMU || payloadType == PayloadPCMA
}

// isEvent tells a telephone-event by its length and dynamic payload type
// (RFC 4733 §2.3).
func isEvent(p Captured) bool { return p.Header.PayloadType >= 96 && len(p.Payload) == 4 }

// voice puts speech in a packet's place. A packet of another codec lasts until
// the next one in order.
func (d *delivery) voice(speech []int16, codec jitter.Payload, packets []Captured, i, rate int) {
	n := len(packets[i].Payload)
	if !isSound(d.header.PayloadType) {
		n = packetSize
		if i+1 < len(packets) && packets[i+1].Header.SequenceNumber == d.header.SequenceNumber+1 {
			n = int(int32(packets[i+1].Header.Timestamp-d.header.Timestamp)) * clockRate / rate
		}
		n = min(max(n, packetSize/2), 3*packetSize)
		d.header.Timestamp = uint32(firstStamp + samples(d.sent)) // on the clock of G.711
	}
	d.header.PayloadType = payloadPCMU
	encode := g711.EncodePCMU
	if codec == jitter.PCMA {
		d.header.PayloadType, encode = payloadPCMA, g711.EncodePCMA
	}
	frame := make([]int16, n)
	if offset := samples(d.sent); offset >= 0 && offset < int64(len(speech)) {
		copy(frame, speech[offset:])
	}
	d.payload = make([]byte, n)
	encode(d.payload, frame)
}
