package phone_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
)

// No directive and no account makes a header field of its own, in whichever
// member it tries; and the phone calls on as before.
func TestPhone_DirectivesInjectNoHeaderField_RFC3261_25_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		host := w.net.Host(netip.MustParseAddr("10.0.0.2"))
		file := config.Default()
		file.SIP.Listen = []string{"udp:10.0.0.2:5060"}
		var mu sync.Mutex
		invites, evil := 0, regexp.MustCompile(`(?im)^\s*x-evil`)
		p, err := phone.Open(t.Context(), phone.Config{
			File: file, StorePath: phone.Memory, ListenMedia: host.ListenPacket,
			Network: sip.Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
			Trace: func(m sip.TapMessage) {
				mu.Lock()
				defer mu.Unlock()
				if m.Sent && string(m.Data[:7]) == "INVITE " {
					invites++
				}
				assert.False(t, evil.Match(m.Data), "%s", m.Data)
			},
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, p.Close(t.Context())) }()
		const bad = "010\r\nX-Evil: 1"
		base := config.Account{ID: "a", Server: "10.0.0.1:5060", User: "01011112222", Password: "pw-01011112222", Mode: config.ModePhone}
		for _, change := range []func(*config.Account){
			func(a *config.Account) { a.User = bad }, func(a *config.Account) { a.Domain = bad }, func(a *config.Account) { a.AuthUser = bad },
			func(a *config.Account) { a.DisplayName = bad }, func(a *config.Account) { a.Server = bad },
		} {
			a := base
			change(&a)
			if p.AddAccount(a) == nil {
				time.Sleep(time.Second)
				require.NoError(t, p.RemoveAccount(t.Context(), "a"))
			}
		}
		require.NoError(t, p.AddAccount(base))
		require.NoError(t, p.WaitRegistered(t.Context(), "a"))
		for n := range 4 {
			members := [4]string{"Bob", "CONTACT", "010-3333-4444", "token"}
			members[n] = bad
			quoted := make([]any, len(members))
			for i, m := range members {
				data, err := json.Marshal(m)
				require.NoError(t, err)
				quoted[i] = string(data)
			}
			_ = p.Agent().Handle(t.Context(), directive("MakeCall",
				fmt.Sprintf(`{"callType":"NORMAL","recipient":{"name":%s,"type":%s,"contacts":[{"number":%s}],"token":%s}}`, quoted...)))
			time.Sleep(5 * time.Second)
			_ = p.Agent().Handle(t.Context(), directive("EndCall", `{}`))
			time.Sleep(5 * time.Second)
		}
		for _, target := range []string{bad, "sip:bob@10.0.0.1" + bad, "sip:" + bad + "@10.0.0.1", "bob@10.0.0.1;x=" + bad} {
			_, err := p.Dial(t.Context(), target, phone.DialOptions{})
			require.Error(t, err, target)
		}
		mu.Lock()
		defer mu.Unlock()
		assert.Positive(t, invites, "a bad name alone does not keep a call from being made")
	})
}
