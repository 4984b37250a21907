package media

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/offer"
)

func TestReportTimer_RFC3550_6_3_1(t *testing.T) {
	timer := reportTimer{rng: rand.New(rand.NewPCG(1, 2))}
	timer.start(0, 1, 1, true)
	const lowest, highest = 0.5 / (math.E - 1.5), 1.5 / (math.E - 1.5)
	sum := 0.0
	for range 2000 {
		timer.initial = true
		first := timer.interval(2, 2, true).Seconds()
		require.True(t, first >= 2.5*lowest && first <= 2.5*highest, "first interval %v s", first)
		timer.initial = false
		later := timer.interval(2, 2, true).Seconds()
		require.True(t, later >= 5*lowest && later <= 5*highest, "interval %v s", later)
		sum += later
	}
	assert.InDelta(t, 5/(math.E-1.5), sum/2000, 0.1)

	timer.average = 10000 // a session that cannot carry more
	assert.Greater(t, timer.interval(2, 2, true), 20*time.Second)
}

func TestSession_Reports_RFC3550_6_2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(agreed(p.addr()))
		v := &voice{ssrc: 7, seed: 1}
		begin := time.Now()
		go v.talk(t, p.rtp, r.session.socket.RTP(), 60000) // ends with the bubble
		time.Sleep(20 * time.Minute)
		_, control := p.taken()
		st := r.session.Stats()

		require.InDelta(t, 20*60/5, len(control), 40, "5 s on the average, by reconsideration")
		assert.EqualValues(t, len(control), st.RTCPSent)
		first := control[0].at
		assert.True(t, first > time.Second && first < 3100*time.Millisecond, "first after %v", first)
		for i, c := range control {
			if i > 0 {
				gap := c.at - control[i-1].at
				assert.True(t, gap >= 2*time.Second && gap <= 6200*time.Millisecond, "gap of %v", gap)
			}
			require.Len(t, c.rtcp, 2)
			require.Equal(t, r.session.socket.RTCP(), c.from)
			sr := c.rtcp[0].(*rtcp.SenderReport)
			require.Equal(t, st.SSRC, sr.SSRC)
			require.Len(t, sr.Reports, 1)
			require.EqualValues(t, 7, sr.Reports[0].SSRC)
			require.Zero(t, sr.Reports[0].TotalLost)
			require.InDelta(t, c.at.Seconds()*50, sr.PacketCount, 2)
			require.Equal(t, sr.PacketCount*160, sr.OctetCount)
			ntp := time.Unix(int64(sr.NTPTime>>32)-ntpEpoch, int64(sr.NTPTime&0xFFFFFFFF*1e9>>32))
			require.InDelta(t, 0, float64(ntp.Sub(begin.Add(c.at))), float64(time.Millisecond))
			sdes := c.rtcp[1].(*rtcp.SourceDescription)
			require.Equal(t, "someone@10.0.0.1", sdes.Chunks[0].Items[0].Text)
			require.Equal(t, rtcp.SDESCNAME, sdes.Chunks[0].Items[0].Type)
		}
	})
}

// A sender report's RTP timestamp and NTP time name the same instant as the
// timestamps of the packets (RFC 3550 §6.4.1).
func TestSession_ReportTimestampFitsPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(agreed(p.addr()))
		time.Sleep(30 * time.Second)
		media, control := p.taken()
		sr := control[len(control)-1]
		packet := media[0]
		want := packet.rtp.Timestamp + uint32((sr.at-packet.at)/sampleTime)
		assert.InDelta(t, float64(want), float64(sr.rtcp[0].(*rtcp.SenderReport).RTPTime), 160)
	})
}

func TestSession_ReceiverReportWhenNotSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		d := agreed(p.addr())
		d.Direction = offer.RecvOnly
		r.apply(d)
		v := &voice{ssrc: 7, seq: 100}
		for range 50 {
			v.talk(t, p.rtp, r.session.socket.RTP(), 7)
			v.seq++ // one of eight is lost
		}
		_, control := p.taken()
		require.NotEmpty(t, control)
		rr := control[len(control)-1].rtcp[0].(*rtcp.ReceiverReport)
		require.Len(t, rr.Reports, 1)
		assert.InDelta(t, 256/8, rr.Reports[0].FractionLost, 2)
		assert.InDelta(t, control[len(control)-1].at/(140*time.Millisecond), rr.Reports[0].TotalLost, 1)
		st := r.session.Stats()
		assert.InDelta(t, 49, st.PacketsLost, 1)
		assert.Less(t, st.MOS, 4.0)
	})
}

func TestSession_RoundTripFromReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{Delay: 120 * time.Millisecond}, nil)
		defer r.close()
		b := r.open(peerAddr, nil)
		require.NoError(t, b.Apply(agreed(r.session.socket.RTP())))
		r.apply(agreed(b.socket.RTP()))
		time.Sleep(20 * time.Second)
		for _, s := range []*Session{r.session, b} {
			st := s.Stats()
			assert.InDelta(t, 240, st.RTT.Seconds()*1000, 11) // a tick reads what came within 10 ms, stamped at once
			assert.GreaterOrEqual(t, st.MaxRTT, st.RTT)
			assert.Positive(t, st.RTCPReceived)
			assert.Zero(t, st.RemoteLost)
		}
		require.NoError(t, b.Close())
		time.Sleep(time.Second)
		assert.True(t, r.session.Stats().RemoteBye)
	})
}

func TestSession_RTCPMux_RFC5761(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		d := agreed(p.addr())
		d.RTCPMux, d.RemoteRTCP = true, d.Remote
		r.apply(d)
		time.Sleep(10 * time.Second)
		_, control := p.taken()
		require.NotEmpty(t, control)
		for _, c := range control {
			assert.Equal(t, r.session.socket.RTP(), c.from)
		}
		raw, err := (&rtcp.Goodbye{Sources: []uint32{1}}).Marshal()
		require.NoError(t, err)
		send(t, p.rtp, r.session.socket.RTP(), raw)
		send(t, r.peer(otherAddr, 4000).rtp, r.session.socket.RTP(), raw)
		time.Sleep(100 * time.Millisecond)
		st := r.session.Stats()
		assert.EqualValues(t, 1, st.RTCPReceived)
		assert.EqualValues(t, 1, st.WrongSource)
	})
}

// A peer behind a NAT sends RTCP from a port that it did not describe.
func TestSession_RTCPSourceIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		described, real, thief := r.peer(peerAddr, 4000), r.peer(peerAddr, 5000), r.peer(otherAddr, 6000)
		r.apply(agreed(described.addr()))
		time.Sleep(50 * time.Millisecond)
		raw, err := (&rtcp.ReceiverReport{SSRC: 5}).Marshal()
		require.NoError(t, err)
		send(t, thief.rtcp, r.session.socket.RTCP(), raw)
		send(t, real.rtcp, r.session.socket.RTCP(), []byte("nonsense"))
		send(t, real.rtcp, r.session.socket.RTCP(), raw)
		time.Sleep(20 * time.Second)
		_, control := described.taken()
		assert.Empty(t, control)
		_, control = real.taken()
		assert.NotEmpty(t, control)
		st := r.session.Stats()
		assert.EqualValues(t, 1, st.RTCPReceived)
		assert.EqualValues(t, 1, st.WrongSource)
		assert.EqualValues(t, 1, st.Malformed)
	})
}

func TestSession_CollisionTakesNewSSRC_RFC3550_8_2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(agreed(p.addr()))
		time.Sleep(500 * time.Millisecond)
		before, _ := p.taken()
		ssrc := r.session.Stats().SSRC
		v := &voice{ssrc: ssrc, seq: before[0].rtp.SequenceNumber + 20000, ts: 12345}
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		after, control := p.taken()
		st := r.session.Stats()
		assert.EqualValues(t, 1, st.Collisions)
		assert.NotEqual(t, ssrc, st.SSRC)
		assert.Equal(t, st.SSRC, after[len(after)-1].rtp.SSRC)
		assert.Equal(t, ssrc, st.RemoteSSRC)
		require.NotEmpty(t, control)
		last := control[0].rtcp
		assert.Equal(t, []uint32{ssrc}, last[len(last)-1].(*rtcp.Goodbye).Sources)
	})
}

// An echo service that sends our own packets back is heard, and is no collision.
func TestSession_OwnPacketsLooped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{Delay: 5 * time.Millisecond}, fixed)
		defer r.close()
		echo, err := r.net.ListenPacket(t.Context(), "udp4", "10.0.0.2:4000")
		require.NoError(t, err)
		go func() {
			buf := make([]byte, 2048)
			for {
				n, from, err := echo.ReadFrom(buf)
				if err != nil {
					return
				}
				_, _ = echo.WriteTo(buf[:n], from)
			}
		}()
		e := &ear{}
		r.session.SetSource(&noise{seed: 4})
		r.session.SetSink(e)
		r.apply(agreed(netip.MustParseAddrPort("10.0.0.2:4000")))
		time.Sleep(10 * time.Second)
		st := r.session.Stats()
		assert.InDelta(t, 500, st.Looped, 2)
		assert.Zero(t, st.Collisions)
		assert.Positive(t, find(e.heard(), coded(4, 8000, 40000)))
		require.NoError(t, echo.Close())
	})
}

func TestAppendCNAME_AllLengths(t *testing.T) {
	for n := range maxCNAME + 1 {
		var sdes rtcp.SourceDescription
		text := string(bytes.Repeat([]byte{'x'}, n))
		raw := appendCNAME(nil, 9, text)
		require.Zero(t, len(raw)%4)
		require.NoError(t, sdes.Unmarshal(raw), "CNAME of %d octets", n)
		require.Equal(t, text, sdes.Chunks[0].Items[0].Text)
	}
}

func TestReception_RFC3550_A(t *testing.T) {
	var r reception
	for _, seq := range []uint16{65530, 65531, 65533, 65532, 65535, 0, 1, 1, 5} {
		r.packet(3, seq)
	}
	assert.EqualValues(t, 12, r.expected()) // 65530 to 65541
	assert.EqualValues(t, 3, r.lost(), "4 lost, one double")
	assert.EqualValues(t, 65541, r.extendedMax())
	fraction, heard := r.fraction()
	assert.EqualValues(t, 3*256/12, fraction)
	assert.True(t, heard)
	_, heard = r.fraction()
	assert.False(t, heard)

	r.packet(3, 30000) // a jump counts once confirmed
	assert.EqualValues(t, 12, r.expected())
	r.packet(3, 30001)
	assert.EqualValues(t, 1, r.expected())
	assert.EqualValues(t, 3, r.lostEver())
	r.packet(4, 1)
	r.packet(4, 3)
	assert.EqualValues(t, 4, r.lostEver())
	fraction, _ = r.fraction()
	assert.EqualValues(t, 256/3, fraction)
}

func TestReception_Jitter_RFC3550_A8(t *testing.T) {
	var r reception
	ts := uint32(1<<32 - 3200) // wraps on the way
	for i := range 1000 {
		arrival := time.Duration(i) * 20 * time.Millisecond
		if i%2 == 1 {
			arrival += 8 * time.Millisecond
		}
		r.timing(ts+uint32(i*160), arrival)
	}
	assert.InDelta(t, 8, r.jitterTime().Seconds()*1000, 0.2, "every difference is 8 ms")
}
