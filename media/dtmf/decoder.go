package dtmf

import "time"

// Decoder turns event packets into key presses, each reported exactly once.
// The zero value is ready.
type Decoder struct{}

// Put takes the payload of one event packet with the RTP timestamp ts, arrived
// at the time at.
func (d *Decoder) Put(ts uint32, payload []byte, marker bool, at time.Duration) {}

// Tick returns the next finished key press, if any.
func (d *Decoder) Tick(at time.Duration) (Digit, bool) { return Digit{}, false }

// Reset forgets the stream, for a new source or SSRC.
func (d *Decoder) Reset() {}
