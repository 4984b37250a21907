package sip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/softphone-go/softphone/internal/stun"
)

// packetConn is a UDP listener. It hands sipgo one constant source address,
// its own, because sipgo keeps every address it sees for ever; the true source
// is in source until the next ReadFrom, and UserAgent.arrived, which runs in
// the same goroutine, puts it into the message.
type packetConn struct {
	net.PacketConn
	ua     *UserAgent
	local  netip.AddrPort
	source netip.AddrPort // of the message being handed over; reader goroutine only
	stamps *arrivals      // nil: the system does not tell when a datagram came

	bindings bindings
	mapping  mapping
}

func newPacketConn(ua *UserAgent, c net.PacketConn) *packetConn {
	reportRefusals(c)
	if u, ok := c.(*net.UDPConn); ok { // where the system gives less, that has to do
		_ = u.SetReadBuffer(packetBuffer)
	}
	return &packetConn{PacketConn: c, ua: ua, local: addrPortOf(c.LocalAddr()), stamps: stampArrivals(c)}
}

// ReadFrom returns the next message that may pass the gate.
func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, source, arrived, err := c.receive(p)
		if err != nil {
			if c.ua.isClosing() || errors.Is(err, net.ErrClosed) {
				return 0, nil, net.ErrClosed
			}
			// A port-unreachable or oversized datagram must not end the listener.
			c.ua.log.Debug("sip: udp read failed", "listener", c.local, "err", err)
			if takeRefusals(c.PacketConn, c.ua.refused.tell) {
				continue
			}
			if !c.ua.pause(10 * time.Millisecond) {
				return 0, nil, net.ErrClosed
			}
			continue
		}
		if stun.Is(p[:n]) {
			c.bound(p[:n], source)
			continue
		}
		data := bytes.TrimLeft(p[:n], "\r\n") // keep-alives (RFC 5626 §3.5.1) and stray line ends
		if len(data) == 0 || len(bytes.Trim(data, "\x00")) == 0 {
			continue
		}
		if data = c.accept(data, source, arrived); data == nil {
			continue
		}
		c.source = source
		return copy(p, data), c.PacketConn.LocalAddr(), nil
	}
}

// receive reads one datagram and tells when it reached this machine, or when it
// was read where that is not known.
func (c *packetConn) receive(p []byte) (n int, source netip.AddrPort, arrived time.Time, err error) {
	if c.stamps != nil {
		return c.stamps.read(p)
	}
	n, from, err := c.PacketConn.ReadFrom(p)
	if err != nil {
		return 0, source, arrived, err
	}
	return n, addrPortOf(from), time.Now(), nil
}

// accept returns what may be handed on; nil for nothing.
func (c *packetConn) accept(data []byte, source netip.AddrPort, arrived time.Time) []byte {
	now := time.Now()
	who := c.ua.standing(source.Addr())
	if who == stranger && !c.ua.sources.chosen(source) && !c.ua.reading.take(source.Addr(), now) {
		return nil
	}
	c.ua.tap(false, UDP, c.local, source, data)
	clean := tidy(data)
	msg, r := c.ua.gate.check(clean)
	if r == nil {
		if !c.ua.welcome(msg, who, source, now) || !c.admit(msg, source, now) || c.ua.finals.repeated(msg) {
			return nil
		}
		if away, reply, to := c.ua.turnAway(msg, clean, source, arrived, now); away {
			if reply != nil {
				c.answer(reply, to)
			}
			return nil
		}
		return clean
	}
	c.ua.log.Debug("sip: message refused", "transport", "udp", "from", source, "code", r.code, "reason", r.reason)
	if r.code == 0 || who == stranger || !c.ua.sources.mayRefuse(now) {
		return nil
	}
	if s, ok := salvage(data); ok {
		reply, to := s.reply(r.code, r.reason, newTag(), c.ua.cfg.UserAgent, source)
		c.answer(reply, to)
	}
	return nil
}

// answer sends what the reader itself says.
func (c *packetConn) answer(reply []byte, to netip.AddrPort) {
	if err := c.send(reply, to); err != nil {
		c.ua.log.Debug("sip: refusal not sent", "to", to, "err", err)
	}
}

// admit remembers where a request came from, so that it can be answered.
func (c *packetConn) admit(m sipmsg.Message, source netip.AddrPort, now time.Time) bool {
	if _, ok := m.(*sipmsg.Request); !ok {
		return true
	}
	gone, ok := c.ua.sources.admit(source, now)
	if ok {
		c.ua.forget(gone)
	}
	return ok
}

// send writes one datagram.
func (c *packetConn) send(data []byte, to netip.AddrPort) error {
	c.ua.tap(true, UDP, c.local, to, data) // first, or the answer might be seen before
	addr := net.UDPAddrFromAddrPort(to)
	for tries := 1; ; tries++ {
		_, err := c.PacketConn.WriteTo(data, addr)
		if err == nil || tries == maxWrites || errors.Is(err, net.ErrClosed) {
			return err
		}
		// What fails may be the report of an earlier datagram, to somebody else.
		takeRefusals(c.PacketConn, c.ua.refused.tell)
	}
}

// packetBuffer is how many bytes of datagrams the system may keep for us: about
// 500 messages, so that a busy moment loses none.
const packetBuffer = 1 << 20

// maxWrites is how often one datagram is tried.
const maxWrites = 3

// udpPath is the connection sipgo writes through: a listener and, for
// requests, where the transaction goes. Having the destination here keeps the
// ACK of a non-2xx on the path of its INVITE (RFC 3261 §17.1.1.3), and leaves
// the size limit to us, since sipgo would apply it to responses too.
type udpPath struct {
	conn *packetConn
	dest netip.AddrPort // zero: where the response says
}

var _ sipmsg.Connection = (*udpPath)(nil)

func (p *udpPath) LocalAddr() net.Addr { return p.conn.LocalAddr() }

func (p *udpPath) WriteMsg(m sipmsg.Message) error {
	dest := p.dest
	if !dest.IsValid() {
		var err error
		if dest, err = netip.ParseAddrPort(m.Destination()); err != nil {
			return err
		}
		dest = netip.AddrPortFrom(dest.Addr().Unmap(), dest.Port())
	}
	data, err := wire(m)
	if err != nil {
		return err
	}
	if req, ok := m.(*sipmsg.Request); ok && req.Method == sipmsg.ACK {
		p.conn.ua.finals.acked(branchOf(m), data, p)
	}
	return p.conn.send(data, dest)
}

func (p *udpPath) Ref(int) int            { return 1 }
func (p *udpPath) TryClose() (int, error) { return 1, nil }
func (p *udpPath) Close() error           { return nil }
