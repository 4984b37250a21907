package media

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	controlHeader = 4
	minControl    = 8 // header and SSRC
	senderInfo    = 20
	reportBlock   = 24

	// maxRTT is the longest round trip believed. What is longer comes of a
	// report that does not answer ours.
	maxRTT = 30 * time.Second
)

// control takes one datagram that should be RTCP. Nothing of it is believed
// unless the lengths of all packets in it add up (RFC 3550 A.2).
func (s *Session) control(d *slot, data []byte, onRTCP bool) {
	if !s.controlAdmits(d, onRTCP) {
		s.count.WrongSource++
		return
	}
	data, ok := s.open(data, d.arrival, true)
	if !ok {
		return
	}
	if !wellFormed(data) {
		s.count.Malformed++
		return
	}
	if onRTCP {
		s.rtcpLatch.take(d.from, d.arrival)
	}
	s.count.RTCPReceived++
	s.watch.report(d.arrival)
	if s.reports.timer.started {
		s.reports.timer.observe(len(data))
	}
	var h rtcp.Header
	for len(data) > 0 {
		_ = h.Unmarshal(data) // wellFormed did so before
		n := controlHeader * (int(h.Length) + 1)
		s.controlPacket(h, data[controlHeader:n], d.arrival)
		data = data[n:]
	}
}

// lastReports takes the RTCP that is here at the end, the report that comes with
// the peer's goodbye above all: it is about the whole call.
func (s *Session) lastReports() {
	if s.description == nil || s.rtcpIn == nil {
		return
	}
	if d, ok := s.rtcpIn.(*direct); ok {
		d.resting = 0
	}
	for range rtcpSlots {
		d, data, ok := s.rtcpIn.peek()
		if !ok {
			return
		}
		s.datagram(d, data, true)
		s.rtcpIn.pop()
	}
}

// controlAdmits checks the source. On the RTP port it is that of the RTP, or, as
// long as there is none, the described one; on the RTCP port a source is learned
// as for RTP, but only at an address known from one or the other.
func (s *Session) controlAdmits(d *slot, onRTCP bool) bool {
	if !onRTCP {
		return d.from == s.latch.target()
	}
	if d.from == s.rtcpLatch.learned {
		return true
	}
	addr := d.from.Addr()
	return s.rtcpLatch.admits(d.from, d.arrival) &&
		(addr == s.latch.target().Addr() || addr == s.rtcpLatch.described.Addr())
}

func wellFormed(data []byte) bool {
	if len(data) < minControl {
		return false
	}
	var h rtcp.Header
	for len(data) > 0 {
		if len(data) < controlHeader || h.Unmarshal(data) != nil {
			return false
		}
		n := controlHeader * (int(h.Length) + 1)
		if n > len(data) {
			return false
		}
		data = data[n:]
	}
	return true
}

// controlPacket takes one packet of a compound, without its header.
func (s *Session) controlPacket(h rtcp.Header, body []byte, arrival time.Duration) {
	blocks := 0 // where report blocks begin
	switch h.Type {
	case rtcp.TypeSenderReport:
		blocks = 4 + senderInfo
	case rtcp.TypeReceiverReport:
		blocks = 4
	case rtcp.TypeGoodbye:
		s.goodbye(body, int(h.Count), arrival)
		return
	case extendedReport:
		s.extended(body, arrival)
		return
	default:
		return
	}
	if len(body) < blocks {
		return
	}
	ssrc := bigEndian(body)
	if ssrc == s.sender.ssrc {
		s.count.Looped++
		return
	}
	if h.Type == rtcp.TypeSenderReport && (!s.reception.known || ssrc == s.reception.ssrc) {
		s.reports.srNTP, s.reports.srArrival, s.reports.hasSR = bigEndian(body[4:])<<16|bigEndian(body[8:])>>16, arrival, true
	}
	for body = body[blocks:]; h.Count > 0 && len(body) >= reportBlock; h.Count-- {
		s.reported(body[:reportBlock], arrival)
		body = body[reportBlock:]
	}
}

// reported takes one report block, if it is on what we send.
func (s *Session) reported(block []byte, arrival time.Duration) {
	var b rtcp.ReceptionReport
	if b.Unmarshal(block) != nil || b.SSRC != s.sender.ssrc {
		return
	}
	const signBit, range24 = 1 << 23, 1 << 24
	s.count.RemoteLost = int64(b.TotalLost)
	if b.TotalLost&signBit != 0 {
		s.count.RemoteLost -= range24
	}
	s.count.RemoteFractionLost = float64(b.FractionLost) / 256
	s.count.RemoteJitter = time.Duration(b.Jitter) * sampleTime
	s.count.RemoteJitterMax = max(s.count.RemoteJitterMax, s.count.RemoteJitter)
	s.reports.theirs.sent = s.count.PacketsSent
	s.roundTrip(b.LastSenderReport, b.Delay, arrival)
}

// roundTrip takes the middle of the NTP time that the peer had from us last, how
// long it kept it (both in units of 1/65536 s), and when its answer came
// (RFC 3550 §6.4.1, RFC 3611 §4.5).
func (s *Session) roundTrip(last, kept uint32, arrival time.Duration) {
	if last == 0 {
		return // it has heard no report of ours yet
	}
	trip := uint32(s.ntp(arrival)>>16) - kept - last
	if rtt := time.Duration(trip) * time.Second / 65536; rtt <= maxRTT {
		s.count.RTT = rtt
		s.count.MaxRTT = max(s.count.MaxRTT, rtt)
	}
}

// goodbye notes that the source we hear ended. The call goes on: it is signalling
// that ends calls.
func (s *Session) goodbye(body []byte, sources int, at time.Duration) {
	for ; sources > 0 && len(body) >= 4; sources-- {
		if s.reception.known && bigEndian(body) == s.reception.ssrc {
			s.count.RemoteBye, s.reports.byeAt = true, at
		}
		body = body[4:]
	}
}

func bigEndian(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
