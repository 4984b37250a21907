package comfort

import "math"

// Analyzer follows background noise: it averages the autocorrelation of the
// frames given to it, over about the last 200 ms of them. The zero value is
// ready; one goroutine owns it.
type Analyzer struct {
	sums   [MaxOrder + 1]float32 // autocorrelation per sample
	frames int
}

const (
	averaged  = 20    // frames
	whitening = 1e-4  // of the energy, added as white noise: keeps the model tame
	quietest  = 1.0   // energy per sample below which there is no shape
	lagWindow = 0.012 // spreads sharp peaks, which would ring
	explained = 1e-6  // share of energy left that ends the search
)

// Reset forgets all.
func (a *Analyzer) Reset() { *a = Analyzer{} }

// Frames returns how many frames were added since Reset, at most those that an
// average is made of.
func (a *Analyzer) Frames() int { return a.frames }

// Add takes one frame of noise, of any length above MaxOrder.
func (a *Analyzer) Add(frame []int16) {
	if len(frame) <= MaxOrder {
		return
	}
	a.frames = min(a.frames+1, averaged)
	weight := 1 / float32(a.frames)
	for lag := range a.sums {
		var sum float32
		for i, x := range frame[lag:] {
			sum += float32(x) * float32(frame[i])
		}
		a.sums[lag] += (sum/float32(len(frame)) - a.sums[lag]) * weight
	}
}

// Noise returns a model of that order, 0 to MaxOrder. Without a frame it is
// digital silence.
func (a *Analyzer) Noise(order int) Noise {
	n := Noise{Level: dBov(math.Sqrt(float64(max(a.sums[0], 0))))}
	if a.sums[0] < quietest {
		return n
	}
	n.Order = min(max(order, 0), MaxOrder)
	a.levinson(&n)
	return n
}

// levinson is the recursion of Levinson and Durbin: from the autocorrelation to
// reflection coefficients.
func (a *Analyzer) levinson(n *Noise) {
	var r [MaxOrder + 1]float32
	r[0] = a.sums[0] * (1 + whitening)
	for i := 1; i <= n.Order; i++ {
		taper := lagWindow * float64(i)
		r[i] = a.sums[i] * float32(math.Exp(-0.5*taper*taper))
	}
	var lpc, before [MaxOrder + 1]float32
	left := r[0]
	for m := 1; m <= n.Order; m++ {
		sum := r[m]
		for i := 1; i < m; i++ {
			sum += lpc[i] * r[m-i]
		}
		k := -sum / left
		if !(k > -1 && k < 1) {
			n.Order = m - 1
			return
		}
		n.Reflection[m-1] = k
		before = lpc
		for i := 1; i < m; i++ {
			lpc[i] += k * before[m-i]
		}
		lpc[m] = k
		if left *= 1 - k*k; left < explained*r[0] {
			n.Order = m
			return
		}
	}
}
