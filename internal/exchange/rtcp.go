package exchange

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

const reportEvery = 5 * time.Second // RFC 3550 §6.2, halved to one and a half at random

// reporter keeps what RTCP reports say about one endpoint. Guarded by endpoint.mu.
type reporter struct {
	next            time.Time
	packets, octets uint32
	lastTS          uint32
	source          uint32 // SSRC heard
	heard           bool
	first, highest  uint32 // extended sequence numbers
	count           uint32
	before          [2]uint32 // expected and received at the last report
	transit         uint32
	jitter          float64
	theirs          uint32 // middle of the NTP time of their last report
	theirsAt        time.Time
}

func (r *reporter) sent(ts uint32, octets int) {
	r.packets++
	r.octets += uint32(octets)
	r.lastTS = ts
}

func (r *reporter) received(ssrc uint32, seq uint16, ts uint32) {
	arrival := uint32(time.Now().UnixNano() / (int64(time.Second) / clockRate))
	transit := arrival - ts
	if !r.heard || r.source != ssrc {
		theirs, at := r.theirs, r.theirsAt
		*r = reporter{next: r.next, packets: r.packets, octets: r.octets, lastTS: r.lastTS, source: ssrc, heard: true,
			first: uint32(seq), highest: uint32(seq), count: 1, transit: transit, theirs: theirs, theirsAt: at}
		return
	}
	r.count++
	if ahead := seq - uint16(r.highest); ahead < 1<<15 {
		r.highest += uint32(ahead)
	}
	d := int32(transit - r.transit)
	r.transit = transit
	r.jitter += (float64(max(d, -d)) - r.jitter) / 16 // RFC 3550 §6.4.1
}

// due sends a report when it is time. The caller holds p.mu.
func (r *reporter) due(p *endpoint) {
	now := time.Now()
	if r.next.IsZero() {
		r.next = now.Add(reportEvery/4 + rand.N(reportEvery/2))
	}
	if now.Before(r.next) {
		return
	}
	r.next = now.Add(reportEvery/2 + rand.N(reportEvery))
	p.sendRTCP(r.compound(p.ssrc, p.ts, now))
}

// compound is a sender or receiver report with the name (§6.1).
func (r *reporter) compound(ssrc, ts uint32, now time.Time) []rtcp.Packet {
	var blocks []rtcp.ReceptionReport
	if r.heard {
		blocks = []rtcp.ReceptionReport{r.block(now)}
	}
	var first rtcp.Packet = &rtcp.ReceiverReport{SSRC: ssrc, Reports: blocks}
	if r.packets > 0 {
		first = &rtcp.SenderReport{SSRC: ssrc, NTPTime: ntp(now), RTPTime: ts,
			PacketCount: r.packets, OctetCount: r.octets, Reports: blocks}
	}
	name := &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc,
		Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "exchange"}}}}}
	return []rtcp.Packet{first, name}
}

func (r *reporter) block(now time.Time) rtcp.ReceptionReport {
	expected := r.highest - r.first + 1
	lost := int64(expected) - int64(r.count)
	lately, got := expected-r.before[0], r.count-r.before[1]
	r.before = [2]uint32{expected, r.count}
	b := rtcp.ReceptionReport{SSRC: r.source, LastSequenceNumber: r.highest, Jitter: uint32(r.jitter),
		TotalLost: uint32(max(0, min(lost, 1<<23-1)))}
	if lately > got {
		b.FractionLost = uint8(min(255, uint64(lately-got)*256/uint64(lately)))
	}
	if !r.theirsAt.IsZero() {
		b.LastSenderReport = r.theirs
		b.Delay = uint32(now.Sub(r.theirsAt) * 65536 / time.Second)
	}
	return b
}

// ntp is the 64-bit time of RFC 3550 §4.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// sendRTCP sends to where RTCP was agreed, at the address RTP comes from. The
// caller holds p.mu.
func (p *endpoint) sendRTCP(pkts []rtcp.Packet) {
	to := p.terms.remoteRTCP
	if p.heard.IsValid() && p.heard != p.terms.remote {
		to = netip.AddrPortFrom(p.heard.Addr(), p.heard.Port()+1)
	}
	raw, err := rtcp.Marshal(pkts)
	if err != nil || to.Port() == 0 || !to.IsValid() || to.Addr().IsUnspecified() {
		return
	}
	_, _ = p.socks.rtcp.WriteTo(raw, net.UDPAddrFromAddrPort(to))
}

// sayBye ends the stream in RTCP (§6.6).
func (p *endpoint) sayBye() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unhook()
	if p.settled {
		p.sendRTCP(append(p.report.compound(p.ssrc, p.ts, time.Now()), &rtcp.Goodbye{Sources: []uint32{p.ssrc}}))
	}
}

// readRTCP notes the far end's reports, for the round trip it wants to compute.
func (p *endpoint) readRTCP() {
	buf := make([]byte, 2048)
	for {
		n, _, err := p.socks.rtcp.ReadFrom(buf)
		if err != nil {
			return
		}
		pkts, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, pkt := range pkts {
			if sr, ok := pkt.(*rtcp.SenderReport); ok {
				p.mu.Lock()
				p.report.theirs, p.report.theirsAt = uint32(sr.NTPTime>>16), time.Now()
				p.mu.Unlock()
			}
		}
	}
}
