package exchange

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/zaf/g711"
)

const clockRate = 8000

// endpoint is the media end of a service: it sends from a generator, or sends
// back what it hears, and notices telephone-events.
type endpoint struct {
	ex     *Exchange
	socks  sockets
	local  netip.AddrPort
	unhook func() bool
	once   sync.Once
	closed chan struct{}

	onDigit func(rune) // set before the first apply; runs on the reader

	mu       sync.Mutex
	settled  bool
	terms    terms
	heard    netip.AddrPort // where RTP really comes from; sending follows it
	echoing  bool
	generate func([]int16) bool // false: that was the end
	finished func()
	ssrc     uint32
	seq      uint16 // of the next packet
	ts       uint32 // of the next tick
	spurt    bool   // the next packet begins a talkspurt
	keys     keySender
	pressed  keyReceiver
	mirror   mirror
	report   reporter
}

// mirror maps what is heard to what is sent back, keeping gaps and timing.
type mirror struct {
	ssrc uint32
	seq  uint16
	ts   uint32
	on   bool
}

func (e *Exchange) newEndpoint() (*endpoint, error) {
	s, err := e.openSockets()
	if err != nil {
		return nil, err
	}
	p := &endpoint{
		ex: e, socks: s, closed: make(chan struct{}),
		local: netip.AddrPortFrom(e.local.Addr(), portOf(s.rtp)),
		ssrc:  rand.Uint32(), seq: uint16(rand.Uint32() >> 17), ts: rand.Uint32(), spurt: true,
	}
	p.mu.Lock()
	p.unhook = context.AfterFunc(e.ctx, p.close)
	p.mu.Unlock()
	e.background(p.read)
	e.background(p.readRTCP)
	return p, nil
}

func (p *endpoint) close() {
	p.once.Do(func() {
		p.sayBye()
		close(p.closed)
		p.socks.close()
	})
}

// apply takes new terms; the first time it starts sending.
func (p *endpoint) apply(t terms) {
	p.mu.Lock()
	first := !p.settled
	p.settled = true
	p.terms = t
	p.heard = netip.AddrPort{}
	p.mu.Unlock()
	if first {
		p.ex.background(p.tick)
	}
}

// play sends what generate makes until it returns false, then calls finished.
func (p *endpoint) play(generate func([]int16) bool, finished func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generate, p.finished, p.echoing, p.spurt = generate, finished, false, true
}

// echo sends back what comes in.
func (p *endpoint) echo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generate, p.echoing, p.mirror.on = nil, true, false
}

// dial sends digits as telephone-events.
func (p *endpoint) dial(digits string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys.queue(digits)
}

// tick sends one packet per packet time, on an absolute schedule.
func (p *endpoint) tick() {
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.closed:
			return
		case <-timer.C:
		}
		p.mu.Lock()
		step := p.terms.ptime
		for time.Since(next) > 4*step { // stalled: leave a gap, send no burst
			next = next.Add(step)
			p.ts += samplesIn(step)
		}
		done := p.step(step)
		p.mu.Unlock()
		if done != nil {
			p.ex.background(done)
		}
		next = next.Add(step)
		timer.Reset(time.Until(next))
	}
}

func samplesIn(d time.Duration) uint32 { return uint32(d * clockRate / time.Second) }

// step sends what is due in one packet time; it returns what to call when the
// generator has ended. The caller holds p.mu.
func (p *endpoint) step(d time.Duration) (done func()) {
	n := samplesIn(d)
	now := p.ts
	p.ts += n
	p.report.due(p)
	if !p.terms.send {
		return nil
	}
	if ev, ok := p.keys.next(now, n); ok && p.terms.eventPT != 0 {
		p.send(p.terms.eventPT, ev.ts, ev.first, ev.payload[:])
		p.spurt = true
		return nil
	}
	if p.generate == nil {
		return nil
	}
	pcm := make([]int16, n)
	more := p.generate(pcm)
	p.send(p.terms.audioPT, now, p.spurt, encode(p.terms.codec, pcm))
	p.spurt = false
	if !more {
		p.generate = nil
		done = p.finished
	}
	return done
}

func encode(l law, pcm []int16) []byte {
	out := make([]byte, len(pcm))
	for i, s := range pcm {
		if l == alaw {
			out[i] = g711.EncodeAlawFrame(s)
		} else {
			out[i] = g711.EncodeUlawFrame(s)
		}
	}
	return out
}

// send sends the next packet. The caller holds p.mu.
func (p *endpoint) send(pt uint8, ts uint32, marker bool, payload []byte) {
	p.emit(rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: p.seq, Timestamp: ts, Marker: marker, SSRC: p.ssrc}, payload)
	p.seq++
}

// emit writes one packet to the far end. The caller holds p.mu.
func (p *endpoint) emit(h rtp.Header, payload []byte) {
	raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		return
	}
	p.report.sent(h.Timestamp, len(payload))
	to := p.terms.remote
	if p.heard.IsValid() {
		to = p.heard
	}
	if p.ex.spoil(raw) || to.Port() == 0 || to.Addr().IsUnspecified() {
		return
	}
	_, _ = p.socks.rtp.WriteTo(raw, net.UDPAddrFromAddrPort(to))
}

// read takes in RTP until the socket closes.
func (p *endpoint) read() {
	buf := make([]byte, 2048)
	for {
		n, src, err := p.socks.rtp.ReadFrom(buf)
		if err != nil {
			return
		}
		var pkt rtp.Packet
		if !isRTP(buf[:n]) || pkt.Unmarshal(buf[:n]) != nil {
			continue
		}
		if u, ok := src.(*net.UDPAddr); ok {
			p.take(&pkt, u.AddrPort())
		}
	}
}

// take handles one packet: latch, echo, digits.
func (p *endpoint) take(pkt *rtp.Packet, src netip.AddrPort) {
	src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
	p.mu.Lock()
	ours := pkt.PayloadType == p.terms.audioPT || p.terms.eventPT != 0 && pkt.PayloadType == p.terms.eventPT
	if !p.settled || !ours || p.heard.IsValid() && src != p.heard {
		p.mu.Unlock()
		return
	}
	p.heard = src
	p.report.received(pkt.SSRC, pkt.SequenceNumber, pkt.Timestamp)
	var digit rune
	if p.terms.eventPT != 0 && pkt.PayloadType == p.terms.eventPT {
		digit = p.pressed.put(pkt.Timestamp, pkt.Payload)
	}
	if p.echoing && p.terms.send && p.terms.receive {
		p.reflect(pkt)
	}
	p.mu.Unlock()
	if p.onDigit != nil && digit != 0 {
		p.onDigit(digit)
	}
}

// reflect sends pkt back in our own numbering. The caller holds p.mu.
func (p *endpoint) reflect(pkt *rtp.Packet) {
	m := &p.mirror
	if !m.on || m.ssrc != pkt.SSRC {
		*m = mirror{ssrc: pkt.SSRC, seq: p.seq - pkt.SequenceNumber, ts: p.ts - pkt.Timestamp, on: true}
	}
	h := rtp.Header{Version: 2, PayloadType: pkt.PayloadType, Marker: pkt.Marker, SSRC: p.ssrc,
		SequenceNumber: pkt.SequenceNumber + m.seq, Timestamp: pkt.Timestamp + m.ts}
	if ahead := h.SequenceNumber + 1 - p.seq; ahead < 1<<15 {
		p.seq = h.SequenceNumber + 1
	}
	p.emit(h, pkt.Payload)
}
