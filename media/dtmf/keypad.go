package dtmf

// toneRate is the sample rate of sound in this package, in Hz: that of G.711.
const toneRate = 8000

// fullScale is the level in dBm0 of a sine that just fills 16 bits, which stand
// for the range of µ-law (ITU-T G.711: T_max = 3.17 dBm0).
const fullScale = 3.17

const (
	groups    = 4 // frequencies in each of the two groups
	frequency = 2 * groups
)

// keypad is the sixteen keys by low and high frequency (ITU-T Q.23):
//
//	       1209 1336 1477 1633 Hz
//	697 Hz    1    2    3    A
//	770 Hz    4    5    6    B
//	852 Hz    7    8    9    C
//	941 Hz    *    0    #    D
const keypad = "123A456B789C*0#D"

// tones is the low group, then the high group, in Hz (ITU-T Q.23).
func tones() [frequency]float64 {
	return [frequency]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}
}
