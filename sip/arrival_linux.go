package sip

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// arrivals reads datagrams with the time at which the system took them in: what
// waits in the socket waits for us too. One goroutine reads.
type arrivals struct {
	conn *net.UDPConn
	oob  []byte
}

// stampArrivals has the system note when datagrams come (socket(7),
// SO_TIMESTAMPNS); nil where it cannot.
func stampArrivals(c net.PacketConn) *arrivals {
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil
	}
	stamped := false
	if raw := rawConn(c); raw != nil {
		_ = raw.Control(func(fd uintptr) {
			stamped = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1) == nil
		})
	}
	if !stamped {
		return nil
	}
	return &arrivals{conn: u, oob: make([]byte, 256)}
}

func (a *arrivals) read(p []byte) (n int, source netip.AddrPort, arrived time.Time, err error) {
	n, oobn, _, from, err := a.conn.ReadMsgUDPAddrPort(p, a.oob)
	if err != nil {
		return 0, source, arrived, err
	}
	now := time.Now()
	arrived = stampOf(a.oob[:oobn], now)
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), arrived, nil
}

// stampOf reads the time out of control messages. A time that cannot be, since
// the clock was set meanwhile, is now.
func stampOf(oob []byte, now time.Time) time.Time {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return now
	}
	for _, m := range messages {
		if m.Header.Level != syscall.SOL_SOCKET || m.Header.Type != syscall.SCM_TIMESTAMPNS {
			continue
		}
		at := time.Time{}
		switch d := binary.NativeEndian; len(m.Data) { // a struct timespec, as wide as the machine
		case 16:
			at = time.Unix(int64(d.Uint64(m.Data)), int64(d.Uint64(m.Data[8:])))
		case 8:
			at = time.Unix(int64(int32(d.Uint32(m.Data))), int64(d.Uint32(m.Data[4:])))
		}
		if ago := now.Sub(at); ago > 0 && ago < keptINVITEs {
			return now.Add(-ago)
		}
	}
	return now
}
