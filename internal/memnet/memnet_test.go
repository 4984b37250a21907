package memnet

import (
	"context"
	"errors"
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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func packetPair(t *testing.T, n *Network) (a, b net.PacketConn) {
	t.Helper()
	a, err := n.ListenPacket(context.Background(), "udp", "10.0.0.1:5060")
	require.NoError(t, err)
	b, err = n.ListenPacket(context.Background(), "udp", "10.0.0.2:5060")
	require.NoError(t, err)
	return a, b
}

func receive(t *testing.T, c net.PacketConn) (string, net.Addr) {
	t.Helper()
	buf := make([]byte, 1500)
	k, from, err := c.ReadFrom(buf)
	require.NoError(t, err)
	return string(buf[:k]), from
}

// count reads until nothing has come for a second.
func count(c net.PacketConn) (got []string) {
	buf := make([]byte, 1500)
	for {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		k, _, err := c.ReadFrom(buf)
		if err != nil {
			return got
		}
		got = append(got, string(buf[:k]))
	}
}

func TestPacketConn_DelayIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: 30 * time.Millisecond})
		defer n.Close()
		a, b := packetPair(t, n)
		start := time.Now()
		_, err := a.WriteTo([]byte("one"), b.LocalAddr())
		require.NoError(t, err)
		got, from := receive(t, b)
		assert.Equal(t, "one", got)
		assert.Equal(t, "10.0.0.1:5060", from.String())
		assert.IsType(t, &net.UDPAddr{}, from)
		assert.Equal(t, 30*time.Millisecond, time.Since(start))
	})
}

func TestPacketConn_SurvivesWithoutShaping_InOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: 10 * time.Millisecond, Jitter: 50 * time.Millisecond})
		defer n.Close()
		a, b := packetPair(t, n)
		for i := range 100 {
			_, err := a.WriteTo([]byte{byte(i)}, b.LocalAddr())
			require.NoError(t, err)
			time.Sleep(5 * time.Millisecond)
		}
		got := count(b)
		require.Len(t, got, 100)
		for i := range got {
			assert.Equal(t, byte(i), got[i][0])
		}
	})
}

func TestLink_SameSeedSameFate(t *testing.T) {
	run := func(seed uint64) (got []string) {
		synctest.Test(t, func(t *testing.T) {
			n := New(seed, Link{Delay: 5 * time.Millisecond, Jitter: 9 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1})
			defer n.Close()
			a, b := packetPair(t, n)
			for i := range 200 {
				_, err := a.WriteTo([]byte{byte(i)}, b.LocalAddr())
				require.NoError(t, err)
				time.Sleep(20 * time.Millisecond)
			}
			got = count(b)
		})
		return got
	}
	first, second, other := run(7), run(7), run(8)
	assert.Equal(t, first, second)
	assert.NotEqual(t, first, other)

	seen := map[byte]int{}
	overtaken, doubled, high := 0, 0, byte(0)
	for _, p := range first {
		if seen[p[0]]++; seen[p[0]] == 2 {
			doubled++
		}
		if p[0] < high {
			overtaken++
		}
		high = max(high, p[0])
	}
	assert.InDelta(t, 180, len(seen), 15, "one in ten lost")
	assert.InDelta(t, 18, doubled, 12)
	assert.InDelta(t, 18, overtaken, 14)
}

func TestSetLink_OneDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{})
		defer n.Close()
		a, b := packetPair(t, n)
		n.SetLink(netip.MustParseAddr("10.0.0.1"), netip.Addr{}, Link{Loss: 1})
		for range 3 {
			_, _ = a.WriteTo([]byte("lost"), b.LocalAddr())
			_, _ = b.WriteTo([]byte("heard"), a.LocalAddr())
		}
		assert.Empty(t, count(b))
		assert.Len(t, count(a), 3)
	})
}

func TestPacketConn_DeadlineAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{})
		defer n.Close()
		a, _ := packetPair(t, n)
		start := time.Now()
		require.NoError(t, a.SetReadDeadline(start.Add(3*time.Second)))
		_, _, err := a.ReadFrom(make([]byte, 9))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout())
		assert.Equal(t, 3*time.Second, time.Since(start))

		require.NoError(t, a.SetReadDeadline(time.Time{}))
		time.AfterFunc(time.Hour, func() { _ = a.Close() })
		_, _, err = a.ReadFrom(make([]byte, 9))
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.Equal(t, time.Hour+3*time.Second, time.Since(start))
		_, err = a.WriteTo([]byte("x"), a.LocalAddr())
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, a.Close(), net.ErrClosed)
		assert.ErrorIs(t, a.SetReadDeadline(time.Time{}), net.ErrClosed)
	})
}

func TestPacketConn_LongPacketIsCut(t *testing.T) {
	n := New(1, Link{})
	defer n.Close()
	a, b := packetPair(t, n)
	_, err := a.WriteTo([]byte("abcdef"), b.LocalAddr())
	require.NoError(t, err)
	buf := make([]byte, 3)
	k, _, err := b.ReadFrom(buf)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(buf[:k]))
	_, err = a.WriteTo(make([]byte, 70000), b.LocalAddr())
	assert.ErrorIs(t, err, syscall.EMSGSIZE)
}

func TestBind(t *testing.T) {
	ctx := context.Background()
	n := New(1, Link{})
	defer n.Close()
	h := n.Host(netip.MustParseAddr("10.0.0.9"))
	for _, tc := range []struct {
		name, network, addr string
		want                string
		err                 error
	}{
		{"exact", "udp", "10.0.0.9:5060", "10.0.0.9:5060", nil},
		{"in use", "udp", "10.0.0.9:5060", "", syscall.EADDRINUSE},
		{"wildcard in use", "udp", "0.0.0.0:5060", "", syscall.EADDRINUSE},
		{"foreign", "udp", "10.0.0.8:5060", "", syscall.EADDRNOTAVAIL},
		{"wildcard", "udp", "0.0.0.0:5061", "0.0.0.0:5061", nil},
		{"under wildcard", "udp", "10.0.0.9:5061", "", syscall.EADDRINUSE},
		{"any port", "udp4", "10.0.0.9:0", "10.0.0.9:49152", nil},
		{"next port", "udp4", ":0", "0.0.0.0:49153", nil},
		{"own loopback", "udp", "127.0.0.1:7000", "127.0.0.1:7000", nil},
	} {
		c, err := h.ListenPacket(ctx, tc.network, tc.addr)
		if tc.err != nil {
			assert.ErrorIs(t, err, tc.err, tc.name)
			var op *net.OpError
			assert.ErrorAs(t, err, &op, tc.name)
			continue
		}
		require.NoError(t, err, tc.name)
		assert.Equal(t, tc.want, c.LocalAddr().String(), tc.name)
	}
	for _, bad := range []string{"10.0.0.9", "10.0.0.9:99999", "name:1", "10.0.0.9:x"} {
		_, err := h.ListenPacket(ctx, "udp", bad)
		assert.Error(t, err, bad)
	}
	_, err := h.ListenPacket(ctx, "ip", ":1")
	assert.ErrorContains(t, err, "unknown network")
	_, err = h.ListenPacket(ctx, "udp6", "10.0.0.9:1")
	assert.Error(t, err)

	l, err := h.Listen(ctx, "tcp", "10.0.0.9:5060")
	require.NoError(t, err, "TCP ports are apart from UDP's")
	_, err = h.Listen(ctx, "tcp", ":5060")
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, l.Close())
	l, err = h.Listen(ctx, "tcp", ":5060")
	require.NoError(t, err)
	assert.Equal(t, "0.0.0.0:5060", l.Addr().String())
}

func TestHost_LoopbackIsPrivate(t *testing.T) {
	ctx := context.Background()
	n := New(1, Link{})
	defer n.Close()
	h1, h2 := n.Host(netip.MustParseAddr("10.0.0.1")), n.Host(netip.MustParseAddr("10.0.0.2"))
	a, err := h1.ListenPacket(ctx, "udp", "127.0.0.1:9")
	require.NoError(t, err)
	b, err := h2.ListenPacket(ctx, "udp", "127.0.0.1:9")
	require.NoError(t, err)
	c, err := h1.ListenPacket(ctx, "udp", "127.0.0.1:10")
	require.NoError(t, err)
	_, err = c.WriteTo([]byte("home"), b.LocalAddr())
	require.NoError(t, err)
	got, _ := receive(t, a)
	assert.Equal(t, "home", got)
}

func TestHost_WildcardSourceAndFamilies(t *testing.T) {
	ctx := context.Background()
	n := New(1, Link{})
	defer n.Close()
	v4, v6 := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("fd00::9")
	h := n.Host(v4, v6)
	assert.Same(t, h, n.Host(v6))
	both, err := h.ListenPacket(ctx, "udp", ":5060")
	require.NoError(t, err)
	assert.Equal(t, "[::]:5060", both.LocalAddr().String())

	a, err := n.ListenPacket(ctx, "udp", "10.0.0.2:1")
	require.NoError(t, err)
	_, err = a.WriteTo([]byte("hi"), &net.UDPAddr{IP: v4.AsSlice(), Port: 5060})
	require.NoError(t, err)
	_, from := receive(t, both)
	assert.Equal(t, "10.0.0.2:1", from.String())
	_, err = both.WriteTo([]byte("yes"), from)
	require.NoError(t, err)
	_, from = receive(t, a)
	assert.Equal(t, "10.0.0.9:5060", from.String(), "sent from the address of the peer's family")

	_, err = a.WriteTo([]byte("x"), &net.UDPAddr{IP: v6.AsSlice(), Port: 5060})
	assert.Error(t, err, "an IPv4 socket reaches no IPv6 address")

	got, err := h.LocalFor(netip.MustParseAddr("fd00::77"))
	require.NoError(t, err)
	assert.Equal(t, v6, got)
	only4 := n.Host(netip.MustParseAddr("10.0.0.2"))
	_, err = only4.LocalFor(v6)
	assert.ErrorIs(t, err, syscall.ENETUNREACH)
	got, err = only4.LocalFor(netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	assert.True(t, got.IsLoopback())
}

func TestCutAndFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: time.Millisecond})
		defer n.Close()
		a, b := packetPair(t, n)
		n.Cut(netip.MustParseAddr("10.0.0.2"), true)
		_, err := a.WriteTo([]byte("gone"), b.LocalAddr())
		require.NoError(t, err)
		assert.Empty(t, count(b))
		n.Cut(netip.MustParseAddr("10.0.0.2"), false)
		n.Filter(func(from, to netip.AddrPort, p []byte) bool {
			assert.Equal(t, "10.0.0.2:5060", to.String())
			p[0] ^= 0x20
			return p[1] == 'x'
		})
		_, _ = a.WriteTo([]byte("ax"), b.LocalAddr())
		_, _ = a.WriteTo([]byte("ay"), b.LocalAddr())
		assert.Equal(t, []string{"Ay"}, count(b))
		n.Filter(nil)
		_, _ = a.WriteTo([]byte("ax"), b.LocalAddr())
		assert.Equal(t, []string{"ax"}, count(b))
	})
}

func TestPacketConn_NoAllocation(t *testing.T) {
	n := New(1, Link{})
	defer n.Close()
	pa, pb := packetPair(t, n)
	a, b := pa.(*packetConn), pb.(*packetConn)
	p, to := make([]byte, 172), netip.MustParseAddrPort("10.0.0.2:5060")
	send := func() {
		_, _ = a.WriteToUDPAddrPort(p, to)
		_, _, _ = b.ReadFromUDPAddrPort(p)
	}
	send()
	assert.Zero(t, testing.AllocsPerRun(200, send))
}

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

func TestNetwork_CloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1, Link{Delay: time.Hour})
		a, _ := packetPair(t, n)
		l, err := n.Listen(context.Background(), "tcp", "10.0.0.2:5060")
		require.NoError(t, err)
		results := make(chan error, 3)
		go func() { _, _, err := a.ReadFrom(make([]byte, 1)); results <- err }()
		go func() { _, err := l.Accept(); results <- err }()
		go func() {
			_, err := n.Dial(context.Background(), "tcp", "", "10.0.0.2:5060")
			results <- err
		}()
		synctest.Wait()
		require.NoError(t, n.Close())
		require.NoError(t, n.Close())
		for range 3 {
			assert.True(t, errors.Is(<-results, net.ErrClosed))
		}
		_, err = n.ListenPacket(context.Background(), "udp", "10.0.0.1:0")
		assert.ErrorIs(t, err, net.ErrClosed)
	})
}
