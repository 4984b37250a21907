package comfort

import (
	"errors"
	"math"
)

// MaxOrder is the number of reflection coefficients kept of a payload and sent at
// most. RFC 3389 §3 leaves the order open and allows a decoder to reduce it.
const MaxOrder = 10

const (
	maxLevel   = 127
	levelBits  = 0x7F
	middle     = 127 // octet of a coefficient of 0
	reserved   = 255 // octet that stands for no coefficient
	resolution = 258.0 / 32768
)

// overload is the effective value of 0 dBov: a square wave as large as the code
// allows. RFC 3389 §3.1 gives 8031 for µ-law in 14 bits; A-law differs by 0.04 dB.
const overload = 4 * 8031

// ErrEmpty is returned for a payload without even a level.
var ErrEmpty = errors.New("comfort noise payload is empty: it begins with an octet for the level (RFC 3389 §3)")

// Noise describes background noise. The zero value is white noise at the overload
// point, so a Noise is made by Parse or an Analyzer.
type Noise struct {
	// Level is how far the noise is below overload: -Level dBov, 0 to 127.
	Level int
	// Order is how many of Reflection count, 0 to MaxOrder. 0 is white noise.
	Order int
	// Reflection holds k1, k2, ... between -1 and 1, of the filter
	// A(z) = 1 + a1/z + a2/z² + ... that makes the noise white; the first is
	// negative for noise with its energy at low frequencies.
	Reflection [MaxOrder]float32
}

// Parse reads a CN payload (RFC 3389 §3). Coefficients beyond MaxOrder are left
// aside, and those from a reserved octet on. It fails with ErrEmpty only.
func Parse(payload []byte) (Noise, error) {
	if len(payload) == 0 {
		return Noise{}, ErrEmpty
	}
	n := Noise{Level: int(payload[0] & levelBits)}
	for _, octet := range payload[1:] {
		if n.Order == MaxOrder || octet == reserved {
			break
		}
		n.Reflection[n.Order] = float32(int(octet)-middle) * resolution
		n.Order++
	}
	return n, nil
}

// Append appends the CN payload of n to dst: 1 + n.Order octets. What is out of
// range is brought into it.
func (n Noise) Append(dst []byte) []byte {
	dst = append(dst, byte(min(max(n.Level, 0), maxLevel)))
	for _, k := range n.Reflection[:min(max(n.Order, 0), MaxOrder)] {
		if k != k { // not a number
			k = 0
		}
		step := math.Round(float64(min(max(k, -1), 1)) / resolution)
		dst = append(dst, byte(min(middle+step, reserved-1)))
	}
	return dst
}

// Differs says whether n is so unlike before that a listener would notice: by
// 2 dB, or by the shape of its spectrum.
func (n Noise) Differs(before Noise) bool {
	if d := n.Level - before.Level; d >= 2 || d <= -2 {
		return true
	}
	for i := range max(n.Order, before.Order) {
		if d := n.Reflection[i] - before.Reflection[i]; d > 0.25 || d < -0.25 {
			return true
		}
	}
	return false
}

// dBov returns the level of an effective value, as the octet has it.
func dBov(rms float64) int {
	if rms <= 0 {
		return maxLevel
	}
	return int(min(max(math.Round(-20*math.Log10(rms/overload)), 0), maxLevel))
}
