// Package memnet is a network in memory for tests: UDP-like packet sockets and
// TCP-like streams between hosts that exist only in the process, with delay,
// jitter, loss, duplication and reordering per direction.
//
// It runs unchanged inside a testing/synctest bubble: goroutines that wait here
// are durably blocked (sync.Cond, channels and time only), and no goroutine
// lives between calls. Make the Network inside the bubble that uses it.
//
// Hosts. A Host owns one or more addresses. Sockets bind relative to it, as on
// a real machine: "0.0.0.0:5060", "[::]:5060" and ":5060" take every address of
// that host and report the unspecified address from LocalAddr; a socket bound
// to ":port" or "[::]:port" with network "udp" takes both families when the
// host has an IPv6 address, and then shows IPv4 peers as IPv4-mapped addresses,
// as the operating system does. 127.0.0.0/8 and ::1 are private to each host.
// The functions of Network itself act for the host named by the address, so
// that "10.0.0.7:5060" needs no preparation; an unspecified or loopback address
// there means the default host, 10.0.0.1 and fd00::1.
//
// A NAT between hosts and the others translates their packets, see Network.NAT.
//
// Every fate (lost, delayed, doubled) is drawn from a generator seeded by the
// network's seed and the flow's two address-ports: the n-th packet of a flow
// meets the same fate in every run, whatever other flows do.
//
// It never opens a socket, resolves a name or imitates TCP's congestion
// control. Errors look like the operating system's (*net.OpError around
// EADDRINUSE, ECONNREFUSED, os.ErrDeadlineExceeded, net.ErrClosed).
package memnet
