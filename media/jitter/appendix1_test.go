package jitter

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What ITU-T G.711 Appendix I asks of a concealment, held against references made
// by hand: a periodic sound goes on in phase and at its level, does not fall silent
// in the first 10 ms, falls in level from then on, and what comes after joins
// without a click. Likeness is looked at only where a reference exists: where the
// sound before the loss could only have gone on.

// lose plays sound up to at, loses lost samples 10 ms at a time, and returns what
// was made up. What follows is told for gaps when known.
func lose(v *voice, sound []int16, at, lost int, known bool) (made []int16) {
	for i := 0; i < at; i += FrameSize {
		v.speech(slices.Clone(sound[i : i+FrameSize]))
	}
	for i := 0; i < lost; i += FrameSize {
		frame := make([]int16, FrameSize)
		var future []int16
		if known {
			future = sound[at+lost:][:futureSize]
		}
		v.conceal(frame, lost-i, future)
		made = append(made, frame...)
	}
	return made
}

func TestAppendixI_PeriodicSoundGoesOn(t *testing.T) {
	for _, hz := range []float64{70, 100, 133, 180, 250} {
		sound := vowel(hz, 0, 4000)
		for lost := FrameSize; lost <= 6*FrameSize; lost += FrameSize {
			for _, known := range []bool{false, true} {
				what := fmt.Sprintf("%v Hz, %d ms, %v", hz, lost/perMS, known)
				var v voice
				made := lose(&v, sound, 1600, lost, known)
				want := sound[1600:][:lost]
				// In phase, and at its level, for the first 10 ms.
				assert.Greater(t, likeness(made[:FrameSize], want[:FrameSize]), 0.95, what)
				assert.InDelta(t, 1, rms(made[:FrameSize])/rms(want[:FrameSize]), 0.15, what)
				// No click: at no place steeper than the sound itself.
				joined := append(slices.Clone(sound[1500:1600]), made...)
				next := slices.Clone(sound[1600+lost:][:2*FrameSize])
				v.speech(next[:FrameSize])
				v.speech(next[FrameSize:])
				joined = append(joined, next...)
				assert.LessOrEqual(t, float64(steepest(joined)), 1.25*float64(steepest(sound)), what)
				// What was received is itself again after 10 ms, at once after a gap
				// that was filled.
				exact := FrameSize
				if known {
					exact = 0
				}
				assert.True(t, slices.Equal(sound[1600+lost:][exact:2*FrameSize], next[exact:]), what)
			}
		}
	}
}

// With nothing to follow the level falls, in a straight line and never back, to
// nothing after 120 ms for a voice.
func TestAppendixI_LevelFalls(t *testing.T) {
	sound := vowel(100, 0, 4000)
	var v voice
	made := lose(&v, sound, 1600, 15*FrameSize, false)
	full := rms(sound[:1600])
	before := 2.0
	for i := 0; i < 15; i++ {
		n := float64(i*FrameSize + FrameSize/2)
		want := min(max((fadeVoice-n)/(fadeVoice-fullLevel), 0), 1)
		got := rms(made[i*FrameSize:][:FrameSize]) / full
		assert.InDelta(t, want, got, 0.07, "%d ms", i*10)
		assert.LessOrEqual(t, got, before+0.02)
		before = got
	}
	assert.Zero(t, rms(made[fadeVoice:]))
}

// Sound without a period is not held as long.
func TestAppendixI_NoiseFallsFaster(t *testing.T) {
	sound, seed := make([]int16, 4000), uint32(5)
	for i := range sound {
		seed = seed*1664525 + 1013904223
		sound[i] = int16(int32(seed) >> 19)
	}
	var v voice
	made := lose(&v, sound, 1600, 12*FrameSize, false)
	full := rms(sound)
	assert.InDelta(t, full, rms(made[:FrameSize]), full/4)
	assert.Less(t, rms(made[9*FrameSize:]), full/20)
}

// Nothing was ever received, or it was silence: nothing is made up.
func TestAppendixI_SilenceStaysSilence(t *testing.T) {
	var v voice
	assert.Zero(t, rms(lose(&v, make([]int16, 3000), 800, 480, false)))
	var fresh voice
	assert.Zero(t, rms(lose(&fresh, make([]int16, 3000), 0, 480, true)))
}

// A gap between two sounds of another level and pitch goes from one to the other:
// its level lies between theirs.
func TestConceal_GapGoesFromOneToTheOther(t *testing.T) {
	first, second := vowel(110, 0, 1600), vowel(125, 0, 1600)
	for i := range second {
		second[i] /= 4
	}
	for _, lost := range []int{160, 320, 480} {
		sound := slices.Concat(first, make([]int16, lost), second)
		var v voice
		made := lose(&v, sound, 1600, lost, true)
		third := lost / 3
		assert.Greater(t, rms(made[:third]), 0.6*rms(first))
		assert.Less(t, rms(made[2*third:]), 0.6*rms(first))
		assert.Greater(t, rms(made[2*third:]), 0.6*rms(second))
	}
}

// A loss in a room that hisses ends in the hiss, not in dead silence, and the
// hiss does not stop with a click when sound is back.
func TestConceal_FadesToTheBackground(t *testing.T) {
	sound, seed := make([]int16, 24000), uint32(3)
	voiced := vowel(120, 0, len(sound))
	for i := range sound {
		seed = seed*1664525 + 1013904223
		hiss := float64(int32(seed)) / (1 << 31) * 60 * math.Sqrt(3)
		if i%12000 < 6000 || i > 20000 {
			hiss += float64(voiced[i])
		}
		sound[i] = int16(hiss)
	}
	var v voice
	made := lose(&v, sound, 22400, 4000, false)
	for i := fadeVoice; i < len(made); i += 800 {
		assert.InDelta(t, 60, rms(made[i:][:min(800, len(made)-i)]), 12, "at %d ms", i/perMS)
	}
	require.LessOrEqual(t, steepest(made), steepest(sound)*11/10)
}
