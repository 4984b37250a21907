package sip

import (
	"math/rand/v2"
	"time"
)

// pongTimeout is how long a pong may take (RFC 5626 §4.4.1).
const pongTimeout = 10 * time.Second

// spread is 80 to 100 % of a pause between keep-alives (RFC 5626 §4.4).
func spread(every time.Duration) time.Duration { return every*4/5 + rand.N(every/5+1) }

// keepAlive pings a connection that we made, so that NATs keep it and its end is
// noticed (RFC 5626 §4.4.1):
//
//	CRLF CRLF ->            every Config.KeepAlive
//	          <- CRLF       within 10 s, or the connection is closed
//
// It ends when nothing needs the connection any more (see idle).
//
// A server that has never answered one may know nothing of pings: there only the
// operating system tells that nothing gets through (see watchDelivery).
func (s *streamConn) keepAlive() {
	if s.ua.cfg.KeepAlive < 0 {
		return
	}
	answers := s.transport.webSocket() // RFC 6455 §5.5.2: all do
	for {
		if !s.wait(spread(time.Duration(s.every.Load()))) {
			return
		}
		if s.idle() {
			s.ua.log.Debug("sip: closing a connection that nothing needs any more", "to", s.addr, "transport", s.transport.String())
			_ = s.Close()
			return
		}
		select {
		case <-s.ponged: // of an earlier ping, late
		default:
		}
		s.pinged.Store(true)
		if _, err := s.raw(s.frames.probe()); err != nil {
			return
		}
		t := time.NewTimer(pongTimeout)
		select {
		case <-s.ponged:
			answers = true
		case <-t.C:
			s.pinged.Store(false)
			if answers {
				s.ua.log.Info("sip: no answer to a keep-alive, closing the connection", "to", s.addr, "transport", s.transport.String())
				_ = s.Close()
				return
			}
		case <-s.gone:
		case <-s.ua.closing:
		}
		t.Stop()
	}
}

// keepAlive ticks while the way to the registrar is UDP and has to be kept open.
func (r *Registration) keepAlive() (<-chan time.Time, func()) {
	r.mu.Lock()
	wanted := r.flow.transport == UDP && r.state.Phase == Registered && r.ua.cfg.KeepAlive > 0
	every := r.pause()
	r.mu.Unlock()
	if !wanted {
		return nil, func() {}
	}
	t := time.NewTicker(spread(every))
	return t.C, t.Stop
}

// wait reports false when the connection ends meanwhile.
func (s *streamConn) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.sooner: // pings shall come more often
		return true
	case <-s.gone:
		return false
	case <-s.ua.closing:
		return false
	}
}

// signalled takes what came between messages. Two line ends in a row that nobody
// waits for are a ping that came in two pieces.
func (s *streamConn) signalled(sig signal) {
	switch {
	case sig == pong, sig == lineEnd && s.pinged.Load():
		s.half = false
		if s.pinged.Swap(false) {
			select {
			case s.ponged <- struct{}{}:
			default:
			}
		}
	case sig == lineEnd && !s.half:
		s.half = true
	default:
		s.half = false
		_, _ = s.raw(s.frames.reply())
	}
}
