package sip

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	streamWriteTimeout   = 10 * time.Second
	streamPartialTimeout = 32 * time.Second // a begun message must be complete by then
	dialTimeout          = 10 * time.Second
)

// streamConn is a TCP connection, accepted or dialled. It hands sipgo only
// whole messages that passed the gate, and io.EOF for every end.
type streamConn struct {
	net.Conn
	ua            *UserAgent
	local, remote netip.AddrPort
	dialled       bool
	ready         chan struct{} // closed once sipgo has the connection in its pool
	active        atomic.Int64  // Unix nanoseconds of the last traffic
	gone          chan struct{}
	closeOnce     sync.Once

	frames framer
	out    []byte // rest of the message being handed over
	in     []byte

	writeMu sync.Mutex
}

func newStreamConn(ua *UserAgent, c net.Conn, dialled bool) *streamConn {
	s := &streamConn{Conn: c, ua: ua, local: addrPortOf(c.LocalAddr()), remote: addrPortOf(c.RemoteAddr()),
		dialled: dialled, ready: make(chan struct{}), gone: make(chan struct{}),
		frames: framer{max: ua.cfg.MaxMessage}, in: make([]byte, 4096)}
	s.active.Store(time.Now().UnixNano())
	return s
}

// Read returns the next message or a further part of it.
func (s *streamConn) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		msg, ping, r := s.frames.next()
		switch {
		case r != nil:
			s.refuse(s.frames.buf, r)
			return 0, io.EOF
		case ping:
			_, _ = s.raw([]byte("\r\n"))
		case msg != nil:
			s.accept(msg)
		default:
			if err := s.fill(); err != nil {
				return 0, io.EOF
			}
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

func (s *streamConn) accept(msg []byte) {
	s.ua.tap(false, TCP, s.local, s.remote, msg)
	if r := s.ua.gate.check(msg); r != nil {
		s.refuse(msg, r)
		return
	}
	s.out = bytes.Clone(msg)
}

func (s *streamConn) fill() error {
	deadline := time.Time{}
	if s.frames.partial() {
		deadline = time.Now().Add(streamPartialTimeout)
	}
	_ = s.Conn.SetReadDeadline(deadline)
	n, err := s.Conn.Read(s.in)
	if n > 0 {
		s.active.Store(time.Now().UnixNano())
		s.frames.write(s.in[:n])
		return nil
	}
	return err
}

func (s *streamConn) refuse(msg []byte, r *refusal) {
	s.ua.log.Debug("sip: message refused", "transport", "tcp", "from", s.remote, "code", r.code, "reason", r.reason)
	if r.code == 0 || !s.ua.sources.mayRefuse(time.Now()) {
		return
	}
	if v, ok := salvage(msg); ok {
		reply, _ := v.reply(r.code, r.reason, newTag(), s.ua.cfg.UserAgent, s.remote)
		_, _ = s.Write(reply)
	}
}

// Write sends one message.
func (s *streamConn) Write(p []byte) (int, error) {
	n, err := s.raw(p)
	if err == nil {
		s.ua.tap(true, TCP, s.local, s.remote, p)
	}
	return n, err
}

func (s *streamConn) raw(p []byte) (int, error) {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	_ = s.Conn.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
	s.active.Store(time.Now().UnixNano())
	n, err := s.Conn.Write(p)
	if err != nil {
		// Half a message may be out: nothing after it would be understood.
		_ = s.Close()
	}
	return n, err
}

// Close closes the connection; sipgo calls it when its reader ends.
func (s *streamConn) Close() error {
	s.closeOnce.Do(func() {
		close(s.gone)
		s.ua.streams.remove(s)
	})
	return s.Conn.Close()
}

// streamSet holds the open TCP connections.
type streamSet struct {
	mu       sync.Mutex
	all      map[*streamConn]struct{}
	dialling map[netip.AddrPort]chan struct{}
	onGone   func(*streamConn)
}

func newStreamSet() *streamSet {
	return &streamSet{all: make(map[*streamConn]struct{}), dialling: make(map[netip.AddrPort]chan struct{})}
}

func (t *streamSet) add(s *streamConn) {
	t.mu.Lock()
	t.all[s] = struct{}{}
	t.mu.Unlock()
}

func (t *streamSet) remove(s *streamConn) {
	t.mu.Lock()
	_, had := t.all[s]
	delete(t.all, s)
	t.mu.Unlock()
	if had && t.onGone != nil {
		t.onGone(s)
	}
}

// find returns the connection to remote, if there is one.
func (t *streamSet) find(remote netip.AddrPort) *streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.findLocked(remote)
}

func (t *streamSet) findLocked(remote netip.AddrPort) *streamConn {
	for s := range t.all {
		if s.remote == remote {
			return s
		}
	}
	return nil
}

// idlest returns the accepted connection without traffic for longest, once
// there are more than max of them.
func (t *streamSet) idlest(max int) *streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	var oldest *streamConn
	n := 0
	for s := range t.all {
		if s.dialled {
			continue
		}
		n++
		if oldest == nil || s.active.Load() < oldest.active.Load() {
			oldest = s
		}
	}
	if n <= max {
		return nil
	}
	return oldest
}

func (t *streamSet) closeAll() {
	t.mu.Lock()
	all := make([]*streamConn, 0, len(t.all))
	for s := range t.all {
		all = append(all, s)
	}
	t.mu.Unlock()
	for _, s := range all {
		_ = s.Close()
	}
}

// stream returns a connection to remote that sipgo reads, dialling it when
// there is none. Concurrent calls for one address dial once.
func (ua *UserAgent) stream(ctx context.Context, remote netip.AddrPort, local netip.Addr) (*streamConn, error) {
	t := ua.streams
	for {
		t.mu.Lock()
		if s := t.findLocked(remote); s != nil {
			t.mu.Unlock()
			return s, ua.waitReady(ctx, s)
		}
		wait, busy := t.dialling[remote]
		if !busy {
			mine := make(chan struct{})
			t.dialling[remote] = mine
			t.mu.Unlock()
			s, err := ua.dialStream(ctx, remote, local)
			t.mu.Lock()
			delete(t.dialling, remote)
			t.mu.Unlock()
			close(mine)
			return s, err
		}
		t.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (ua *UserAgent) dialStream(ctx context.Context, remote netip.AddrPort, local netip.Addr) (*streamConn, error) {
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	laddr := ""
	if local.IsValid() && !local.IsUnspecified() {
		laddr = netip.AddrPortFrom(local, 0).String()
	}
	c, err := ua.cfg.Network.Dial(dctx, "tcp", laddr, remote.String())
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, unreachable("connecting to "+remote.String()+" over TCP", err)
	}
	s := newStreamConn(ua, c, true)
	s.remote = remote
	ua.streams.add(s)
	select {
	case ua.dialled.conns <- s:
		return s, ua.waitReady(ctx, s)
	case <-ua.closing:
		_ = s.Close()
		return nil, ErrClosed
	}
}

func (ua *UserAgent) waitReady(ctx context.Context, s *streamConn) error {
	select {
	case <-s.ready:
		return nil
	case <-s.gone:
		return unreachable("connection to "+s.remote.String(), io.ErrUnexpectedEOF)
	case <-ua.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// dialListener is how dialled connections reach sipgo: it "accepts" them.
// Serve registers a connection before it accepts the next one, which is when
// the previous one is ready.
type dialListener struct {
	ua    *UserAgent
	conns chan *streamConn
	last  *streamConn
}

func (l *dialListener) Accept() (net.Conn, error) {
	if l.last != nil {
		close(l.last.ready)
		l.last = nil
	}
	select {
	case s := <-l.conns:
		l.last = s
		return s, nil
	case <-l.ua.closing:
		return nil, net.ErrClosed
	}
}

func (l *dialListener) Close() error   { return nil }
func (l *dialListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// streamListener is a TCP listener.
type streamListener struct {
	net.Listener
	ua    *UserAgent
	local netip.AddrPort
	last  *streamConn
}

func (l *streamListener) Accept() (net.Conn, error) {
	if l.last != nil {
		close(l.last.ready)
		l.last = nil
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if l.ua.isClosing() || errors.Is(err, net.ErrClosed) {
				return nil, net.ErrClosed
			}
			l.ua.log.Warn("sip: accepting a TCP connection failed, trying again", "listener", l.local, "err", err)
			if !l.ua.pause(100 * time.Millisecond) {
				return nil, net.ErrClosed
			}
			continue
		}
		s := newStreamConn(l.ua, c, false)
		l.ua.streams.add(s)
		if old := l.ua.streams.idlest(l.ua.cfg.MaxStreams); old != nil {
			_ = old.Close()
		}
		l.last = s
		return s, nil
	}
}
