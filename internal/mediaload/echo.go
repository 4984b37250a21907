//go:build linux

package mediaload

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"github.com/softphone-go/softphone/media/rawudp"
)

// Remote is where the echo listens: an RTP port for each call, and one RTCP port
// for all.
type Remote struct {
	RTP  []uint16
	RTCP uint16
}

const (
	// sweep is how often the echo looks for packets. It sleeps in between, so
	// that nobody who sends pays for waking it, as with a network card. Each time
	// it looks at a part of the calls, so as not to hold a core for long.
	sweep = 10 * time.Millisecond / parts
	parts = 5

	courtesy = 10 // how nice(2) the echo is

	lateStep  = 100 * time.Microsecond
	lateSteps = 1000
	goal      = 5 * time.Millisecond

	otherEnd = 0x5a5a5a5a // what the echo's SSRC differs by
)

// stream is the far end of one call.
type stream struct {
	conn  *rawudp.Conn
	first uint32
	known bool
	least time.Duration // the smallest time from schedule to arrival
}

// echo sends back what comes, under another SSRC.
type echo struct {
	streams []stream
	rtcp    *rawudp.Conn
	buf     [2048]byte
	late    [lateSteps]uint64
	max     time.Duration
	settled time.Time // lateness counts from here
	seen    Echo
}

// RunEcho is the far end's process: it writes a Remote to out, sends back what
// comes until in ends, and writes an Echo.
func RunEcho(calls int, in io.Reader, out io.Writer) error {
	e := &echo{streams: make([]stream, calls)}
	var remote Remote
	for i := range e.streams {
		c, port, err := open()
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		e.streams[i].conn = c
		remote.RTP = append(remote.RTP, port)
	}
	c, port, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	e.rtcp, remote.RTCP = c, port
	if err := json.NewEncoder(out).Encode(remote); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(ended)
	}()
	// The far end stands for other machines: it should not be in our way. To be
	// refused this is no harm.
	runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), courtesy)
	e.run(ended)
	return json.NewEncoder(out).Encode(e.report())
}

func open() (*rawudp.Conn, uint16, error) {
	c, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil, 0, fmt.Errorf("mediaload: %T is no UDP socket", c)
	}
	_ = u.SetReadBuffer(1 << 20)
	port := netip.MustParseAddrPort(u.LocalAddr().String()).Port()
	r, err := rawudp.Take(u)
	return r, port, err
}

func (e *echo) run(ended <-chan struct{}) {
	ticker := time.NewTicker(sweep)
	defer ticker.Stop()
	for part := 0; ; part = (part + 1) % parts {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		for i := part; i < len(e.streams); i += parts {
			e.drain(&e.streams[i])
		}
		for {
			n, from, _, err := e.rtcp.Read(e.buf[:])
			if err != nil {
				break
			}
			if n >= 8 {
				e.disguise(4)
				_ = e.rtcp.Write(e.buf[:n], from)
			}
		}
	}
}

func (e *echo) disguise(at int) {
	word := e.buf[at : at+4]
	binary.BigEndian.PutUint32(word, binary.BigEndian.Uint32(word)^otherEnd)
}

func (e *echo) drain(s *stream) {
	for {
		n, from, arrival, err := s.conn.Read(e.buf[:])
		if err != nil || n < 12 {
			return
		}
		e.seen.Received++
		e.note(s, binary.BigEndian.Uint32(e.buf[4:]), arrival)
		e.disguise(8)
		if s.conn.Write(e.buf[:n], from) == nil {
			e.seen.Sent++
		}
	}
}

// note compares when a packet came with what its timestamp says. The first two
// seconds only find the earliest.
func (e *echo) note(s *stream, ts uint32, arrival time.Time) {
	if e.settled.IsZero() {
		e.settled = arrival.Add(2 * time.Second)
	}
	if !s.known {
		s.known, s.first = true, ts
		s.least = time.Hour
		s.first -= 8000 * 3600 // so that what comes out of order is no giant
	}
	d := time.Duration(arrival.UnixNano()%int64(24*time.Hour)) - time.Duration(ts-s.first)*time.Second/8000
	if s.least == time.Hour || d < s.least {
		s.least = d
	}
	if arrival.Before(e.settled) {
		return
	}
	late := d - s.least
	e.late[min(late/lateStep, lateSteps-1)]++
	e.max = max(e.max, late)
}

func (e *echo) report() Echo {
	var total, seen, good uint64
	for i, n := range e.late {
		total += n
		if time.Duration(i) < goal/lateStep {
			good += n
		}
	}
	r := e.seen
	for i := range e.streams {
		r.Dropped += e.streams[i].conn.Dropped()
	}
	if total == 0 {
		return r
	}
	r.Max, r.WithinGoal = e.max, float64(good)/float64(total)
	for i, n := range e.late {
		seen += n
		at := time.Duration(i+1) * lateStep
		for _, p := range []struct {
			share float64
			to    *time.Duration
		}{{0.5, &r.P50}, {0.99, &r.P99}, {0.999, &r.P999}} {
			if *p.to == 0 && float64(seen) >= p.share*float64(total) {
				*p.to = min(at, r.Max)
			}
		}
	}
	return r
}
