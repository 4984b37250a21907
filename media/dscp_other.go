//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package media

import "net"

// maxDSCP is the highest code point: it has six bits (RFC 2474 §3).
const maxDSCP = 63

// setTrafficClass does nothing: this system takes the traffic class from its
// own policy and ignores what a program asks for.
func setTrafficClass(*net.UDPConn, int) error { return nil }

func socketOptions(uintptr, bool) (SocketOptions, error) { return SocketOptions{}, errNoOptions }
