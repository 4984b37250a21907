package measure

import "math"

// Window is the length of the stretches that Dropouts looks at: 20 ms at
// 8000 Hz.
const Window = 160

const (
	dropRatio = 10_000 // 40 dB
	// Below this mean square (16 of 32768: -60 dBm0) the reference is a pause,
	// whose last bits G.711 rounds to nothing.
	quiet = 16 * 16
)

// Dropouts counts the stretches of 20 ms at 8000 Hz in which deg, taken lag
// samples later as BestLag found, has an energy more than 40 dB below that of
// ref. Stretches may start at any sample and are counted without overlap, so a
// lost packet counts wherever it fell. Pauses of ref do not count. What deg has
// too little at its ends counts as silence.
func Dropouts(ref, deg []int16, lag int) int { return len(Gaps(ref, deg, lag)) }

// Gaps is where the stretches that Dropouts counts start in ref.
func Gaps(ref, deg []int16, lag int) []int {
	var gaps []int
	r, d := prefixEnergy(ref), prefixEnergy(deg)
	for i := 0; i+Window <= len(ref); {
		e := window(r, i, i+Window)
		if e > quiet*Window && window(d, i+lag, i+lag+Window) < e/dropRatio {
			gaps = append(gaps, i)
			i += Window
			continue
		}
		i++
	}
	return gaps
}

// Result is how a recording compares with what was played.
type Result struct {
	Lag         int     // samples the recording is late
	Correlation float64 // over all of the reference at Lag: 1 is the same waveform
	Dropouts    int     // stretches of 20 ms without sound
	Gain        float64 // dB the recording is louder; 0 when either is silent
}

// Compare measures deg against all of ref at the one lag, within maxLag, where
// they match best. Both are at 8000 Hz.
func Compare(ref, deg []int16, maxLag int) Result {
	var r Result
	r.Lag, r.Correlation = BestLag(ref, deg, maxLag)
	r.Dropouts = Dropouts(ref, deg, r.Lag)
	own := window(prefixEnergy(ref), 0, len(ref))
	heard := window(prefixEnergy(deg), r.Lag, r.Lag+len(ref))
	if own > 0 && heard > 0 {
		r.Gain = 10 * math.Log10(float64(heard)/float64(own))
	}
	return r
}
