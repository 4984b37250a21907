package memnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
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
