package media

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/softphone-go/softphone/media/rawudp"
)

// Socket is a pair of UDP ports, open. A Session takes it over; without one,
// Close gives the ports back.
type Socket struct {
	rtp, rtcp packetConn
	close     func() error
}

// RTP is the local address of the even port.
func (s *Socket) RTP() netip.AddrPort { return s.rtp.local }

// RTCP is the local address of the odd port.
func (s *Socket) RTCP() netip.AddrPort { return s.rtcp.local }

// Close gives both ports back. Later calls return what the first did. It may be
// called from any goroutine.
func (s *Socket) Close() error { return s.close() }

// Kernel buffers: a burst of half a second at the shortest packet time, many
// times over, and no more than a plain system grants without privileges.
const socketBuffer = 256 << 10

func newSocket(rtp, rtcp net.PacketConn, rtpAddr, rtcpAddr netip.AddrPort, dscp int, log *slog.Logger) *Socket {
	for _, c := range []net.PacketConn{rtp, rtcp} {
		if u, ok := c.(*net.UDPConn); ok {
			tune(u, dscp, log)
		}
	}
	s := &Socket{rtp: newPacketConn(rtp, rtpAddr), rtcp: newPacketConn(rtcp, rtcpAddr)}
	s.close = sync.OnceValue(func() error { return errors.Join(s.rtp.close(), s.rtcp.close()) })
	return s
}

// tune asks for a mark on what is sent and for bigger buffers. The call works
// without either, so a refusal is only noted.
func tune(u *net.UDPConn, dscp int, log *slog.Logger) {
	err := errors.Join(u.SetReadBuffer(socketBuffer), u.SetWriteBuffer(socketBuffer), setTrafficClass(u, dscp))
	if err != nil {
		log.Debug("media socket options refused", "local", u.LocalAddr(), "error", err)
	}
}

// SocketOptions is what the operating system made of a Socket, asked of its RTP
// port. Both ports are treated alike.
type SocketOptions struct {
	DSCP          int // 0 to 63
	ReceiveBuffer int // octets, as the system counts: Linux shows twice what it granted
	SendBuffer    int
}

// Options asks the operating system. It fails where the Socket is none of the
// system's, where the system does not tell, and after Close. While a Session
// runs on the Socket it must not be called.
func (s *Socket) Options() (SocketOptions, error) { return s.rtp.options() }

func (c *packetConn) options() (o SocketOptions, err error) {
	control := errNoOptions
	read := func(fd uintptr) { o, control = socketOptions(fd, c.local.Addr().Is4()) }
	switch {
	case c.direct != nil:
		err = c.direct.Control(read)
	case c.udp != nil:
		raw, rawErr := c.udp.SyscallConn()
		if err = rawErr; err == nil {
			err = raw.Control(read)
		}
	}
	return o, errors.Join(err, control)
}

var errNoOptions = errors.New("media: no socket of the operating system")

// addrPortConn is what *net.UDPConn offers to read and write without allocation.
type addrPortConn interface {
	ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error)
}

// packetConn reads and writes datagrams with netip addresses over any
// net.PacketConn. One goroutine reads and one writes at a time.
type packetConn struct {
	direct *rawudp.Conn // what the tick reads and writes itself; nil: there is conn

	conn  net.PacketConn
	fast  addrPortConn // the same; nil: not offered
	local netip.AddrPort

	udp   *net.UDPConn // the same, of the operating system; nil: another
	bound time.Time    // no write waits longer

	to     netip.AddrPort // of the last write without fast
	toAddr net.Addr
}

func newPacketConn(c net.PacketConn, local netip.AddrPort) packetConn {
	if a, ok := c.LocalAddr().(*net.UDPAddr); ok && a.Port != 0 {
		local = unmap(a.AddrPort())
	}
	udp, _ := c.(*net.UDPConn)
	if udp != nil {
		if d, err := rawudp.Take(udp); err == nil {
			return packetConn{direct: d, local: local}
		}
	}
	fast, _ := c.(addrPortConn)
	return packetConn{conn: c, fast: fast, udp: udp, local: local}
}

func (c *packetConn) close() error {
	if c.direct != nil {
		return c.direct.Close()
	}
	return c.conn.Close()
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (c *packetConn) read(p []byte) (int, netip.AddrPort, error) {
	if c.fast != nil {
		n, from, err := c.fast.ReadFromUDPAddrPort(p)
		return n, unmap(from), err
	}
	n, from, err := c.conn.ReadFrom(p)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	if u, ok := from.(*net.UDPAddr); ok {
		return n, unmap(u.AddrPort()), nil
	}
	a, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return n, netip.AddrPort{}, nil //nolint:nilerr // read well, but from an address that nobody is latched to
	}
	return n, unmap(a), nil
}

// maxWait is how long a write may wait for room in a full kernel buffer. The
// deadline is moved only when half of it is gone, which makes it nearly free.
const maxWait = 50 * time.Millisecond

// limit sees to it that a write at the time now does not wait long.
func (c *packetConn) limit(now time.Time) {
	if c.udp != nil && c.bound.Sub(now) < maxWait/2 {
		c.bound = now.Add(maxWait)
		_ = c.udp.SetWriteDeadline(c.bound)
	}
}

func (c *packetConn) write(p []byte, to netip.AddrPort) error {
	if c.direct != nil {
		return c.direct.Write(p, to) // does not wait at all
	}
	if c.fast != nil {
		_, err := c.fast.WriteToUDPAddrPort(p, to)
		return err
	}
	if to != c.to {
		c.to, c.toAddr = to, net.UDPAddrFromAddrPort(to)
	}
	_, err := c.conn.WriteTo(p, c.toAddr)
	return err
}
