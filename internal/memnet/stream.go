package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	window  = 256 << 10 // bytes under way or unread before a writer waits
	segment = 1400      // largest piece of a stream that travels as one
)

// stream is one end of a connection.
type stream struct {
	host          *Host
	local, remote netip.AddrPort
	in, out       *pipe
	counted       bool // holds a place in host.streams

	once sync.Once
}

// pipe is one direction of a connection.
type pipe struct {
	net      *Network
	host     *Host // where it is read
	from, to netip.AddrPort

	mu       sync.Mutex
	wake     sync.Cond
	buf      []byte
	unread   int // written and not yet read, under way included
	ended    bool
	broken   bool // written to after the reader closed
	readGone bool
	sendGone bool
	read     deadline
	write    deadline
}

func newPipe(n *Network, host *Host, from, to netip.AddrPort) *pipe {
	p := &pipe{net: n, host: host, from: from, to: to}
	p.wake.L = &p.mu
	return p
}

func (p *pipe) deliver(data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readGone {
		p.broken = true // the reset that tells the writer
	} else {
		p.buf = append(p.buf, data...)
	}
	p.wake.Broadcast()
}

func (p *pipe) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.wake.Broadcast()
}

func (p *pipe) get(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.readGone:
			return 0, net.ErrClosed
		case p.read.passed():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case len(p.buf) > 0:
			n := copy(b, p.buf)
			p.buf = append(p.buf[:0], p.buf[n:]...)
			p.unread -= n
			p.wake.Broadcast()
			return n, nil
		case p.ended:
			return 0, io.EOF
		}
		p.wake.Wait()
	}
}

// reserve waits for room and returns how many of want bytes may be sent.
func (p *pipe) reserve(want int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.sendGone:
			return 0, net.ErrClosed
		case p.write.passed():
			return 0, os.ErrDeadlineExceeded
		case p.broken:
			return 0, os.NewSyscallError("write", syscall.EPIPE)
		case p.unread < window:
			n := min(want, segment, window-p.unread)
			p.unread += n
			return n, nil
		}
		p.wake.Wait()
	}
}

func (p *pipe) put(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		n, err := p.reserve(len(b) - sent)
		if err != nil {
			return sent, err
		}
		p.send(segmentArrives, b[sent:sent+n])
		sent += n
	}
	return sent, nil
}

// send lets one segment travel; it arrives after those before it.
func (p *pipe) send(k kind, data []byte) {
	n := p.net
	n.mu.Lock()
	e := n.newEvent(k, p.from, p.to)
	n.mu.Unlock()
	e.data = append(e.data, data...)
	e.pipe, e.host = p, p.host
	if f := n.filter.Load(); k == segmentArrives && f != nil && (*f)(p.from, p.to, e.data) {
		n.recycle(e)
		p.mu.Lock()
		p.unread -= len(data)
		p.mu.Unlock()
		return
	}
	n.mu.Lock()
	n.schedule(e)
	n.mu.Unlock()
	n.drain()
}

// schedule queues an event of a stream: in order, a loss being a delay.
// The caller holds n.mu.
func (n *Network) schedule(e *event) {
	l := n.linkFor(e.from.Addr(), e.to.Addr())
	l.Reorder = 0
	f := n.flow(true, e.from, e.to)
	d, _ := f.transit(l)
	if l.Loss > 0 {
		for range 8 { // a stream survives; it only waits
			if f.rng.Float64() >= l.Loss {
				break
			}
			d += resendDelay
		}
	}
	e.at = f.arrival(d, false)
	n.push(e)
}

// Read reads what has arrived; io.EOF once the peer has closed.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.in.get(b)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, s.failed("read", err)
	}
	return n, err
}

// Write sends b; it waits only while 256 KiB are unread at the far end.
func (s *stream) Write(b []byte) (int, error) {
	n, err := s.out.put(b)
	if err != nil {
		return n, s.failed("write", err)
	}
	return n, nil
}

// Close ends both directions; the peer reads io.EOF after what was written.
func (s *stream) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		err = nil
		s.shutPipes()
		n := s.host.net
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.open, s)
		if s.counted {
			if s.host.streams[s.local]--; s.host.streams[s.local] <= 0 {
				delete(s.host.streams, s.local)
			}
		}
	})
	if err != nil {
		return s.failed("close", err)
	}
	return nil
}

func (s *stream) shut() { _ = s.Close() }

func (s *stream) shutPipes() {
	s.in.mu.Lock()
	s.in.readGone = true
	s.in.buf = nil
	s.in.read.stop()
	s.in.wake.Broadcast()
	s.in.mu.Unlock()

	s.out.mu.Lock()
	s.out.sendGone = true
	s.out.write.stop()
	s.out.wake.Broadcast()
	s.out.mu.Unlock()
	s.out.send(finArrives, nil)
}

// LocalAddr is a *net.TCPAddr.
func (s *stream) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.local) }

// RemoteAddr is a *net.TCPAddr.
func (s *stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }

// SetDeadline sets both deadlines.
func (s *stream) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

// SetReadDeadline bounds Read; the zero time removes the bound.
func (s *stream) SetReadDeadline(t time.Time) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if s.in.readGone {
		return s.failed("set", net.ErrClosed)
	}
	s.in.read.set(t, &s.in.wake)
	return nil
}

// SetWriteDeadline bounds Write; the zero time removes the bound.
func (s *stream) SetWriteDeadline(t time.Time) error {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.sendGone {
		return s.failed("set", net.ErrClosed)
	}
	s.out.write.set(t, &s.out.wake)
	return nil
}

func (s *stream) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
