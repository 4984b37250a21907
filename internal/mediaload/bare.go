//go:build linux

package mediaload

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// bareLoop is the yardstick: sockets, goroutines, and nothing done with what
// comes.
type bareLoop struct {
	conns   []*net.UDPConn
	silent  atomic.Bool
	sent    atomic.Uint64
	refused atomic.Uint64
	got     atomic.Uint64
	stop    chan struct{}
	end     func() error
	work    sync.WaitGroup
}

func newBareLoop() *bareLoop {
	b := &bareLoop{stop: make(chan struct{})}
	b.end = sync.OnceValue(func() (err error) {
		close(b.stop)
		for _, c := range b.conns {
			err = errors.Join(err, c.Close())
		}
		b.work.Wait()
		return err
	})
	return b
}

func (b *bareLoop) add(rtp, _ uint16) error {
	p, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := p.(*net.UDPConn)
	b.conns = append(b.conns, c)
	b.work.Add(2)
	go b.read(c)
	go b.write(c, rtp, uint32(len(b.conns)))
	return nil
}

func (b *bareLoop) read(c *net.UDPConn) {
	defer b.work.Done()
	var buf [1500]byte
	var n uint64
	for {
		if _, _, err := c.ReadFromUDPAddrPort(buf[:]); err != nil {
			b.got.Add(n)
			return
		}
		n++
	}
}

func (b *bareLoop) write(c *net.UDPConn, rtp uint16, ssrc uint32) {
	defer b.work.Done()
	to := loopback(rtp)
	var packet [172]byte
	packet[0] = 0x80
	binary.BigEndian.PutUint32(packet[8:], ssrc)
	var n, refused uint64
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-b.stop:
			b.sent.Add(n)
			b.refused.Add(refused)
			return
		case <-ticker.C:
		}
		if b.silent.Load() {
			continue
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(n))
		binary.BigEndian.PutUint32(packet[4:], uint32(n)*160)
		if _, err := c.WriteToUDPAddrPort(packet[:], to); err != nil {
			refused++
			continue
		}
		n++
	}
}

func (b *bareLoop) silence() error {
	b.silent.Store(true)
	return nil
}

func (b *bareLoop) count(r *Result) {
	_ = b.close()
	r.Sent, r.Received, r.Dropped = b.sent.Load(), b.got.Load(), b.refused.Load()
}

func (b *bareLoop) close() error { return b.end() }
