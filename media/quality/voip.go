package quality

import (
	"encoding/binary"
	"math"
	"time"
)

// MetricsSize is the length of a VoIP metrics block, its header included.
const MetricsSize = 36

const (
	// MetricsBlock is the block type of the VoIP metrics (RFC 3611 §4.7).
	MetricsBlock = 7

	// Unavailable stands in an 8-bit field for a figure that is not known.
	Unavailable = 127

	metricsWords = MetricsSize/4 - 1
)

// Bits of Metrics.Config: how the receiver hides loss and follows jitter.
const (
	ConcealmentEnhanced = 2 << 6 // able to hide more than single losses
	BufferAdaptive      = 3 << 4
	BufferFixed         = 2 << 4
)

// Metrics is a VoIP metrics block as it is on the wire (RFC 3611 §4.7): what a
// receiver says about the source SSRC.
type Metrics struct {
	SSRC uint32

	LossRate     uint8 // 1/256 of the packets expected
	DiscardRate  uint8 // 1/256
	BurstDensity uint8 // 1/256 of the packets within bursts
	GapDensity   uint8 // 1/256 of the packets within gaps

	BurstDuration  uint16 // ms, mean
	GapDuration    uint16 // ms, mean
	RoundTripDelay uint16 // ms; 0: not known
	EndSystemDelay uint16 // ms; 0: not known

	SignalLevel uint8 // dBm0 as a signed octet, or Unavailable
	NoiseLevel  uint8 // dBm0 as a signed octet, or Unavailable
	RERL        uint8 // residual echo return loss, dB, or Unavailable
	Gmin        uint8 // packets

	RFactor    uint8 // 0 to 100, or Unavailable
	ExtRFactor uint8 // of another network segment, or Unavailable
	MOSLQ      uint8 // tenths, 10 to 50, or Unavailable
	MOSCQ      uint8 // tenths, 10 to 50, or Unavailable

	Config    uint8  // receiver configuration, §4.7.6
	JBNominal uint16 // ms, playout delay of a packet in time
	JBMaximum uint16 // ms, of the earliest that is not discarded
	JBAbsMax  uint16 // ms, the most that JBMaximum can become
}

// Append appends the block to b, which must have room if nothing is to allocate.
func (m Metrics) Append(b []byte) []byte {
	word := binary.BigEndian
	b = append(b, MetricsBlock, 0, 0, metricsWords)
	b = word.AppendUint32(b, m.SSRC)
	b = append(b, m.LossRate, m.DiscardRate, m.BurstDensity, m.GapDensity)
	b = word.AppendUint16(b, m.BurstDuration)
	b = word.AppendUint16(b, m.GapDuration)
	b = word.AppendUint16(b, m.RoundTripDelay)
	b = word.AppendUint16(b, m.EndSystemDelay)
	b = append(b, m.SignalLevel, m.NoiseLevel, m.RERL, m.Gmin)
	b = append(b, m.RFactor, m.ExtRFactor, m.MOSLQ, m.MOSCQ)
	b = append(b, m.Config, 0)
	b = word.AppendUint16(b, m.JBNominal)
	b = word.AppendUint16(b, m.JBMaximum)
	return word.AppendUint16(b, m.JBAbsMax)
}

// ParseMetrics reads a VoIP metrics block, header included. ok is false when b is
// none, or its length is not the one that the RFC gives.
func ParseMetrics(b []byte) (m Metrics, ok bool) {
	word := binary.BigEndian
	if len(b) < MetricsSize || b[0] != MetricsBlock || word.Uint16(b[2:]) != metricsWords {
		return Metrics{}, false
	}
	return Metrics{
		SSRC:     word.Uint32(b[4:]),
		LossRate: b[8], DiscardRate: b[9], BurstDensity: b[10], GapDensity: b[11],
		BurstDuration: word.Uint16(b[12:]), GapDuration: word.Uint16(b[14:]),
		RoundTripDelay: word.Uint16(b[16:]), EndSystemDelay: word.Uint16(b[18:]),
		SignalLevel: b[20], NoiseLevel: b[21], RERL: b[22], Gmin: b[23],
		RFactor: b[24], ExtRFactor: b[25], MOSLQ: b[26], MOSCQ: b[27],
		Config:    b[28],
		JBNominal: word.Uint16(b[30:]), JBMaximum: word.Uint16(b[32:]), JBAbsMax: word.Uint16(b[34:]),
	}, true
}

// Metrics is s as a receiver reports it of the source ssrc. config is that of
// the receiver: ConcealmentEnhanced and BufferAdaptive, for one.
func (s Stream) Metrics(ssrc uint32, config uint8) Metrics {
	m := Metrics{
		SSRC:     ssrc,
		LossRate: of256(s.LossPercent), DiscardRate: of256(s.DiscardPercent),
		BurstDensity: of256(s.BurstPercent), GapDensity: of256(s.GapPercent),
		BurstDuration: wholeMS(s.BurstMS), GapDuration: wholeMS(s.GapMS),
		RoundTripDelay: wholeMS(s.RTTMS), EndSystemDelay: wholeMS(s.EndSystemMS),
		SignalLevel: level(s.SignalDBm0), NoiseLevel: level(s.NoiseDBm0),
		RERL: Unavailable, Gmin: Gmin,
		RFactor: Unavailable, ExtRFactor: Unavailable, MOSLQ: Unavailable, MOSCQ: Unavailable,
		Config:    config,
		JBNominal: wholeMS(s.PlayoutMS), JBMaximum: wholeMS(s.PlayoutMaxMS), JBAbsMax: wholeMS(s.PlayoutAbsMaxMS),
	}
	if s.MOSCQ > 0 {
		m.RFactor = uint8(math.Round(s.R))
		m.MOSLQ, m.MOSCQ = tenths(s.MOSLQ), tenths(s.MOSCQ)
	}
	return m
}

// Take puts the figures of a block that the peer sent into s, where the block has
// them. Rates are in steps of 0.4 %, scores in steps of 0.1.
func (s *Stream) Take(m Metrics) {
	s.Origin = Extended
	s.LossPercent, s.DiscardPercent = percent(m.LossRate), percent(m.DiscardRate)
	s.BurstPercent, s.GapPercent = percent(m.BurstDensity), percent(m.GapDensity)
	s.BurstMS, s.GapMS = float64(m.BurstDuration), float64(m.GapDuration)
	if m.RoundTripDelay != 0 {
		s.RTTMS = float64(m.RoundTripDelay)
	}
	s.EndSystemMS = float64(m.EndSystemDelay)
	s.PlayoutMS, s.PlayoutMaxMS, s.PlayoutAbsMaxMS = float64(m.JBNominal), float64(m.JBMaximum), float64(m.JBAbsMax)
	s.SignalDBm0, s.NoiseDBm0 = decibels(m.SignalLevel), decibels(m.NoiseLevel)
	if m.RFactor <= 100 {
		s.R = float64(m.RFactor)
	}
	if m.MOSLQ >= 10 && m.MOSLQ <= 50 {
		s.MOSLQ = float64(m.MOSLQ) / 10
	}
	if m.MOSCQ >= 10 && m.MOSCQ <= 50 {
		s.MOSCQ = float64(m.MOSCQ) / 10
	}
}

// of256 is a share as an 8-bit fraction: the integer part, at most 255.
func of256(percent float64) uint8 { return uint8(min(max(percent, 0)*2.56, 255)) }

func percent(of256 uint8) float64 { return float64(of256) / 2.56 }

func wholeMS(ms float64) uint16 { return uint16(min(max(math.Round(ms), 0), math.MaxUint16)) }

func tenths(mos float64) uint8 { return uint8(min(max(math.Round(mos*10), 10), 50)) }

// level is a level in dBm0 as a signed octet; 0 stands for not known.
func level(dBm0 float64) uint8 {
	if dBm0 == 0 {
		return Unavailable
	}
	return uint8(int8(min(max(math.Round(dBm0), -127), 126)))
}

func decibels(octet uint8) float64 {
	if octet == Unavailable {
		return 0
	}
	return float64(int8(octet))
}

// MS is d in milliseconds.
func MS(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
