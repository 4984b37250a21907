package comfort

import "math"

// Generator makes noise as a Noise describes it. Changes glide over about 50 ms,
// so that an update is not heard as a step. The zero value is silent until Set;
// one goroutine owns it.
type Generator struct {
	noise   Noise // given last
	ready   bool
	order   int
	gain    float32 // of the excitation, and where it glides to
	aim     float32
	k       [MaxOrder]float32 // the same of the filter
	target  [MaxOrder]float32
	delayed [MaxOrder + 1]float32 // backward errors of the lattice
	seed    uint32
}

const (
	glide   = 0.2   // of the way to the target, per stretch
	stretch = 80    // samples between two steps of the glide
	closest = 0.995 // largest magnitude of a coefficient that is used
)

// Set takes what the noise is to be like from now on. The first after the zero
// value or Stop holds at once.
func (g *Generator) Set(n Noise) {
	if g.ready && n == g.noise {
		return
	}
	g.noise = n
	order := min(max(n.Order, 0), MaxOrder)
	white := 1.0
	clear(g.target[:])
	for i, k := range n.Reflection[:order] {
		k = min(max(k, -closest), closest)
		g.target[i] = k
		white *= 1 - float64(k)*float64(k)
	}
	// Even noise has a peak of √3 times its effective value.
	rms := overload * math.Pow(10, -float64(min(max(n.Level, 0), maxLevel))/20)
	g.aim = float32(rms * math.Sqrt(3*white))
	g.order = max(g.order, order)
	if !g.ready {
		g.ready, g.order, g.gain, g.k = true, order, g.aim, g.target
		clear(g.delayed[:])
	}
}

// Stop makes the next Set hold at once.
func (g *Generator) Stop() { g.ready = false }

// Fill makes len(dst) samples.
func (g *Generator) Fill(dst []int16) {
	for len(dst) > 0 {
		n := min(len(dst), stretch)
		g.step()
		for i := range dst[:n] {
			dst[i] = int16(min(max(g.next(), math.MinInt16), math.MaxInt16))
		}
		dst = dst[n:]
	}
}

// Mix adds noise to dst, at a share that goes from one to another, 0 to 1.
func (g *Generator) Mix(dst []int16, from, to float32) {
	if len(dst) == 0 {
		return
	}
	rise := (to - from) / float32(len(dst))
	g.step()
	for i, x := range dst {
		y := float32(x) + g.next()*from
		dst[i] = int16(min(max(y, math.MinInt16), math.MaxInt16))
		from += rise
	}
}

// step goes part of the way to the target.
func (g *Generator) step() {
	g.gain += (g.aim - g.gain) * glide
	for i := range g.order {
		g.k[i] += (g.target[i] - g.k[i]) * glide
	}
}

// next makes one sample: white noise through an all-pole lattice, which is stable
// whatever the coefficients between -1 and 1 do.
func (g *Generator) next() float32 {
	g.seed = g.seed*1664525 + 1013904223
	x := float32(int32(g.seed)) * (1.0 / (1 << 31)) * g.gain
	for i := g.order - 1; i >= 0; i-- {
		x -= g.k[i] * g.delayed[i]
		g.delayed[i+1] = g.delayed[i] + g.k[i]*x
	}
	g.delayed[0] = x
	return x
}
