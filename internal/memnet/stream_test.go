package memnet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func streamPair(t *testing.T, n *Network) (dialled, accepted net.Conn, l net.Listener) {
	t.Helper()
	l, err := n.Listen(context.Background(), "tcp", "10.0.0.2:5060")
	require.NoError(t, err)
	dialled, err = n.Dial(context.Background(), "tcp", "10.0.0.1:0", "10.0.0.2:5060")
	require.NoError(t, err)
	accepted, err = l.Accept()
	require.NoError(t, err)
	return dialled, accepted, l
}

func TestStream_RoundTripAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.05, Reorder: 0.5, Duplicate: 0.5})
		defer n.Close()
		a, b, _ := streamPair(t, n)
		assert.Equal(t, a.LocalAddr().String(), b.RemoteAddr().String())
		assert.Equal(t, "10.0.0.2:5060", a.RemoteAddr().String())
		sent := make([]byte, 900_000)
		for i := range sent {
			sent[i] = byte(i * i >> 7)
		}
		go func() {
			_, err := a.Write(sent)
			assert.NoError(t, err)
			assert.NoError(t, a.Close())
		}()
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		assert.Equal(t, sent, got)
		_, err = b.Write([]byte("late"))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = b.Write([]byte("later"))
		assert.ErrorIs(t, err, syscall.EPIPE)
		_, err = a.Read(make([]byte, 1))
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, a.Close(), net.ErrClosed)
		require.NoError(t, b.Close())
	})
}

func TestStream_CutStallsAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: time.Millisecond})
		defer n.Close()
		a, b, _ := streamPair(t, n)
		start := time.Now()
		n.Cut(netip.MustParseAddr("10.0.0.1"), true)
		_, err := a.Write([]byte("first "))
		require.NoError(t, err)
		require.NoError(t, a.SetWriteDeadline(time.Now().Add(2*time.Second)))
		k, err := a.Write(make([]byte, 1<<20))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "the window is full")
		assert.Equal(t, window-6, k)
		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = b.Read(make([]byte, 10))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		n.Cut(netip.MustParseAddr("10.0.0.1"), false)
		require.NoError(t, b.SetReadDeadline(time.Time{}))
		buf := make([]byte, 6)
		_, err = io.ReadFull(b, buf)
		require.NoError(t, err)
		assert.Equal(t, "first ", string(buf))
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestDial_RefusedCutAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: 10 * time.Millisecond})
		defer n.Close()
		h := n.Host(netip.MustParseAddr("10.0.0.2"))
		start := time.Now()
		_, err := n.Dial(context.Background(), "tcp", "", "10.0.0.2:5060")
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.Equal(t, 20*time.Millisecond, time.Since(start), "one round trip")

		l, err := h.Listen(context.Background(), "tcp", ":5060")
		require.NoError(t, err)
		n.Cut(h.Addr(), true)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, err = n.Dial(ctx, "tcp", "", "10.0.0.2:5060")
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		ctx, cancel = context.WithCancel(context.Background())
		cancel()
		_, err = n.Dial(ctx, "tcp", "", "10.0.0.2:5060")
		assert.ErrorIs(t, err, context.Canceled)
		_, err = n.Dial(context.Background(), "tcp", "", "nowhere")
		assert.Error(t, err)

		n.Cut(h.Addr(), false)
		_, err = n.Dial(context.Background(), "tcp", "10.0.0.1:50000", "10.0.0.2:5060")
		require.NoError(t, err)
		c, err := l.Accept()
		require.NoError(t, err)
		assert.Equal(t, "10.0.0.1:50000", c.RemoteAddr().String(), "the abandoned dial left nothing behind")

		accepting := make(chan error)
		go func() { _, err := l.Accept(); accepting <- err }()
		synctest.Wait()
		require.NoError(t, l.Close())
		assert.ErrorIs(t, <-accepting, net.ErrClosed)
	})
}
