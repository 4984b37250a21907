package media

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/comfort"
	"github.com/softphone-go/softphone/media/offer"
)

// talker says a vowel for a time and pauses for a time, over the hiss of a room.
type talker struct {
	talks, pauses int // frames
	hiss          float64
	n             int
}

func (s *talker) ReadFrame(f *audio.Frame) {
	for i := range f.Samples {
		x := s.hiss * float64(noiseAt(9, uint32(s.n*frameSize+i))) / 4730 // its effective value
		if s.n%(s.talks+s.pauses) < s.talks {
			at := float64(s.n*frameSize+i) / clockRate
			x += 4000 * math.Sin(2*math.Pi*150*at) * (1 + 0.5*math.Sin(2*math.Pi*4*at))
		}
		f.Samples[i] = int16(x)
	}
	s.n++
}

// quietly is agreed, with comfort noise.
func quietly(p offer.Params) offer.Params {
	p.ComfortNoiseSend, p.ComfortNoiseReceive = 13, 13
	return p
}

func effective(x []int16) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(x), 1)))
}

// Both sides talk a third of the time: what is sent is little more than that, what
// is heard in between is noise at the level of the room, and nothing counts as
// lost or is concealed.
func TestSession_SilenceIsNotSent_RFC3389(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond}, nil)
		defer r.close()
		a, b := r.session, r.open(peerAddr, nil)
		atA, atB := &ear{}, &ear{}
		a.SetSink(atA)
		b.SetSink(atB)
		a.SetSource(&talker{talks: 200, pauses: 400, hiss: 100})
		b.SetSource(&talker{talks: 200, pauses: 400, hiss: 100, n: 300})
		toB, toA := quietly(agreed(b.socket.RTP())), quietly(agreed(a.socket.RTP()))
		toA.ComfortNoiseSend, toB.ComfortNoiseReceive = 98, 98 // each has its own payload type
		r.apply(toB)
		require.NoError(t, b.Apply(toA))
		time.Sleep(30 * time.Second)
		for name, s := range map[string]*Session{"a": a, "b": b} {
			st := s.Stats()
			t.Logf("%s: %d packets sent in 30 s, without DTX 1500", name, st.PacketsSent)
			assert.InDelta(t, 0.4*1500, st.PacketsSent, 120, name)
			assert.Zero(t, st.PacketsLost, name)
			assert.Zero(t, st.Concealed, name)
			assert.Zero(t, st.Unmapped, name)
		}
		for name, e := range map[string]*ear{"a": atA, "b": atB} {
			quiet, loud, silent := 0, 0, 0
			heard := e.heard()
			for i := 8000; i+frameSize <= len(heard); i += frameSize {
				switch level := effective(heard[i : i+frameSize]); {
				case level > 1000:
					loud++
				case level > 50 && level < 200:
					quiet++
				case level < 20:
					silent++
				}
			}
			frames := len(heard)/frameSize - 100
			assert.InDelta(t, frames/3, loud, float64(frames)/15, name)
			assert.Greater(t, quiet, frames*6/10, "%s: frames of comfort noise", name)
			assert.Less(t, silent, 20, "%s: frames of dead silence", name)
		}
	})
}

// What leaves, packet by packet: sequence numbers without a gap, timestamps that
// go on, CN at the beginning and every 400 ms, the marker at the next talkspurt.
func TestSession_DTXOnTheWire_RFC3551_4_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.session.SetSource(&talker{talks: 100, pauses: 300, hiss: 60})
		r.apply(quietly(agreed(p.addr())))
		time.Sleep(12 * time.Second)
		got, _ := p.taken()
		var spurts, told int
		for i, g := range got {
			if i == 0 {
				assert.True(t, g.rtp.Marker)
				continue
			}
			before := got[i-1].rtp
			require.Equal(t, before.SequenceNumber+1, g.rtp.SequenceNumber)
			pause := time.Duration(g.rtp.Timestamp-before.Timestamp) * time.Second / clockRate
			assert.InDelta(t, pause, g.at-got[i-1].at, float64(time.Millisecond), "timestamps go on with the time")
			switch {
			case g.rtp.PayloadType == 13:
				told++
				assert.False(t, g.rtp.Marker)
				n, err := comfort.Parse(g.rtp.Payload)
				require.NoError(t, err)
				assert.InDelta(t, 20*math.Log10(32124.0/60), n.Level, 3)
				assert.Equal(t, spectrum, n.Order)
				assert.LessOrEqual(t, pause, 400*time.Millisecond)
			case before.PayloadType == 13:
				spurts++
				assert.True(t, g.rtp.Marker)
			default:
				assert.False(t, g.rtp.Marker)
				assert.Equal(t, 20*time.Millisecond, pause)
			}
		}
		assert.InDelta(t, 2, spurts, 1)
		assert.InDelta(t, 3*(3000-250)/400, told, 10)
		t.Logf("%d packets in 12 s, %d of them CN", len(got), told)
	})
}

func TestSession_NoDTXUnlessAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.session.SetMuted(true)
		r.apply(agreed(p.addr()))
		time.Sleep(2 * time.Second)
		got, _ := p.taken()
		assert.InDelta(t, 100, len(got), 2)
		r.apply(quietly(agreed(p.addr())))
		time.Sleep(2 * time.Second)
		got, _ = p.taken()
		assert.InDelta(t, 7, len(got), 4, "silence by mute is silence")
		r.apply(agreed(p.addr()))
		time.Sleep(time.Second)
		got, _ = p.taken()
		assert.InDelta(t, 50, len(got), 2)
		bad := agreed(p.addr())
		bad.ComfortNoiseSend = 200
		require.ErrorContains(t, r.session.Apply(bad), "comfort noise")
	})
}
