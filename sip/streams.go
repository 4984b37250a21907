package sip

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const dialTimeout = 10 * time.Second

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
		l.ua.adopt(l.last)
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
		l.ua.adopt(l.last)
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
