package sip

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	streamWriteTimeout   = 10 * time.Second
	streamPartialTimeout = 32 * time.Second // a begun message must be complete by then
)

// streamConn is a connection, accepted or dialled, over TCP, TLS or WebSocket. It
// hands sipgo, to which they all are TCP, only whole messages that passed the gate,
// and io.EOF for every end.
type streamConn struct {
	net.Conn
	ua *UserAgent
	hop
	local     netip.AddrPort
	dialled   bool
	path      *streamPath
	ready     chan struct{} // closed once sipgo has the connection in its pool
	active    atomic.Int64  // Unix nanoseconds of the last traffic
	pinged    atomic.Bool   // a pong is due
	ponged    chan struct{} // a pong has come
	gone      chan struct{}
	closeOnce sync.Once

	// The reader's own:
	frames framing
	half   bool   // of a ping
	spoke  bool   // a whole message has come
	out    []byte // rest of the message being handed over
	in     []byte

	writeMu sync.Mutex
}

func newStreamConn(ua *UserAgent, c net.Conn, h hop, dialled bool) *streamConn {
	s := &streamConn{Conn: c, ua: ua, hop: h, local: addrPortOf(c.LocalAddr()),
		dialled: dialled, ready: make(chan struct{}), ponged: make(chan struct{}, 1), gone: make(chan struct{}),
		frames: &framer{max: ua.cfg.MaxMessage}, in: make([]byte, 4096)}
	if h.transport.webSocket() {
		s.frames = &wsFramer{max: ua.cfg.MaxMessage}
	}
	s.path = &streamPath{s}
	s.active.Store(time.Now().UnixNano())
	return s
}

// RemoteAddr is the address that the hop has, under which sipgo keeps the connection.
func (s *streamConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.addr) }

// Read returns the next message or a further part of it.
func (s *streamConn) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		msg, sig, r := s.frames.next()
		switch {
		case r != nil:
			s.refuse(msg, r)
			return 0, io.EOF
		case sig == hangUp:
			return 0, io.EOF
		case sig != noSignal:
			s.signalled(sig)
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
	s.half, s.spoke = false, true
	s.ua.tap(false, s.transport, s.local, s.addr, msg)
	msg = tidy(msg)
	if _, r := s.ua.gate.check(msg); r != nil {
		s.refuse(msg, r)
		return
	}
	s.out = bytes.Clone(msg)
}

func (s *streamConn) fill() error {
	deadline := time.Time{}
	if s.frames.partial() || s.transport == TLS && !s.dialled && !s.spoke {
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
	s.ua.log.Debug("sip: message refused", "transport", s.transport.String(), "from", s.addr, "code", r.code, "reason", r.reason)
	if r.code == 0 || !s.ua.sources.mayRefuse(time.Now()) {
		return
	}
	if v, ok := salvage(msg); ok {
		reply, _ := v.reply(r.code, r.reason, newTag(), s.ua.cfg.UserAgent, s.addr)
		_, _ = s.Write(reply)
	}
}

// Write sends one message.
func (s *streamConn) Write(p []byte) (int, error) {
	s.ua.tap(true, s.transport, s.local, s.addr, p)
	if _, err := s.raw(s.frames.wrap(p)); err != nil {
		return 0, err
	}
	return len(p), nil
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
		_ = s.Conn.Close()
	})
	return nil
}

// streamPath is the connection sipgo's transactions write through. It stands
// in sipgo's pool for the one sipgo made itself, whose reference counting
// complains in the default log when a connection ends before its transactions.
type streamPath struct{ s *streamConn }

var _ sipmsg.Connection = (*streamPath)(nil)

func (p *streamPath) LocalAddr() net.Addr { return p.s.LocalAddr() }

func (p *streamPath) WriteMsg(m sipmsg.Message) error {
	_, err := p.s.Write([]byte(m.String()))
	return err
}

func (p *streamPath) Ref(int) int            { return 1 }
func (p *streamPath) TryClose() (int, error) { return 1, nil }
func (p *streamPath) Close() error           { return nil }

// adopt is called once sipgo reads a connection and has it in its pool.
func (ua *UserAgent) adopt(s *streamConn) {
	pool := ua.tpl.Pool("tcp")
	pool.Add(s.addr.String(), s.path)
	select {
	case <-s.gone: // it ended before it was known
		_ = pool.CloseAndDelete(s.path, s.addr.String())
	default:
	}
	close(s.ready)
}
