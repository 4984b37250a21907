package media

import (
	"encoding/binary"
	"time"

	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/quality"
)

// Extended reports (RFC 3611), behind the other packets of a compound:
//
//	receiver reference time ── when we send no media, so that the peer's DLRR
//	                           gives us the round trip all the same (§4.4)
//	DLRR                    ── to whoever sent us its reference time (§4.5)
//	VoIP metrics            ── how we hear the peer (§4.7)

const (
	extendedReport = 207

	referenceTimeBlock = 4
	dlrrBlock          = 5

	xrHeader          = 4 // of a block
	referenceTimeSize = xrHeader + 8
	dlrrItem          = 12
	maxExtended       = 8 + referenceTimeSize + xrHeader + dlrrItem + quality.MetricsSize
)

// ExtendedReports says when RTCP extended reports (RFC 3611) are sent. They are
// read whatever it says.
type ExtendedReports int

// When extended reports are sent.
const (
	XRNegotiated ExtendedReports = iota // what the peer asks for in its SDP (RFC 3611 §5)
	XRAlways                            // unasked too, which RFC 3611 §5 allows
	XROff                               // never
)

// theirs is what the peer's extended reports told, and what of its reports is not
// in Stats.
type theirs struct {
	sent    uint64 // packets of ours sent when its last report came; 0: none came
	metrics quality.Metrics
	known   bool // metrics came

	reference uint32 // middle of the NTP time in its last reference time block
	arrival   time.Duration
	source    uint32 // SSRC that sent it
	wants     bool   // one came
}

// extends says which blocks we send, beside the answer to a reference time.
func (s *Session) extends() (metrics, reference bool) {
	switch s.cfg.ExtendedReports {
	case XRAlways:
		return true, true
	case XRNegotiated:
		return s.description.XR.VoIPMetrics, s.description.XR.ReceiverRTT
	case XROff:
	}
	return false, false
}

// appendExtended appends the extended report that is due, if any.
func (s *Session) appendExtended(b []byte, now time.Duration, weSent bool) []byte {
	if s.description == nil {
		return b
	}
	metrics, reference := s.extends()
	word, start := binary.BigEndian, len(b)
	b = append(b, rtpVersion<<6, extendedReport, 0, 0)
	b = word.AppendUint32(b, s.sender.ssrc)
	empty := len(b)
	if reference && !weSent {
		b = append(b, referenceTimeBlock, 0, 0, 2)
		b = word.AppendUint64(b, s.ntp(now))
	}
	if t := &s.reports.theirs; t.wants && s.cfg.ExtendedReports != XROff {
		b = append(b, dlrrBlock, 0, 0, dlrrItem/4)
		b = word.AppendUint32(b, t.source)
		b = word.AppendUint32(b, t.reference)
		b = word.AppendUint32(b, shortTime(now-t.arrival))
	}
	if metrics && s.reception.known {
		b = s.appendMetrics(b)
	}
	if len(b) == empty {
		return b[:start]
	}
	word.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
	return b
}

// appendMetrics appends the VoIP metrics of the source that is heard.
func (s *Session) appendMetrics(b []byte) []byte {
	p := s.playout.Stats()
	var st Stats
	var f figures
	s.collect(&st)
	s.figure(&f)
	heard := st.heardHere(&p, &f, f.fates.current()) // the block is about one SSRC
	if heard.Origin == quality.Unknown {
		return b
	}
	if p.Delay > 0 {
		heard.PlayoutMS = quality.MS(p.Delay)
	}
	return heard.Metrics(s.reception.ssrc, receiverConfig(s.cfg.Jitter)).Append(b)
}

// receiverConfig says how we hide loss and follow jitter (RFC 3611 §4.7.6). How
// fast the buffer adapts is left unsaid.
func receiverConfig(c jitter.Config) uint8 {
	if c.Fixed {
		return quality.ConcealmentEnhanced | quality.BufferFixed
	}
	return quality.ConcealmentEnhanced | quality.BufferAdaptive
}

// extended reads an extended report behind its header. Blocks of other types are
// stepped over; at one that is cut off, reading ends.
func (s *Session) extended(body []byte, arrival time.Duration) {
	if len(body) < 4 {
		return
	}
	source := bigEndian(body)
	if source == s.sender.ssrc {
		s.count.Looped++
		return
	}
	for body = body[4:]; len(body) >= xrHeader; {
		n := 4 * (1 + int(binary.BigEndian.Uint16(body[2:])))
		if n > len(body) {
			return
		}
		s.extendedBlock(body[:n], source, arrival)
		body = body[n:]
	}
}

func (s *Session) extendedBlock(block []byte, source uint32, arrival time.Duration) {
	t := &s.reports.theirs
	switch block[0] {
	case referenceTimeBlock:
		if len(block) == referenceTimeSize {
			t.reference = bigEndian(block[4:])<<16 | bigEndian(block[8:])>>16
			t.arrival, t.source, t.wants = arrival, source, true
		}
	case dlrrBlock:
		for item := block[xrHeader:]; len(item) >= dlrrItem; item = item[dlrrItem:] {
			if bigEndian(item) == s.sender.ssrc {
				s.roundTrip(bigEndian(item[4:]), bigEndian(item[8:]), arrival)
			}
		}
	case quality.MetricsBlock:
		if m, ok := quality.ParseMetrics(block); ok && m.SSRC == s.sender.ssrc {
			t.metrics, t.known = m, true
		}
	}
}
