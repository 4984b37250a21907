package exchange

import (
	"net"
	"sync"
	"time"
)

// linger is how long the end of a socket is kept from sipgo. Each message is
// handled in a goroutine of sipgo's own, which looks for the socket to answer
// on; finding it gone, it would open one of the operating system's.
const linger = 20 * time.Millisecond

// datagrams is the UDP socket as sipgo sees it.
type datagrams struct{ net.PacketConn }

// ReadFrom reads one packet.
func (d *datagrams) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := d.PacketConn.ReadFrom(p)
	if err != nil {
		time.Sleep(linger)
	}
	return n, from, err
}

// streams is a listener that knows its connections, so that Close can end them
// and wait for their readers.
type streams struct {
	net.Listener

	readers sync.WaitGroup
	mu      sync.Mutex
	ended   bool
	conns   map[*stream]struct{}
}

type stream struct {
	net.Conn
	of       *streams
	closing  sync.Once
	finished sync.Once
	err      error
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
	s.readers.Add(1)
	return t, nil
}

// Close stops listening, ends all connections and waits for their readers.
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
	err := s.Listener.Close()
	s.readers.Wait()
	return err
}

// Read reads; sipgo reads until the first error and no further.
func (t *stream) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err != nil {
		time.Sleep(linger)
		t.finished.Do(t.of.readers.Done)
	}
	return n, err
}

// Close closes the connection; only the first call does anything.
func (t *stream) Close() error {
	t.closing.Do(func() {
		t.err = t.Conn.Close()
		t.of.mu.Lock()
		defer t.of.mu.Unlock()
		delete(t.of.conns, t)
	})
	return t.err
}
