package jitter

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The quick way through Put and Get leads where the general one does: the same
// sound, kinds and counts, whatever the network does.
func TestPlayout_QuickIsTheSame(t *testing.T) {
	networks := map[string]func(i int, p *packet) (kept bool){
		"good":      func(int, *packet) bool { return true },
		"lossy":     func(i int, _ *packet) bool { return i*7919%11 != 3 },
		"jittery":   func(i int, p *packet) bool { p.at += time.Duration(i*7919%50) * ms; return true },
		"reordered": func(i int, p *packet) bool { p.at += time.Duration(i%9/8*45) * ms; return true },
		"slower":    func(i int, p *packet) bool { p.at += time.Duration(i/70*70) * ms; return true },
		"drifting":  func(i int, p *packet) bool { p.at += time.Duration(i) * 10 * time.Microsecond; return true },
	}
	for name, network := range networks {
		for _, cfg := range []Config{{Fixed: true}, {Fixed: true, Target: 100 * ms}, {Target: 60 * ms, Min: 60 * ms, Max: 60 * ms}} {
			for _, ptime := range []time.Duration{10, 20, 60} {
				var heard [2][]frame
				var stats [2]Stats
				for way := range heard {
					s := newSender()
					s.ptime = ptime * ms
					var packets []packet
					for i, packet := range s.talk(4 * time.Second) {
						if network(i, &packet) {
							packets = append(packets, packet)
						}
					}
					p := newPlayout(cfg)
					p.general = way == 1
					heard[way] = run(t, p, packets, 0, 5*time.Second)
					stats[way] = p.Stats()
				}
				require.True(t, slices.Equal(heard[1], heard[0]), "%s, %+v, %v", name, cfg, ptime)
				require.Equal(t, stats[1], stats[0], "%s, %+v, %v", name, cfg, ptime)
			}
		}
	}
}

// A listener that fetches 20 ms at once hears the same on a good network.
func TestPlayout_TwoFramesAtOnce(t *testing.T) {
	for _, cfg := range []Config{{Fixed: true, Target: 60 * ms}, {Target: 60 * ms, Min: 60 * ms}} {
		p := newPlayout(cfg)
		packets := newSender().talk(10 * time.Second)
		var frames []frame
		for now := time.Duration(0); now < 10*time.Second; now += 20 * ms {
			for len(packets) > 0 && packets[0].at <= now {
				p.Put(packets[0].Header, packets[0].payload, packets[0].at)
				packets = packets[1:]
			}
			var both [2 * FrameSize]int16
			kind := p.Get(both[:], now)
			for half := range 2 {
				f := frame{now: now + time.Duration(half)*10*ms, kind: kind}
				copy(f.pcm[:], both[half*FrameSize:])
				frames = append(frames, f)
			}
		}
		lag := 65 * ms
		if !cfg.Fixed {
			lag = 80 * ms // the next packet that begins with what is fetched
		}
		requireExact(t, frames, 100*ms, 10*time.Second, lag)
		require.Zero(t, p.Stats().Concealed+p.Stats().Stretched+p.Stats().Compressed)
	}
}

// In an hour with clocks that differ, every frame is speech as it was sent, but
// for the samples by which it is nudged, and the delay stays where it is.
func TestPlayout_AnHourOfDrift(t *testing.T) {
	for _, ppm := range []int64{-500, -300, 300, 500} {
		p := newPlayout(Config{})
		s := newSender()
		sound := s.next(0)
		var dst [FrameSize]int16
		least, most := time.Hour, time.Duration(0)
		for now := time.Duration(0); now < time.Hour; now += 10 * ms {
			for sent := s.clock + s.clock*time.Duration(ppm)/1_000_000; sent <= now; {
				p.Put(s.header(ptPCMU), sound.payload, sent)
				s.seq++
				s.skip(s.ptime)
				sent = s.clock + s.clock*time.Duration(ppm)/1_000_000
			}
			kind := p.Get(dst[:], now)
			if now < time.Minute {
				continue // the delay comes down from its first value
			}
			require.Equal(t, Speech, kind, "%d ppm at %v", ppm, now)
			if now%time.Second == 0 {
				delay := p.Stats().Delay
				least, most = min(least, delay), max(most, delay)
			}
		}
		stats := p.Stats()
		t.Logf("%+d ppm: delay from %v to %v, %v added, %v left out", ppm, least, most, stats.Stretched, stats.Compressed)
		require.InDelta(t, 3600*float64(ppm)/1e6, (stats.Stretched - stats.Compressed).Seconds(), 0.06, "%d ppm", ppm)
		require.Less(t, most-least, 30*ms, "%d ppm", ppm)
		require.Zero(t, stats.Lost+stats.Late+stats.Discarded)
		require.Zero(t, stats.Concealed)
	}
}
