package quality

import (
	"math"
	"time"
)

// Constants of the E-model.
const (
	// DefaultR is the rating with every parameter at its default (G.107 §7.7).
	DefaultR = 93.2

	// BplConcealed and BplPlain are the packet-loss robustness factors of G.711
	// with and without packet loss concealment (G.113 Appendix I); its equipment
	// impairment factor Ie is 0.
	BplConcealed = 25.1
	BplPlain     = 4.3

	ieG711 = 0.0

	// Delay sensitivity sT and minimum perceivable delay mT in ms, default
	// class of G.107 §7.4.
	delaySensitivity = 1.0
	minDelay         = 100.0
)

// Input is what is known of a call with G.711 in one direction. The zero value
// is a call without loss or delay.
type Input struct {
	Loss       float64       // packets lost or too late, as a fraction from 0 to 1
	BurstRatio float64       // G.107 BurstR: 1 is random loss, more is burstier; below 1 counts as 1
	Delay      time.Duration // one way, mouth to ear
	Bpl        float64       // packet-loss robustness; 0 stands for BplConcealed
}

// R returns the transmission rating factor of G.107, limited to 0 to 100.
func (in Input) R() float64 {
	return min(max(DefaultR-in.DelayImpairment()-in.LossImpairment(), 0), 100)
}

// MOS returns the estimated mean opinion score, 1.0 to 4.5.
func (in Input) MOS() float64 { return MOS(in.R()) }

// LossImpairment returns Ie,eff of G.107 §7.5, the effective equipment
// impairment under packet loss.
func (in Input) LossImpairment() float64 {
	bpl := in.Bpl
	if !(bpl > 0) {
		bpl = BplConcealed
	}
	burst := in.BurstRatio
	if !(burst > 1) {
		burst = 1
	}
	loss := 0.0
	if in.Loss > 0 {
		loss = min(in.Loss, 1) * 100
	}
	return ieG711 + (95-ieG711)*loss/(loss/burst+bpl)
}

// DelayImpairment returns Idd of G.107 §7.4, what too long an absolute delay
// costs even with perfect echo control: 0 up to 100 ms.
func (in Input) DelayImpairment() float64 {
	ms := float64(in.Delay) / float64(time.Millisecond)
	if ms <= minDelay {
		return 0
	}
	x := math.Log2(ms / minDelay)
	const exp = 6 * delaySensitivity
	root := func(v float64) float64 { return math.Pow(1+math.Pow(v, exp), 1/exp) }
	return 25 * (root(x) - 3*root(x/3) + 2)
}

// MOS converts a rating factor to the mean opinion score of a conversation
// (G.107 Annex B), 1.0 to 4.5.
func MOS(r float64) float64 {
	switch {
	case !(r > 0):
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// BurstRatio returns G.107's BurstR: the mean length of the observed runs of
// loss over the mean length that random loss would give. lost packets of total
// came in runs runs. It is 1 when too little was lost to say.
func BurstRatio(lost, runs, total uint64) float64 {
	if lost == 0 || runs == 0 || total <= lost {
		return 1
	}
	observed := float64(lost) / float64(runs)
	random := 1 / (1 - float64(lost)/float64(total))
	return max(1, observed/random)
}
