//go:build !(linux && (amd64 || arm64 || arm || riscv64))

package rawudp

import (
	"net"
	"net/netip"
	"time"
)

// Conn does not exist on this system: there is none to call a method of.
type Conn struct{}

// Take returns ErrUnsupported.
func Take(*net.UDPConn) (*Conn, error) { return nil, ErrUnsupported }

// Read returns ErrUnsupported.
func (*Conn) Read([]byte) (int, netip.AddrPort, time.Time, error) {
	return 0, netip.AddrPort{}, time.Time{}, ErrUnsupported
}

// Write returns ErrUnsupported.
func (*Conn) Write([]byte, netip.AddrPort) error { return ErrUnsupported }

// Dropped is 0.
func (*Conn) Dropped() uint64 { return 0 }

// Control returns ErrUnsupported.
func (*Conn) Control(func(fd uintptr)) error { return ErrUnsupported }

// Close returns ErrUnsupported.
func (*Conn) Close() error { return ErrUnsupported }
