package rawudp

import "errors"

var (
	// ErrUnsupported says that this system, or this socket, has no Conn.
	ErrUnsupported = errors.New("rawudp: not supported here")

	// ErrEmpty says that no datagram waits.
	ErrEmpty = errors.New("rawudp: no datagram waits")
)
