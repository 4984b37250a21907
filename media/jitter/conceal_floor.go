package jitter

import "github.com/softphone-go/softphone/media/comfort"

const (
	lookEvery    = 8             // frames between two looks for the background
	exemplar     = 2 * FrameSize // samples of it that are kept
	floorRise    = 1.02          // per look: after 3 s, twice as loud is quiet too
	loudestFloor = 150           // mean magnitude above which it is no background
	floorOrder   = 8             // of its model
)

// noiseFloor finds the background between the words, to go on with it when a
// loss has faded out. A look costs little, the model is made when it is needed.
type noiseFloor struct {
	frames int     // of speech so far
	level  float32 // mean magnitude
	known  bool
	shaped bool // the generator makes noise like sound
	sound  [exemplar]int16
	noise  comfort.Generator
}

// look takes s for the background if nothing was quieter for a while.
func (f *noiseFloor) look(s []int16) {
	sum := int32(0)
	for i := 0; i < len(s); i += 4 {
		sum += max(int32(s[i]), -int32(s[i]))
	}
	level := float32(sum) * 4 / float32(len(s))
	if f.level *= floorRise; f.known && level > f.level {
		return
	}
	f.known, f.shaped, f.level = true, false, level
	copy(f.sound[:], s)
}

// mix adds noise like the background to s, at a share that goes from one to
// another.
func (f *noiseFloor) mix(s []int16, from, to float32) {
	if !f.known || f.level > loudestFloor {
		return
	}
	if !f.shaped {
		f.shaped = true
		var a comfort.Analyzer
		a.Add(f.sound[:])
		f.noise.Set(a.Noise(floorOrder))
	}
	f.noise.Mix(s, from, to)
}
