package offer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestXR_RFC3611_5_1(t *testing.T) {
	both := XR{VoIPMetrics: true, ReceiverRTT: true}
	for value, want := range map[string]XR{
		"":                                 {},
		"voip-metrics":                     {VoIPMetrics: true},
		"VOIP-METRICS":                     {VoIPMetrics: true},
		"rcvr-rtt=all":                     {ReceiverRTT: true},
		"rcvr-rtt=sender:400 voip-metrics": both,
		"rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics": both,
		"pkt-loss-rle=20 pkt-dup-rle pkt-rcpt-times=40":                  {},
		"rcvr-rtt=nobody x-new=voip-metrics":                             {},
		"rcvr-rtt":                                                       {},
	} {
		d, err := parse([]byte(text("m=audio 5000 RTP/AVP 0", "a=rtcp-xr:"+value)))
		require.NoError(t, err, value)
		assert.Equal(t, want, d.xr(d.media[0]), value)
		d, err = parse([]byte(text("a=rtcp-xr:"+value, "m=audio 5000 RTP/AVP 0")))
		require.NoError(t, err, value)
		assert.Equal(t, want, d.xr(d.media[0]), "for the session: %s", value)
		round, err := parse([]byte(text("m=audio 5000 RTP/AVP 0", "a=rtcp-xr:"+want.String())))
		require.NoError(t, err)
		assert.Equal(t, want, round.xr(round.media[0]))
	}
}

// Each side says what it wants to have; an answer is silent on what the offer did
// not bring up.
func TestXR_OfferAnswer_RFC3611_5_2(t *testing.T) {
	all, metrics := XR{VoIPMetrics: true, ReceiverRTT: true}, XR{VoIPMetrics: true}
	for _, c := range []struct{ caller, callee, caller2, callee2 XR }{
		{all, all, all, all},
		{all, metrics, metrics, all},
		{metrics, XR{}, XR{}, metrics},
		{XR{}, all, XR{}, XR{}},
	} {
		caller, callee := local4(), local4()
		caller.XR, callee.XR = c.caller, c.callee
		offer, err := caller.Offer()
		require.NoError(t, err)
		assert.Equal(t, c.caller != XR{}, strings.Contains(string(offer), "a=rtcp-xr:"))
		answer, theirs, err := callee.Answer(offer)
		require.NoError(t, err)
		ours, err := caller.Accept(offer, answer)
		require.NoError(t, err)
		assert.Equal(t, c.caller2, ours.XR, "the caller is asked for")
		assert.Equal(t, c.callee2, theirs.XR, "the callee is asked for")
	}
}
