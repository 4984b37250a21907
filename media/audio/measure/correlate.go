package measure

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// BestLag finds the one delay at which deg is most like all of ref, among the
// delays from -maxLag to +maxLag samples. With a positive lag deg is late:
// deg[i+lag] answers to ref[i].
//
// corr is the normalized cross-correlation over the whole of ref at that lag,
//
//	Σ ref[i]·deg[i+lag] / √(Σ ref[i]² · Σ deg[i+lag]²)
//
// with deg taken as silent outside its ends, so that a recording that misses a
// part scores less. It is 1 for equal waveforms, whatever their level, about 0
// for unlike ones and 0 when either is silent.
//
// The search runs in the frequency domain; the best candidates are then
// computed again in whole numbers, so that lag and corr are exact. A minute at
// 8 kHz with a maxLag of a second takes about 0.1 s.
func BestLag(ref, deg []int16, maxLag int) (lag int, corr float64) {
	maxLag = max(maxLag, 0)
	return best(ref, deg, -maxLag, maxLag)
}

// candidates is how many lags are computed exactly.
const candidates = 8

// best searches the lags from first to last, both included.
func best(ref, deg []int16, first, last int) (lag int, corr float64) {
	if len(ref) == 0 || len(deg) == 0 {
		return 0, 0
	}
	// Beyond these the two do not overlap.
	first, last = max(first, 1-len(ref)), min(last, len(deg)-1)
	if first > last {
		return 0, 0
	}
	products := correlations(ref, deg, first, last)
	energy := prefixEnergy(deg)
	own := float64(window(prefixEnergy(ref), 0, len(ref)))
	score := func(i int, product float64) float64 {
		e := float64(window(energy, first+i, first+i+len(ref)))
		if e == 0 || own == 0 {
			return 0
		}
		return product / math.Sqrt(own*e)
	}
	var top [candidates]int
	found := 0
	for i, product := range products {
		s := score(i, product)
		products[i] = s
		if found == candidates && s <= products[top[found-1]] {
			continue
		}
		if found < candidates {
			found++
		}
		at := found - 1
		for ; at > 0 && products[top[at-1]] < s; at-- {
			top[at] = top[at-1]
		}
		top[at] = i
	}
	corr = math.Inf(-1)
	for _, i := range top[:found] {
		s := score(i, float64(dot(ref, deg, first+i)))
		if s > corr || s == corr && abs(first+i) < abs(lag) {
			lag, corr = first+i, s
		}
	}
	return lag, corr
}

func abs(n int) int { return max(n, -n) }

// dot is Σ ref[i]·deg[i+lag].
func dot(ref, deg []int16, lag int) int64 {
	if lag < 0 {
		ref, lag = ref[-lag:], 0
	}
	n := min(len(ref), len(deg)-lag)
	var sum int64
	for i := range n {
		sum += int64(ref[i]) * int64(deg[i+lag])
	}
	return sum
}

// prefixEnergy is p with p[n] = Σ x[i]² over the first n samples.
func prefixEnergy(x []int16) []int64 {
	p := make([]int64, len(x)+1)
	for i, v := range x {
		p[i+1] = p[i] + int64(v)*int64(v)
	}
	return p
}

// window is the energy of the samples from a to b, those outside being silent.
func window(p []int64, a, b int) int64 {
	last := len(p) - 1
	return p[min(max(b, 0), last)] - p[min(max(a, 0), last)]
}

// correlations computes Σ ref[i]·deg[i+lag] for all lags from first to last by
// overlapping blocks in the frequency domain.
func correlations(ref, deg []int16, first, last int) []float64 {
	const smallest, largest = 1 << 13, 1 << 20
	lags := last - first + 1
	size := 1 << bits.Len(uint(2*min(lags, len(ref))-1))
	size = min(max(size, smallest), largest)
	half := size / 2
	out := make([]float64, 0, lags)
	z := make([]complex128, size)
	sum := make([]complex128, size)
	t := newTransform(size)
	for at := 0; at < lags; at += half {
		clear(sum)
		for from := 0; from < len(ref); from += half {
			// ref as real part, the piece of deg it can meet as imaginary
			// part: one transform does both.
			for i := range z {
				var re, im float64
				if i < half && from+i < len(ref) {
					re = float64(ref[from+i])
				}
				if j := from + first + at + i; j >= 0 && j < len(deg) {
					im = float64(deg[j])
				}
				z[i] = complex(re, im)
			}
			t.forward(z)
			for k := range z {
				a, b := z[k], cmplx.Conj(z[(size-k)%size])
				r := (a + b) / 2
				d := (a - b) * complex(0, -0.5)
				sum[k] += cmplx.Conj(r) * d
			}
		}
		t.inverse(sum)
		for i := range min(half, lags-at) {
			out = append(out, real(sum[i]))
		}
	}
	return out
}

// transform is a radix-2 fast Fourier transform of one size.
type transform struct{ roots []complex128 }

func newTransform(size int) *transform {
	t := &transform{roots: make([]complex128, size/2)}
	for i := range t.roots {
		t.roots[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(size))
	}
	return t
}

func (t *transform) forward(x []complex128) {
	n := len(x)
	shift := 64 - uint(bits.Len(uint(n-1)))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for span := 1; span < n; span *= 2 {
		step := n / (2 * span)
		for base := 0; base < n; base += 2 * span {
			low, high := x[base:base+span], x[base+span:base+2*span]
			for i := range low {
				v := high[i] * t.roots[i*step]
				low[i], high[i] = low[i]+v, low[i]-v
			}
		}
	}
}

func (t *transform) inverse(x []complex128) {
	for i := range x {
		x[i] = cmplx.Conj(x[i])
	}
	t.forward(x)
	scale := complex(1/float64(len(x)), 0)
	for i := range x {
		x[i] = cmplx.Conj(x[i]) * scale
	}
}
