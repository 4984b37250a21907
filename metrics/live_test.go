package metrics_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/softphone-go/softphone/media/quality"
	"github.com/softphone-go/softphone/metrics"
)

// running is a scrape's figures of calls that are up.
func running(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	got := map[string]string{}
	for name, v := range scrape(t, m) {
		if rest, ok := strings.CutPrefix(name, "live_"); ok {
			got[rest] = v
		}
	}
	return got
}

func TestLive_MedianAndWorst(t *testing.T) {
	m := metrics.New()
	assert.Empty(t, running(t, m), "there is nobody to ask")
	var calls []quality.Call
	m.Watch(func() []quality.Call { return calls })
	assert.Equal(t, map[string]string{`calls_heard{side="local"}`: "0", `calls_heard{side="remote"}`: "0"}, running(t, m))

	stream := func(loss, jitter, trip, playout, mos float64) quality.Stream {
		return quality.Stream{Origin: quality.Measured, RecentLossPercent: loss, JitterMS: jitter, RTTMS: trip, PlayoutMS: playout, MOSCQ: mos}
	}
	calls = []quality.Call{
		{Local: stream(0, 2, 20, 40, 4.3), Remote: quality.Stream{Origin: quality.Reported, RecentLossPercent: 50, JitterMS: 8}},
		{Local: stream(25, 30, 250, 300, 2.5)},
		{Local: stream(0, 4, 0, 60, 4.1)}, // no report has come yet
		{},                                // answered this moment
	}
	assert.Equal(t, map[string]string{
		`calls_heard{side="local"}`: "3", `calls_heard{side="remote"}`: "1",
		`rtp_loss_ratio{of="median",side="local"}`: "0", `rtp_loss_ratio{of="worst",side="local"}`: "0.25",
		`rtp_loss_ratio{of="median",side="remote"}`: "0.5", `rtp_loss_ratio{of="worst",side="remote"}`: "0.5",
		`rtp_jitter_seconds{of="median",side="local"}`: "0.004", `rtp_jitter_seconds{of="worst",side="local"}`: "0.03",
		`rtp_jitter_seconds{of="median",side="remote"}`: "0.008", `rtp_jitter_seconds{of="worst",side="remote"}`: "0.008",
		`rtp_round_trip_seconds{of="median"}`: "0.135", `rtp_round_trip_seconds{of="worst"}`: "0.25",
		`playout_delay_seconds{of="median",side="local"}`: "0.06", `playout_delay_seconds{of="worst",side="local"}`: "0.3",
		`call_mos{of="median",side="local"}`: "4.1", `call_mos{of="worst",side="local"}`: "2.5",
	}, running(t, m), "as many figures for any number of calls")
}
