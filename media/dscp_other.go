//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package media

import "net"

// setTrafficClass does nothing: this system takes the traffic class from its
// own policy and ignores what a program asks for.
func setTrafficClass(*net.UDPConn) error { return nil }
