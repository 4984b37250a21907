package media

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/softphone-go/softphone/media/rawudp"
)

// inbox is where a tick finds what has arrived at one port, the oldest first.
// Only the tick calls peek and pop.
type inbox interface {
	// peek returns the oldest datagram, valid until pop. It never waits.
	peek() (*slot, []byte, bool)

	// pop gives up the datagram that peek returned.
	pop()

	// dropped counts what did not fit. Any goroutine may call it.
	dropped() uint64
}

// direct is an inbox that asks the socket itself, and holds one datagram at most:
// the rest waits in the kernel's buffer, which keeps the time of each arrival.
type direct struct {
	conn  *rawudp.Conn
	epoch time.Time // of the Session's clock
	rest  int       // how often peek may say "none" by itself after the socket did

	oversize, failed *atomic.Uint64

	resting int
	emptied time.Duration // when the socket was last found empty
	held    bool
	slot    slot
	buf     [maxDatagram + 1]byte // one more, to see what was cut off
}

// restRTCP is how many ticks go by before the RTCP port is asked again: a report
// comes every few seconds, and its time of arrival is known all the same.
const restRTCP = 9

func (d *direct) peek() (*slot, []byte, bool) {
	if d.held {
		return &d.slot, d.buf[:d.slot.size:d.slot.size], true
	}
	if d.resting > 0 {
		d.resting--
		return nil, nil, false
	}
	for range rtpSlots { // and not for as long as a flood lasts
		n, from, arrival, err := d.conn.Read(d.buf[:])
		switch {
		case errors.Is(err, rawudp.ErrEmpty):
			d.resting = d.rest
			d.emptied = time.Since(d.epoch)
			return nil, nil, false
		case err != nil:
			d.failed.Add(1)
			return nil, nil, false
		case n > maxDatagram:
			d.oversize.Add(1)
		default:
			d.held = true
			d.slot = slot{from: from, arrival: d.since(arrival), size: n}
			return &d.slot, d.buf[:n:n], true
		}
	}
	return nil, nil, false
}

// since puts a time of day on the Session's clock. Should the time of day have
// been set between arrival and now, it is still not before the socket was last
// found empty, and not after now.
func (d *direct) since(arrival time.Time) time.Duration {
	now := time.Now()
	at := now.Sub(d.epoch)
	if arrival.IsZero() {
		return at
	}
	age := now.Round(0).Sub(arrival) // Round leaves the time of day alone in now
	return min(at, max(at-age, d.emptied))
}

func (d *direct) pop() { d.held = false }

func (d *direct) dropped() uint64 { return d.conn.Dropped() }
