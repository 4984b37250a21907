package quality

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// block wraps a VoIP metrics block into a packet, for pion to read.
func block(m Metrics) []byte {
	b := []byte{0x80, 207, 0, 1 + MetricsSize/4, 0, 0, 0, 9}
	return m.Append(b)
}

func wellKnown() Stream {
	return Stream{
		LossPercent: 5, DiscardPercent: 1.5, BurstPercent: 40, GapPercent: 0.8, BurstMS: 124.6, GapMS: 70000,
		RTTMS: 81.4, EndSystemMS: 82, PlayoutMS: 61, PlayoutMaxMS: 500, PlayoutAbsMaxMS: 500,
		SignalDBm0: -18.6, NoiseDBm0: -71, R: 71.5, MOSLQ: 3.94, MOSCQ: 3.66,
	}
}

// pion's reader of RFC 3611 finds in the block what was put there.
func TestMetrics_RFC3611_4_7(t *testing.T) {
	m := wellKnown().Metrics(0xABCDEF01, ConcealmentEnhanced|BufferAdaptive)
	var xr rtcp.ExtendedReport
	require.NoError(t, xr.Unmarshal(block(m)))
	require.Len(t, xr.Reports, 1)
	got := *xr.Reports[0].(*rtcp.VoIPMetricsReportBlock)
	assert.Equal(t, rtcp.XRHeader{BlockType: 7, BlockLength: 8}, got.XRHeader)
	got.XRHeader = rtcp.XRHeader{}
	level := int8(-19)
	noise := int8(-71)
	assert.Equal(t, rtcp.VoIPMetricsReportBlock{
		SSRC:     0xABCDEF01,
		LossRate: 12, DiscardRate: 3, BurstDensity: 102, GapDensity: 2,
		BurstDuration: 125, GapDuration: 65535, RoundTripDelay: 81, EndSystemDelay: 82,
		SignalLevel: uint8(level), NoiseLevel: uint8(noise), RERL: 127, Gmin: 16,
		RFactor: 72, ExtRFactor: 127, MOSLQ: 39, MOSCQ: 37,
		RXConfig: 0xB0, JBNominal: 61, JBMaximum: 500, JBAbsMax: 500,
	}, got)

	back, ok := ParseMetrics(m.Append(nil))
	require.True(t, ok)
	assert.Equal(t, m, back)
	var s Stream
	s.Take(back)
	assert.Equal(t, Extended, s.Origin)
	want := wellKnown()
	assert.InDelta(t, want.LossPercent, s.LossPercent, 0.4)
	assert.InDelta(t, want.BurstPercent, s.BurstPercent, 0.4)
	assert.InDelta(t, want.BurstMS, s.BurstMS, 0.5)
	assert.InDelta(t, want.SignalDBm0, s.SignalDBm0, 0.5)
	assert.InDelta(t, want.R, s.R, 0.5)
	assert.InDelta(t, want.MOSLQ, s.MOSLQ, 0.05)
	assert.InDelta(t, want.MOSCQ, s.MOSCQ, 0.05)
}

// What is not known has its own values (RFC 3611 §4.7.4 and §4.7.5), and what is
// too much is as much as there is room for.
func TestMetrics_UnavailableAndTooMuch(t *testing.T) {
	m := Stream{}.Metrics(1, 0)
	for name, v := range map[string]uint8{
		"signal": m.SignalLevel, "noise": m.NoiseLevel, "RERL": m.RERL,
		"R": m.RFactor, "external R": m.ExtRFactor, "MOS-LQ": m.MOSLQ, "MOS-CQ": m.MOSCQ,
	} {
		assert.EqualValues(t, 127, v, name)
	}
	assert.Zero(t, m.RoundTripDelay)
	s := Stream{R: 50, MOSCQ: 3, PlayoutMS: 60}
	s.Take(m)
	assert.Equal(t, Stream{Origin: Extended, R: 50, MOSCQ: 3}, s, "our own estimate stays where the peer has none")

	m = Stream{LossPercent: 100, DiscardPercent: -3, RTTMS: 1e9, SignalDBm0: -500, MOSCQ: 1, MOSLQ: 4.5, R: 100}.Metrics(1, 0)
	assert.Equal(t, []uint8{255, 0, 129, 100, 45, 10}, []uint8{m.LossRate, m.DiscardRate, m.SignalLevel, m.RFactor, m.MOSLQ, m.MOSCQ})
	assert.EqualValues(t, 65535, m.RoundTripDelay)
}

func TestMetrics_DoesNotAllocate(t *testing.T) {
	buf, s := make([]byte, 0, MetricsSize), wellKnown()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		m, _ := ParseMetrics(s.Metrics(1, 0).Append(buf))
		s.Take(m)
	}))
}

func FuzzParseMetrics(f *testing.F) {
	f.Add(wellKnown().Metrics(7, ConcealmentEnhanced|BufferFixed).Append(nil))
	f.Add(Stream{}.Metrics(7, 0).Append(nil))
	f.Add(make([]byte, MetricsSize))
	f.Add([]byte{7, 0, 0, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := ParseMetrics(b)
		if !ok {
			return
		}
		again := m.Append(nil)
		b = append([]byte(nil), b[:MetricsSize]...)
		b[1], b[29] = 0, 0 // reserved
		require.Equal(t, b, again)
		var xr rtcp.ExtendedReport
		require.NoError(t, xr.Unmarshal(block(m)))
		require.Equal(t, binary.BigEndian.Uint32(b[4:]), xr.Reports[0].(*rtcp.VoIPMetricsReportBlock).SSRC)
		var s Stream
		s.Take(m)
		if s.R < 0 || s.R > 100 || s.MOSCQ < 0 || s.MOSCQ > 5 || s.MOSLQ < 0 || s.MOSLQ > 5 || s.LossPercent > 100 {
			t.Fatalf("out of range: %+v", s)
		}
	})
}

func TestStream_Rate(t *testing.T) {
	s := Stream{DelayMS: 60}
	s.Rate(1)
	assert.InDelta(t, DefaultR, s.R, 1e-9)
	assert.Equal(t, s.MOSLQ, s.MOSCQ, "below 100 ms delay costs nothing")
	s.DelayMS = 300
	s.Rate(1)
	assert.InDelta(t, 93.2-14.7, s.R, 0.1)
	assert.InDelta(t, 4.41, s.MOSLQ, 0.005, "delay is no matter in listening")
	assert.Less(t, s.MOSCQ, 4.0)
	s.LossPercent, s.DiscardPercent = 1, 1 // discarded is as bad as lost
	s.Rate(1)
	assert.InDelta(t, 93.2-14.7-7.0, s.R, 0.1)
	random := s.MOSLQ
	s.Rate(3)
	assert.Less(t, s.MOSLQ, random, "bursts are worse")
}

func TestStream_Count(t *testing.T) {
	var s Stream
	s.Count(follow("R xrd R"))
	assert.EqualValues(t, 35, s.Expected)
	assert.EqualValues(t, 1, s.Lost)
	assert.EqualValues(t, 1, s.Discarded)
	assert.InDelta(t, 100.0/35, s.LossPercent, 1e-9)
	assert.InDelta(t, 60, s.BurstMS, 1e-9)
	assert.InDelta(t, 320, s.GapMS, 1e-9)
	assert.InDelta(t, 200.0/3, s.BurstPercent, 1e-9)
	c := Call{Local: s}.Rounded()
	assert.InDelta(t, 66.67, c.Local.BurstPercent, 1e-9)
	assert.InDelta(t, 2.86, c.Local.LossPercent, 1e-9)
	assert.InDelta(t, 20, MS(20*time.Millisecond), 0)
}
