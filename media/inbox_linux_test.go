package media

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/rawudp"
)

// directPair is a direct inbox, and what writes to it.
func directPair(t *testing.T, rest int) (d *direct, write func(size int)) {
	open := func() (*rawudp.Conn, netip.AddrPort) {
		c, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
		require.NoError(t, err)
		addr := netip.MustParseAddrPort(c.LocalAddr().String())
		r, err := rawudp.Take(c.(*net.UDPConn))
		require.NoError(t, err)
		t.Cleanup(func() { _ = r.Close() })
		return r, addr
	}
	in, to := open()
	out, _ := open()
	d = &direct{conn: in, epoch: time.Now(), rest: rest, oversize: new(atomic.Uint64), failed: new(atomic.Uint64)}
	return d, func(size int) { require.NoError(t, out.Write(make([]byte, size), to)) }
}

func TestDirect_HoldsTheOldest(t *testing.T) {
	d, write := directPair(t, 0)
	_, _, ok := d.peek()
	require.False(t, ok)
	write(10)
	write(maxDatagram + 100) // too long: counted, left out
	write(maxDatagram)
	now := time.Since(d.epoch)
	for _, size := range []int{10, maxDatagram} {
		for range 2 { // until pop
			s, data, ok := d.peek()
			require.True(t, ok)
			assert.Len(t, data, size)
			assert.InDelta(t, now, s.arrival, float64(time.Millisecond))
		}
		d.pop()
	}
	_, _, ok = d.peek()
	require.False(t, ok)
	assert.EqualValues(t, 1, d.oversize.Load())
	assert.Zero(t, d.failed.Load())
	require.NoError(t, d.conn.Close())
	_, _, ok = d.peek()
	require.False(t, ok)
	assert.EqualValues(t, 1, d.failed.Load())
}

func TestDirect_RestsWhenEmpty(t *testing.T) {
	d, write := directPair(t, 3)
	_, _, ok := d.peek()
	require.False(t, ok)
	write(10)
	for range 3 {
		_, _, ok = d.peek()
		require.False(t, ok, "it rests")
	}
	_, _, ok = d.peek()
	require.True(t, ok)
}

// Whatever becomes of the time of day, an arrival lies between the last look and
// now.
func TestDirect_TimeOfDayIsSet(t *testing.T) {
	d := &direct{epoch: time.Now().Add(-time.Minute), emptied: time.Minute - 10*time.Millisecond}
	for _, step := range []time.Duration{0, -time.Hour, time.Hour} {
		at := d.since(time.Now().Round(0).Add(-4*time.Millisecond + step))
		switch step {
		case 0:
			assert.InDelta(t, time.Minute-4*time.Millisecond, at, float64(3*time.Millisecond))
		case time.Hour:
			assert.InDelta(t, time.Minute, at, float64(5*time.Millisecond))
		default:
			assert.Equal(t, d.emptied, at)
		}
	}
	assert.InDelta(t, time.Minute, d.since(time.Time{}), float64(20*time.Millisecond))
}

// The system's timer keeps the schedule as the runtime's does, and changes and
// ends the same way.
func TestPacer_KernelTimer(t *testing.T) {
	p := NewPacer(PacerConfig{Workers: 2, KernelTimer: true})
	require.IsType(t, &fileAlarm{}, p.alarm)
	ticked := make(chan uint64, 1000)
	add := func() func() { return p.Add(tickFunc(func(n uint64) { ticked <- n })) }
	remove := add()
	last := <-ticked
	for range 20 {
		n := <-ticked
		assert.Greater(t, n, last)
		begin := time.Duration(n) * frameTime
		assert.GreaterOrEqual(t, time.Since(p.start), begin, "never early")
		last = n
	}
	remove()
	for len(ticked) > 0 {
		<-ticked
	}
	again := add() // after it slept
	<-ticked
	again()
	assert.Zero(t, p.Stats().Tickers)

	closed := make(chan struct{}, 1)
	p.Add(tickFunc(func(uint64) {
		_ = p.Close()
		select {
		case closed <- struct{}{}:
		default:
		}
	}))
	<-closed
	require.NoError(t, p.Close())
	p.Add(tickFunc(func(uint64) {})) // nothing
}
