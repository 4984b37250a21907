package jitter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each of these has made some phone silent for ever.
func TestPlayout_SpeechIsBackWithinOneTarget(t *testing.T) {
	for name, disturb := range map[string]func(s *sender){
		"pause of 2 s, same SSRC":                   func(s *sender) { s.skip(2 * time.Second) },
		"pause of 2 s, timestamp stands still":      func(s *sender) { s.clock += 2 * time.Second },
		"pause of 300 ms, timestamp stands still":   func(s *sender) { s.clock += 300 * ms },
		"pause of 10 min":                           func(s *sender) { s.skip(10 * time.Minute) },
		"pause of 2 s with a sequence jump":         func(s *sender) { s.skip(2 * time.Second); s.seq += 1000 },
		"sequence jump of 1000":                     func(s *sender) { s.seq += 1000 },
		"sequence jump of 1000 back":                func(s *sender) { s.seq -= 1000 },
		"sequence jump of 10 back":                  func(s *sender) { s.seq -= 10 },
		"sequence jump by half the space":           func(s *sender) { s.seq += 1 << 15 },
		"timestamp jump ahead":                      func(s *sender) { s.ts += 5_000_000 },
		"timestamp jump back":                       func(s *sender) { s.ts -= 5_000_000 },
		"timestamp jump by half the space":          func(s *sender) { s.ts += 1 << 31 },
		"sequence and timestamp jump":               func(s *sender) { s.seq += 30000; s.ts += 1 << 30 },
		"new SSRC":                                  func(s *sender) { s.ssrc, s.seq, s.ts = 2, 4711, 815 },
		"new SSRC, numbers go on":                   func(s *sender) { s.ssrc = 2 },
		"new SSRC after 2 s":                        func(s *sender) { s.clock += 2 * time.Second; s.ssrc, s.seq, s.ts = 2, 1, 1 },
		"network 120 ms slower":                     func(s *sender) { s.clock += 120 * ms; s.skip(0) },
		"20 s without a packet, lost":               func(s *sender) { s.skip(20 * time.Second); s.seq += 1000 },
		"3 s lost":                                  func(s *sender) { s.skip(3 * time.Second); s.seq += 150 },
		"1 s lost":                                  func(s *sender) { s.skip(time.Second); s.seq += 50 },
		"everything anew, numbers a little back":    func(s *sender) { s.seq -= 5; s.ts -= 800_000 },
		"new SSRC, then the old one again":          func(s *sender) { s.ssrc = 2; s.clock += time.Second; s.ts += 8000 },
		"pause of 2 s in which the clock ran wrong": func(s *sender) { s.skip(1700 * ms); s.clock += 300 * ms },
	} {
		t.Run(name, func(t *testing.T) {
			for _, cfg := range []Config{{}, {Fixed: true, Target: 60 * ms}, {Fixed: true, Target: 200 * ms}} {
				p := newPlayout(cfg)
				s := newSender()
				s.seq = 40000
				packets := s.talk(3 * time.Second)
				disturb(s)
				back := s.clock + 5*ms
				packets = append(packets, s.talk(3*time.Second)...)
				frames := run(t, p, packets, 0, s.clock+2*time.Second)
				requireSpeechWithin(t, frames[:len(frames)-200], back, p.cfg.Target)
				last := frames[len(frames)-150:]
				assert.Equal(t, 150, count(last, Silence), "silence after the end")
				assert.LessOrEqual(t, p.Stats().Discarded, uint64(15))
			}
		})
	}
}

func TestPlayout_StrayPacketsDoNotDisturb(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 60 * ms})
	s := newSender()
	s.seq = 40000
	var packets []packet
	for i := range 200 {
		good := s.next(5 * ms)
		packets = append(packets, good)
		stray := good
		stray.at += 3 * ms
		switch i % 10 {
		case 3:
			stray.SSRC = 77
		case 6:
			stray.Timestamp += 1 << 20
			stray.SequenceNumber += 2000
		case 9:
			stray.Timestamp -= 1 << 20
			stray.SequenceNumber -= 2000
		default:
			continue
		}
		packets = append(packets, stray)
	}
	frames := run(t, p, packets, 0, 4*time.Second)
	requireExact(t, frames, 70*ms, 4*time.Second, 65*ms)
	assert.Equal(t, uint64(59), p.Stats().Discarded, "the last one is still held back")
	assert.Zero(t, p.Stats().Resyncs)
}

func TestPlayout_TwoSourcesAtOnceDoNotStopSpeech(t *testing.T) {
	p := newPlayout(Config{})
	a, b := newSender(), newSender()
	b.ssrc, b.seq, b.ts = 2, 1, 1
	var packets []packet
	for range 200 {
		packets = append(packets, a.next(5*ms), b.next(9*ms))
	}
	frames := run(t, p, packets, 0, 4*time.Second)
	assert.GreaterOrEqual(t, count(frames, Speech), 390)
}

func TestPlayout_NobodyListensForAWhile(t *testing.T) {
	p := newPlayout(Config{})
	s := newSender()
	packets := s.talk(8 * time.Second)
	run(t, p, packets[:100], 0, 2*time.Second)
	for _, packet := range packets[100:250] { // 3 s without a Get
		p.Put(packet.Header, packet.payload, packet.at)
	}
	frames := run(t, p, packets[250:], 5*time.Second, 8*time.Second)
	requireSpeechWithin(t, frames, 5*time.Second, 40*ms)
	assert.InDelta(t, 40, p.Stats().Delay.Milliseconds(), 15)
	assert.Zero(t, p.Stats().Lost)
}

func TestPlayout_SkippedTicks(t *testing.T) {
	p := newPlayout(Config{})
	s := newSender()
	packets := s.talk(20 * time.Second)
	var dst [FrameSize]int16
	for i := range 2000 {
		now := time.Duration(i) * 10 * ms
		for len(packets) > 0 && packets[0].at <= now {
			p.Put(packets[0].Header, packets[0].payload, packets[0].at)
			packets = packets[1:]
		}
		if i%50 != 7 { // two in a hundred ticks are left out
			p.Get(dst[:], now)
		}
	}
	assert.InDelta(t, 40, p.Stats().Delay.Milliseconds(), 15, "left-out ticks must not pile up")
	assert.NotZero(t, p.Stats().Compressed)
}

// Clocks that differ neither fill nor drain the buffer, in ten minutes of speech.
func TestPlayout_ClockDrift(t *testing.T) {
	for _, ppm := range []int64{-1000, -300, -50, 50, 300, 1000} {
		for _, cfg := range []Config{{}, {Fixed: true, Target: 60 * ms}} {
			p := newPlayout(cfg)
			s := newSender()
			packet := s.next(0)
			var dst [FrameSize]int16
			kinds := map[Kind]int{}
			for now := time.Duration(0); now < 10*time.Minute; now += 10 * ms {
				for sent := s.clock + s.clock*time.Duration(ppm)/1_000_000; sent <= now; {
					packet.Header = s.header(ptPCMU)
					p.Put(packet.Header, packet.payload, sent)
					s.seq++
					s.skip(s.ptime)
					sent = s.clock + s.clock*time.Duration(ppm)/1_000_000
				}
				kinds[p.Get(dst[:], now)]++
				if now%time.Second == 0 && now > 10*time.Second { // a voice that never pauses is followed slowly
					stats := p.Stats()
					require.InDelta(t, stats.Target.Milliseconds(), stats.Delay.Milliseconds(), 35, "%d ppm at %v", ppm, now)
				}
			}
			stats := p.Stats()
			drifted := 600 * float64(ppm) / 1e6
			assert.InDelta(t, drifted, (stats.Stretched - stats.Compressed).Seconds(), 0.04, "%d ppm", ppm)
			assert.Zero(t, stats.Lost+stats.Late)
			assert.Less(t, kinds[Concealed]+kinds[Silence], 60, "%d ppm: %v", ppm, kinds)
		}
	}
}

func TestPlayout_SpikeIsCaughtUpWith(t *testing.T) {
	p := newPlayout(Config{Fixed: true, Target: 40 * ms})
	packets := newSender().talk(6 * time.Second)
	held := packets[100].at + 200*ms
	for i := 100; packets[i].at < held; i++ {
		packets[i].at = held
	}
	frames := run(t, p, packets, 0, 6*time.Second)
	requireSpeechWithin(t, frames, held, 0)
	stats := p.Stats()
	assert.Zero(t, stats.Lost+stats.Late)
	assert.InDelta(t, 40, stats.Delay.Milliseconds(), 25)
	assert.InDelta(t, 160, stats.Compressed.Milliseconds(), 50)
}

func TestPlayout_TargetFollowsJitter(t *testing.T) {
	p := newPlayout(Config{})
	packets := newSender().talk(60 * time.Second)
	for i := range packets {
		packets[i].at += time.Duration(i*7919%100) * ms // 0 to 99 ms
	}
	frames := run(t, p, packets, 0, 60*time.Second)
	assert.InDelta(t, 100, p.Stats().Target.Milliseconds(), 15)
	late := frames[3000:]
	assert.GreaterOrEqual(t, count(late, Speech), len(late)*97/100)
}
