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
	heard     atomic.Int64  // and of what came last
	used      atomic.Int64  // and of the last message, either way
	pinged    atomic.Bool   // a pong is due
	ponged    chan struct{} // a pong has come
	foreign   atomic.Bool   // accepted from a stranger who said nothing welcome yet
	gone      chan struct{}
	starting  atomic.Int32  // transactions over it that are made and not begun
	moving    atomic.Bool   // it ends because our address has changed, which all are told otherwise
	every     atomic.Int64  // nanoseconds between pings
	sooner    chan struct{} // every has changed
	closeOnce sync.Once

	// The reader's own:
	frames framing
	half   bool      // of a ping
	spoke  bool      // a whole message has come
	begun  time.Time // when the message that is not whole yet began; zero: there is none
	out    []byte    // rest of the message being handed over
	in     []byte

	writeMu sync.Mutex
}

func newStreamConn(ua *UserAgent, c net.Conn, h hop, dialled bool) *streamConn {
	s := &streamConn{Conn: c, ua: ua, hop: h, local: addrPortOf(c.LocalAddr()),
		dialled: dialled, ready: make(chan struct{}), ponged: make(chan struct{}, 1), gone: make(chan struct{}), sooner: make(chan struct{}, 1),
		frames: &framer{max: ua.cfg.MaxMessage}, in: make([]byte, 4096)}
	if h.transport.webSocket() {
		s.frames = &wsFramer{max: ua.cfg.MaxMessage}
	}
	s.path = &streamPath{s}
	s.every.Store(int64(ua.cfg.KeepAlive))
	now := time.Now().UnixNano()
	s.active.Store(now)
	s.heard.Store(now)
	s.used.Store(now)
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
			if !s.accept(msg) {
				return 0, io.EOF
			}
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

// accept takes a whole message; false ends the connection, without a word, of a
// stranger who sends what is not welcome. One that we made stays: it is there for a
// call, and whoever we called may speak of that, no more.
func (s *streamConn) accept(msg []byte) bool {
	s.half, s.spoke, s.begun = false, true, time.Time{}
	now, who := time.Now(), s.ua.standing(s.addr.Addr())
	stays := who != stranger || s.dialled
	if !stays && !s.ua.reading.take(s.addr.Addr(), now) {
		return false
	}
	s.ua.tap(false, s.transport, s.local, s.addr, msg)
	msg = tidy(msg)
	m, r := s.ua.gate.check(msg)
	if r != nil {
		s.refuse(msg, r)
		return stays
	}
	if !s.ua.welcome(m, who, s.addr, now) {
		return stays
	}
	s.foreign.Store(false)
	s.used.Store(now.UnixNano())
	if away, reply, _ := s.ua.turnAway(m, msg, s.addr, now, now); away {
		if reply != nil {
			_, _ = s.Write(reply) // when it fails, the connection is closed
		}
		return true
	}
	s.out = bytes.Clone(msg)
	return true
}

func (s *streamConn) fill() error {
	// A message has its time from its first octet to its last, however it is
	// parted; who connects to us has it from the beginning.
	deadline := time.Time{}
	if s.frames.partial() || !s.dialled && !s.spoke {
		if s.begun.IsZero() {
			s.begun = time.Now()
		}
		deadline = s.begun.Add(streamPartialTimeout)
	} else {
		s.begun = time.Time{} // of a ping that came in pieces
	}
	_ = s.Conn.SetReadDeadline(deadline)
	n, err := s.Conn.Read(s.in)
	if n > 0 {
		now := time.Now().UnixNano()
		s.active.Store(now)
		s.heard.Store(now)
		s.frames.write(s.in[:n])
		return nil
	}
	return err
}

// silentFor tells that nothing at all has come for that long.
func (s *streamConn) silentFor(d time.Duration) bool {
	return time.Since(time.Unix(0, s.heard.Load())) >= d
}

func (s *streamConn) refuse(msg []byte, r *refusal) {
	s.ua.log.Debug("sip: message refused", "transport", s.transport.String(), "from", s.addr, "code", r.code, "reason", r.reason)
	if r.code == 0 || s.ua.standing(s.addr.Addr()) == stranger || !s.ua.sources.mayRefuse(time.Now()) {
		return
	}
	if v, ok := salvage(msg); ok {
		reply, _ := v.reply(r.code, r.reason, newTag(), s.ua.cfg.UserAgent, s.addr)
		_, _ = s.Write(reply)
	}
}

// Write sends one message.
func (s *streamConn) Write(p []byte) (int, error) {
	s.used.Store(time.Now().UnixNano())
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
	data, err := wire(m)
	if err == nil {
		_, err = p.s.Write(data)
	}
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
