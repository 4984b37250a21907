package memnet

import (
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
