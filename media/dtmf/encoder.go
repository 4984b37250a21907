package dtmf

import (
	"fmt"
	"strings"
	"time"
)

// Defaults and bounds of Encoder.Queue.
const (
	DefaultOn  = 100 * time.Millisecond
	DefaultOff = 100 * time.Millisecond
	MaxOn      = 10 * time.Minute // and the longest pause
	MaxQueue   = 256              // digits waiting
)

const (
	defaultVolume = 10     // -10 dBm0
	maxDuration   = 0xFFFF // ticks that one segment can tell, RFC 4733 §2.3.5
	endPackets    = 3      // RFC 4733 §2.5.1.4
	endBit        = 0x80
	volumeMask    = 0x3F
)

type phase int

const (
	idle     phase = iota
	pressing       // the key is down
	ending         // end packets are repeated
	pausing        // the key is up, the next may not start yet
)

// press is one key press that waits or is being sent; lengths in ticks.
type press struct {
	event   byte
	on, off uint32
}

// Encoder turns queued digits into event packets. The zero value is ready. One
// goroutine owns it.
type Encoder struct {
	// Volume is the level written into each event, in -dBm0 from 1 to 63;
	// 0 stands for 10, which is -10 dBm0.
	Volume uint8

	queue    []press
	current  press
	phase    phase
	start    uint32 // timestamp at which the key went down
	segment  uint32 // timestamp of the segment being sent
	sent     uint32 // ticks since start that have been told
	duration uint16 // of the last packet, for its repetitions
	ends     int    // end packets still to be sent
}

// Queue adds digits (0-9, *, #, A-D in either case) to be sent, each held for on
// and followed by a pause of at least off. Zero stands for DefaultOn and
// DefaultOff. Either all digits are queued or, with an error, none.
func (e *Encoder) Queue(digits string, on, off time.Duration) error {
	if on < 0 || on > MaxOn || off < 0 || off > MaxOn {
		return fmt.Errorf("a digit of %v followed by %v cannot be sent: use 0 to %v for both", on, off, MaxOn)
	}
	if on == 0 {
		on = DefaultOn
	}
	if off == 0 {
		off = DefaultOff
	}
	// The digits may be a PIN: the error names the culprit only.
	position := 0
	for _, r := range digits {
		position++
		if eventOf(r) < 0 {
			return fmt.Errorf("character %q at position %d is no digit: use 0-9, *, # and A-D", r, position)
		}
	}
	if len(e.queue)+position > MaxQueue {
		return fmt.Errorf("%d digits are too many while %d wait to be sent: at most %d can wait", position, len(e.queue), MaxQueue)
	}
	for _, r := range digits {
		e.queue = append(e.queue, press{event: byte(eventOf(r)), on: max(ticks(on), 1), off: ticks(off)})
	}
	return nil
}

// Active tells whether a digit is being sent or waits to be sent.
func (e *Encoder) Active() bool {
	return len(e.queue) > 0 || e.phase == pressing || e.phase == ending
}

// Clear forgets what waits to be sent. A digit being sent ends with the next
// packet, in good order.
func (e *Encoder) Clear() {
	e.queue = e.queue[:0]
	if e.phase == pressing {
		e.current.on = e.sent
	}
}

// Next is called once per packet time. now is the RTP timestamp of the packet
// about to leave and ptime its length in samples. With ok an event packet with
// timestamp ts is to be sent in place of audio; without, audio.
//
// It follows now, not the number of calls: a late or skipped call makes no
// digit shorter. A press longer than 65,535 ticks goes on in a new segment
// without marker (RFC 4733 §2.5.1.3).
func (e *Encoder) Next(now uint32, ptime int) (payload [PayloadSize]byte, ts uint32, marker, ok bool) {
	switch e.phase {
	case ending:
		return e.repeatEnd()
	case pausing:
		if left := int32(e.start + e.current.on + e.current.off - now); left > 0 && uint32(left) <= e.current.on+e.current.off {
			return payload, 0, false, false
		}
		e.phase = idle
		fallthrough
	case idle:
		if len(e.queue) == 0 {
			return payload, 0, false, false
		}
		e.press(now)
		marker = true
	case pressing:
	}
	payload, ts = e.advance(now, ptime)
	return payload, ts, marker, true
}

// press takes the next digit off the queue.
func (e *Encoder) press(now uint32) {
	e.current = e.queue[0]
	copy(e.queue, e.queue[1:])
	e.queue = e.queue[:len(e.queue)-1]
	e.phase = pressing
	e.start, e.segment, e.sent = now, now, 0
}

// advance tells the duration reached at the end of this packet time.
func (e *Encoder) advance(now uint32, ptime int) (payload [PayloadSize]byte, ts uint32) {
	ts = e.segment
	total := max(now+uint32(ptime)-e.start, e.sent)
	last := total >= e.current.on
	if last {
		total = e.current.on
	}
	inSegment := total - (e.segment - e.start)
	if inSegment > maxDuration {
		e.segment += maxDuration
		e.sent = e.segment - e.start
		e.duration = maxDuration
		return e.payload(false), ts
	}
	e.sent, e.duration = total, uint16(inSegment)
	if last {
		e.ends = endPackets - 1
		e.phase = ending
	}
	return e.payload(last), ts
}

func (e *Encoder) repeatEnd() (payload [PayloadSize]byte, ts uint32, marker, ok bool) {
	e.ends--
	if e.ends == 0 {
		e.phase = pausing
	}
	return e.payload(true), e.segment, false, true
}

func (e *Encoder) payload(end bool) [PayloadSize]byte {
	volume := min(e.Volume, volumeMask)
	if volume == 0 {
		volume = defaultVolume
	}
	if end {
		volume |= endBit
	}
	return [PayloadSize]byte{e.current.event, volume, byte(e.duration >> 8), byte(e.duration)}
}

func ticks(d time.Duration) uint32 { return uint32(d * ClockRate / time.Second) }

// eventOf returns the event code of a digit (RFC 4733 §3.2), or -1.
func eventOf(r rune) int {
	if r >= 'a' && r <= 'd' {
		r += 'A' - 'a'
	}
	return strings.IndexRune(runes, r)
}
