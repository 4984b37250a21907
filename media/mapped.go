package media

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/softphone-go/softphone/internal/stun"
	"github.com/softphone-go/softphone/media/rawudp"
)

const (
	mappedPatience = 500 * time.Millisecond // for both ports together: a call waits for it
	mappedAgain    = 125 * time.Millisecond // before the first repetition; doubles
	mappedPoll     = 2 * time.Millisecond   // between looks at a socket that is never waited for
)

// Mapping is where the ports of a Socket are seen from outside a NAT.
type Mapping struct{ RTP, RTCP netip.AddrPort }

// Mapped asks a STUN server, from both ports, where they are seen from outside
// (RFC 8489). It blocks until the server has answered or ctx ends, 500 ms at the
// longest. It must be called before a Session has the Socket, from one goroutine; what
// else comes in meanwhile is dropped. Without an answer to the port for RTP there is
// an error, and to that for RTCP, a port one above RTP's is taken to be its.
func (s *Socket) Mapped(ctx context.Context, server netip.AddrPort) (Mapping, error) {
	ctx, cancel := context.WithTimeout(ctx, mappedPatience)
	defer cancel()
	questions := [2]question{{conn: &s.rtp}, {conn: &s.rtcp}}
	for i := range questions {
		questions[i].id, questions[i].request = stun.Request()
	}
	wait, buf := mappedAgain, make([]byte, maxDatagram)
	next := time.Now()
	for ctx.Err() == nil {
		if now := time.Now(); !now.Before(next) {
			for i := range questions {
				questions[i].send(server)
			}
			next, wait = now.Add(wait), 2*wait
		}
		open := false
		for i := range questions {
			if err := questions[i].look(server, buf); err != nil {
				return Mapping{}, fmt.Errorf("media: STUN server %s: %w", server, err)
			}
			open = open || !questions[i].mapped.IsValid()
		}
		if !open {
			break
		}
		pause := time.NewTimer(mappedPoll)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	m := Mapping{RTP: questions[0].mapped, RTCP: questions[1].mapped}
	switch {
	case !m.RTP.IsValid():
		return Mapping{}, fmt.Errorf("media: STUN server %s does not say where port %d is seen from outside: %w", server, s.RTP().Port(), context.Cause(ctx))
	case !m.RTCP.IsValid():
		m.RTCP = netip.AddrPortFrom(m.RTP.Addr(), m.RTP.Port()+1)
	}
	return m, nil
}

// question is what one port asks.
type question struct {
	conn    *packetConn
	id      stun.ID
	request []byte
	mapped  netip.AddrPort
}

func (q *question) send(server netip.AddrPort) {
	if !q.mapped.IsValid() {
		_ = q.conn.write(q.request, server) // it is sent again
	}
}

// look takes what has come, without waiting for it.
func (q *question) look(server netip.AddrPort, buf []byte) error {
	for !q.mapped.IsValid() {
		n, from, err := q.conn.poll(buf)
		switch {
		case errors.Is(err, rawudp.ErrEmpty):
			return nil
		case err != nil:
			return nil //nolint:nilerr // the report of a datagram that nobody took: it is sent again
		case from != server:
			continue
		}
		id, mapped, err := stun.Answer(buf[:n])
		if id != q.id {
			continue
		}
		if err != nil {
			return err
		}
		q.mapped = mapped
	}
	return nil
}

// poll is read that waits for mappedPoll at most: rawudp.ErrEmpty says that nothing came.
func (c *packetConn) poll(p []byte) (int, netip.AddrPort, error) {
	if c.direct != nil {
		n, from, _, err := c.direct.Read(p)
		return n, unmap(from), err
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(mappedPoll)); err != nil {
		return 0, netip.AddrPort{}, err
	}
	n, from, err := c.read(p)
	_ = c.conn.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = rawudp.ErrEmpty
	}
	return n, from, err
}
