package measure

import "math/rand/v2"

// MarkerLength is how long a Marker is: half a second at 8000 Hz.
const MarkerLength = 4000

// Found is the correlation from which on FindMarker has found the marker. One
// that went through G.711 scores over 0.99; one of another seed, or speech,
// scores below 0.1.
const Found = 0.7

// Marker is half a second of white noise at about -11 dBm0, a different one for
// each seed. It goes in front of what is played; a recording of another run
// does not have it.
func Marker(seed uint64) []int16 {
	const peak = 8000
	random := rand.New(rand.NewPCG(seed, 0x6d61726b6572))
	samples := make([]int16, MarkerLength)
	for i := range samples {
		samples[i] = int16(random.IntN(2*peak+1) - peak)
	}
	return samples
}

// FindMarker searches all of deg for the marker of that seed. It returns where
// it starts, or would start, best, and the correlation there, to be compared
// with Found. Deg may have up to all but one sample of the marker cut off.
func FindMarker(deg []int16, seed uint64) (at int, corr float64) {
	return best(Marker(seed), deg, 1-MarkerLength, len(deg)-1)
}
