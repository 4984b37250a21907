package jitter

import "math"

// comfort makes white noise at the level of the last comfort noise packet
// (RFC 3389 §3; the spectral part is left aside).
type comfort struct {
	on   bool
	peak int32
	seed uint32
}

func (c *comfort) off() { c.on = false }

// set takes the level in -dBov. Uniform noise has a peak of √3 times its
// effective value.
func (c *comfort) set(level byte) {
	c.on = true
	c.peak = int32(math.MaxInt16 * math.Sqrt(3) * math.Pow(10, -float64(max(level&0x7F, 6))/20))
}

func (c *comfort) fill(dst []int16) {
	for i := range dst {
		c.seed = c.seed*1664525 + 1013904223
		dst[i] = int16(int32(c.seed) >> 16 * c.peak >> 15)
	}
}
