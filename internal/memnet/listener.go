package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const backlog = 1024 // connections not yet accepted

// listener accepts streams.
type listener struct {
	host    *Host
	network string
	local   netip.AddrPort
	dual    bool

	mu      sync.Mutex
	wake    sync.Cond
	closed  bool
	waiting []*stream
	accept  deadline
}

// Listen opens a listener for streams. network is "tcp", "tcp4" or "tcp6"; addr
// and errors are as for ListenPacket.
func (h *Host) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	local, dual, err := h.resolve(ctx, "tcp", network, addr)
	if err != nil {
		return nil, err
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	local, err = h.bind("tcp", network, local)
	if err != nil {
		return nil, err
	}
	l := &listener{host: h, network: network, local: local, dual: dual}
	l.wake.L = &l.mu
	h.listeners[local] = l
	h.net.open[l] = struct{}{}
	return l, nil
}

// Accept waits for the next stream.
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, l.failed("accept", net.ErrClosed)
		case l.accept.passed():
			return nil, l.failed("accept", os.ErrDeadlineExceeded)
		case len(l.waiting) > 0:
			s := l.waiting[0]
			l.waiting = l.waiting[1:]
			return s, nil
		}
		l.wake.Wait()
	}
}

// SetDeadline bounds Accept, as on *net.TCPListener.
func (l *listener) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.failed("set", net.ErrClosed)
	}
	l.accept.set(t, &l.wake)
	return nil
}

// Close stops listening; streams not yet accepted are closed.
func (l *listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return l.failed("close", net.ErrClosed)
	}
	l.closed = true
	left := l.waiting
	l.waiting = nil
	l.accept.stop()
	l.wake.Broadcast()
	l.mu.Unlock()

	n := l.host.net
	n.mu.Lock()
	delete(l.host.listeners, l.local)
	delete(n.open, l)
	n.mu.Unlock()
	for _, s := range left {
		_ = s.Close()
	}
	return nil
}

func (l *listener) shut() { _ = l.Close() }

// Addr is the bound *net.TCPAddr, unspecified for a wildcard.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *listener) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: l.network, Source: nil, Addr: l.Addr(), Err: err}
}

// dial is a connection being made.
type dial struct {
	from   *Host
	local  netip.AddrPort
	remote netip.AddrPort
	done   chan struct{} // closed when the answer is here

	near *stream // nil when refused; guarded by net.mu, as is gone
	gone bool    // the dialler has given up
}

// Dial connects a stream from this host; laddr "" chooses address and port. It
// takes one round trip of the link, fails with ECONNREFUSED when nobody listens
// there, and waits for ctx when the remote host is cut off or does not exist.
func (h *Host) Dial(ctx context.Context, network, laddr, raddr string) (net.Conn, error) {
	d, err := h.newDial(ctx, network, laddr, raddr)
	if err != nil {
		return nil, err
	}
	d.start()
	select {
	case <-d.done:
	case <-ctx.Done():
		d.abandon()
		return nil, d.failed(network, ctxError(ctx))
	case <-h.net.done:
		d.abandon()
		return nil, d.failed(network, net.ErrClosed)
	}
	if d.near == nil {
		d.release()
		return nil, d.failed(network, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	return d.near, nil
}

func ctxError(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return os.ErrDeadlineExceeded
	}
	return ctx.Err()
}

func (h *Host) newDial(ctx context.Context, network, laddr, raddr string) (*dial, error) {
	local, _, err := h.resolve(ctx, "tcp", network, laddr)
	if err != nil {
		return nil, err
	}
	remote, err := netip.ParseAddrPort(raddr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if local.Addr().IsUnspecified() {
		a, err := h.LocalFor(remote.Addr())
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(remote), Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
		}
		local = netip.AddrPortFrom(a, local.Port())
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	shared := local.Port() != 0 // a listener's own port may be reused to dial from
	if !shared {
		if local, err = h.bind("tcp", network, local); err != nil {
			return nil, err
		}
	}
	h.streams[local]++
	return &dial{from: h, local: local, remote: remote, done: make(chan struct{})}, nil
}

// start sends the opening segment.
func (d *dial) start() {
	n := d.from.net
	n.mu.Lock()
	if host := d.from.hostAt(d.remote.Addr()); host != nil {
		e := n.newEvent(synArrives, d.local, d.remote)
		e.dial, e.host = d, host
		n.schedule(e)
	}
	n.mu.Unlock()
	n.drain()
}

// arrive happens at the listener's host: connect or refuse, and answer.
func (d *dial) arrive(host *Host) {
	n := host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if l, ok := find(host.listeners, d.remote, func(l *listener) bool { return l.dual }); ok && !d.gone {
		d.connect(l)
	}
	e := n.newEvent(replyArrives, d.remote, d.local)
	e.dial, e.host = d, d.from
	n.schedule(e)
}

// connect joins two streams and queues the far one. The caller holds net.mu.
func (d *dial) connect(l *listener) {
	n := l.host.net
	there := newPipe(n, l.host, d.local, d.remote)
	back := newPipe(n, d.from, d.remote, d.local)
	far := &stream{host: l.host, local: d.remote, remote: d.local, in: there, out: back}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.waiting) >= backlog {
		return
	}
	d.near = &stream{host: d.from, local: d.local, remote: d.remote, in: back, out: there, counted: true}
	n.open[d.near], n.open[far] = struct{}{}, struct{}{}
	l.waiting = append(l.waiting, far)
	l.wake.Broadcast()
}

// abandon gives up after ctx ended: what was connected meanwhile is closed.
func (d *dial) abandon() {
	n := d.from.net
	n.mu.Lock()
	d.gone = true
	near := d.near
	n.mu.Unlock()
	if near != nil {
		_ = near.Close()
		return
	}
	d.release()
}

func (d *dial) release() {
	n := d.from.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if d.from.streams[d.local]--; d.from.streams[d.local] <= 0 {
		delete(d.from.streams, d.local)
	}
}

func (d *dial) failed(network string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Source: net.TCPAddrFromAddrPort(d.local),
		Addr: net.TCPAddrFromAddrPort(d.remote), Err: err}
}
