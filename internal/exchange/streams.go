package exchange

import (
	"net"
	"sync"
)

// streams is a listener that knows its connections, so that Close can end them
// before sipgo counts its references (it complains aloud about those otherwise).
type streams struct {
	net.Listener

	mu    sync.Mutex
	ended bool
	conns map[*stream]struct{}
}

type stream struct {
	net.Conn
	of   *streams
	once sync.Once
	err  error
}

// Accept waits for the next connection.
func (s *streams) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &stream{Conn: c, of: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	s.conns[t] = struct{}{}
	return t, nil
}

// Close stops listening and ends all connections.
func (s *streams) Close() error {
	s.mu.Lock()
	s.ended = true
	open := make([]*stream, 0, len(s.conns))
	for c := range s.conns {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	return s.Listener.Close()
}

// Close closes the connection; only the first call does anything.
func (t *stream) Close() error {
	t.once.Do(func() {
		t.err = t.Conn.Close()
		t.of.mu.Lock()
		defer t.of.mu.Unlock()
		delete(t.of.conns, t)
	})
	return t.err
}
