package phone_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
)

// TestPhone_MessagesWaiting: what the registrar tells of the mailbox is entered
// when it is news, and what a stranger tells is not.
func TestPhone_MessagesWaiting_RFC3842(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice")
		defer w.close(t)
		p := w.phone(t, "10.0.0.2", "alice", config.ModePhone)
		defer p.close(t)
		require.Nil(t, p.Accounts()[0].Messages)
		seq := 0
		tell := func(from, body string) {
			seq++
			conn, err := w.net.Host(netip.MustParseAddr(from)).ListenPacket(t.Context(), "udp4", from+":5090")
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.WriteTo(fmt.Appendf(nil, "NOTIFY sip:alice@10.0.0.2:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s:5090;branch=z9hG4bK%d\r\n"+
				"Max-Forwards: 70\r\nFrom: <sip:pbx@10.0.0.1>;tag=a%d\r\nTo: <sip:alice@10.0.0.1>\r\nCall-ID: mwi-%d\r\nCSeq: 1 NOTIFY\r\n"+
				"Event: message-summary\r\nSubscription-State: active\r\nContact: <sip:pbx@10.0.0.1>\r\n"+
				"Content-Type: application/simple-message-summary\r\nContent-Length: %d\r\n\r\n%s", from, seq, seq, seq, len(body), body),
				net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.2:5060")))
			require.NoError(t, err)
			<-time.After(time.Second)
		}
		const two = "Messages-Waiting: yes\r\nVoice-Message: 2/1\r\n"
		tell("10.0.0.1", two)
		tell("10.0.0.1", two)
		assert.Equal(t, "registered messages", p.types("account."))
		assert.Equal(t, 2, p.Accounts()[0].Messages.Voice().New)
		tell("10.0.0.9", "Messages-Waiting: no\r\n")
		tell("10.0.0.1", "Messages-Waiting: no\r\nVoice-Message: 0/3\r\n")
		var got []phone.MessagesEvent
		p.mu.Lock()
		for _, ev := range p.events {
			if ev.Type == phone.TypeMessages {
				var m phone.MessagesEvent
				require.NoError(t, json.Unmarshal(ev.Data, &m))
				got = append(got, m)
			}
		}
		p.mu.Unlock()
		assert.Equal(t, []phone.MessagesEvent{{Account: "alice", Waiting: true, New: 2, Old: 1}, {Account: "alice", Old: 3}}, got)
	})
}
