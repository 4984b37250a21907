package dtmf

import "time"

// ClockRate is the RTP clock of the events in this package, in Hz.
const ClockRate = 8000

// PayloadSize is the length of an event payload in octets (RFC 4733 §2.3).
const PayloadSize = 4

// Digit is one key press that was received.
type Digit struct {
	Rune     rune          // 0-9, *, #, A-D
	Start    time.Duration // arrival of its first packet, on the caller's clock
	Duration time.Duration // as told by the sender, over all its segments
	Volume   int           // dBm0, 0 to -63
}

const runes = "0123456789*#ABCD"
