package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/quality"
)

// Live, in the ended event and in the result: one struct for both ways, and the
// figures that were there before stay where they were.
func TestCall_QualityIsToldLiveAndAtTheEnd(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "call", "600", "--play", speechFile(t), "--quality", "500ms")
	r := p.result()
	require.Zero(t, p.code)
	for _, key := range []string{"packets_sent", "jitter_ms", "playout_delay_ms", "mos"} {
		assert.Contains(t, r, key)
	}
	var told []line
	for _, l := range jsonLines(t, p.stdout.String()) {
		if l["type"] == "quality" {
			told = append(told, l)
		}
	}
	require.GreaterOrEqual(t, len(told), 4, "3 s in steps of half a second")
	ended := p.event("call.ended")["ended"].(map[string]any)["quality"].(map[string]any)
	for _, l := range append(told, r, ended) {
		here := l["local"].(map[string]any)
		for _, key := range []string{"loss_percent", "discard_percent", "burst_ms", "rtt_ms", "delay_ms", "r_factor", "mos_lq", "mos_cq"} {
			assert.Contains(t, here, key)
		}
		assert.Contains(t, l, "remote")
	}
	last := told[len(told)-1]
	assert.Equal(t, "measured", last["local"].(map[string]any)["origin"])
	assert.InDelta(t, 500*float64(len(told)), last["talk_ms"], 300)
	assert.Greater(t, r["local"].(map[string]any)["mos_lq"], 4.0)
	assert.Equal(t, r["mos"], r["local"].(map[string]any)["mos_cq"])
}

func TestQualityTable(t *testing.T) {
	assert.Empty(t, qualityTable(quality.Call{}))
	here := quality.Stream{Origin: quality.Measured, LossPercent: 1.234, DiscardPercent: 0.5, BurstMS: 80, JitterMS: 3.21, RTTMS: 40, DelayMS: 95, R: 88.8, MOSLQ: 4.25, MOSCQ: 4.2}
	text := qualityTable(quality.Call{Local: here})
	assert.Len(t, strings.Split(text, "\n"), 2, "nothing is said of what is not known")
	assert.Equal(t, strings.Fields("heard here 1.23 0.50 80 3.2 40.0 95.0 88.8 4.25 4.20 measured"), strings.Fields(strings.Split(text, "\n")[1]))
	assert.Contains(t, qualityTable(quality.Call{Local: here, Remote: quality.Stream{Origin: quality.Reported}}), "heard there")
	assert.Equal(t, "not known yet", shortly(quality.Stream{}))
	assert.Equal(t, "MOS 4.20, 1.7 % lost, jitter 3.2 ms, delay 95 ms", shortly(here))
}

func TestFlags_DSCPAndMediaTimeout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--dscp", "64"}, "media.dscp: is 64"},
		{[]string{"--media-timeout", "-1s"}, "media.timeout: is negative"},
		{[]string{"--quality", "-1s"}, "--quality"},
	} {
		p := withPassword("alice").start(t, append(append(local(t, "call"), c.args...), "sip:x@127.0.0.1:9", "--data-dir", filepath.Join(t.TempDir(), "d"))...)
		assert.Equal(t, exitUsage, p.wait(), c.says)
		assert.Contains(t, p.stderr.String(), c.says)
	}
}
