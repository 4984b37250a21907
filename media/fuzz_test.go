package media

import (
	"bytes"
	"math"
	"net/netip"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/quality"
)

// FuzzParser holds that no datagram panics the RTP parser, that what it takes lies
// within the datagram, and that pion's parser, where it takes a packet too, reads
// the same.
func FuzzParser(f *testing.F) {
	f.Add(rtpPacket(0, 7, 8, 9, make([]byte, 160)))
	f.Add(rtpPacket(0x80|101, 65535, 1<<31, 9, []byte{1, 0x8A, 0, 160}))
	f.Add([]byte{0xB1, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x10, 5, 0, 0, 1, 2, 3, 1})
	f.Add([]byte{0x90, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0x10, 0, 0, 1, 1, 2, 3, 4})
	f.Add([]byte{0xA0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var p parser
		p.init()
		kept := bytes.Clone(data)
		payload, ok := p.packet(data)
		require.Equal(t, kept, data, "reading changes nothing")
		if !ok {
			return
		}
		require.LessOrEqual(t, len(payload)+minRTPHeader, len(data))
		var theirs rtp.Packet
		if theirs.Unmarshal(data) != nil {
			return
		}
		h := p.header
		require.Equal(t, []any{theirs.PayloadType, theirs.SequenceNumber, theirs.Timestamp, theirs.SSRC, theirs.Marker},
			[]any{h.PayloadType, h.SequenceNumber, h.Timestamp, h.SSRC, h.Marker})
		require.True(t, bytes.Equal(theirs.Payload, payload))
	})
}

// compounds are RTCP packets of every kind that is read, about the source 1.
func compounds(f *testing.F) (all [][]byte) {
	reports := []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 3, TotalLost: 0xFFFFFF, LastSequenceNumber: 70000, Jitter: 80, LastSenderReport: 1, Delay: 1}}
	metrics, ok := quality.ParseMetrics(quality.Stream{LossPercent: 3, R: 80, MOSLQ: 4, MOSCQ: 3.9}.Metrics(1, 0xB0).Append(nil))
	require.True(f, ok)
	for _, compound := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 9, NTPTime: 1 << 40, RTPTime: 5, PacketCount: 6, OctetCount: 7, Reports: reports}},
		{&rtcp.ReceiverReport{SSRC: 9, Reports: append(reports, reports...)}, &rtcp.Goodbye{Sources: []uint32{9, 1}, Reason: "over"}},
		{&rtcp.ReceiverReport{SSRC: 9}, &rtcp.ExtendedReport{SenderSSRC: 9, Reports: []rtcp.ReportBlock{
			&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 1 << 40},
			&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{SSRC: 2, LastRR: 3, DLRR: 4}, {SSRC: 1, LastRR: 3, DLRR: 4}}},
			&rtcp.LossRLEReportBlock{SSRC: 1, Chunks: []rtcp.Chunk{1, 0}},
			&rtcp.UnknownReportBlock{XRHeader: rtcp.XRHeader{BlockType: 200}, Bytes: []byte{1, 2, 3, 4}},
		}}},
	} {
		raw, err := rtcp.Marshal(compound)
		require.NoError(f, err)
		all = append(all, raw)
	}
	voip := append([]byte{0x80, 207, 0, 10, 0, 0, 0, 9}, metrics.Append(nil)...)
	return append(all, voip, append(bytes.Clone(all[0]), voip...), voip[:20], []byte{0x80, 207, 0, 1, 0, 0, 0, 9})
}

// FuzzControl holds that no datagram panics the reader of RTCP, extended reports
// (RFC 3611) included; that it is counted; that no figure leaves its range whatever
// it says; and that the report that answers it can be read by pion's parser.
func FuzzControl(f *testing.F) {
	for _, raw := range compounds(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := quietSession(t, SessionConfig{ExtendedReports: XRAlways})
		s.sender.ssrc = 1
		d, err := describe(agreed(netip.AddrPortFrom(peerAddr, 4000)), nil)
		require.NoError(t, err)
		s.settings.description.Store(d)
		for n := range uint64(4) {
			s.Tick(n)
		}
		from := slot{from: netip.AddrPortFrom(peerAddr, 4001), arrival: s.clock()}
		kept := bytes.Clone(data)
		for range 2 {
			s.datagram(&from, data, true)
		}
		require.Equal(t, kept, data, "reading changes nothing")
		c := s.count
		require.EqualValues(t, 2, c.Malformed+c.RTCPReceived)
		if c.RTT < 0 || c.RTT > maxRTT {
			t.Fatalf("round trip %v", c.RTT)
		}
		for n := range uint64(12) { // publishes quality
			s.Tick(4 + n)
		}
		q := s.Stats().Quality.Remote
		for name, v := range map[string][2]float64{
			"loss": {q.LossPercent, 100}, "discard": {q.DiscardPercent, 100}, "R": {q.R, 100}, "MOS-LQ": {q.MOSLQ, 5}, "MOS-CQ": {q.MOSCQ, 5},
			"burst": {q.BurstPercent, 100}, "delay": {q.DelayMS, math.MaxFloat64}, "jitter": {q.JitterMS, math.MaxFloat64},
		} {
			if !(v[0] >= 0 && v[0] <= v[1]) {
				t.Fatalf("%s is %v", name, v[0])
			}
		}
		n := s.compound(s.clock(), true, true)
		_, err = rtcp.Unmarshal(s.reports.buf[:n])
		require.NoError(t, err)
	})
}
