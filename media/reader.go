package media

import (
	"errors"
	"net"
	"time"
)

// What a session can take. One datagram is at most an Ethernet frame's worth:
// G.711 at the longest packet time fits three times. A ring holds more than
// half a second of packets at any packet time, should the tick be late.
const (
	maxDatagram = 1472

	rtpSlots   = 64
	rtpOctets  = 10 << 10
	rtcpSlots  = 8
	rtcpOctets = 2 << 10

	readPause = 10 * time.Millisecond // after an error that is not the end
)

// listen returns the inbox of c: the socket itself where it can be asked, else a
// ring that a goroutine fills. rest is how many ticks a direct one may leave out
// when it was empty.
func (s *Session) listen(c *packetConn, rest, slots, octets int) inbox {
	if c.direct != nil {
		return &direct{conn: c.direct, epoch: s.epoch, rest: rest, oversize: &s.oversize, failed: &s.readErrors}
	}
	r := newRing(slots, octets)
	s.readers.Add(1)
	go s.read(c, r)
	return r
}

// read copies datagrams from c to r until the socket is closed.
func (s *Session) read(c *packetConn, r *ring) {
	defer s.readers.Done()
	buf := make([]byte, maxDatagram+1) // one more, to see what was cut off
	for {
		n, from, err := c.read(buf)
		switch {
		case err == nil && n <= maxDatagram:
			r.put(buf[:n], from, s.clock())
		case err == nil:
			s.oversize.Add(1)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			// Some systems report an ICMP error or a datagram too long here.
			// Reading goes on, but not in a tight loop.
			s.readErrors.Add(1)
			if !s.pause(readPause) {
				return
			}
		}
	}
}

// pause waits for d and says whether the session still lives.
func (s *Session) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.done:
		return false
	case <-t.C:
		return true
	}
}
