package rawudp

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", addr)
	require.NoError(t, err)
	return c.(*net.UDPConn)
}

func take(t *testing.T, addr string) (*Conn, netip.AddrPort) {
	t.Helper()
	u := listen(t, addr)
	local := netip.MustParseAddrPort(u.LocalAddr().String())
	c, err := Take(u)
	require.NoError(t, err)
	require.ErrorIs(t, u.Close(), net.ErrClosed, "the socket is ours now")
	return c, local
}

// read reads until the datagram, which the system hands over at once, is there.
func read(t *testing.T, c *Conn, p []byte) (int, netip.AddrPort, time.Time) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		n, from, at, err := c.Read(p)
		if err == ErrEmpty { //nolint:errorlint // as it is documented
			continue
		}
		require.NoError(t, err)
		return n, from, at
	}
	require.FailNow(t, "nothing comes")
	return 0, netip.AddrPort{}, time.Time{}
}

func TestConn_RoundTrip(t *testing.T) {
	addrs := []string{"127.0.0.1:0"}
	if c, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", "[::1]:0"); err == nil {
		_ = c.Close()
		addrs = append(addrs, "[::1]:0")
	}
	for _, addr := range addrs {
		a, aAddr := take(t, addr)
		b, bAddr := take(t, addr)
		var p [100]byte
		_, _, _, err := b.Read(p[:])
		require.ErrorIs(t, err, ErrEmpty)

		before := time.Now()
		require.NoError(t, a.Write([]byte("one"), bAddr))
		require.NoError(t, a.Write(make([]byte, 200), bAddr))
		after := time.Now()
		n, from, at := read(t, b, p[:])
		assert.Equal(t, "one", string(p[:n]))
		assert.Equal(t, aAddr, from)
		assert.WithinRange(t, at, before.Add(-time.Millisecond), after.Add(time.Millisecond), "the kernel's time of arrival")
		n, _, _ = read(t, b, p[:])
		assert.Equal(t, len(p), n, "cut off")

		require.NoError(t, b.Write([]byte("back"), aAddr))
		require.NoError(t, b.Write([]byte("self"), bAddr), "another target")
		n, from, _ = read(t, a, p[:])
		assert.Equal(t, "back", string(p[:n]))
		assert.Equal(t, bAddr, from)
		n, _, _ = read(t, b, p[:])
		assert.Equal(t, "self", string(p[:n]))

		require.NoError(t, a.Close())
		require.ErrorIs(t, a.Close(), net.ErrClosed)
		require.ErrorIs(t, a.Control(func(uintptr) {}), net.ErrClosed)
		require.ErrorIs(t, a.Write([]byte("late"), bAddr), syscall.EBADF)
		_, _, _, err = a.Read(p[:])
		require.ErrorIs(t, err, syscall.EBADF)
		require.NoError(t, b.Close())
	}
}

func TestConn_WrongTargets(t *testing.T) {
	c, _ := take(t, "127.0.0.1:0")
	require.ErrorIs(t, c.Write(nil, netip.AddrPort{}), syscall.EDESTADDRREQ)
	require.ErrorIs(t, c.Write(nil, netip.MustParseAddrPort("[::1]:9")), syscall.EAFNOSUPPORT)
	require.NoError(t, c.Close())
	u := listen(t, "127.0.0.1:0")
	require.NoError(t, u.Close())
	_, err := Take(u)
	require.Error(t, err)
}

// What the system drops because nobody reads is counted.
func TestConn_CountsDrops(t *testing.T) {
	u := listen(t, "127.0.0.1:0")
	require.NoError(t, u.SetReadBuffer(4096))
	to := netip.MustParseAddrPort(u.LocalAddr().String())
	b, err := Take(u)
	require.NoError(t, err)
	a, _ := take(t, "127.0.0.1:0")
	p := make([]byte, 1000)
	const sent = 50
	got := 0
	for range sent {
		require.NoError(t, a.Write(p, to))
	}
	for {
		if _, _, _, err := b.Read(p); err != nil {
			break
		}
		got++
	}
	require.Less(t, got, sent)
	require.NoError(t, a.Write(p, to))
	read(t, b, p)
	assert.EqualValues(t, sent-got, b.Dropped())
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

func TestConn_DoesNotAllocate(t *testing.T) {
	a, _ := take(t, "127.0.0.1:0")
	b, to := take(t, "127.0.0.1:0")
	p := make([]byte, 172)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		_ = a.Write(p, to)
		_, _, _, _ = b.Read(p)
		_, _, _, _ = b.Read(p)
	}))
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}
