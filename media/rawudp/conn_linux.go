//go:build linux && (amd64 || arm64 || arm || riscv64)

package rawudp

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Conn is a UDP socket that belongs to nobody's poller. One goroutine at a time
// calls Read, Write and Close; Dropped may be called from any.
type Conn struct {
	fd      int
	v6      bool
	dropped atomic.Uint64

	// What recvmsg(2) fills in. It lies here because the system keeps to the
	// addresses while a stack may move.
	message syscall.Msghdr
	vector  syscall.Iovec
	source  syscall.RawSockaddrInet6 // or the shorter RawSockaddrInet4
	control [controlWords]uint64     // aligned for a syscall.Cmsghdr

	to     netip.AddrPort // of the last Write
	target syscall.RawSockaddrInet6
	length uintptr // of target
}

// controlWords is room for a timestamp and a counter, each with its header.
const controlWords = 10

// Take makes a Conn of c, and closes c: the socket lives on, under another
// number. Options set before stay. On failure c is as it was.
func Take(c *net.UDPConn) (*Conn, error) {
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok || local.IP.IsLinkLocalUnicast() && local.IP.To4() == nil {
		return nil, ErrUnsupported // its peers' addresses would need zones
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("rawudp: %w", err)
	}
	fd, domain := -1, 0
	var failed error
	err = raw.Control(func(old uintptr) {
		fd, domain, failed = duplicate(int(old))
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("rawudp: %w", err)
	}
	_ = c.Close() // takes it out of the poller, which would wake for each datagram
	r := &Conn{fd: fd, v6: domain == syscall.AF_INET6}
	r.message.Name = (*byte)(unsafe.Pointer(&r.source))
	r.message.Iov = &r.vector
	r.message.Iovlen = 1
	r.message.Control = (*byte)(unsafe.Pointer(&r.control))
	return r, nil
}

// duplicate returns another number for the socket fd, and its address family.
// Its datagrams come with their time of arrival from then on, and with the count
// of those that were dropped.
func duplicate(fd int) (other, domain int, err error) {
	domain, err = syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_DOMAIN)
	if err != nil {
		return -1, 0, err
	}
	for _, option := range []int{syscall.SO_TIMESTAMPNS, syscall.SO_RXQ_OVFL} {
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, option, 1); err != nil {
			return -1, 0, err
		}
	}
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, 0, errno
	}
	return int(n), domain, nil
}

// Read takes the datagram that has waited longest: its size in p, where it is
// cut off, its source, and when it arrived, by the system's clock of the time of
// day; the zero time if the system did not tell. ErrEmpty says that none waits.
// It does not wait.
func (c *Conn) Read(p []byte) (n int, from netip.AddrPort, arrival time.Time, err error) {
	c.vector.Base = unsafe.SliceData(p)
	c.vector.SetLen(len(p))
	c.message.Namelen = uint32(unsafe.Sizeof(c.source))
	c.message.SetControllen(int(unsafe.Sizeof(c.control)))
	for {
		r, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, uintptr(c.fd),
			uintptr(unsafe.Pointer(&c.message)), syscall.MSG_DONTWAIT)
		switch errno {
		case 0:
			return int(r), c.sourceAddr(), c.timestamp(), nil
		case syscall.EAGAIN:
			return 0, netip.AddrPort{}, time.Time{}, ErrEmpty
		case syscall.EINTR:
		default:
			return 0, netip.AddrPort{}, time.Time{}, errno
		}
	}
}

// sourceAddr is where the datagram just read came from.
func (c *Conn) sourceAddr() netip.AddrPort {
	switch c.source.Family {
	case syscall.AF_INET:
		a := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&c.source))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), swapped(a.Port))
	case syscall.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(c.source.Addr).Unmap(), swapped(c.source.Port))
	default:
		return netip.AddrPort{}
	}
}

// timestamp reads what the system says about the datagram just read.
func (c *Conn) timestamp() (at time.Time) {
	const header = int(unsafe.Sizeof(syscall.Cmsghdr{}))
	rest := unsafe.Slice((*byte)(unsafe.Pointer(&c.control)), int(c.message.Controllen))
	for len(rest) >= header {
		h := (*syscall.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(rest)))
		size := int(h.Len)
		if size < header || size > len(rest) {
			break
		}
		data := rest[header:size]
		if h.Level == syscall.SOL_SOCKET {
			switch {
			case h.Type == syscall.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(syscall.Timespec{})):
				t := (*syscall.Timespec)(unsafe.Pointer(unsafe.SliceData(data)))
				at = time.Unix(t.Unix())
			case h.Type == syscall.SO_RXQ_OVFL && len(data) >= 4:
				c.dropped.Store(uint64(binary.NativeEndian.Uint32(data)))
			}
		}
		rest = rest[min(len(rest), syscall.CmsgSpace(len(data))):]
	}
	return at
}

// Write sends p. When the system has no room for it the error is syscall.EAGAIN:
// it does not wait.
func (c *Conn) Write(p []byte, to netip.AddrPort) error {
	if to != c.to || c.length == 0 {
		if err := c.aim(to); err != nil {
			return err
		}
	}
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(c.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL,
			uintptr(unsafe.Pointer(&c.target)), c.length)
		if errno == 0 {
			return nil
		}
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// aim writes down the address to as the system wants it.
func (c *Conn) aim(to netip.AddrPort) error {
	c.length = 0
	addr := to.Addr().Unmap()
	switch {
	case !addr.IsValid():
		return syscall.EDESTADDRREQ
	case addr.Is6() != c.v6:
		return syscall.EAFNOSUPPORT
	case c.v6:
		c.target = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: swapped(to.Port()), Addr: addr.As16()}
		c.length = unsafe.Sizeof(syscall.RawSockaddrInet6{})
	default:
		*(*syscall.RawSockaddrInet4)(unsafe.Pointer(&c.target)) =
			syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: swapped(to.Port()), Addr: addr.As4()}
		c.length = unsafe.Sizeof(syscall.RawSockaddrInet4{})
	}
	c.to = to
	return nil
}

// swapped turns a port from the network's order of octets to ours and back.
func swapped(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// Dropped is how many datagrams the system dropped because the socket's buffer
// was full, as told with the last one read.
func (c *Conn) Dropped() uint64 { return c.dropped.Load() }

// Control calls f with the socket's number, as for setsockopt(2).
func (c *Conn) Control(f func(fd uintptr)) error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	f(uintptr(c.fd))
	return nil
}

// Close gives the port back. What is read or written later fails. A second Close
// says net.ErrClosed.
func (c *Conn) Close() error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	fd := c.fd
	c.fd = -1
	return syscall.Close(fd)
}
