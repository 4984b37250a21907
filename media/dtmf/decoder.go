package dtmf

import "time"

const (
	// silenceLimit is how long after its last packet a key counts as released
	// when every end packet was lost. Updates come every 10 to 60 ms.
	silenceLimit = 150 * time.Millisecond

	// reorderTicks and reorderTime bound what an older timestamp may mean: within
	// both it is a packet overtaken by others, beyond it is a new stream.
	reorderTicks = 5 * ClockRate
	reorderTime  = 5 * time.Second

	// A press too long for one segment goes on where that segment ended, give or
	// take updates that were lost.
	longSegment = 0xF000
	joinTicks   = ClockRate / 5

	maxEvent = 15 // above are flash and tones that are no digits
	maxReady = 32
)

// Decoder turns event packets into key presses, each reported exactly once: when
// its end packet comes, when another key goes down, or 150 ms after its last
// packet. The zero value is ready. One goroutine owns it.
type Decoder struct {
	known    bool // something was heard in this stream
	live     bool // the key is down
	ended    bool // the key was released by an end packet
	event    byte
	volume   byte
	first    uint32 // timestamp of the press
	segment  uint32 // timestamp of its latest segment
	duration uint16 // of that segment so far
	start    time.Duration
	seen     time.Duration // arrival of the latest packet

	ready       [maxReady]Digit
	head, count int
	ignored     uint64
}

// Put takes the payload of one event packet with the RTP timestamp ts, arrived
// at the time at. Malformed payloads, events that are no digits and repetitions
// are passed over.
func (d *Decoder) Put(ts uint32, payload []byte, marker bool, at time.Duration) {
	// Events of one packet follow each other in blocks of four octets; the first
	// is the one that has the packet's timestamp (RFC 4733 §2.5.1.5).
	if len(payload) < PayloadSize || len(payload)%PayloadSize != 0 || payload[0] > maxEvent {
		d.ignored++
		return
	}
	event, flags := payload[0], payload[1]
	duration := uint16(payload[2])<<8 | uint16(payload[3])
	end := flags&endBit != 0

	switch {
	case d.known && ts == d.segment:
		if event != d.event {
			d.ignored++
			return
		}
	case d.known && d.stale(ts, at):
		d.ignored++
		return
	case d.known && d.continues(ts, event, marker):
		d.segment, d.duration = ts, 0
	default:
		d.release()
		d.known, d.live, d.ended = true, true, false
		d.event, d.volume = event, flags&volumeMask
		d.first, d.segment, d.duration = ts, ts, 0
		d.start = at
	}
	d.seen = at
	d.duration = max(d.duration, duration)
	if end {
		d.ended = true
		d.release()
	}
}

// stale tells whether ts belongs to an earlier press or segment that was
// overtaken.
func (d *Decoder) stale(ts uint32, at time.Duration) bool {
	age := int32(d.segment - ts)
	return age > 0 && age <= reorderTicks && at-d.seen <= reorderTime
}

// continues tells whether ts starts the next segment of the key press heard
// last (RFC 4733 §2.5.1.3). A new press has a marker, and starts after a pause.
func (d *Decoder) continues(ts uint32, event byte, marker bool) bool {
	if marker || event != d.event {
		return false
	}
	gap := ts - d.segment - uint32(d.duration)
	if d.live && gap == 0 {
		return true
	}
	return d.duration >= longSegment && !d.ended && int32(gap) >= 0 && gap <= joinTicks
}

// release reports the key press that is going on, if any.
func (d *Decoder) release() {
	if !d.live {
		return
	}
	d.live = false
	if d.count == maxReady {
		d.ignored++
		return
	}
	total := time.Duration(d.segment-d.first) + time.Duration(d.duration)
	d.ready[(d.head+d.count)%maxReady] = Digit{
		Rune:     rune(runes[d.event]),
		Start:    d.start,
		Duration: total * time.Second / ClockRate,
		Volume:   -int(d.volume),
	}
	d.count++
}

// Tick returns the next finished key press, if any. It is called regularly, say
// every 10 ms, and returns at most one a call.
func (d *Decoder) Tick(at time.Duration) (Digit, bool) {
	if d.live && at-d.seen >= silenceLimit {
		d.release()
	}
	if d.count == 0 {
		return Digit{}, false
	}
	digit := d.ready[d.head]
	d.head = (d.head + 1) % maxReady
	d.count--
	return digit, true
}

// Ignored counts packets that were malformed, no digits, or out of date.
func (d *Decoder) Ignored() uint64 { return d.ignored }

// Reset forgets the stream, for a new source or SSRC. A key that is down is
// reported by the next Tick.
func (d *Decoder) Reset() {
	d.release()
	d.known = false
}
