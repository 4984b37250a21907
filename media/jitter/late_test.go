package jitter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// holdUp delays the packets from one on, so that none arrives before a time.
func holdUp(packets []packet, from int, until time.Duration) {
	for i := from; i < len(packets); i++ {
		packets[i].at = max(packets[i].at, until)
	}
}

func TestPlayout_WhatWasHeldUpForAMomentIsLeftOut(t *testing.T) {
	for name, fixed := range map[string]bool{"fixed": true, "adaptive": false} {
		p := newPlayout(Config{Fixed: fixed, Target: 60 * ms, Min: 60 * ms})
		packets := newSender().talk(3 * time.Second)
		holdUp(packets, 50, 1105*ms)
		frames := run(t, p, packets, 0, 3*time.Second)
		stats := p.Stats()
		assert.Zero(t, stats.Lost+stats.Late, name)
		assert.Equal(t, uint64(2), stats.Discarded, name)
		assert.Zero(t, stats.Stretched+stats.Compressed, name)
		lag := packets[0].at + 60*ms
		if !fixed {
			lag = 70 * ms // packets begin with a frame
		}
		assert.Equal(t, 1110*ms-time.Second-lag, stats.Concealed, name)
		requireExact(t, frames, 200*ms, 1060*ms, lag)
		requireExact(t, frames, 1130*ms, 1800*ms, lag)
	}
}

// Neither a path that has become longer for good nor what was held up for long
// costs a word.
func TestPlayout_WhatComesLateForGoodIsHeard(t *testing.T) {
	for name, late := range map[string]func([]packet){
		"longer path": func(packets []packet) {
			for i := 50; i < len(packets); i++ {
				packets[i].at += 100 * ms
			}
		},
		"held up for long": func(packets []packet) { holdUp(packets, 50, 1300*ms) },
	} {
		p := newPlayout(Config{Fixed: true, Target: 60 * ms})
		packets := newSender().talk(1400 * ms)
		late(packets)
		run(t, p, packets, 0, 1500*ms)
		stats := p.Stats()
		assert.Zero(t, stats.Lost+stats.Late+stats.Discarded, name)
		assert.Greater(t, stats.Stretched, 30*ms, name)
	}
}

// A deep fixed delay is left alone in pauses within a quarter too: a recording
// then has one lag, although the first packets were held up.
func TestPlayout_FixedDelayIsLeftAloneInPausesWithinAQuarter(t *testing.T) {
	for shift, alone := range map[time.Duration]bool{40 * ms: true, 80 * ms: false} {
		p := newPlayout(Config{Fixed: true, Target: 200 * ms})
		s := newSender()
		packets := s.talk(500 * ms)
		for i := range packets {
			packets[i].at += shift
		}
		s.skip(time.Second)
		packets = append(packets, s.talk(time.Second)...)
		run(t, p, packets, 0, 2600*ms)
		stats := p.Stats()
		assert.Zero(t, stats.Concealed, shift)
		assert.Equal(t, alone, stats.Stretched+stats.Compressed == 0, shift)
	}
}

// Clocks and paths that differ a little do not move a delay that was fixed.
func TestPlayout_FixedDelayIsLeftAloneWithinAQuarter(t *testing.T) {
	for shift, alone := range map[time.Duration]bool{-40 * ms: true, 40 * ms: true, -80 * ms: false, 80 * ms: false} {
		p := newPlayout(Config{Fixed: true, Target: 200 * ms})
		packets := newSender().talk(4 * time.Second)
		for i := range packets {
			packets[i].at += 100 * ms
			if i >= 50 {
				packets[i].at += shift
			}
		}
		frames := run(t, p, packets, 0, 4*time.Second)
		stats := p.Stats()
		assert.Zero(t, stats.Concealed, shift)
		assert.Equal(t, alone, stats.Stretched+stats.Compressed == 0, shift)
		if alone {
			requireExact(t, frames, 400*ms, 3500*ms, packets[0].at+200*ms)
		}
	}
}
