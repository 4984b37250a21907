package phone

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// Whom a directive called is handed on to a desk: events name the desk, the history
// whom the user called.
func TestPhone_HistoryOfACallThatWasHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New(1, memnet.Link{})
		defer func() { require.NoError(t, network.Close()) }()
		host := network.Host(netip.MustParseAddr("10.0.0.2"))
		file := config.Default()
		file.SIP.Listen = []string{"udp:10.0.0.2:5060"}
		p, err := Open(t.Context(), Config{
			File: file, StorePath: Memory, ListenMedia: host.ListenPacket,
			Network: sip.Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
		})
		require.NoError(t, err)
		bob := sip.Identity{URI: sip.URI{Scheme: "sip", User: "01033334444", Host: "pbx"}}
		desk := sip.Identity{URI: sip.URI{Scheme: "sip", User: "600", Host: "pbx"}}
		began := time.Now()
		p.callees.Store("c", agent.Callee{Name: "Bob", Number: "01033334444"})
		happen := func(kind dialer.EventType, remote, first sip.Identity, o *dialer.Outcome) {
			p.happened(dialer.Event{
				CallID: "c", Time: time.Now(), Type: kind, Direction: dialer.Outbound, Remote: remote, First: first, Started: began, Outcome: o,
			})
		}
		happen(dialer.EventDialing, bob, sip.Identity{}, nil)
		happen(dialer.EventAnswered, bob, sip.Identity{}, nil)
		happen(dialer.EventReplaced, desk, bob, nil)
		happen(dialer.EventEnded, desk, bob, &dialer.Outcome{
			Disposition: dialer.Completed, EndedBy: dialer.Local, Code: 200, Started: began, Answered: began, Ended: time.Now(),
		})
		require.NoError(t, p.Stop(t.Context()))
		named := map[string]string{}
		require.NoError(t, p.Follow(context.Background(), func(ev store.Event) bool {
			var e CallEvent
			require.NoError(t, json.Unmarshal(ev.Data, &e))
			named[ev.Type] = e.Name + " " + e.Remote
			return true
		}))
		assert.Equal(t, "Bob sip:01033334444@pbx", named[TypeAnswered])
		assert.Equal(t, " sip:600@pbx", named[TypeReplaced])
		assert.Equal(t, " sip:600@pbx", named[TypeEnded])
		rows, err := p.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, "01033334444", rows[0].Number)
		assert.Equal(t, "Bob", rows[0].Name)
		require.NoError(t, p.Close(t.Context()))
	})
}
