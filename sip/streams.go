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

// streamSet holds the open connections.
type streamSet struct {
	mu       sync.Mutex
	all      map[*streamConn]struct{}
	dialling map[hop]*dialing
	onGone   func(*streamConn)
}

// dialing is a connection that somebody is making.
type dialing struct {
	done chan struct{}
	err  error // of the network, which all who wait get; set before done is closed
}

func newStreamSet() *streamSet {
	return &streamSet{all: make(map[*streamConn]struct{}), dialling: make(map[hop]*dialing)}
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

// find returns a connection for a hop, if there is one.
func (t *streamSet) find(h hop) *streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.findLocked(h)
}

// findLocked wants one that we made for the very hop, since only that one has proved
// its name, or one that was accepted from that address.
func (t *streamSet) findLocked(h hop) *streamConn {
	for s := range t.all {
		if s.moving.Load() {
			continue
		}
		if s.hop == h || !s.dialled && s.transport == h.transport && s.addr == h.addr {
			return s
		}
	}
	return nil
}

// from returns a connection with that remote address.
func (t *streamSet) from(remote netip.AddrPort) *streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.all {
		if s.addr == remote {
			return s
		}
	}
	return nil
}

// idlest returns the accepted connection without traffic for longest, once
// there are more than max of them: a stranger's first who said nothing welcome yet.
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
		foreign, before := s.foreign.Load(), oldest != nil && oldest.foreign.Load()
		if oldest == nil || foreign && !before || foreign == before && s.active.Load() < oldest.active.Load() {
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

// stream returns a connection for a hop that sipgo reads, dialling it when there is
// none. Concurrent calls for one hop dial once, and fail together.
func (ua *UserAgent) stream(ctx context.Context, h hop, local netip.Addr) (*streamConn, error) {
	t := ua.streams
	for {
		t.mu.Lock()
		if s := t.findLocked(h); s != nil {
			t.mu.Unlock()
			return s, ua.waitReady(ctx, s)
		}
		other := t.dialling[h]
		if other == nil {
			mine := &dialing{done: make(chan struct{})}
			t.dialling[h] = mine
			t.mu.Unlock()
			s, err := ua.dialStream(ctx, h, local)
			if ctx.Err() == nil { // else the next one tries for himself
				mine.err = err
			}
			t.mu.Lock()
			delete(t.dialling, h)
			t.mu.Unlock()
			close(mine.done)
			return s, err
		}
		t.mu.Unlock()
		select {
		case <-other.done:
			if other.err != nil {
				return nil, other.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (ua *UserAgent) dialStream(ctx context.Context, h hop, local netip.Addr) (*streamConn, error) {
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := ua.connect(dctx, h, local)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, unreachable("connecting to "+h.addr.String()+" over "+h.transport.upper(), err)
	}
	s := newStreamConn(ua, c, h, true)
	ua.streams.add(s)
	select {
	case ua.dialled.conns <- s:
		ua.start(s.keepAlive) // it stays, whoever waits for it
		if err := ua.waitReady(ctx, s); err != nil {
			return nil, err
		}
		return s, nil
	case <-ua.closing:
		_ = s.Close()
		return nil, ErrClosed
	}
}

// connect makes the connection for a hop, up to where messages can travel.
func (ua *UserAgent) connect(ctx context.Context, h hop, local netip.Addr) (net.Conn, error) {
	laddr := ""
	if local.IsValid() && !local.IsUnspecified() {
		laddr = netip.AddrPortFrom(local, 0).String()
	}
	c, err := ua.cfg.Network.Dial(ctx, "tcp", laddr, h.addr.String())
	if err != nil {
		return nil, err
	}
	if h.transport.Secure() {
		if c, err = h.tls.client(ctx, c, h.name); err != nil {
			return nil, err
		}
	}
	if h.transport.webSocket() {
		return upgrade(ctx, c, h)
	}
	return c, nil
}

func (ua *UserAgent) waitReady(ctx context.Context, s *streamConn) error {
	select {
	case <-s.ready:
		return nil
	case <-s.gone:
		return unreachable("connection to "+s.addr.String(), io.ErrUnexpectedEOF)
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

// streamListener is a TCP or TLS listener.
type streamListener struct {
	net.Listener
	ua        *UserAgent
	transport Transport
	local     netip.AddrPort
	last      *streamConn
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
			l.ua.log.Warn("sip: accepting a connection failed, trying again", "listener", l.local, "err", err)
			if !l.ua.pause(100 * time.Millisecond) {
				return nil, net.ErrClosed
			}
			continue
		}
		h := hop{transport: l.transport, addr: addrPortOf(c.RemoteAddr())}
		if l.transport == TLS {
			c = l.ua.cfg.TLS.server(c)
		}
		s := newStreamConn(l.ua, c, h, false)
		s.foreign.Store(l.ua.standing(h.addr.Addr()) == stranger)
		l.ua.streams.add(s)
		if old := l.ua.streams.idlest(l.ua.cfg.MaxStreams); old != nil {
			_ = old.Close()
		}
		l.last = s
		return s, nil
	}
}
