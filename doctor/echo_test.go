package doctor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

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
