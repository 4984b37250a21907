package media

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/quality"
)

// blocksOf returns the blocks of the extended reports that a peer received.
func blocksOf(control []took) (metrics []*rtcp.VoIPMetricsReportBlock, times []*rtcp.ReceiverReferenceTimeReportBlock, answers []*rtcp.DLRRReportBlock) {
	for _, c := range control {
		for _, p := range c.rtcp {
			xr, ok := p.(*rtcp.ExtendedReport)
			if !ok {
				continue
			}
			for _, b := range xr.Reports {
				switch b := b.(type) {
				case *rtcp.VoIPMetricsReportBlock:
					metrics = append(metrics, b)
				case *rtcp.ReceiverReferenceTimeReportBlock:
					times = append(times, b)
				case *rtcp.DLRRReportBlock:
					answers = append(answers, b)
				}
			}
		}
	}
	return metrics, times, answers
}

func asked(d offer.Params) offer.Params {
	d.XR = offer.XR{VoIPMetrics: true, ReceiverRTT: true}
	return d
}

// What is lost, and how, is in the VoIP metrics that the peer gets.
func TestSession_VoIPMetrics_RFC3611_4_7(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(asked(agreed(p.addr())))
		v := &voice{ssrc: 7, seed: 1, seq: 65000}
		for range 8 { // 5 in 100 lost, all in one burst of 7
			v.talk(t, p.rtp, r.session.socket.RTP(), 93)
			v.seq, v.ts = v.seq+2, v.ts+320
			time.Sleep(40 * time.Millisecond)
			v.talk(t, p.rtp, r.session.socket.RTP(), 2)
			v.seq, v.ts = v.seq+3, v.ts+480
			time.Sleep(60 * time.Millisecond)
		}
		v.talk(t, p.rtp, r.session.socket.RTP(), 300)
		_, control := p.taken()
		metrics, times, answers := blocksOf(control)
		require.NotEmpty(t, metrics)
		assert.Empty(t, times, "a sender learns the round trip from reception reports")
		assert.Empty(t, answers, "nobody asked")
		m := metrics[len(metrics)-1]
		assert.EqualValues(t, 7, m.SSRC)
		lost, packets := 40.0, float64(control[len(control)-1].at/(20*time.Millisecond))
		assert.InDelta(t, 256*lost/packets, m.LossRate, 1.1)
		assert.Zero(t, m.DiscardRate)
		assert.EqualValues(t, 256*5/7, m.BurstDensity)
		assert.Zero(t, m.GapDensity)
		assert.EqualValues(t, 140, m.BurstDuration)
		assert.EqualValues(t, []uint8{127, 16, 127}, []uint8{m.RERL, m.Gmin, m.ExtRFactor})
		assert.EqualValues(t, quality.ConcealmentEnhanced|quality.BufferFixed, m.RXConfig)
		assert.Equal(t, m.JBMaximum, m.JBAbsMax)
		assert.True(t, m.JBNominal >= 10 && m.JBNominal <= m.JBMaximum, "%d ms", m.JBNominal)
		assert.InDelta(t, float64(m.JBNominal)+20, m.EndSystemDelay, 25)
		assert.True(t, m.RFactor > 40 && m.RFactor < 90, "R %d", m.RFactor)
		assert.True(t, m.MOSLQ >= m.MOSCQ && m.MOSLQ < 43, "MOS %d %d", m.MOSLQ, m.MOSCQ)

		q := r.session.Stats().Quality.Local
		assert.Equal(t, quality.Measured, q.Origin)
		assert.EqualValues(t, 40, q.Lost)
		assert.EqualValues(t, 800+300, q.Expected)
		assert.InDelta(t, 100*40.0/1100, q.LossPercent, 0.01)
		assert.InDelta(t, 500.0/7, q.BurstPercent, 0.01)
		assert.InDelta(t, 140, q.BurstMS, 0.01)
		assert.Negative(t, q.NoiseDBm0, "sound without a pause is noise")
	})
}

// What comes after its turn is discarded, not lost: one packet in twenty, 300 ms
// late, where playout waits 60 ms.
func TestSession_LateIsDiscarded_RFC3611_4_7_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(asked(agreed(p.addr())))
		to := r.session.socket.RTP()
		var late [][]byte
		for i := range 500 {
			packet := rtpPacket(0, uint16(i), uint32(160*i), 7, make([]byte, 160))
			if i%20 == 10 {
				late = append(late, packet)
			} else {
				send(t, p.rtp, to, packet)
			}
			if i%20 == 5 && len(late) > 0 {
				send(t, p.rtp, to, late[0])
				late = late[1:]
			}
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		st := r.session.Stats()
		q := st.Quality.Local
		assert.EqualValues(t, 24, q.Discarded)
		assert.EqualValues(t, 1, q.Lost, "the last of the late ones never came")
		assert.EqualValues(t, 500, q.Expected)
		assert.InDelta(t, 4.8, q.DiscardPercent, 0.01)
		assert.InDelta(t, 100.0*25/500, q.GapPercent, 0.01, "each alone")
		assert.Zero(t, q.BurstMS)
		assert.EqualValues(t, 24, st.PacketsLate)
		assert.Less(t, q.MOSLQ, 4.3)
	})
}

// Two of us: each knows how the other hears it, from the other's own figures.
func TestSession_ExtendedReportsBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{Delay: 80 * time.Millisecond, Loss: 0.03}, nil)
		defer r.close()
		b := r.open(peerAddr, nil)
		b.SetSource(&noise{seed: 1})
		r.session.SetSource(&noise{seed: 2})
		require.NoError(t, b.Apply(asked(agreed(r.session.socket.RTP()))))
		r.apply(asked(agreed(b.socket.RTP())))
		time.Sleep(60 * time.Second)
		ours, theirs := r.session.Stats().Quality, b.Stats().Quality
		for _, c := range []struct{ says, is quality.Stream }{{ours.Remote, theirs.Local}, {theirs.Remote, ours.Local}} {
			assert.Equal(t, quality.Extended, c.says.Origin)
			assert.Equal(t, quality.Measured, c.is.Origin)
			assert.InDelta(t, c.is.LossPercent, c.says.LossPercent, 1)
			assert.InDelta(t, c.is.R, c.says.R, 5)
			assert.InDelta(t, c.is.MOSLQ, c.says.MOSLQ, 0.3)
			assert.InDelta(t, c.is.MOSCQ, c.says.MOSCQ, 0.3)
			assert.InDelta(t, c.is.RTTMS, c.says.RTTMS, 11)
			assert.InDelta(t, 160, c.is.RTTMS, 11)
			assert.InDelta(t, c.is.PlayoutMS, c.says.PlayoutMS, 30)
			assert.InDelta(t, c.is.JitterMS, c.says.JitterMS, 3)
			assert.InDelta(t, 20+80+c.is.PlayoutMS, c.is.DelayMS, 7)
			assert.InDelta(t, c.is.DelayMS, c.says.DelayMS, 40)
			assert.Greater(t, c.is.MOSLQ, c.is.MOSCQ, "the delay is above 100 ms")
			assert.InDelta(t, float64(c.is.Expected), float64(c.says.Expected), 400)
		}
	})
}

// One who only listens has no sender reports out, and so nothing to learn the
// round trip from but its reference time and the answer to it.
func TestSession_ReceiverLearnsRoundTrip_RFC3611_4_4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{Delay: 70 * time.Millisecond}, nil)
		defer r.close()
		b := r.open(peerAddr, nil)
		listening, talking := asked(agreed(b.socket.RTP())), asked(agreed(r.session.socket.RTP()))
		listening.Direction, talking.Direction = offer.RecvOnly, offer.SendOnly
		r.apply(listening)
		require.NoError(t, b.Apply(talking))
		time.Sleep(20 * time.Second)
		assert.InDelta(t, 140, r.session.Stats().RTT.Seconds()*1000, 11)
		assert.InDelta(t, 140, r.session.Stats().Quality.Local.RTTMS, 11)
		assert.InDelta(t, 140, b.Stats().RTT.Seconds()*1000, 11)
	})
}

func TestSession_ExtendedReportsWhenSent(t *testing.T) {
	for name, c := range map[string]struct {
		mode    ExtendedReports
		asked   offer.XR
		metrics bool
		times   bool
	}{
		"not asked":           {},
		"asked":               {asked: offer.XR{VoIPMetrics: true, ReceiverRTT: true}, metrics: true, times: true},
		"asked for one":       {asked: offer.XR{VoIPMetrics: true}, metrics: true},
		"asked for the other": {asked: offer.XR{ReceiverRTT: true}, times: true},
		"always":              {mode: XRAlways, metrics: true, times: true},
		"off":                 {mode: XROff, asked: offer.XR{VoIPMetrics: true, ReceiverRTT: true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, memnet.Link{}, func(cfg *SessionConfig) { cfg.ExtendedReports = c.mode })
			defer r.close()
			p := r.peer(peerAddr, 4000)
			d := agreed(p.addr())
			d.XR, d.Direction = c.asked, offer.RecvOnly
			r.apply(d)
			v := &voice{ssrc: 7, seed: 1}
			v.talk(t, p.rtp, r.session.socket.RTP(), 600)
			_, control := p.taken()
			require.NotEmpty(t, control)
			metrics, times, _ := blocksOf(control)
			assert.Equal(t, c.metrics, len(metrics) > 0, name)
			assert.Equal(t, c.times, len(times) > 0, name)
			for _, got := range control {
				assert.IsType(t, &rtcp.ReceiverReport{}, got.rtcp[0], "a compound begins with a report (RFC 3550 §6.1)")
				assert.IsType(t, &rtcp.SourceDescription{}, got.rtcp[1])
			}
		})
	}
}

// Metrics about another source and blocks that are cut off are nothing to us, and
// unknown blocks are stepped over.
func TestSession_ExtendedReportRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(asked(agreed(p.addr())))
		time.Sleep(time.Second)
		ssrc := r.session.Stats().SSRC
		report := func(blocks ...rtcp.ReportBlock) []byte {
			raw, err := (&rtcp.ExtendedReport{SenderSSRC: 5, Reports: blocks}).Marshal()
			require.NoError(t, err)
			return raw
		}
		of := func(ssrc uint32) *rtcp.VoIPMetricsReportBlock {
			return &rtcp.VoIPMetricsReportBlock{
				SSRC: ssrc, LossRate: 26, DiscardRate: 13, BurstDensity: 128, BurstDuration: 300, GapDuration: 4000,
				RoundTripDelay: 55, EndSystemDelay: 90, SignalLevel: 0xEC, NoiseLevel: 127, RERL: 127, Gmin: 16,
				RFactor: 61, ExtRFactor: 127, MOSLQ: 37, MOSCQ: 32, RXConfig: 0xB0, JBNominal: 70, JBMaximum: 120, JBAbsMax: 200,
			}
		}
		to := r.session.socket.RTCP()
		send(t, p.rtcp, to, report(of(ssrc+1)))
		cut := report(of(ssrc))
		binary.BigEndian.PutUint16(cut[10:], 9)
		send(t, p.rtcp, to, cut)
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, quality.Unknown, r.session.Stats().Quality.Remote.Origin)

		send(t, p.rtcp, to, report(
			&rtcp.UnknownReportBlock{XRHeader: rtcp.XRHeader{BlockType: 99}, Bytes: make([]byte, 8)},
			&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{SSRC: ssrc + 1, LastRR: 1}, {SSRC: ssrc}}}, of(ssrc)))
		time.Sleep(200 * time.Millisecond)
		q := r.session.Stats().Quality.Remote
		assert.Equal(t, quality.Stream{
			Origin: quality.Extended, LossPercent: 26 / 2.56, DiscardPercent: 13 / 2.56, BurstPercent: 50, BurstMS: 300, GapMS: 4000,
			RTTMS: 55, PlayoutMS: 70, PlayoutMaxMS: 120, PlayoutAbsMaxMS: 200, EndSystemMS: 90, DelayMS: 90, SignalDBm0: -20,
			R: 61, MOSLQ: 3.7, MOSCQ: 3.2,
		}, q)
		assert.Zero(t, r.session.Stats().RTT)
		assert.EqualValues(t, 3, r.session.Stats().RTCPReceived)
	})
}

// The report with the BYE is about the whole call, and is taken though the call
// ends here at the same moment.
func TestSession_LastReportCounts(t *testing.T) {
	ports := NewPorts(PortsConfig{})
	var sessions [2]*Session
	for i := range sessions {
		socket, err := ports.Open(netip.MustParseAddr("127.0.0.1"))
		require.NoError(t, err)
		sessions[i], err = NewSession(SessionConfig{Socket: socket, ExtendedReports: XRAlways})
		require.NoError(t, err)
	}
	a, b := sessions[0], sessions[1]
	require.NoError(t, a.Apply(agreed(b.socket.RTP())))
	require.NoError(t, b.Apply(agreed(a.socket.RTP())))
	n := uint64(0)
	require.Eventually(t, func() bool { // as fast as it goes: no report is due yet
		n++
		a.Tick(n)
		b.Tick(n)
		return b.Stats().PacketsReceived > 20
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, quality.Unknown, a.Stats().Quality.Remote.Origin)
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
	st := a.Stats()
	assert.Equal(t, quality.Extended, st.Quality.Remote.Origin)
	assert.InDelta(t, st.PacketsSent, st.Quality.Remote.Expected, 2)
	assert.True(t, st.RemoteBye)
}

// With extended reports both ways, one packet in ten lost: nothing allocates.
func TestSession_ExtendedReportsDoNotAllocate(t *testing.T) {
	step, a, b := newLoop(t, 10, nil)
	for _, s := range []*Session{a, b} {
		s.cfg.ExtendedReports = XRAlways
		d := asked(s.settings.description.Load().Params)
		if s == b {
			d.Direction = offer.RecvOnly
		}
		require.NoError(t, s.Apply(d))
	}
	for range 3000 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(2, func() {
		for range 3000 {
			step()
		}
	}))
	qa, qb := a.Stats().Quality, b.Stats().Quality
	assert.Equal(t, quality.Unknown, qa.Local.Origin, "it hears nothing")
	assert.Equal(t, quality.Extended, qa.Remote.Origin)
	assert.InDelta(t, 10, qb.Local.LossPercent, 0.5)
	assert.InDelta(t, qb.Local.LossPercent, qa.Remote.LossPercent, 0.6)
}
