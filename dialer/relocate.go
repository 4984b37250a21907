package dialer

import (
	"fmt"
	"net/netip"
)

// relocate goes on at another address of ours. Our sound leaves from there at once, so
// that a peer that follows it (symmetric RTP) hears no more of the change; the
// re-INVITE tells where theirs is to go. Both happen on hold too.
func (c *Call) relocate(local netip.Addr) {
	if c.state != Established {
		return
	}
	if err := c.leg.move(local); err != nil {
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

// move opens a port on addr and has the session go on there.
func (l *leg) move(addr netip.Addr) error {
	addr = addr.Unmap()
	if l.session == nil || l.local.Addr == addr {
		return nil
	}
	socket, err := l.cfg.Ports.Open(addr)
	if err != nil {
		return fmt.Errorf("dialer: no port for sound on %s: %w", addr, err)
	}
	rtp, rtcp := socket.RTP().Port(), socket.RTCP().Port()
	if err := l.session.Rebind(socket); err != nil {
		return fmt.Errorf("dialer: sound on %s: %w", addr, err)
	}
	l.local.Addr, l.local.RTPPort, l.local.RTCPPort = addr, rtp, rtcp
	return nil
}
