package e2e

import (
	"bytes"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/replay"
)

// relay stands between one phone and the PBX and does to their sound what a
// trace says, both ways in real time. The phone registers and calls through it:
//
//	phone ── SIP ──▶ relay: m=audio rewritten ── SIP ──▶ PBX
//	phone ◀─ RTP ──▶ near │ delayed, dropped │ far ◀─ RTP ──▶ PBX
//
// RTCP passes as it is.
type relay struct {
	t         testing.TB
	pbx       netip.AddrPort
	near, far *net.UDPConn    // SIP: towards the phone, and towards the PBX
	sound     [2]*net.UDPConn // RTP, likewise
	control   [2]*net.UDPConn // RTCP, likewise
	weather   [2]*weather     // by where it arrives: from the phone, and from the PBX
	running   sync.WaitGroup

	mu    sync.Mutex
	phone netip.AddrPort    // where the phone's SIP comes from
	peers [2]netip.AddrPort // where the phone, and the PBX, want RTP
}

const (
	nearSide = 0
	farSide  = 1
)

// startRelay puts a phone behind a network of these two traces: up for what it
// says, down for what it hears.
func startRelay(t testing.TB, p *pbx, up, down replay.Trace) *relay {
	t.Helper()
	r := &relay{t: t, pbx: netip.MustParseAddrPort(p.addr())}
	r.near, r.far = listenUDP(t, ports.one()), listenUDP(t, ports.one())
	for side := range r.sound {
		port := ports.block(2)
		r.sound[side], r.control[side] = listenUDP(t, port), listenUDP(t, port+1)
	}
	r.weather[nearSide] = newWeather(up, func(packet []byte) { r.pass(r.sound, packet, farSide, 0) })
	r.weather[farSide] = newWeather(down, func(packet []byte) { r.pass(r.sound, packet, nearSide, 0) })
	r.read(r.near, r.fromPhone)
	r.read(r.far, r.fromPBX)
	for side := range r.sound {
		r.read(r.sound[side], func(packet []byte, _ netip.AddrPort) { r.weather[side].take(packet) })
		r.read(r.control[side], func(packet []byte, _ netip.AddrPort) { r.pass(r.control, packet, 1-side, 1) })
	}
	t.Cleanup(r.stop)
	return r
}

func (r *relay) stop() {
	for _, c := range []*net.UDPConn{r.near, r.far, r.sound[0], r.sound[1], r.control[0], r.control[1]} {
		_ = c.Close()
	}
	r.running.Wait()
	for _, w := range r.weather {
		w.stop()
	}
}

func listenUDP(t testing.TB, port int) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback(port)))
	require.NoError(t, err)
	return c
}

// addr is what the phone takes for the PBX.
func (r *relay) addr() string { return r.near.LocalAddr().String() }

func (r *relay) read(c *net.UDPConn, take func(datagram []byte, from netip.AddrPort)) {
	r.running.Add(1)
	go func() {
		defer r.running.Done()
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			take(bytes.Clone(buffer[:n]), from)
		}
	}()
}

// pass sends to the phone or the PBX, to a port so many above that of RTP.
func (r *relay) pass(sockets [2]*net.UDPConn, packet []byte, side int, above uint16) {
	r.mu.Lock()
	to := r.peers[side]
	r.mu.Unlock()
	if to.IsValid() {
		_, _ = sockets[side].WriteToUDPAddrPort(packet, netip.AddrPortFrom(to.Addr(), to.Port()+above))
	}
}

func (r *relay) fromPhone(message []byte, from netip.AddrPort) {
	r.mu.Lock()
	r.phone = from
	r.mu.Unlock()
	_, _ = r.far.WriteToUDPAddrPort(r.rewrite(message, nearSide), r.pbx)
}

func (r *relay) fromPBX(message []byte, _ netip.AddrPort) {
	message = r.rewrite(message, farSide)
	r.mu.Lock()
	to := r.phone
	r.mu.Unlock()
	if to.IsValid() {
		_, _ = r.near.WriteToUDPAddrPort(message, to)
	}
}

var (
	audioLine  = regexp.MustCompile(`(?m)^m=audio (\d+) `)
	lengthLine = regexp.MustCompile(`(?mi)^(Content-Length|l)\s*:\s*\d+`)
)

// rewrite learns where one side wants RTP, and tells the other side to send it
// to the relay.
func (r *relay) rewrite(message []byte, side int) []byte {
	head, body, ok := bytes.Cut(message, []byte("\r\n\r\n"))
	if !ok {
		return message
	}
	found := audioLine.FindSubmatch(body)
	if found == nil {
		return message
	}
	port, err := strconv.Atoi(string(found[1]))
	if err != nil || port == 0 {
		return message
	}
	r.mu.Lock()
	r.peers[side] = loopback(port)
	r.mu.Unlock()
	ours := r.sound[1-side].LocalAddr().(*net.UDPAddr).Port
	body = audioLine.ReplaceAll(body, []byte("m=audio "+strconv.Itoa(ours)+" "))
	head = lengthLine.ReplaceAll(head, []byte("Content-Length: "+strconv.Itoa(len(body))))
	return bytes.Join([][]byte{head, body}, []byte("\r\n\r\n"))
}
