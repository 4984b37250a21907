package dialer

import (
	"fmt"
	"net/netip"

	"github.com/softphone-go/softphone/sip"
)

// relocate goes on at another address of ours, or beyond another NAT. Our sound leaves
// from there at once, so that a peer that follows it (symmetric RTP) hears no more of
// the change; the re-INVITE tells where theirs is to go. Both happen on hold too.
func (c *Call) relocate(path sip.Path) {
	if c.state != Established {
		return
	}
	c.withPort(c.leg.session != nil, path, func(ready *port) { c.moveTo(path.Local, ready) }, func() {})
}

func (c *Call) moveTo(local netip.Addr, ready *port) {
	if c.state != Established {
		return
	}
	if err := c.leg.move(local, ready); err != nil {
		c.log.Warn("the sound could not be moved to our new address", "local", local, "error", err)
		return
	}
	c.log.Info("our address has changed, moving the call", "local", local)
	c.proposals = append(c.proposals, &proposal{again: true, reply: func(err error) {
		if err != nil {
			c.log.Warn("the call could not be moved to our new address", "local", local, "error", err)
		}
	}})
}

// move has the session go on at ready, or, when that is nil, at a new port on addr.
func (l *leg) move(addr netip.Addr, ready *port) error {
	addr = addr.Unmap()
	if l.session == nil || ready == nil && l.local.Addr == addr && !l.mapped.RTP.IsValid() {
		return nil
	}
	socket, err := l.openSocket(addr, ready)
	if err != nil {
		return err
	}
	l.settle(addr, socket, ready)
	if err := l.session.Rebind(socket); err != nil {
		return fmt.Errorf("dialer: sound on %s: %w", addr, err)
	}
	return nil
}
