package exchange

import (
	"context"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zaf/g711"

	"github.com/softphone-go/softphone/internal/memnet"
)

// withCall runs f in an established call of alice with an extension.
func withCall(t *testing.T, number string, change func(*Config), f func(l *lab, c *talk, e *ear, ok *sipmsg.Response)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{Delay: 5 * time.Millisecond}, change)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		e := l.ear("10.0.0.1:4000")
		c := p.call(number, sdpFor(e.addr.Addr(), 4000, "sendrecv"))
		ok := p.response(200)
		c.answered(ok)
		f(l, c, e, ok)
		assert.Zero(t, l.ex.Calls(), "nothing is left of the call")
	})
}

func hangUp(t *testing.T, c *talk) {
	t.Helper()
	c.send("BYE", "")
	assert.Equal(t, 200, c.p.final().StatusCode)
	synctest.Wait()
}

func TestEcho_SendsBackWhatItHears(t *testing.T) {
	withCall(t, "600", nil, func(l *lab, c *talk, e *ear, ok *sipmsg.Response) {
		to, m := mediaOf(ok.Body())
		assert.Equal(t, []string{"0", "101"}, m.MediaName.Formats)
		e.speak(to, 0, 0, 50)
		time.Sleep(time.Second)
		got := e.packets()
		require.Len(t, got, 50)
		for i, p := range got {
			assert.Equal(t, []byte{byte(i >> 8), byte(i)}, p.Payload[:2])
			assert.Equal(t, got[0].SequenceNumber+uint16(i), p.SequenceNumber)
			assert.Equal(t, got[0].Timestamp+uint32(i)*160, p.Timestamp)
			assert.Equal(t, got[0].SSRC, p.SSRC)
			assert.NotEqual(t, uint32(7), p.SSRC)
		}
		e.clear()
		seq := uint16(2000)
		e.press(to, &seq, 90000, 5, true)
		time.Sleep(time.Second)
		assert.Equal(t, "5", digitsIn(e.packets()), "telephone-events are echoed too")
		hangUp(t, c)
	})
}

func TestEcho_AlawAndPayloadTypesOfTheOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		e := l.ear("10.0.0.1:4000")
		offer := "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 111 98 99\r\n" +
			"a=rtpmap:111 opus/48000/2\r\na=rtpmap:98 PCMA/8000\r\na=rtpmap:99 telephone-event/8000\r\na=ptime:40\r\n"
		c := p.call("600", offer)
		ok := p.response(200)
		c.answered(ok)
		to, m := mediaOf(ok.Body())
		assert.Equal(t, []string{"98", "99"}, m.MediaName.Formats)
		assert.Contains(t, string(ok.Body()), "a=ptime:40")
		assert.Less(t, strings.Index(string(ok.Body()), "m=video 0 "), strings.Index(string(ok.Body()), "m=audio"))
		e.speak(to, 0, 0, 5) // a payload type that was not agreed
		e.speak(to, 98, 5, 5)
		time.Sleep(time.Second)
		assert.Len(t, e.packets(), 5)
		hangUp(t, c)
	})
}

func TestEcho_NothingCommonIs488(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		for _, body := range []string{
			strings.Replace(sdpFor(p.addr.Addr(), 4000, "sendrecv"), "RTP/AVP 0 8 101", "RTP/AVP 9", 1),
			strings.Replace(sdpFor(p.addr.Addr(), 4000, "sendrecv"), "RTP/AVP", "RTP/SAVP", 1),
			"rubbish",
		} {
			c := p.call("600", body)
			res := p.final()
			assert.Equal(t, 488, res.StatusCode)
			c.ackRefusal(res)
		}
		assert.Zero(t, l.ex.Calls())
	})
}

func TestEcho_HoldAndResume(t *testing.T) {
	withCall(t, "600", nil, func(l *lab, c *talk, e *ear, ok *sipmsg.Response) {
		to, _ := mediaOf(ok.Body())
		for _, tc := range []struct {
			ours, theirs string
			echoes       int
		}{{"sendonly", "recvonly", 0}, {"inactive", "inactive", 0}, {"sendrecv", "sendrecv", 10}} {
			c.send("INVITE", sdpFor(e.addr.Addr(), 4000, tc.ours))
			res := c.p.response(200)
			c.ack(c.seq, "")
			assert.Contains(t, string(res.Body()), "a="+tc.theirs)
			e.clear()
			e.speak(to, 0, 100*len(tc.ours), 10)
			time.Sleep(100 * time.Millisecond)
			assert.Len(t, e.packets(), tc.echoes, tc.ours)
		}
		hangUp(t, c)
	})
}

func TestEcho_LateOffer_RFC3261_13_2_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		e := l.ear("10.0.0.1:4000")
		c := p.call("607", "")
		ok := p.response(200)
		c.learn(ok)
		assert.Contains(t, string(ok.Body()), "RTP/AVP 0 8 101")
		time.Sleep(200 * time.Millisecond)
		assert.Empty(t, e.packets())
		c.ack(2, strings.Replace(sdpFor(e.addr.Addr(), 4000, "sendrecv"), "RTP/AVP 0 8 101", "RTP/AVP 8 101", 1))
		time.Sleep(time.Second)
		require.NotEmpty(t, e.packets())
		assert.Equal(t, uint8(8), e.packets()[0].PayloadType)
		hangUp(t, c)
	})
}

func TestMilliwatt_LevelFrequencyAndPace(t *testing.T) {
	withCall(t, "607", nil, func(l *lab, c *talk, e *ear, _ *sipmsg.Response) {
		time.Sleep(2 * time.Second)
		hangUp(t, c)
		got := e.packets()
		assert.InDelta(t, 100, len(got), 2)
		var sum, re, im float64
		n := 0
		for i, p := range got {
			assert.Equal(t, i == 0, p.Marker)
			assert.Len(t, p.Payload, 160)
			for _, b := range p.Payload {
				v := float64(g711.DecodeUlawFrame(b))
				sum += v * v
				re += v * math.Cos(2*math.Pi*1004*float64(n)/8000)
				im += v * math.Sin(2*math.Pi*1004*float64(n)/8000)
				n++
			}
		}
		rms := math.Sqrt(sum / float64(n))
		assert.InDelta(t, 0, 20*math.Log10(rms*math.Sqrt2/milliwattPeak), 0.1, "0 dBm0")
		assert.InDelta(t, 1, 2*math.Hypot(re, im)/float64(n)/milliwattPeak, 0.02, "all of it at 1004 Hz")
	})
}

func TestAnnouncement_PlaysOnceAndHangsUp(t *testing.T) {
	said := make([]int16, 8000+80)
	tone(-10, 700)(said)
	withCall(t, "601", func(c *Config) { c.Announcement = said }, func(l *lab, c *talk, e *ear, _ *sipmsg.Response) {
		bye := c.p.request("BYE")
		c.answer(bye, 200, "")
		got := e.packets()
		require.InDelta(t, 51+15, len(got), 1, "1010 ms in packets of 20 ms, then 300 ms of silence")
		at := 0
		for _, p := range got {
			for _, b := range p.Payload {
				if at < len(said) {
					assert.Equal(t, g711.EncodeUlawFrame(said[at]), b)
				}
				at++
			}
		}
		synctest.Wait()
	})
}

func TestReadBack_DigitsWithAndWithoutTheirEnds_RFC4733(t *testing.T) {
	withCall(t, "604", nil, func(l *lab, c *talk, e *ear, ok *sipmsg.Response) {
		to, _ := mediaOf(ok.Body())
		seq, ts := uint16(1), uint32(0)
		for i := range 16 {
			e.press(to, &seq, ts, byte(i), i%3 != 0)
			ts += 4000
			time.Sleep(60 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		assert.Equal(t, keypad, digitsIn(e.packets()))
		hangUp(t, c)
	})
}

func TestReadBack_EventsAreWellFormed_RFC4733_2_5(t *testing.T) {
	var k keySender
	k.queue("1")
	var evs []keyEvent
	for ts := uint32(5000); ts < 9000; ts += 160 {
		if ev, ok := k.next(ts, 160); ok {
			evs = append(evs, ev)
		}
	}
	require.Len(t, evs, 7)
	for i, ev := range evs {
		assert.Equal(t, uint32(5000), ev.ts)
		assert.Equal(t, i == 0, ev.first)
		assert.Equal(t, min(800, 160*(i+1)), int(ev.payload[2])<<8|int(ev.payload[3]))
		assert.Equal(t, i >= 4, ev.payload[1]&0x80 != 0)
	}
}

func TestKeyReceiver_LongPressIsOneDigit_RFC4733_2_5_1_3(t *testing.T) {
	var k keyReceiver
	assert.Equal(t, '7', k.put(1000, []byte{7, 10, 0, 160}))
	assert.Zero(t, k.put(1000, []byte{7, 10, 0xff, 0xff}))
	assert.Zero(t, k.put(1000+0xffff, []byte{7, 10, 0, 160}), "the next segment of the same press")
	assert.Zero(t, k.put(1000+0xffff, []byte{7, 0x8a, 1, 0}))
	assert.Equal(t, '7', k.put(200000, []byte{7, 10, 0, 160}))
	assert.Zero(t, k.put(1000, []byte{7, 10, 0, 160}), "a straggler")
	assert.Zero(t, k.put(300000, []byte{99, 10, 0, 160}))
	assert.Zero(t, k.put(300000, []byte{7}))
}

func TestEarlyMedia_ToneThenAnswerAfterTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		e := l.ear("10.0.0.1:4000")
		c := p.call("606", sdpFor(e.addr.Addr(), 4000, "sendrecv"))
		early := p.response(183)
		require.NotEmpty(t, early.Body())
		start := time.Now()
		ok := p.response(200)
		assert.Equal(t, 2*time.Second, time.Since(start))
		assert.Equal(t, early.To().Value(), ok.To().Value(), "one dialog")
		assert.Equal(t, early.Body(), ok.Body())
		assert.InDelta(t, 100, len(e.packets()), 2)
		c.answered(ok)
		synctest.Wait() // for the last of the tone
		e.clear()
		to, _ := mediaOf(ok.Body())
		e.speak(to, 0, 0, 10)
		time.Sleep(time.Second)
		assert.Len(t, e.packets(), 10, "echo after the answer")
		hangUp(t, c)
	})
}

func TestRefusingExtensions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		for number, code := range map[string]int{"602": 486, "605": 603, "699": 404, "bob": 480} {
			c := p.call(number, sdpFor(p.addr.Addr(), 4000, "sendrecv"))
			res := p.final()
			assert.Equal(t, code, res.StatusCode, number)
			c.ackRefusal(res)
		}
		assert.Zero(t, l.ex.Calls())
	})
}

func TestNoAnswer_RingsUntilCancelled_RFC3261_9(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		c := p.call("603", sdpFor(p.addr.Addr(), 4000, "sendrecv"))
		p.response(180)
		time.Sleep(10 * time.Minute)
		assert.Equal(t, 1, l.ex.Calls())
		c.cancel()
		assert.Equal(t, "CANCEL", p.response(200).CSeq().MethodName.String())
		c.ackRefusal(p.response(487))
		synctest.Wait()
		assert.Zero(t, l.ex.Calls())
	})
}

func TestAccept_RepeatsThe200AndGivesUp_RFC3261_13_3_1_4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		c := p.call("600", sdpFor(p.addr.Addr(), 4000, "sendrecv"))
		c.learn(p.response(200))
		start := time.Now()
		var gaps []time.Duration
		for {
			m := p.get("SIP/2.0 200", "BYE ")
			if bye, ok := m.(*sipmsg.Request); ok {
				c.answer(bye, 200, "")
				break
			}
			gaps = append(gaps, time.Since(start))
		}
		assert.Equal(t, 32*time.Second, time.Since(start))
		assert.Equal(t, []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond}, gaps[:4])
		assert.Equal(t, 4*time.Second, gaps[5]-gaps[4])
		synctest.Wait()
		assert.Zero(t, l.ex.Calls())
	})
}

func TestRTPFault_SpoilsWhatTheExchangeOriginates(t *testing.T) {
	n := 0
	fault := func(p []byte) bool {
		n++
		p[len(p)-1] ^= 0xff
		return n%2 == 0
	}
	withCall(t, "600", func(c *Config) { c.RTPFault = fault }, func(l *lab, c *talk, e *ear, ok *sipmsg.Response) {
		to, _ := mediaOf(ok.Body())
		e.speak(to, 0, 0, 20)
		time.Sleep(time.Second)
		require.Len(t, e.packets(), 10)
		assert.Equal(t, byte(0xff), e.packets()[0].Payload[159])
		hangUp(t, c)
	})
}

func TestRTCP_ReportsLetTheFarEndComputeTheRoundTrip_RFC3550_6_4(t *testing.T) {
	withCall(t, "600", nil, func(l *lab, c *talk, e *ear, ok *sipmsg.Response) {
		to, _ := mediaOf(ok.Body())
		rtcpConn, err := l.net.ListenPacket(context.Background(), "udp", "10.0.0.1:4001")
		require.NoError(t, err)
		raw, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, NTPTime: 0x1122334455667788}})
		_, _ = rtcpConn.WriteTo(raw, &net.UDPAddr{IP: to.Addr().AsSlice(), Port: int(to.Port()) + 1})
		e.speak(to, 0, 0, 20)
		e.speak(to, 0, 25, 375) // five lost
		require.NoError(t, rtcpConn.SetReadDeadline(time.Now()))
		buf := make([]byte, 1500)
		require.NoError(t, rtcpConn.SetReadDeadline(time.Now().Add(time.Second)))
		k, _, err := rtcpConn.ReadFrom(buf)
		require.NoError(t, err)
		pkts, err := rtcp.Unmarshal(buf[:k])
		require.NoError(t, err)
		require.Len(t, pkts, 2, "compound with SDES")
		sr := pkts[0].(*rtcp.SenderReport)
		require.Len(t, sr.Reports, 1)
		assert.Equal(t, uint32(7), sr.Reports[0].SSRC)
		assert.Equal(t, uint32(0x33445566), sr.Reports[0].LastSenderReport)
		assert.EqualValues(t, 5, sr.Reports[0].TotalLost)
		hangUp(t, c)
		last := pkts
		for {
			require.NoError(t, rtcpConn.SetReadDeadline(time.Now().Add(time.Second)))
			k, _, err = rtcpConn.ReadFrom(buf)
			if err != nil {
				break
			}
			last, err = rtcp.Unmarshal(buf[:k])
			require.NoError(t, err)
		}
		assert.IsType(t, &rtcp.Goodbye{}, last[len(last)-1])
	})
}
