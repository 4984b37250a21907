package dtmf

import (
	"math"
	"math/cmplx"
)

// sinusoid is a·cos(ωm) + b·sin(ωm), m counted from the middle of the block.
type sinusoid struct{ omega, a, b float64 }

// energy is that of the sinusoid alone, over a block.
func (s sinusoid) energy() float64 { return (s.a*s.a + s.b*s.b) * blockLength / 2 }

// middle is where the block's middle lies, counted from its first sample.
const middle = (blockLength - 1) / 2.0

// match is the two sinusoids of given frequencies that come nearest to the block
// (least squares).
func (d *Detector) match(w1, w2 float64) (s1, s2 sinusoid) {
	z1, z2 := cmplx.Rect(1, -w1*middle), cmplx.Rect(1, -w2*middle)
	t1, t2 := cmplx.Rect(1, w1), cmplx.Rect(1, w2)
	var x1, x2 complex128 // Σ x·cos + j Σ x·sin
	for _, x := range d.straight {
		x1 += complex(x*real(z1), x*imag(z1))
		x2 += complex(x*real(z2), x*imag(z2))
		z1 *= t1
		z2 *= t2
	}
	const n = blockLength
	minus, plus := dirichlet(w1-w2, n)/2, dirichlet(w1+w2, n)/2
	d1, d2 := dirichlet(2*w1, n)/2, dirichlet(2*w2, n)/2
	// Cosines and sines around the middle are orthogonal: two systems of two.
	s1.omega, s2.omega = w1, w2
	s1.a, s2.a = solve(n/2+d1, minus+plus, n/2+d2, real(x1), real(x2))
	s1.b, s2.b = solve(n/2-d1, minus-plus, n/2-d2, imag(x1), imag(x2))
	return s1, s2
}

// solve is the solution of a·x + b·y = p, b·x + c·y = q.
func solve(a, b, c, p, q float64) (x, y float64) {
	d := a*c - b*b
	return (p*c - q*b) / d, (q*a - p*b) / d
}

// subtract takes the two out of the block and leaves the rest in d.left. It
// returns the energy of the rest, and the frequencies that would leave less: what
// a wrong frequency leaves behind grows towards both ends of the block, like the
// slope of the sinusoid by its frequency (one step of Gauss and Newton).
func (d *Detector) subtract(s1, s2 sinusoid) (rest, w1, w2 float64) {
	// The real part of z is the sinusoid, m times the imaginary one its slope.
	z1 := complex(s1.a, -s1.b) * cmplx.Rect(1, -s1.omega*middle)
	z2 := complex(s2.a, -s2.b) * cmplx.Rect(1, -s2.omega*middle)
	t1, t2 := cmplx.Rect(1, s1.omega), cmplx.Rect(1, s2.omega)
	var g1, g2 float64
	m := -middle
	for i, x := range d.straight {
		r := x - real(z1) - real(z2)
		d.left[i] = r
		rest += r * r
		g1 -= r * m * imag(z1)
		g2 -= r * m * imag(z2)
		z1 *= t1
		z2 *= t2
		m++
	}
	const spread = (blockLength*blockLength - 1) / 12.0 // mean of m²
	return rest, s1.omega + g1/(s1.energy()*spread+1), s2.omega + g2/(s2.energy()*spread+1)
}

// harmonics is the energy of what subtract left at twice two frequencies.
func (d *Detector) harmonics(w1, w2 float64) (e1, e2 float64) {
	c1, c2 := 2*math.Cos(2*w1), 2*math.Cos(2*w2)
	var p1, q1, p2, q2 float64
	for _, x := range d.left {
		p1, q1 = x+c1*p1-q1, p1
		p2, q2 = x+c2*p2-q2, p2
	}
	const scale = 2.0 / blockLength
	return (p1*p1 + q1*q1 - c1*p1*q1) * scale, (p2*p2 + q2*q2 - c2*p2*q2) * scale
}
