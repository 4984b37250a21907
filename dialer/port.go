package dialer

import (
	"context"
	"fmt"
	"sync"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/sip"
)

// A port for sound behind a NAT is opened outside the call's loop, which never waits
// for the network: a STUN server is asked first where the port is seen.
//
//	loop -> helper: open, ask (500 ms at most) -> loop: take, describe

// port is an open socket, and where it is seen from outside. Whoever waits for one
// releases it; who needs it takes it.
type port struct {
	mapped media.Mapping // zero: as it is
	err    error         // why there is no socket

	mu     sync.Mutex
	socket *media.Socket // nil: taken
}

// openPort opens a port for a path and asks the STUN server of the path about it. A
// server that does not answer leaves it as it is: symmetric RTP may do (RFC 4961).
func (c *Call) openPort(path sip.Path) *port {
	socket, err := c.d.cfg.Ports.Open(path.Local)
	if err != nil {
		return &port{err: fmt.Errorf("dialer: no port for sound on %s: %w", path.Local, err)}
	}
	p := &port{socket: socket}
	if path.STUN.IsValid() {
		if p.mapped, err = socket.Mapped(context.Background(), path.STUN); err != nil {
			c.log.Warn("it is not known where the sound is seen from outside, naming our own address", "error", err)
		}
	}
	return p
}

// take is the socket, for the first who takes it.
func (p *port) take() (*media.Socket, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	socket := p.socket
	p.socket = nil
	if socket == nil && p.err == nil {
		return nil, ErrEnded
	}
	return socket, p.err
}

// release closes what nobody has taken. Nil is nothing.
func (p *port) release() {
	if p == nil {
		return
	}
	if socket, _ := p.take(); socket != nil {
		_ = socket.Close()
	}
}

// portFor is called outside the loop, for an offer of l over path: it is nil where l
// has a port or can open it without waiting.
func (c *Call) portFor(path sip.Path, l func() *leg) *port {
	if !path.STUN.IsValid() {
		return nil
	}
	has := false
	if err := c.ask(context.Background(), func(reply func(error)) { has = l().fits(path); reply(nil) }); err != nil || has {
		return nil
	}
	return c.openPort(path)
}

// withPort is called in the loop and goes on there with then: at once, and without a
// port, unless one is needed and a STUN server has to be asked about it. Should the
// call end before, it is otherwise that runs, outside the loop.
func (c *Call) withPort(needed bool, path sip.Path, then func(*port), otherwise func()) {
	if !needed || !path.STUN.IsValid() {
		then(nil)
		return
	}
	c.d.helper(func() {
		p := c.openPort(path)
		if !c.mail.post(func() { then(p); p.release() }) {
			p.release()
			otherwise()
		}
	})
}
