package media

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/offer"
)

// mouth and deafEar cost next to nothing, so that the tick is what is measured.
type mouth struct{ x uint32 }

func (m *mouth) ReadFrame(f *audio.Frame) {
	for i := range f.Samples {
		m.x = m.x*1664525 + 1013904223
		f.Samples[i] = int16(m.x >> 18)
	}
}

type deafEar struct{ energy int64 }

func (e *deafEar) WriteFrame(f *audio.Frame) { e.energy += int64(f.Samples[0]) }

// loop is two sessions that hear each other without a network: what one writes
// is in the other's ring, unless it is the n-th packet, which is lost.
type loop struct {
	ring  *ring
	from  netip.AddrPort
	clock func() time.Duration
	lose  int
	n     int
}

func (l *loop) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) { select {} }

func (l *loop) WriteToUDPAddrPort(p []byte, _ netip.AddrPort) (int, error) {
	if l.n++; l.lose == 0 || l.n%l.lose != 0 {
		l.ring.put(p, l.from, l.clock())
	}
	return len(p), nil
}

// newLoop returns a function that runs one step of 10 ms in both sessions.
func newLoop(t testing.TB, lose int, tap func(TapPacket)) (step func(), a, b *Session) {
	now := time.Duration(0)
	clock := func() time.Duration { return now }
	make := func(port uint16) *Session {
		s := quietSession(t, SessionConfig{OnDigit: func(dtmf.Digit) {}, Tap: tap, Timeout: time.Minute, OnTimeout: func() {}})
		s.clock = clock
		s.socket.rtp = nowhere(port)
		s.socket.rtcp = nowhere(port + 1)
		s.SetSource(&mouth{x: uint32(port)})
		s.SetSink(&deafEar{})
		return s
	}
	a, b = make(4000), make(5000)
	join := func(from, to *Session) {
		from.socket.rtp.fast = &loop{ring: to.rtpIn.(*ring), from: from.socket.rtp.local, clock: clock, lose: lose}
		from.socket.rtcp.fast = &loop{ring: to.rtcpIn.(*ring), from: from.socket.rtcp.local, clock: clock}
		d := agreed(to.socket.rtp.local)
		d.EventReceive = 101
		require.NoError(t, from.Apply(d))
	}
	join(a, b)
	join(b, a)
	n := uint64(0)
	return func() {
		n++
		now += frameTime
		a.Tick(n)
		b.Tick(n)
	}, a, b
}

// A minute of a call both ways, one packet in ten lost, digits all the time, RTCP,
// a tap, mute, and statistics read all along: nothing allocates.
func TestSession_TickDoesNotAllocate(t *testing.T) {
	tapped := 0
	step, a, b := newLoop(t, 10, func(TapPacket) { tapped++ })
	digits := ""
	for range dtmf.MaxQueue / 4 {
		digits += "15*D"
	}
	for range 1000 {
		step()
	}
	require.NoError(t, a.SendDigits(digits, 100*time.Millisecond, 100*time.Millisecond))
	require.NoError(t, b.SendDigits(digits, 60*time.Millisecond, 200*time.Millisecond))
	step()
	var st Stats
	i := 0
	allocs := testing.AllocsPerRun(2, func() { // whole runs, or one in thousands would not show
		for range 2000 {
			step()
			if i++; i%100 == 0 {
				st = a.Stats()
				a.SetMuted(i%200 == 0)
			}
		}
	})
	require.Zero(t, allocs)
	require.Greater(t, st.PacketsReceived, uint64(2500))
	require.InDelta(t, 350, st.PacketsLost, 30)
	require.Greater(t, st.RTCPReceived, uint64(5))
	require.Greater(t, st.DigitsReceived, uint64(150))
	require.Positive(t, st.Concealed)
	require.Positive(t, tapped)
}

// The same over real sockets, readers included.
func TestSession_RealSocketsDoNotAllocate(t *testing.T) {
	ports := NewPorts(PortsConfig{})
	open := func() *Session {
		socket, err := ports.Open(netip.MustParseAddr("127.0.0.1"))
		require.NoError(t, err)
		s, err := NewSession(SessionConfig{Socket: socket})
		require.NoError(t, err)
		s.SetSource(&mouth{x: 1})
		s.SetSink(&deafEar{})
		return s
	}
	a, b := open(), open()
	require.NoError(t, a.Apply(agreed(b.socket.RTP())))
	require.NoError(t, b.Apply(agreed(a.socket.RTP())))
	n := uint64(0)
	step := func() {
		n++
		a.Tick(n)
		b.Tick(n)
	}
	for range 100 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(1000, step))
	require.Eventually(t, func() bool {
		step()
		return a.Stats().PacketsReceived > 100 && b.Stats().PacketsReceived > 100
	}, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// BenchmarkTick is one tick of one session that sends and hears, packets of 20 ms:
// half of the ticks send one and half take one. No system call is in it.
func BenchmarkTick(b *testing.B) {
	for name, lose := range map[string]int{"clean": 0, "loss10": 10} {
		b.Run(name, func(b *testing.B) {
			step, _, _ := newLoop(b, lose, nil)
			for range 1000 {
				step()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += 2 {
				step() // two sessions
			}
		})
	}
}

// BenchmarkTickSockets is the same with real sockets on loopback.
func BenchmarkTickSockets(b *testing.B) {
	ports := NewPorts(PortsConfig{})
	socket, err := ports.Open(netip.MustParseAddr("127.0.0.1"))
	require.NoError(b, err)
	s, err := NewSession(SessionConfig{Socket: socket})
	require.NoError(b, err)
	s.SetSource(&mouth{x: 1})
	s.SetSink(&deafEar{})
	require.NoError(b, s.Apply(agreed(socket.RTP()))) // to itself
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		s.Tick(n)
	}
	require.NoError(b, s.Close())
}

func TestSession_SettersFromAnyGoroutine(t *testing.T) {
	step, a, b := newLoop(t, 10, nil)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d := agreed(b.socket.rtp.local)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			d.Direction = []offer.Direction{offer.SendRecv, offer.Inactive, offer.SendOnly}[i%3]
			d.PTime = time.Duration(10+i%5*10) * time.Millisecond
			_ = a.Apply(d)
			a.SetSource([]audio.Source{&mouth{}, nil}[i%2])
			a.SetSink([]audio.Sink{&deafEar{}, nil}[i%2])
			a.SetMuted(i%2 == 0)
			_ = a.SendDigits("1", 0, 0)
			_ = a.DigitsPending()
			_ = a.Stats()
		}
	}()
	for range 3000 {
		step()
	}
	close(done)
	<-ended
	st := a.Stats()
	require.Positive(t, st.PacketsSent)
}
