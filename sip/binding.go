package sip

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/softphone-go/softphone/internal/stun"
)

// bindings are the Binding requests of one port that wait for their responses.
type bindings struct {
	mu      sync.Mutex
	waiting map[stun.ID]binding
}

type binding struct {
	to     netip.AddrPort
	answer chan bindingAnswer // holds one
}

type bindingAnswer struct {
	mapped netip.AddrPort
	err    error
}

// bind asks a STUN server at to where this port is seen (RFC 8489 §6.2.1): a request
// after 0, 0.5, 1.5, 3.5 s and so on, until there is a response or ctx ends.
func (c *packetConn) bind(ctx context.Context, to netip.AddrPort) (netip.AddrPort, error) {
	id, request := stun.Request()
	answer := make(chan bindingAnswer, 1)
	b := &c.bindings
	b.mu.Lock()
	if b.waiting == nil {
		b.waiting = make(map[stun.ID]binding)
	}
	b.waiting[id] = binding{to, answer}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.waiting, id)
		b.mu.Unlock()
	}()
	for wait := t1; ; wait *= 2 {
		if _, err := c.WriteTo(request, net.UDPAddrFromAddrPort(to)); err != nil {
			// It may be the report of an earlier datagram, to somebody else.
			takeRefusals(c.PacketConn, c.ua.refused.tell)
		}
		again := time.NewTimer(wait)
		select {
		case a := <-answer:
			again.Stop()
			return a.mapped, a.err
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return netip.AddrPort{}, context.Cause(ctx)
		case <-c.ua.closing:
			again.Stop()
			return netip.AddrPort{}, ErrClosed
		}
	}
}

// bound takes a STUN message. What answers none of our requests is dropped, and so is
// what comes from elsewhere than where the request went (RFC 8489 §6.3.1).
func (c *packetConn) bound(data []byte, source netip.AddrPort) {
	id, mapped, err := stun.Answer(data)
	c.bindings.mu.Lock()
	w, ok := c.bindings.waiting[id]
	c.bindings.mu.Unlock()
	if !ok || w.to != source {
		return
	}
	select {
	case w.answer <- bindingAnswer{mapped, err}:
	default: // answered already
	}
}
