package media

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/offer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ourAddr   = netip.MustParseAddr("10.0.0.1")
	peerAddr  = netip.MustParseAddr("10.0.0.2")
	otherAddr = netip.MustParseAddr("10.0.0.3")
)

// agreed is what both sides agreed on, media going to the RTP port given.
func agreed(remote netip.AddrPort) offer.Params {
	return offer.Params{
		Remote:       remote,
		RemoteRTCP:   netip.AddrPortFrom(remote.Addr(), remote.Port()+1),
		Send:         offer.PCMU(),
		Receive:      []offer.Codec{offer.PCMU(), offer.PCMA()},
		EventSend:    101,
		EventReceive: 96,
		PTime:        20 * time.Millisecond,
		Direction:    offer.SendRecv,
	}
}

// noise is sound that is nowhere like itself: sample n of any two sources with
// the same seed is the same.
type noise struct {
	seed uint32
	next uint32
}

func noiseAt(seed, n uint32) int16 {
	x := (n+1)*2654435761 ^ seed*40503
	x ^= x >> 15
	x *= 2246822519
	x ^= x >> 13
	return int16(x>>18) - 8192
}

func (s *noise) ReadFrame(f *audio.Frame) {
	for i := range f.Samples {
		f.Samples[i] = noiseAt(s.seed, s.next)
		s.next++
	}
}

// ear keeps what it hears.
type ear struct {
	mu      sync.Mutex
	samples []int16
}

func (e *ear) WriteFrame(f *audio.Frame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.samples = append(e.samples, f.Samples...)
}

func (e *ear) heard() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]int16(nil), e.samples...)
}

// coded is noise as it sounds after µ-law.
func coded(seed, from uint32, n int) []int16 {
	pcm, code := make([]int16, n), make([]byte, n)
	for i := range pcm {
		pcm[i] = noiseAt(seed, from+uint32(i))
	}
	g711.EncodePCMU(code, pcm)
	g711.DecodePCMU(pcm, code)
	return pcm
}

// find returns where in heard the sound want begins, or -1.
func find(heard, want []int16) int {
	for i := 0; i+len(want) <= len(heard); i++ {
		j := 0
		for j < len(want) && heard[i+j] == want[j] {
			j++
		}
		if j == len(want) {
			return i
		}
	}
	return -1
}

// took is a packet that a peer received.
type took struct {
	at   time.Duration // since the peer began
	from netip.AddrPort
	rtp  rtp.Packet
	rtcp []rtcp.Packet
	size int
}

// peer is the other end, by hand: plain sockets that keep what arrives.
type peer struct {
	t         *testing.T
	begin     time.Time
	rtp, rtcp net.PacketConn
	mu        sync.Mutex
	media     []took
	control   []took
	secret    bool // what comes is encrypted, and not looked at
	readers   sync.WaitGroup
}

func newPeer(t *testing.T, n *memnet.Network, addr netip.Addr, port uint16) *peer {
	p := &peer{t: t, begin: time.Now()}
	open := func(port uint16) net.PacketConn {
		c, err := n.ListenPacket(t.Context(), "udp4", netip.AddrPortFrom(addr, port).String())
		require.NoError(t, err)
		p.readers.Add(1)
		go p.read(c)
		return c
	}
	p.rtp, p.rtcp = open(port), open(port+1)
	return p
}

func (p *peer) close() {
	_ = p.rtp.Close()
	_ = p.rtcp.Close()
	p.readers.Wait()
}

func (p *peer) read(c net.PacketConn) {
	defer p.readers.Done()
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		data := append([]byte(nil), buf[:n]...)
		got := took{at: time.Since(p.begin), from: from.(*net.UDPAddr).AddrPort(), size: n}
		p.mu.Lock()
		if p.secret {
			p.mu.Unlock()
			continue
		}
		if isRTCP(data) {
			got.rtcp, err = rtcp.Unmarshal(data)
			p.control = append(p.control, got)
		} else {
			err = got.rtp.Unmarshal(data)
			p.media = append(p.media, got)
		}
		p.mu.Unlock()
		if err != nil {
			p.t.Errorf("the peer cannot read what came: %v", err)
		}
	}
}

func (p *peer) addr() netip.AddrPort { return p.rtp.LocalAddr().(*net.UDPAddr).AddrPort() }

// taken returns what came since the last call, and forgets it.
func (p *peer) taken() (media, control []took) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	media, control = p.media, p.control
	p.media, p.control = nil, nil
	return media, control
}

// rtpPacket is a packet as a peer sends it.
func rtpPacket(pt uint8, seq uint16, ts, ssrc uint32, payload []byte) []byte {
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, pt
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, payload...)
}

func send(t *testing.T, c net.PacketConn, to netip.AddrPort, data []byte) {
	t.Helper()
	_, err := c.WriteTo(data, net.UDPAddrFromAddrPort(to))
	require.NoError(t, err)
}

// voice sends packets of 20 ms with noise, one now and one every 20 ms.
type voice struct {
	seq   uint16
	ts    uint32
	ssrc  uint32
	seed  uint32
	place uint32
}

func (v *voice) talk(t *testing.T, c net.PacketConn, to netip.AddrPort, packets int) {
	t.Helper()
	pcm, code := make([]int16, 160), make([]byte, 160)
	for range packets {
		for i := range pcm {
			pcm[i] = noiseAt(v.seed, v.place+uint32(i))
		}
		g711.EncodePCMU(code, pcm)
		send(t, c, to, rtpPacket(0, v.seq, v.ts, v.ssrc, code))
		v.seq, v.ts, v.place = v.seq+1, v.ts+160, v.place+160
		time.Sleep(20 * time.Millisecond)
	}
}

// rig is a session on a network in memory, ticked by a Pacer.
type rig struct {
	t       *testing.T
	net     *memnet.Network
	ports   *Ports
	pacer   *Pacer
	session *Session
	closers []func()
}

// newRig must be made in a synctest bubble, and closed there.
func newRig(t *testing.T, link memnet.Link, change func(*SessionConfig)) *rig {
	r := &rig{t: t, net: memnet.New(1, link), pacer: NewPacer(PacerConfig{Workers: 1})}
	r.ports = NewPorts(PortsConfig{ListenPacket: r.net.ListenPacket})
	r.closers = append(r.closers, func() { _ = r.net.Close() }, func() { _ = r.pacer.Close() })
	r.session = r.open(ourAddr, change)
	return r
}

func (r *rig) open(addr netip.Addr, change func(*SessionConfig)) *Session {
	socket, err := r.ports.Open(addr)
	require.NoError(r.t, err)
	cfg := SessionConfig{Socket: socket, CNAME: "someone@" + addr.String()}
	if change != nil {
		change(&cfg)
	}
	s, err := NewSession(cfg)
	require.NoError(r.t, err)
	remove := r.pacer.Add(s)
	r.closers = append(r.closers, func() { remove(); require.NoError(r.t, s.Close()) })
	return s
}

func (r *rig) peer(addr netip.Addr, port uint16) *peer {
	p := newPeer(r.t, r.net, addr, port)
	r.closers = append(r.closers, p.close)
	return p
}

func (r *rig) apply(p offer.Params) { require.NoError(r.t, r.session.Apply(p)) }

func (r *rig) close() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}
