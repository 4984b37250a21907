package main

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
)

// Who quits while several lines are up waits once for whom does not answer the
// goodbye any more, and not once for each line.
func TestKeys_QuitHangsAllLinesUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New(1, memnet.Link{})
		defer func() { require.NoError(t, network.Close()) }()
		host := network.Host(netip.MustParseAddr("10.0.0.2"))
		file := config.Default()
		file.SIP.Listen = []string{"udp:10.0.0.2:5060"}
		p, err := phone.Open(t.Context(), phone.Config{
			File: file, StorePath: phone.Memory, ListenMedia: host.ListenPacket,
			Network: sip.Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
		})
		require.NoError(t, err)
		require.NoError(t, p.AddUnregistered(config.Account{ID: "direct", User: "alice", Mode: config.ModeAutomation}))
		for _, target := range []string{"sip:bob@10.0.0.8", "sip:carol@10.0.0.9"} { // nobody is there
			_, err := p.Dial(t.Context(), target, phone.DialOptions{})
			require.NoError(t, err)
		}
		ctx, quit := context.WithCancel(t.Context())
		defer time.AfterFunc(time.Second, quit).Stop()
		began := time.Now()
		(&console{s: &session{Phone: p}}).finish(ctx)
		assert.Empty(t, p.Calls())
		assert.LessOrEqual(t, time.Since(began), 7*time.Second, "5 s for both together, see dialer.Config.HangupTimeout")
		require.NoError(t, p.Close(context.WithoutCancel(t.Context())))
	})
}
