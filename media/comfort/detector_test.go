package comfort

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recording returns the samples of a WAV file with the plain head of 44 octets.
func recording(t *testing.T, name string) []int16 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "audio", name))
	require.NoError(t, err)
	b = b[44:]
	x := make([]int16, len(b)/2)
	for i := range x {
		x[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return x
}

// Speech with noise at several ratios: what the Detector calls noise holds no
// beginning of a word longer than 30 ms, and no speech to speak of; and of the
// pauses it finds most.
func TestDetector_SpeechInNoise(t *testing.T) {
	for _, name := range []string{"speech-a.wav", "speech-b.wav", "speech.wav"} {
		clean := recording(t, name)
		level := rms(clean)
		clean = append(append(make([]int16, 16000), clean...), make([]int16, 24000)...) // the other one speaks
		for _, snr := range []float64{40, 30, 20, 15} {
			for _, pole := range []float64{0, 0.9} {
				noise := level * math.Pow(10, -snr/20)
				x := coloured(3, pole, noise, len(clean))
				for i := range x {
					x[i] += clean[i]
				}
				what := fmt.Sprintf("%s, %v dB, pole %v", name, snr, pole)
				checkDetector(t, clean, x, noise, what)
			}
		}
	}
}

func checkDetector(t *testing.T, clean, x []int16, noise float64, what string) {
	t.Helper()
	var d Detector
	var quiet, pauses, found, lost, speech, clipped, longest int
	const settled = 200 // frames
	for i := 0; (i+1)*80 <= len(x); i++ {
		own := rms(clean[i*80 : i*80+80])
		active := d.Active(x[i*80 : i*80+80])
		if i < settled {
			continue
		}
		audible := own > 2*noise && own > 60 // 6 dB above the noise
		if audible {
			speech++
			quiet = 0
		} else if quiet++; quiet > 30 { // beyond what is held
			pauses++
			if !active {
				found++
			}
		}
		if audible && !active {
			lost++
			clipped++
			longest = max(longest, clipped)
		} else {
			clipped = 0
		}
	}
	t.Logf("%s: %d of %d frames of speech lost, at most %d in a row; %d of %d frames of pause found", what, lost, speech, longest, found, pauses)
	assert.LessOrEqual(t, longest, 2, "%s: a word was clipped", what)
	assert.LessOrEqual(t, float64(lost), 0.01*float64(speech), "%s: speech was lost", what)
	if pauses > 50 {
		assert.Greater(t, float64(found), 0.8*float64(pauses), "%s: pauses", what)
	}
}

// Noise that becomes louder is taken for speech at first, and for noise within
// three seconds.
func TestDetector_FollowsLouderNoise(t *testing.T) {
	var d Detector
	x := append(coloured(1, 0.5, 50, 5*8000), coloured(2, 0.5, 250, 5*8000)...)
	x = append(x, coloured(3, 0.5, 30, 2*8000)...)
	var active []bool
	for i := 0; i < len(x); i += 80 {
		active = append(active, d.Active(x[i:i+80]))
	}
	share := func(from, to int) (s float64) {
		for _, a := range active[from:to] {
			if a {
				s += 1 / float64(to-from)
			}
		}
		return s
	}
	assert.Less(t, share(50, 500), 0.03)
	assert.Greater(t, share(500, 520), 0.9)
	assert.Less(t, share(830, 1000), 0.03, "it has learnt")
	assert.Less(t, share(1050, 1200), 0.03)
}

func TestDetector_DigitalSilence(t *testing.T) {
	var d Detector
	frame := make([]int16, 80)
	for i := range 100 {
		active := d.Active(frame)
		assert.Equal(t, i < learning, active)
	}
	for i := range frame {
		frame[i] = int16(3000 * math.Sin(float64(i)/3))
	}
	assert.True(t, d.Active(frame), "the first frame of a word is in")
}

// Who speaks from the first moment on is heard, and a tone is no noise however
// long it lasts.
func TestDetector_SpeechAtOnceAndTones(t *testing.T) {
	var d Detector
	for i := range 1000 {
		var frame [80]int16
		for j := range frame {
			frame[j] = int16(3000 * math.Sin(2*math.Pi*425*float64(i*80+j)/8000))
		}
		require.True(t, d.Active(frame[:]), "frame %d", i)
	}
}
