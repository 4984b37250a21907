package jitter

import "time"

// FrameSize is what Get returns, in samples: 10 ms at 8000 Hz.
const FrameSize = 80

// Payload is what packets of a payload type carry.
type Payload int

// What a payload type may be mapped to. Packets of an unmapped payload type
// keep their place in the sequence but are never heard.
const (
	Unmapped Payload = iota
	PCMU
	PCMA
	Event        // telephone-event, RFC 4733
	ComfortNoise // CN, RFC 3389
)

// String returns the encoding name as SDP writes it.
func (p Payload) String() string {
	switch p {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	case Event:
		return "telephone-event"
	case ComfortNoise:
		return "CN"
	case Unmapped:
		return "unmapped"
	default:
		return "invalid"
	}
}

// Kind tells what a frame returned by Get mostly consists of.
type Kind int

// Kinds of sound; on a tie a frame counts as speech.
const (
	Silence   Kind = iota // nothing to play: not started, a pause, or a loss that has faded out
	Speech                // as sent
	Concealed             // made up in place of something missing
	Comfort               // noise at the level the sender asked for (RFC 3389)
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Silence:
		return "silence"
	case Speech:
		return "speech"
	case Concealed:
		return "concealed"
	case Comfort:
		return "comfort"
	default:
		return "invalid"
	}
}

// Header is the part of an RTP header that playout needs (RFC 3550 §5.1).
type Header struct {
	SequenceNumber uint16
	Timestamp      uint32
	PayloadType    uint8
	Marker         bool
	SSRC           uint32
}

// Config sets up a Playout. The zero value is an adaptive buffer with the
// defaults below.
type Config struct {
	// ClockRate is the RTP clock in Hz. G.711 runs at 8000 and nothing else is
	// supported: any other value counts as 8000.
	ClockRate int

	// Target is the playout delay to begin with: how long the fastest packets
	// wait between arrival and being played. Unless Fixed, up to 10 ms more are
	// spent so that packets begin with a frame. 0 stands for 40 ms.
	Target time.Duration

	// Min and Max bound the target, and Max bounds the delay itself. 0 stands
	// for 5 ms and 500 ms; Min is at least 5 ms and Max at most 700 ms. With
	// Min equal to Target a good network is played at one lag, sample for sample.
	Min, Max time.Duration

	// Fixed keeps the target as it is. Otherwise it follows the jitter that is
	// seen, between Min and Max. Either way the delay itself grows when packets
	// come later than that, and returns to the target.
	Fixed bool

	// Capacity is the number of packets held at most, rounded up to a power of
	// two from 64 to 1024. 0 stands for 128.
	Capacity int
}

// Stats counts what happened since New; Reset keeps it. Every packet given to
// Put is in exactly one of Played, Late, Duplicates, Discarded and Buffered:
// together they are Received.
type Stats struct {
	Received   uint64 // packets given to Put
	Played     uint64 // packets whose turn came: sound, comfort noise, events
	Late       uint64 // packets that came after their turn
	Duplicates uint64 // packets that had come before
	Discarded  uint64 // packets of no use: unmapped, malformed, overflow, skipped to catch up
	Buffered   uint64 // packets waiting for their turn, now

	Lost      uint64 // sequence numbers that never came; late ones are not in it
	LossRuns  uint64 // runs of consecutive sequence numbers missing when their turn came
	Reordered uint64 // packets that came after a later one
	Resyncs   uint64 // starts anew after a jump or a change of SSRC

	Concealed  time.Duration // made up in place of missing sound
	Stretched  time.Duration // inserted to raise the delay or follow a slow clock
	Compressed time.Duration // removed to lower the delay or follow a fast clock

	MeanDelay time.Duration // of the packets played: from arrival to their first sample
	P95Delay  time.Duration // 95th percentile of the same, in steps of 5 ms
	Delay     time.Duration // now: how long the fastest packets wait
	Target    time.Duration // what Delay is steered towards
}
