package memnet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	maxPacket     = 65507   // largest UDP payload over IPv4
	receiveBuffer = 1 << 20 // bytes waiting in one socket; what comes after is lost
)

// packetConn is a bound packet socket. Besides net.PacketConn it has the
// address-port methods of *net.UDPConn, which allocate nothing.
type packetConn struct {
	host    *Host
	network string
	local   netip.AddrPort
	dual    bool // shows IPv4 peers as IPv4-mapped addresses

	mu       sync.Mutex
	wake     sync.Cond
	closed   bool
	waiting  []*event // received, oldest first
	bytes    int
	read     deadline
	writeEnd time.Time
}

func newPacketConn(h *Host, network string, local netip.AddrPort, dual bool) *packetConn {
	c := &packetConn{host: h, network: network, local: local, dual: dual}
	c.wake.L = &c.mu
	return c
}

func (h *Host) packetConnFor(dst netip.AddrPort) *packetConn {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	c, _ := find(h.packets, dst, func(c *packetConn) bool { return c.dual })
	return c
}

// deliver takes e over, unless the socket is closed or full.
func (c *packetConn) deliver(e *event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.bytes+len(e.data) > receiveBuffer {
		return false
	}
	c.waiting = append(c.waiting, e)
	c.bytes += len(e.data)
	c.wake.Signal()
	return true
}

// next waits for a packet.
func (c *packetConn) next() (*event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return nil, net.ErrClosed
		case c.read.passed():
			return nil, os.ErrDeadlineExceeded
		case len(c.waiting) > 0:
			e := c.waiting[0]
			copy(c.waiting, c.waiting[1:])
			c.waiting[len(c.waiting)-1] = nil
			c.waiting = c.waiting[:len(c.waiting)-1]
			c.bytes -= len(e.data)
			return e, nil
		}
		c.wake.Wait()
	}
}

// ReadFromUDPAddrPort is ReadFrom without allocation.
func (c *packetConn) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	e, err := c.next()
	if err != nil {
		return 0, netip.AddrPort{}, c.failed("read", netip.AddrPort{}, err)
	}
	n, from := copy(p, e.data), e.from
	if c.dual && from.Addr().Is4() {
		from = netip.AddrPortFrom(netip.AddrFrom16(from.Addr().As16()), from.Port())
	}
	c.host.net.recycle(e)
	return n, from, nil
}

// ReadFrom waits for one packet; what does not fit p is cut off.
func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(p)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo sends one packet. It never blocks.
func (c *packetConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	if u, ok := addr.(*net.UDPAddr); ok && u != nil {
		return c.WriteToUDPAddrPort(p, u.AddrPort())
	}
	to, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return 0, c.failed("write", netip.AddrPort{}, err)
	}
	return c.WriteToUDPAddrPort(p, to)
}

// WriteToUDPAddrPort is WriteTo without allocation.
func (c *packetConn) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	from, err := c.source(to, len(p))
	if err != nil {
		return 0, c.failed("write", to, err)
	}
	c.host.net.send(c.host, from, to, p)
	return len(p), nil
}

// source checks that a packet of size bytes may leave for to, and says from where.
func (c *packetConn) source(to netip.AddrPort, size int) (netip.AddrPort, error) {
	c.mu.Lock()
	closed, end := c.closed, c.writeEnd
	c.mu.Unlock()
	switch {
	case closed:
		return netip.AddrPort{}, net.ErrClosed
	case !end.IsZero() && !time.Now().Before(end):
		return netip.AddrPort{}, os.ErrDeadlineExceeded
	case size > maxPacket:
		return netip.AddrPort{}, os.NewSyscallError("sendto", syscall.EMSGSIZE)
	case to.Port() == 0 || !to.Addr().IsValid():
		return netip.AddrPort{}, os.NewSyscallError("sendto", syscall.EINVAL)
	case !c.dual && to.Addr().Is4() != c.local.Addr().Is4():
		return netip.AddrPort{}, &net.AddrError{Err: "address of another family than the socket's", Addr: to.String()}
	case !c.local.Addr().IsUnspecified():
		return c.local, nil
	}
	a, err := c.host.LocalFor(to.Addr())
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("sendto", syscall.ENETUNREACH)
	}
	return netip.AddrPortFrom(a, c.local.Port()), nil
}

// send lets one packet meet its fate.
func (n *Network) send(h *Host, from, to netip.AddrPort, p []byte) {
	n.mu.Lock()
	first := n.newEvent(packetArrives, from, to)
	n.mu.Unlock()
	first.data = append(first.data, p...)
	if f := n.filter.Load(); f != nil && (*f)(from, to, first.data) {
		n.recycle(first)
		return
	}
	if !n.route(h, first) {
		n.recycle(first)
		return
	}
	n.drain()
}

// route queues e and its duplicate, if the link lets it through.
func (n *Network) route(h *Host, e *event) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	from, to, through := n.translate(e.from, e.to)
	if !through {
		return false
	}
	e.from, e.to = from, to
	l := n.linkFor(e.from.Addr(), e.to.Addr())
	f := n.flow(false, e.from, e.to)
	lost := l.Loss > 0 && f.rng.Float64() < l.Loss
	twice := l.Duplicate > 0 && f.rng.Float64() < l.Duplicate
	e.host = h.hostAt(e.to.Addr())
	e.at = f.arrival(f.transit(l))
	if lost || n.closed || e.host == nil || n.severed(e.from.Addr(), e.to.Addr()) {
		return false
	}
	n.push(e)
	if twice {
		again := n.newEvent(packetArrives, e.from, e.to)
		again.data = append(again.data, e.data...)
		again.host, again.at = e.host, e.at
		n.push(again)
	}
	return true
}

// Close closes the socket; waiting readers return net.ErrClosed.
func (c *packetConn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.failed("close", netip.AddrPort{}, net.ErrClosed)
	}
	c.closed = true
	c.waiting = nil
	c.read.stop()
	c.wake.Broadcast()
	c.mu.Unlock()

	n := c.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.host.packets[c.local] == c {
		delete(c.host.packets, c.local)
	}
	delete(n.open, c)
	return nil
}

func (c *packetConn) shut() { _ = c.Close() }

// LocalAddr is the bound *net.UDPAddr, unspecified for a wildcard.
func (c *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetDeadline sets both deadlines.
func (c *packetConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds ReadFrom; the zero time removes the bound.
func (c *packetConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failed("set", netip.AddrPort{}, net.ErrClosed)
	}
	c.read.set(t, &c.wake)
	return nil
}

// SetWriteDeadline makes WriteTo fail from t on; it never blocks anyway.
func (c *packetConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failed("set", netip.AddrPort{}, net.ErrClosed)
	}
	c.writeEnd = t
	return nil
}

func (c *packetConn) failed(op string, to netip.AddrPort, err error) error {
	e := &net.OpError{Op: op, Net: c.network, Source: c.LocalAddr(), Err: err}
	if to.IsValid() {
		e.Addr = net.UDPAddrFromAddrPort(to)
	}
	return e
}
