// Package rawudp reads and writes datagrams without ever waiting: a Conn is
// asked at each tick of a call for what has come.
//
// A socket of package net has a goroutine that waits for it, and each datagram
// wakes the network poller, that goroutine, and often a second thread that
// looks for more work. On a call's 50 packets a second this costs more than all
// that is done with them. A Conn has taken its socket out of the poller. Nothing
// runs when a datagram arrives: the kernel keeps it together with the time of
// its arrival (SO_TIMESTAMPNS), which is better than ours, for it holds none of
// the delays between the network and a goroutine.
//
// The system calls are made without telling the scheduler of Go, which is right
// for calls that return at once, and saves waking its monitor.
//
// A Conn is Linux's. On other systems Take says ErrUnsupported, and its caller
// goes on with package net.
package rawudp
