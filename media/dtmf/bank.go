package dtmf

import "math"

const (
	segmentLength = 40 // samples: 5 ms
	segments      = 4  // in a block
	blockLength   = segments * segmentLength
)

// bank is eight Goertzel filters, one for each tone of the keypad.
//
// It filters segments of 5 ms and keeps the phase. Four of them, turned to one
// moment and added, are a block of 20 ms as a filter of 160 samples would see it,
// at any frequency near the eight. So each sample is filtered once, though
// blocks overlap by three quarters, and a tone that is off by a few percent is
// measured where it is.
type bank struct {
	omega [frequency]float64    // radians a sample
	coef  [frequency]float64    // 2 cos ω
	last  [frequency]complex128 // e^-jω
	turn  [frequency]complex128 // from the end of a segment to its middle
	outer [frequency]complex128 // from the middle of the first segment to that of the block
	inner [frequency]complex128 // from the middle of the second one
}

// segment is 5 ms of sound as the filters saw it.
type segment struct {
	energy float64
	value  [frequency]complex128 // Σ x·e^-jωn, n counted from the middle
}

func newBank() bank {
	var b bank
	for i, hz := range tones() {
		w := 2 * math.Pi * hz / toneRate
		b.omega[i], b.coef[i] = w, 2*math.Cos(w)
		b.last[i] = complex(math.Cos(w), -math.Sin(w))
		half := w * (segmentLength - 1) / 2
		b.turn[i] = complex(math.Cos(half), -math.Sin(half))
		b.outer[i], b.inner[i] = turns(w)
	}
	return b
}

// filter fills s from one segment of samples. Where there is next to no sound
// the filters are left out.
func (b *bank) filter(s *segment, x *[segmentLength]int16) {
	var energy int64
	for _, v := range x {
		energy += int64(v) * int64(v)
	}
	s.energy = float64(energy)
	if s.energy < segmentFloor {
		s.value = [frequency]complex128{}
		return
	}
	// Four filters at a time: each waits for its own last value, not for the
	// others'.
	for i := 0; i < frequency; i += groups {
		c0, c1, c2, c3 := b.coef[i], b.coef[i+1], b.coef[i+2], b.coef[i+3]
		var p0, p1, p2, p3, q0, q1, q2, q3 float64 // one sample ago, two ago
		for _, v := range x {
			f := float64(v)
			p0, q0 = f-q0+c0*p0, p0
			p1, q1 = f-q1+c1*p1, p1
			p2, q2 = f-q2+c2*p2, p2
			p3, q3 = f-q3+c3*p3, p3
		}
		s.value[i] = (complex(p0, 0) - b.last[i]*complex(q0, 0)) * b.turn[i]
		s.value[i+1] = (complex(p1, 0) - b.last[i+1]*complex(q1, 0)) * b.turn[i+1]
		s.value[i+2] = (complex(p2, 0) - b.last[i+2]*complex(q2, 0)) * b.turn[i+2]
		s.value[i+3] = (complex(p3, 0) - b.last[i+3]*complex(q3, 0)) * b.turn[i+3]
	}
}

// turns is by how much the first and the second segment of a block are turned to
// its middle; the fourth and the third are turned back by as much.
func turns(omega float64) (outer, inner complex128) {
	s3, c3 := math.Sincos(omega * segmentLength * 3 / 2)
	s1, c1 := math.Sincos(omega * segmentLength / 2)
	return complex(c3, s3), complex(c1, s1)
}

// line is one tone of a block: the values of one filter, oldest first.
type line [segments]complex128

// join is Σ x·e^-jωn over the block, n counted from its middle.
func (l *line) join(outer, inner complex128) complex128 {
	back := func(z complex128) complex128 { return complex(real(z), -imag(z)) }
	return l[0]*outer + l[1]*inner + l[2]*back(inner) + l[3]*back(outer)
}

// at is the power of join at a frequency that is off by offset from that of the
// filter, omega. It makes up for what the filter lost there.
func (l *line) at(omega, offset float64) float64 {
	x := l.join(turns(omega * (1 + offset)))
	gain := segmentLength / dirichlet(omega*offset, segmentLength)
	return power(x) * gain * gain
}

func power(x complex128) float64 { return real(x)*real(x) + imag(x)*imag(x) }

// dirichlet is Σ cos(ωm) over n samples around their middle.
func dirichlet(omega, n float64) float64 {
	d := math.Sin(omega / 2)
	if math.Abs(d) < 1e-9 {
		return n
	}
	return math.Sin(n*omega/2) / d
}
