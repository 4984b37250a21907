package media

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/media/srtp"
)

const (
	senderReport   = 200
	receiverReport = 201
	sourceItems    = 202
	goodbye        = 203

	cnameItem = 1

	// sentTwoIntervals: one who sent within two report intervals is a sender
	// (RFC 3550 §6.3.8).
	sentTwoIntervals = 2 * reportInterval

	ntpEpoch = 2208988800 // seconds from 1900 to 1970

	// maxCompound holds a sender report with one block, a CNAME of 255 octets,
	// an extended report and a BYE.
	maxCompound = 28 + 24 + 8 + 2 + maxCNAME + 4 + maxExtended + 8
)

// reports is the RTCP we send and what we know from the peer's.
type reports struct {
	timer reportTimer
	cname string
	buf   [maxCompound + srtp.MaxOverhead]byte

	srNTP     uint32        // middle of the NTP time of the peer's last SR
	srArrival time.Duration // when it came
	hasSR     bool

	byeAt time.Duration // when the peer's BYE came

	fraction float64 // lost of what we were to hear, in our last report
	theirs   theirs
}

// forget drops what was known of a source that is gone.
func (r *reports) forget() { r.srNTP, r.hasSR, r.theirs.wants = 0, false, false }

// members and senders of the session, as far as heard of (RFC 3550 §6.3).
func (s *Session) population(now time.Duration) (members, senders int, weSent bool) {
	members = 1
	if s.reception.known && !s.count.RemoteBye {
		members = 2
		if s.watch.any && now-s.watch.last < sentTwoIntervals {
			senders++
		}
	}
	if s.sender.packets > 0 && now-s.sender.lastSent < sentTwoIntervals {
		weSent = true
		senders++
	}
	return members, senders, weSent
}

func (s *Session) startReports(now time.Duration) {
	members, senders, weSent := s.population(now)
	s.reports.timer.start(now, members, senders, weSent)
}

// report sends a compound packet when one is due: on hold too, since RTCP goes on
// whatever the direction (RFC 3264 §5.1).
func (s *Session) report(now time.Duration) {
	if now < s.reports.timer.next || !s.reports.timer.started {
		return
	}
	members, senders, weSent := s.population(now)
	if !s.reports.timer.due(now, members, senders, weSent) {
		return
	}
	n := s.compound(now, weSent, false)
	s.sendControl(s.reports.buf[:n])
	s.reports.timer.sent(now, n, members, senders, weSent)
}

// bye tells the peer that our SSRC ends, if it ever heard of it (RFC 3550 §6.3.7).
func (s *Session) bye(now time.Duration) {
	if s.description == nil || !s.sender.everSent {
		return
	}
	_, _, weSent := s.population(now)
	s.sendControl(s.reports.buf[:s.compound(now, weSent, true)])
}

// controlTarget is where RTCP goes and from which port; zero: nowhere.
func (s *Session) controlTarget() (*packetConn, netip.AddrPort) {
	switch {
	case s.description == nil || !s.description.Remote.IsValid():
		return nil, netip.AddrPort{}
	case s.description.RTCPMux:
		return &s.socket.rtp, s.latch.target()
	}
	return &s.socket.rtcp, s.rtcpLatch.target()
}

func (s *Session) sendControl(data []byte) {
	c, to := s.controlTarget()
	if !to.IsValid() || to.Port() == 0 {
		return
	}
	if data, ok := s.seal(data, true); ok && s.write(c, data, to, true) {
		s.count.RTCPSent++
	}
}

// compound writes a report, our CNAME and maybe a BYE into the buffer and returns
// its length (RFC 3550 §6.1).
func (s *Session) compound(now time.Duration, weSent, bye bool) int {
	r, word := &s.reports, binary.BigEndian
	b := r.buf[:0]
	lost, heard := s.reception.fraction()
	r.fraction = float64(lost) / 256
	blocks := byte(0)
	if heard {
		blocks = 1
	}
	if weSent {
		ntp := s.ntp(now)
		b = append(b, rtpVersion<<6|blocks, senderReport, 0, 6+6*blocks)
		b = word.AppendUint32(b, s.sender.ssrc)
		b = word.AppendUint64(b, ntp)
		b = word.AppendUint32(b, s.sender.origin+uint32((now-s.step.anchor)/sampleTime))
		b = word.AppendUint32(b, uint32(s.sender.packets))
		b = word.AppendUint32(b, uint32(s.sender.octets))
	} else {
		b = append(b, rtpVersion<<6|blocks, receiverReport, 0, 1+6*blocks)
		b = word.AppendUint32(b, s.sender.ssrc)
	}
	if heard {
		b = s.appendBlock(b, now, lost)
	}
	b = appendCNAME(b, s.sender.ssrc, r.cname)
	b = s.appendExtended(b, now, weSent)
	if bye {
		b = append(b, rtpVersion<<6|1, goodbye, 0, 1)
		b = word.AppendUint32(b, s.sender.ssrc)
	}
	return len(b)
}

// appendBlock appends the report block on what is heard (RFC 3550 §6.4.1).
func (s *Session) appendBlock(b []byte, now time.Duration, fraction uint8) []byte {
	const minLost, maxLost = -1 << 23, 1<<23 - 1
	word, r := binary.BigEndian, &s.reception
	lost := uint32(min(max(r.lost(), minLost), maxLost)) & 0xFFFFFF
	b = word.AppendUint32(b, r.ssrc)
	b = word.AppendUint32(b, uint32(fraction)<<24|lost)
	b = word.AppendUint32(b, uint32(r.extendedMax()))
	b = word.AppendUint32(b, r.jitter>>4)
	var since uint32
	if s.reports.hasSR {
		since = shortTime(now - s.reports.srArrival)
	}
	b = word.AppendUint32(b, s.reports.srNTP)
	return word.AppendUint32(b, since)
}

// appendCNAME appends an SDES packet with one chunk and one item (RFC 3550 §6.5).
func appendCNAME(b []byte, ssrc uint32, cname string) []byte {
	octets := 4 + 2 + len(cname) + 1 // the item list ends with at least one zero
	words := (octets + 3) / 4
	b = append(b, rtpVersion<<6|1, sourceItems, byte(words>>8), byte(words))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, cnameItem, byte(len(cname)))
	b = append(b, cname...)
	for pad := words*4 - octets + 1; pad > 0; pad-- {
		b = append(b, 0)
	}
	return b
}

// ntp is the wall clock at the time now as an NTP timestamp (RFC 3550 §4).
func (s *Session) ntp(now time.Duration) uint64 {
	t := s.epoch.Add(now)
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// shortTime is d in units of 1/65536 s.
func shortTime(d time.Duration) uint32 {
	return uint32(max(0, d) / time.Microsecond * 65536 / 1_000_000)
}
