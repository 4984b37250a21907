package doctor

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio/measure"
)

// The other side reports every few seconds (RFC 3550 §6.2), which such a call may
// not last: a round trip that nobody measured is not told.
func TestJudge_RoundTripThatIsNotKnown(t *testing.T) {
	const seed = 7
	var x examination
	heard := measure.Marker(seed)
	stats := media.Stats{PacketsReceived: 175, Jitter: 2 * time.Millisecond, MOS: 4.4}
	got := x.judge(stats, heard, seed)
	assert.Equal(t, OK, got.Status)
	assert.NotContains(t, got.Finding, "round trip")
	stats.RTT = 12 * time.Millisecond
	assert.Contains(t, x.judge(stats, heard, seed).Finding, "round trip 12ms")
}

// What a busy machine or a network with a wandering delay does to sound is to part
// it: each piece is where nobody looks for the whole.
func TestJudge_SoundThatWasParted(t *testing.T) {
	const seed = 7
	var heard []int16
	for piece := range slices.Chunk(measure.Marker(seed), measure.MarkerLength/3) {
		heard = append(append(heard, make([]int16, 240)...), piece...)
	}
	_, whole := measure.FindMarker(heard, seed)
	require.Less(t, whole, measure.Found)
	var x examination
	assert.Equal(t, OK, x.judge(media.Stats{PacketsReceived: 175}, heard, seed).Status)
	assert.Equal(t, Failed, x.judge(media.Stats{PacketsReceived: 175}, heard, seed+1).Status, "the sound of somebody else")
}
