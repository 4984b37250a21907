package dtmf

import "time"

// Encoder turns queued digits into event packets. The zero value is ready.
type Encoder struct {
	// Volume is the level written into each event, in -dBm0 from 1 to 63;
	// 0 stands for 10, which is -10 dBm0.
	Volume uint8
}

// Queue adds digits to be sent, each lasting on and followed by at least off.
func (e *Encoder) Queue(digits string, on, off time.Duration) error { return nil }

// Active tells whether anything is being sent or waits to be sent.
func (e *Encoder) Active() bool { return false }

// Clear forgets what waits to be sent and ends the digit being sent, if any.
func (e *Encoder) Clear() {}

// Next is called once per packet time. now is the RTP timestamp of the packet
// about to leave and ptime its length in samples. With ok an event packet is to
// be sent in place of audio, with timestamp ts.
func (e *Encoder) Next(now uint32, ptime int) (payload [PayloadSize]byte, ts uint32, marker, ok bool) {
	return payload, 0, false, false
}
