package audio

import (
	"math"
	"sync/atomic"
)

// The range of a Gain, in dB.
const (
	MinGain = -60.0
	MaxGain = 30.0
)

// Gain makes sound louder or softer by a fixed number of dB, or silent. What
// would leave the range of 16 bits is clipped; it follows no level by itself. A
// change takes one frame to come about, along a straight line, so that it does
// not click. The zero value is 0 dB, not muted.
//
// Process is for one goroutine, all else for any.
type Gain struct {
	db    atomic.Uint32 // bits of a float32
	muted atomic.Bool

	// Owned by Process.
	known  bool
	last   uint32  // db that full was made of
	full   float32 // factor without mute
	factor float32 // at the end of the last frame
}

// SetDB changes the gain, from MinGain to MaxGain dB; beyond, and for what is no
// number, the nearest of them is taken, or 0.
func (g *Gain) SetDB(db float64) {
	if math.IsNaN(db) {
		db = 0
	}
	g.db.Store(math.Float32bits(float32(min(max(db, MinGain), MaxGain))))
}

// DB is what SetDB was last given, within the range.
func (g *Gain) DB() float64 { return float64(math.Float32frombits(g.db.Load())) }

// SetMuted makes it silent, or as loud as it was.
func (g *Gain) SetMuted(on bool) { g.muted.Store(on) }

// Muted says what SetMuted was last given.
func (g *Gain) Muted() bool { return g.muted.Load() }

// Process applies the gain to one frame, in place. It allocates nothing.
func (g *Gain) Process(samples []int16) {
	from, to := g.next()
	switch {
	case from == 1 && to == 1:
	case from == 0 && to == 0:
		clear(samples)
	case from == to:
		for i, v := range samples {
			samples[i] = clip(float32(v) * to)
		}
	default:
		n := float32(max(len(samples)-1, 1))
		for i, v := range samples {
			part := float32(i) / n
			samples[i] = clip(float32(v) * (from + (to-from)*part))
		}
	}
}

// next is the factor before and after the frame that comes.
func (g *Gain) next() (from, to float32) {
	if db := g.db.Load(); !g.known || db != g.last {
		g.last = db
		g.full = float32(math.Pow(10, float64(math.Float32frombits(db))/20))
	}
	to = g.full
	if g.muted.Load() {
		to = 0
	}
	if !g.known {
		g.known, g.factor = true, to // nothing was heard before: no ramp
	}
	from, g.factor = g.factor, to
	return from, to
}

// clip rounds to 16 bits; what is beyond them is as loud as can be.
func clip(x float32) int16 {
	switch {
	case x >= math.MaxInt16:
		return math.MaxInt16
	case x <= math.MinInt16:
		return math.MinInt16
	case x < 0:
		return int16(x - 0.5)
	}
	return int16(x + 0.5)
}
