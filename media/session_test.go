package media

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/offer"
)

func fixed(c *SessionConfig) { c.Jitter = jitter.Config{Target: 60 * time.Millisecond, Fixed: true} }

func TestSession_TwoTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const oneWay = 30 * time.Millisecond
		r := newRig(t, memnet.Link{Delay: oneWay}, fixed)
		defer r.close()
		a, b := r.session, r.open(peerAddr, fixed)
		earA, earB := &ear{}, &ear{}
		a.SetSource(&noise{seed: 1})
		a.SetSink(earA)
		b.SetSource(&noise{seed: 2})
		b.SetSink(earB)
		require.NoError(t, a.Apply(agreed(b.socket.RTP())))
		require.NoError(t, b.Apply(agreed(a.socket.RTP())))
		time.Sleep(20*time.Second + 5*time.Millisecond)

		for name, at := range map[string]int{
			"a": find(earA.heard(), coded(2, 8000, 80000)),
			"b": find(earB.heard(), coded(1, 8000, 80000)),
		} {
			lag := time.Duration(at-8000) * sampleTime
			assert.GreaterOrEqual(t, lag, oneWay+10*time.Millisecond, name)
			assert.LessOrEqual(t, lag, oneWay+20*time.Millisecond+60*time.Millisecond+20*time.Millisecond, name)
		}
		st := a.Stats()
		assert.EqualValues(t, 1000, st.PacketsSent)
		assert.EqualValues(t, 160000, st.BytesSent)
		assert.InDelta(t, 1000, st.PacketsReceived, 3)
		assert.Zero(t, st.PacketsLost)
		assert.Zero(t, st.WrongSource+st.Malformed+st.Unmapped+st.Overflows+st.SendErrors)
		assert.True(t, st.Latched)
		assert.Equal(t, b.socket.RTP(), st.Remote)
		assert.Equal(t, b.Stats().SSRC, st.RemoteSSRC)
		assert.InDelta(t, float64(2*oneWay), float64(st.RTT), float64(time.Millisecond))
		assert.Zero(t, st.Jitter.Round(time.Millisecond))
		assert.Greater(t, st.MOS, 4.2)
		assert.Less(t, time.Since(st.LastReceived), 50*time.Millisecond)
	})
}

func TestSession_PTime(t *testing.T) {
	for _, frames := range []int{1, 2, 3, 4, 6} {
		ptime := time.Duration(frames) * 10 * time.Millisecond
		t.Run(ptime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, memnet.Link{}, nil)
				defer r.close()
				p := r.peer(peerAddr, 4000)
				d := agreed(p.addr())
				d.PTime = ptime
				r.session.SetSource(&noise{})
				r.apply(d)
				time.Sleep(1200*time.Millisecond + 5*time.Millisecond)
				media, _ := p.taken()
				require.Len(t, media, 120/frames)
				for i, m := range media {
					h := m.rtp.Header
					require.Len(t, m.rtp.Payload, 80*frames)
					require.Equal(t, i == 0, h.Marker, "the marker begins the talkspurt")
					require.EqualValues(t, 0, h.PayloadType)
					require.Equal(t, media[0].rtp.SequenceNumber+uint16(i), h.SequenceNumber)
					require.Equal(t, media[0].rtp.Timestamp+uint32(i*80*frames), h.Timestamp)
					require.Equal(t, media[0].rtp.SSRC, h.SSRC)
					require.Equal(t, media[0].at+time.Duration(i)*ptime, m.at, "paced by the schedule")
				}
			})
		})
	}
}

func TestSession_HoldAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p, v, e := r.peer(peerAddr, 4000), &voice{ssrc: 7, seed: 3}, &ear{}
		r.session.SetSource(&noise{seed: 1})
		r.session.SetSink(e)
		d := agreed(p.addr())
		r.apply(d)
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		before, _ := p.taken()
		require.InDelta(t, 50, len(before), 1)

		held := d
		held.Direction, held.RemoteHold = offer.Inactive, true
		r.apply(held)
		time.Sleep(20 * time.Millisecond)
		_, _ = p.taken()
		v.ts += 160
		v.talk(t, p.rtp, r.session.socket.RTP(), 5) // still under way: not heard
		time.Sleep(20 * time.Second)
		media, control := p.taken()
		assert.Empty(t, media, "held: no RTP")
		assert.GreaterOrEqual(t, len(control), 3, "RTCP goes on")
		v.ts += 8000 * 20

		r.apply(d)
		v.place = 100000
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		after, _ := p.taken()
		require.InDelta(t, 50, len(after), 2)
		first, last := after[0].rtp.Header, before[len(before)-1].rtp.Header
		assert.True(t, first.Marker, "a talkspurt begins")
		assert.Equal(t, last.SSRC, first.SSRC)
		assert.Equal(t, last.SequenceNumber+1, first.SequenceNumber)
		away := after[0].at - before[len(before)-1].at
		assert.Equal(t, uint32(away/sampleTime), first.Timestamp-last.Timestamp, "timestamps go on with the time")

		heard := e.heard()
		at := find(heard, coded(3, 100000+1600, 4000))
		require.Positive(t, at, "heard again")
		spoken := len(heard) - 50*160 + 1600
		assert.Less(t, at-spoken, 8*100, "within one target delay")
		assert.InDelta(t, (22*time.Second + 120*time.Millisecond).Seconds(), float64(len(heard))/8000, 0.05, "the sink keeps the time")
		assert.Equal(t, -1, find(heard, coded(3, 8000+160, 160)), "what comes on hold is not heard")
	})
}

func TestSession_SendOnlyAndRecvOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p, e := r.peer(peerAddr, 4000), &ear{}
		r.session.SetSink(e)
		d := agreed(p.addr())
		d.Direction = offer.RecvOnly
		r.apply(d)
		v := &voice{ssrc: 7, seed: 3}
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		media, _ := p.taken()
		assert.Empty(t, media)
		assert.Positive(t, find(e.heard(), coded(3, 800, 1600)))

		d.Direction = offer.SendOnly
		r.apply(d)
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		media, _ = p.taken()
		assert.InDelta(t, 50, len(media), 1)
		assert.Equal(t, -1, find(e.heard(), coded(3, 8800, 160)))
		assert.InDelta(t, 100, r.session.Stats().PacketsReceived, 1)
	})
}

func TestSession_Mute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.session.SetSource(&noise{})
		r.session.SetMuted(true)
		r.apply(agreed(p.addr()))
		time.Sleep(time.Second)
		media, _ := p.taken()
		require.InDelta(t, 50, len(media), 1)
		for _, m := range media[1:] {
			for _, b := range m.rtp.Payload {
				require.EqualValues(t, 0xFF, b)
			}
		}
		assert.True(t, r.session.Muted())
		r.session.SetMuted(false)
		time.Sleep(time.Second)
		media, _ = p.taken()
		assert.NotEqual(t, media[2].rtp.Payload[0], media[2].rtp.Payload[1])
	})
}

// A tick that comes late sends what is due now, with the timestamp of now.
func TestSession_LateTick(t *testing.T) {
	for _, late := range []int{2, 3, 5, 10, 50, 99, 500} {
		t.Run(fmt.Sprint(late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(1, memnet.Link{})
				ports := NewPorts(PortsConfig{ListenPacket: n.ListenPacket})
				p := newPeer(t, n, peerAddr, 4000)
				socket, err := ports.Open(ourAddr)
				require.NoError(t, err)
				s, err := NewSession(SessionConfig{Socket: socket})
				require.NoError(t, err)
				src := &noise{seed: 9}
				s.SetSource(src)
				require.NoError(t, s.Apply(agreed(p.addr())))
				i := uint64(0)
				tick := func(steps int) {
					time.Sleep(time.Duration(steps) * frameTime)
					i += uint64(steps)
					s.Tick(i)
				}
				for range 10 {
					tick(1)
				}
				before, _ := p.taken()
				require.Len(t, before, 5)
				tick(late)
				now, _ := p.taken()
				require.LessOrEqual(t, len(now), 1, "no burst")
				all := append(before, now...)
				for range 40 {
					tick(1)
					media, _ := p.taken()
					require.LessOrEqual(t, len(media), 1, "no burst")
					all = append(all, media...)
				}
				last := all[len(all)-1]
				due := before[0].rtp.Timestamp + uint32((last.at-before[0].at)/sampleTime)
				assert.InDelta(t, float64(due), float64(last.rtp.Timestamp), 80, "the timestamp follows the time")
				for j := 1; j < len(all); j++ {
					require.Equal(t, all[j-1].rtp.SequenceNumber+1, all[j].rtp.SequenceNumber)
				}
				if late <= 7 {
					assert.Zero(t, s.Stats().FramesLate, "a short stall loses nothing")
				}
				require.NoError(t, s.Close())
				p.close()
				require.NoError(t, n.Close())
			})
		})
	}
}

func TestSession_PauseAndNewSource(t *testing.T) {
	changes := map[string]func(v *voice){
		"pause of 2 s":                   func(v *voice) { time.Sleep(2 * time.Second); v.ts += 16000 },
		"pause of 2 s, timestamps stand": func(v *voice) { time.Sleep(2 * time.Second) },
		"SSRC change":                    func(v *voice) { v.ssrc, v.seq, v.ts = 99, 5, 77 },
		"SSRC change after 3 s of loss":  func(v *voice) { time.Sleep(3 * time.Second); v.ssrc, v.seq, v.ts = 99, 5, 77 },
		"sequence jump of 1000":          func(v *voice) { v.seq += 1000 },
		"sequence jump of 10000":         func(v *voice) { v.seq += 10000 },
		"sequence goes back a little":    func(v *voice) { v.seq -= 40 },
		"timestamp an hour ahead":        func(v *voice) { v.ts += 3600 * 8000 },
		"timestamp jumps and stays":      func(v *voice) { v.ts += 1 << 31 },
		"3 s of loss":                    func(v *voice) { time.Sleep(3 * time.Second); v.seq, v.ts = v.seq+150, v.ts+24000 },
		"a minute of loss":               func(v *voice) { time.Sleep(time.Minute); v.seq, v.ts = v.seq+3000, v.ts+480000 },
		"sequence and timestamp go back": func(v *voice) { v.seq -= 20000; v.ts -= 1 << 30 },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, memnet.Link{Delay: 20 * time.Millisecond}, fixed)
				defer r.close()
				p, e := r.peer(peerAddr, 4000), &ear{}
				r.session.SetSink(e)
				r.apply(agreed(p.addr()))
				v := &voice{ssrc: 7, seq: 65500, ts: 1<<32 - 4000, seed: 3}
				v.talk(t, p.rtp, r.session.socket.RTP(), 100)
				change(v)
				spoken := len(e.heard())
				v.place = 50000
				v.talk(t, p.rtp, r.session.socket.RTP(), 100)
				at := find(e.heard(), coded(3, 50000+160*20, 8000))
				require.Positive(t, at, "heard again")
				assert.Less(t, at-spoken-160*20, 8*(20+20+100), "within one target delay")
			})
		})
	}
}

// A peer behind a NAT is known by what it sends. After a hold it is still where it
// was, and the payload types mean what they meant, those of its first description
// too, though it writes another address, and gives them in another order.
func TestSession_HoldKeepsAddressAndPayloadTypes(t *testing.T) {
	for name, hold := range map[string]func(*offer.Params){
		"sendonly":         func(d *offer.Params) { d.Direction = offer.SendOnly },
		"inactive":         func(d *offer.Params) { d.Direction = offer.Inactive },
		"held by the peer": func(d *offer.Params) { d.Direction, d.RemoteHold = offer.RecvOnly, true },
		"0.0.0.0 as in RFC 2543": func(d *offer.Params) {
			d.Remote, d.RemoteRTCP, d.Direction = netip.AddrPort{}, netip.AddrPort{}, offer.RecvOnly
		},
		"fewer payload types":       func(d *offer.Params) { d.Direction, d.Receive = offer.Inactive, d.Receive[1:] },
		"no events, while it lasts": func(d *offer.Params) { d.Direction, d.EventSend, d.EventReceive = offer.Inactive, 0, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var pressed []rune
				r := newRig(t, memnet.Link{}, func(c *SessionConfig) {
					fixed(c)
					c.OnDigit = func(d dtmf.Digit) { pressed = append(pressed, d.Rune) }
				})
				defer r.close()
				described, real, e := r.peer(peerAddr, 4000), r.peer(otherAddr, 5000), &ear{}
				r.session.SetSink(e)
				d := agreed(described.addr())
				r.apply(d)
				to, v := r.session.socket.RTP(), &voice{ssrc: 7, seed: 3}
				v.talk(t, real.rtp, to, 50)
				ssrc := r.session.Stats().SSRC

				held := d
				hold(&held)
				r.apply(held)
				time.Sleep(5 * time.Second)
				v.ts += 40000
				r.apply(d)
				_, _ = real.taken()
				_, _ = described.taken()
				v.place = 90000
				v.talk(t, real.rtp, to, 50)
				for i := range uint16(3) { // key 5, on the payload type from before the hold
					send(t, real.rtp, to, rtpPacket(96, v.seq+i, v.ts, v.ssrc, []byte{5, 0x8A, 3, 32}))
				}
				time.Sleep(200 * time.Millisecond)

				media, _ := described.taken()
				assert.Empty(t, media, "media goes where the peer was learned to be")
				media, _ = real.taken()
				require.Greater(t, len(media), 50)
				assert.Equal(t, ssrc, media[0].rtp.SSRC)
				assert.EqualValues(t, 0, media[0].rtp.PayloadType)
				assert.Positive(t, find(e.heard(), coded(3, 90000+1600, 4000)))
				assert.Equal(t, []rune{'5'}, pressed)
				assert.Equal(t, real.addr(), r.session.Stats().Remote)
			})
		})
	}
}

func TestSession_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(agreed(p.addr()))
		time.Sleep(time.Second)
		ssrc := r.session.Stats().SSRC
		require.NoError(t, r.session.Close()) // the Pacer still ticks it
		require.NoError(t, r.session.Close())
		media, control := p.taken()
		assert.InDelta(t, 50, len(media), 1)
		require.NotEmpty(t, control)
		last := control[len(control)-1].rtcp
		require.IsType(t, &rtcp.Goodbye{}, last[len(last)-1])
		assert.Equal(t, []uint32{ssrc}, last[len(last)-1].(*rtcp.Goodbye).Sources)
		time.Sleep(time.Second)
		media, _ = p.taken()
		assert.Empty(t, media)

		assert.ErrorIs(t, r.session.Apply(agreed(p.addr())), ErrClosed)
		assert.ErrorIs(t, r.session.SendDigits("1", 0, 0), ErrClosed)
		assert.InDelta(t, 50, r.session.Stats().PacketsSent, 1)
		socket, err := r.ports.Open(ourAddr)
		require.NoError(t, err)
		require.NoError(t, socket.Close())
	})
}

func TestSession_Timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fired []time.Duration
		begin := time.Now()
		r := newRig(t, memnet.Link{}, func(c *SessionConfig) {
			c.Timeout = 10 * time.Second
			c.OnTimeout = func() { fired = append(fired, time.Since(begin).Round(100*time.Millisecond)) }
		})
		defer r.close()
		p, v := r.peer(peerAddr, 4000), &voice{}
		time.Sleep(20 * time.Second) // nothing was agreed on
		d := agreed(p.addr())
		r.apply(d)
		v.talk(t, p.rtp, r.session.socket.RTP(), 50) // until 21 s
		held := d
		held.Direction, held.RemoteHold = offer.RecvOnly, true
		time.Sleep(5 * time.Second)
		r.apply(held)
		time.Sleep(60 * time.Second) // until 86 s
		r.apply(d)
		time.Sleep(30 * time.Second) // fires at 96 s, once
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		time.Sleep(20 * time.Second) // again 10 s after the last at 117 s
		synctest.Wait()
		assert.Equal(t, []time.Duration{96 * time.Second, 127 * time.Second}, fired)
	})
}

func TestSession_Refuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, func(c *SessionConfig) { c.Digits = DigitsEvents })
		defer r.close()
		_, err := NewSession(SessionConfig{})
		assert.ErrorContains(t, err, "Ports.Open")
		d := agreed(r.peer(peerAddr, 4000).addr())
		assert.ErrorIs(t, r.session.SendDigits("1", 0, 0), ErrNoEvents)
		for name, change := range map[string]func(*offer.Params){
			"codec to send":    func(p *offer.Params) { p.Send = offer.Codec{Name: "opus", PayloadType: 111, ClockRate: 48000} },
			"codec to receive": func(p *offer.Params) { p.Receive = []offer.Codec{{Name: "G722", PayloadType: 9, ClockRate: 8000}} },
			"payload type":     func(p *offer.Params) { p.Send.PayloadType = 128 },
			"event type":       func(p *offer.Params) { p.EventReceive = 200 },
		} {
			bad := d
			change(&bad)
			assert.Error(t, r.session.Apply(bad), name)
		}
		r.apply(d)
		assert.ErrorContains(t, r.session.SendDigits("1x", 0, 0), "digit")
		d.EventSend = 0
		r.apply(d)
		assert.ErrorIs(t, r.session.SendDigits("1", 0, 0), ErrNoEvents)
	})
}
