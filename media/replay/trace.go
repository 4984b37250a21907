package replay

import (
	"io"
	"time"
)

// Packet is one line of a trace: one packet with 20 ms of sound.
type Packet struct {
	SequenceNumber int
	Sent           time.Duration
	Arrived        time.Duration // meaningless when Lost
	Lost           bool
}

// Trace is what happened to a stream of packets, in the order of the file.
type Trace []Packet

// ParseTrace reads a trace, one packet a line.
func ParseTrace(r io.Reader) (Trace, error) { return nil, nil }
