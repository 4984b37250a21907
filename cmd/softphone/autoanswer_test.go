package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
)

// A caller who asks to be answered at once hears what every other caller hears, be it
// that the phone answers by itself anyway or that calls ring for who has the keys.
func TestAnswer_WhoAsksToBeAnsweredIsEchoed_RFC5373(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"by itself": {"--after", "500ms"}, "with keys": {"--keys"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bob, uri := waiting(t, "bob", append(keys, "--echo", "--auto-answer", "door")...)
			file := config.Default()
			file.SIP.Listen = []string{"udp:127.0.0.1:0"}
			file.Media.Delay, file.Media.Fixed = config.Duration(150*time.Millisecond), true
			p, err := phone.Open(t.Context(), phone.Config{File: file, StorePath: phone.Memory})
			require.NoError(t, err)
			defer func() { require.NoError(t, p.Close(context.WithoutCancel(t.Context()))) }()
			require.NoError(t, p.AddUnregistered(config.Account{ID: "door", User: "door", Mode: config.ModeAutomation}))
			const seed = 11
			said, err := audio.NewWAV(audio.Narrowband, measure.Marker(seed))
			require.NoError(t, err)
			heard := audio.NewBuffer(audio.Narrowband, soon)
			c, err := p.Dial(t.Context(), uri, phone.DialOptions{
				Source: said.Source(true), Sink: heard, Headers: []sip.Header{{Name: "Call-Info", Value: "<sip:door@127.0.0.1>;answer-after=0"}},
			})
			require.NoError(t, err)
			bob.event("call.answered")
			require.Eventually(t, func() bool {
				_, likeness := measure.FindMarker(heard.Samples(), seed)
				return likeness >= measure.Found
			}, soon, 5e8)
			require.NoError(t, c.Hangup(t.Context()))
			<-c.Done()
			assert.Equal(t, dialer.Completed, c.Outcome().Disposition)
		})
	}
}
