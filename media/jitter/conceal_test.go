package jitter

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rms(s []int16) float64 {
	sum := 0.0
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}

// without removes the packets [from, to) of the stream.
func without(packets []packet, from, to int) []packet {
	return append(append([]packet(nil), packets[:from]...), packets[to:]...)
}

func TestPlayout_OneLostPacketIsHardlyHeard(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 40 * ms})
	frames := run(t, p, without(newSender().talk(2*time.Second), 50, 51), 0, 2*time.Second)
	assert.Equal(t, uint64(1), p.Stats().Lost)
	assert.Equal(t, 20*ms, p.Stats().Concealed)
	requireExact(t, frames, 50*ms, 1040*ms, 45*ms)
	requireExact(t, frames, 1090*ms, 2*time.Second, 45*ms)
	// What is made up resembles what was said, at its level, without clicks.
	previous := frames[103].pcm[FrameSize-1]
	for _, f := range frames[104:108] {
		var cross, own, other float64
		for i, v := range f.pcm {
			said := float64(wave(int((f.now-45*ms)/tick) + i))
			cross += said * float64(v)
			own += said * said
			other += float64(v) * float64(v)
			require.LessOrEqual(t, math.Abs(float64(v)-float64(previous)), 5500.0)
			previous = v
		}
		assert.Greater(t, cross/math.Sqrt(own*other), 0.8, "at %v", f.now)
	}
}

func TestPlayout_LongLossFadesAndSpeechReturns(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 60 * ms})
	frames := run(t, p, without(newSender().talk(3*time.Second), 50, 100), 0, 3*time.Second)
	assert.Equal(t, uint64(50), p.Stats().Lost)
	assert.Equal(t, uint64(1), p.Stats().LossRuns)
	assert.InDelta(t, 1000, p.Stats().Concealed.Milliseconds(), 1)
	var levels []float64
	for _, f := range frames[107:120] {
		levels = append(levels, rms(f.pcm[:]))
	}
	for i := 2; i < len(levels); i++ {
		assert.Less(t, levels[i], levels[i-1]+500, "level must fall")
	}
	assert.Zero(t, levels[12])
	assert.Equal(t, Silence, frames[130].kind)
	requireExact(t, frames, 2080*ms, 3*time.Second, 65*ms)
}

// From the ends of lost packets to a tenth of all packets.
func TestPlayout_RandomLoss(t *testing.T) {
	p := newPlayout(Config{})
	packets := newSender().talk(20 * time.Second)
	var left []packet
	for i, packet := range packets {
		if i*7919%10 != 3 {
			left = append(left, packet)
		}
	}
	frames := run(t, p, left, 0, 20*time.Second)
	assert.InDelta(t, 100, p.Stats().Lost, 1)
	assert.Equal(t, p.Stats().Lost, p.Stats().LossRuns)
	for _, f := range frames[10:] {
		require.Greater(t, rms(f.pcm[:]), 1500.0, "a hole at %v", f.now)
	}
}

func TestPlayout_DTXGapIsSilenceNotLoss(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 60 * ms})
	s := newSender()
	var packets []packet
	for range 20 {
		packets = append(packets, s.talk(300*ms)...)
		s.skip(200 * ms) // continuous sequence numbers
	}
	frames := run(t, p, packets, 0, s.clock)
	stats := p.Stats()
	assert.Zero(t, stats.Lost+stats.LossRuns)
	assert.Zero(t, stats.Concealed)
	assert.Greater(t, count(frames, Silence), 20*6)
	for k := range 20 {
		from := time.Duration(k) * 500 * ms
		requireExact(t, frames, from+70*ms, from+360*ms, 65*ms)
	}
}

func TestPlayout_ComfortNoise_RFC3389(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 60 * ms})
	s := newSender()
	packets := s.talk(time.Second)
	for range 5 {
		packets = append(packets, packet{Header: s.header(ptCN), payload: []byte{40}, at: s.clock + 5*ms})
		s.seq++
		s.skip(200 * ms)
	}
	packets = append(packets, s.talk(time.Second)...)
	frames := run(t, p, packets, 0, 3*time.Second)
	assert.InDelta(t, 100, count(frames, Comfort), 2)
	var noise []int16
	for _, f := range frames[110:200] {
		noise = append(noise, f.pcm[:]...)
	}
	assert.InDelta(t, -40, 20*math.Log10(rms(noise)/math.MaxInt16), 0.5, "dBov")
	stats := p.Stats()
	assert.Zero(t, stats.Lost)
	assert.Zero(t, stats.Concealed)
	assert.Equal(t, stats.Received, stats.Played+stats.Buffered)
	requireExact(t, frames, 2070*ms, 3*time.Second, 65*ms)
}

func TestPlayout_EventsAreNotLoss_RFC4733(t *testing.T) {
	for name, continuous := range map[string]bool{"in place of sound": false, "beside sound": true} {
		p := newPlayout(Config{Fixed: true, Target: 60 * ms})
		s := newSender()
		packets := s.talk(time.Second)
		start := s.ts
		for range 25 {
			event := s.header(ptEvents)
			event.Timestamp = start
			packets = append(packets, packet{Header: event, payload: []byte{5, 10, 0, 0}, at: s.clock + 5*ms})
			s.seq++
			if continuous {
				packets = append(packets, s.next(5*ms))
			} else {
				s.skip(20 * ms)
			}
		}
		packets = append(packets, s.talk(time.Second)...)
		frames := run(t, p, packets, 0, 2500*ms)
		stats := p.Stats()
		assert.Zero(t, stats.Lost+stats.Late+stats.Discarded, name)
		assert.Zero(t, stats.Concealed, name)
		assert.Zero(t, count(frames, Concealed), name)
		requireExact(t, frames, 1570*ms, 2500*ms, 65*ms)
		if continuous {
			requireExact(t, frames, 70*ms, 2500*ms, 65*ms)
		} else {
			assert.InDelta(t, 50, count(frames[100:160], Silence), 2)
		}
	}
}

func TestPlayout_EventsFirst(t *testing.T) {
	p := newPlayout(Config{})
	s := newSender()
	event := s.header(ptEvents)
	p.Put(event, []byte{1, 10, 0, 0}, 0)
	s.seq++
	s.skip(2 * time.Second)
	packets := s.talk(time.Second)
	frames := run(t, p, packets, 0, 3*time.Second)
	requireSpeechWithin(t, frames, 2005*ms, 40*ms)
	assert.Zero(t, p.Stats().Lost+p.Stats().Resyncs)
}

func TestVoice_ExtremeSamples(t *testing.T) {
	var v voice
	loud := make([]int16, FrameSize)
	for i := range loud {
		loud[i] = math.MaxInt16
		if i/20%2 == 0 {
			loud[i] = math.MinInt16
		}
	}
	for range 10 {
		v.speech(append([]int16(nil), loud...))
	}
	for range 13 {
		v.conceal(loud, 0, nil)
	}
	for _, x := range loud {
		assert.Zero(t, x)
	}
}
