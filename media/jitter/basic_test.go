package jitter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlayout_GoodNetworkIsExactAtOneLag(t *testing.T) {
	for _, cfg := range []Config{{Target: 45 * ms, Min: 45 * ms}, {Fixed: true}, {Fixed: true, Target: 60 * ms}, {Fixed: true, Target: 25 * ms}} {
		p := newPlayout(cfg)
		s := newSender() // sequence number and timestamp wrap on the way
		frames := run(t, p, s.talk(10*time.Second), 0, 10*time.Second)
		lag := 5*ms + time.Duration(p.target)*tick
		requireExact(t, frames, lag.Truncate(10*ms)+10*ms, 10*time.Second, lag)
		stats := p.Stats()
		assert.Zero(t, stats.Lost+stats.Late+stats.Duplicates+stats.Discarded+stats.Reordered)
		assert.Zero(t, stats.Concealed+stats.Stretched+stats.Compressed)
		assert.InDelta(t, p.target, int64(stats.MeanDelay/tick), 80)
		assert.InDelta(t, p.target, int64(stats.Delay/tick), 1)
	}
}

// A fixed delay stays what the first packet made it as long as it is near the
// target, in pauses too.
func TestPlayout_FixedIsLeftAloneInPauses(t *testing.T) {
	for _, late := range []time.Duration{4 * ms, 9 * ms} {
		p := newPlayout(Config{Fixed: true, Target: 60 * ms})
		s := newSender()
		packets := s.talk(500 * ms)
		for i := range packets {
			packets[i].at += late
		}
		s.skip(500 * ms)
		packets = append(packets, s.talk(time.Second)...)
		frames := run(t, p, packets, 0, 2*time.Second)
		lag := 65*ms + late
		requireExact(t, frames, 80*ms, 500*ms, lag)
		requireExact(t, frames, 1090*ms, 2*time.Second, lag)
		require.Positive(t, count(frames, Silence)+count(frames, Comfort))
	}
}

func TestPlayout_ReorderedAndDuplicated(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 60 * ms})
	packets := newSender().talk(4 * time.Second)
	for i := 4; i < 199; i += 5 {
		packets[i].at += 30 * ms // overtaken by the next one
		twice := packets[i+1]
		twice.at += 7 * ms
		packets = append(packets, twice)
	}
	n := uint64(len(packets))
	frames := run(t, p, packets, 0, 4020*ms)
	requireExact(t, frames, 70*ms, 4*time.Second, 65*ms)
	stats := p.Stats()
	assert.Equal(t, n, stats.Received)
	assert.Equal(t, uint64(39), stats.Reordered)
	assert.Equal(t, uint64(39), stats.Duplicates)
	assert.Zero(t, stats.Lost+stats.Late)
	assert.Zero(t, stats.Concealed)
}

func TestPlayout_FirstPacketsReordered(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 60 * ms})
	packets := newSender().talk(time.Second)
	packets[0].at, packets[1].at, packets[2].at = 46*ms, 47*ms, 45*ms
	frames := run(t, p, packets, 0, time.Second)
	assert.Equal(t, uint64(2), p.Stats().Reordered)
	assert.Zero(t, p.Stats().Lost+p.Stats().Late+p.Stats().Resyncs)
	require.Equal(t, Speech, frames[9].kind)
}

func TestPlayout_LatePacketIsNotLost(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 40 * ms})
	packets := newSender().talk(2 * time.Second)
	packets[50].at += 100 * ms
	again := packets[50]
	again.at += 10 * ms
	frames := run(t, p, append(packets, again), 0, 2*time.Second)
	stats := p.Stats()
	assert.Equal(t, uint64(1), stats.Late)
	assert.Equal(t, uint64(1), stats.Duplicates)
	assert.Zero(t, stats.Lost)
	assert.Equal(t, uint64(1), stats.LossRuns)
	assert.Equal(t, 20*ms, stats.Concealed)
	requireExact(t, frames, 1090*ms, 2*time.Second, 45*ms)
}

func TestPlayout_PtimeChangesMidStream(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 120 * ms})
	s := newSender()
	var packets []packet
	for range 5 {
		for _, ptime := range []time.Duration{10, 60, 20, 40, 30, 50} {
			s.ptime = ptime * ms
			packets = append(packets, s.talk(4*s.ptime)...)
		}
	}
	end := s.clock
	// All packets take the time from their last sample on, as real ones do.
	for i := range packets {
		packets[i].at += time.Duration(len(packets[i].payload)) * tick
	}
	frames := run(t, p, packets, 0, end)
	requireExact(t, frames, 150*ms, end, 120*ms+15*ms)
	assert.Zero(t, p.Stats().Lost)
}

func TestPlayout_CodecChangesMidStream(t *testing.T) {
	p := newPlayout(Config{Fixed: true})
	s := newSender()
	packets := s.talk(500 * ms)
	s.pt = ptPCMA
	packets = append(packets, s.talk(500*ms)...)
	frames := run(t, p, packets, 0, time.Second)
	for _, f := range frames[6:] {
		require.Equal(t, Speech, f.kind)
		for i, v := range f.pcm {
			require.InDelta(t, wave(int((f.now-45*ms)/tick)+i), v, 300)
		}
	}
}

func TestPlayout_PayloadIsCopied(t *testing.T) {
	p := newPlayout(Config{})
	s := newSender()
	buffer := make([]byte, 200)
	var frames []frame
	for now := time.Duration(0); now < time.Second; now += 10 * ms {
		if now%(20*ms) == 0 {
			packet := s.next(0)
			n := copy(buffer, packet.payload)
			p.Put(packet.Header, buffer[:n], now)
			clear(buffer) // the reader takes the next datagram
		}
		f := frame{now: now}
		f.kind = p.Get(f.pcm[:], now)
		frames = append(frames, f)
	}
	requireExact(t, frames, 40*ms, time.Second, 40*ms)
}

func TestPlayout_UselessPackets(t *testing.T) {
	p := newPlayout(Config{Fixed: true})
	s := newSender()
	packets := s.talk(500 * ms)
	for _, bad := range []packet{
		{Header: s.header(200)},
		{Header: s.header(77), payload: make([]byte, 160)},
		{Header: s.header(ptPCMU)},
		{Header: s.header(ptPCMU), payload: make([]byte, maxPayload+1)},
		{Header: s.header(ptCN)},
	} {
		bad.SequenceNumber, bad.at = s.seq, s.clock
		s.seq++
		packets = append(packets, bad)
	}
	stranger := packet{Header: Header{SSRC: 99, PayloadType: 77}, payload: make([]byte, 160), at: s.clock}
	packets = append(packets, stranger)
	packets = append(packets, s.talk(500*ms)...)
	frames := run(t, p, packets, 0, time.Second)
	requireExact(t, frames, 50*ms, time.Second, 45*ms)
	stats := p.Stats()
	assert.Equal(t, uint64(6), stats.Discarded)
	assert.Zero(t, stats.Lost, "they keep their place in the sequence")
	p.Put(Header{SSRC: 1, PayloadType: 77, SequenceNumber: s.seq + 5000}, []byte{1}, time.Second)
	assert.Equal(t, uint64(7), p.Stats().Discarded)
}

func TestPlayout_NothingMapped(t *testing.T) {
	p := New(Config{})
	frames := run(t, p, newSender().talk(time.Second), 0, time.Second)
	assert.Equal(t, 100, count(frames, Silence))
	assert.Equal(t, uint64(50), p.Stats().Discarded)
	_, ok := p.Timestamp()
	assert.False(t, ok)
	p.Map(128, PCMU) // out of range, ignored
	p.Map(0, PCMU)
	p.ResetMap()
	assert.Equal(t, Unmapped, p.payloads[0])
}

func TestPlayout_Timestamp(t *testing.T) {
	p := newPlayout(Config{Fixed: true})
	s := newSender()
	first := s.ts
	run(t, p, s.talk(time.Second), 0, time.Second)
	ts, ok := p.Timestamp()
	require.True(t, ok)
	assert.Equal(t, first+uint32((time.Second-45*ms)/tick), ts)
}

func TestPlayout_Reset(t *testing.T) {
	p := newPlayout(Config{})
	run(t, p, newSender().talk(time.Second), 0, 990*ms)
	require.NotZero(t, p.Stats().Buffered)
	p.Reset()
	assert.Zero(t, p.Stats().Buffered)
	s := newSender()
	s.ssrc, s.seq, s.ts, s.clock = 2, 7, 7, 2*time.Second
	frames := run(t, p, s.talk(2*time.Second), 990*ms, 4*time.Second)
	requireSpeechWithin(t, frames, 2005*ms, 40*ms)
	assert.Zero(t, p.Stats().Lost+p.Stats().Resyncs)
}

func TestConfig_Defaults(t *testing.T) {
	p := New(Config{})
	assert.Equal(t, Config{ClockRate: 8000, Target: 40 * ms, Min: 5 * ms, Max: 500 * ms, Capacity: 128}, p.cfg)
	p = New(Config{ClockRate: 48000, Target: 5 * time.Second, Min: time.Second, Max: -1, Capacity: 100_000})
	assert.Equal(t, Config{ClockRate: 8000, Target: 700 * ms, Min: 700 * ms, Max: 700 * ms, Capacity: 1024}, p.cfg)
	p = New(Config{Target: 20 * ms, Capacity: 65})
	assert.Equal(t, Config{ClockRate: 8000, Target: 20 * ms, Min: 5 * ms, Max: 500 * ms, Capacity: 128}, p.cfg)
}

func TestStrings(t *testing.T) {
	assert.Equal(t, "silence speech concealed comfort invalid", Silence.String()+" "+Speech.String()+" "+Concealed.String()+" "+Comfort.String()+" "+Kind(9).String())
	assert.Equal(t, "unmapped PCMU PCMA telephone-event CN invalid", Unmapped.String()+" "+PCMU.String()+" "+PCMA.String()+" "+Event.String()+" "+ComfortNoise.String()+" "+Payload(9).String())
}
