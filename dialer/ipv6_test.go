package dialer

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/sip"
)

// A call over IPv6, on sockets of the operating system: [::1] in URI, Via, Contact and
// SDP, and sound both ways.
func TestIPv6_CallWithSound_RFC5118(t *testing.T) {
	six := netip.IPv6Loopback()
	if l, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp6", "[::1]:0"); err != nil {
		t.Logf("this machine has no IPv6: %v", err)
		return
	} else {
		_ = l.Close()
	}
	pacer := media.NewPacer(media.PacerConfig{Workers: 1})
	ears, rang := [2]*ear{{}, {}}, make(chan string, 1)
	var uas [2]*sip.UserAgent
	var dialers [2]*Dialer
	for i := range uas {
		var err error
		uas[i], err = sip.New(sip.Config{Listen: []sip.Listen{{Transport: sip.UDP, Addr: netip.AddrPortFrom(six, 0)}}, AcceptAny: true})
		require.NoError(t, err)
		dialers[i], err = New(Config{UA: uas[i], Ports: media.NewPorts(media.PortsConfig{}), Pacer: pacer, Events: func(e Event) {
			if e.Type == EventIncoming {
				rang <- e.CallID
			}
		}})
		require.NoError(t, err)
	}
	release, err := uas[1].Handle(dialers[1].Receive)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := dialers[0].Dial(ctx, DialRequest{
		Account: sip.Account{ID: "alice", User: "alice", Domain: "[::1]"}, Source: tone(toneA), Sink: ears[0],
		Target: sip.URI{Scheme: "sip", User: "bob", Host: "::1", Port: int(uas[1].Listening()[0].Addr.Port())},
	})
	require.NoError(t, err)
	in, ok := dialers[1].Call(<-rang)
	require.True(t, ok)
	require.NoError(t, in.Answer(ctx, AnswerOptions{Source: tone(toneB), Sink: ears[1]}))
	require.Eventually(t, func() bool { return ears[0].level(toneB) > 2000 && ears[1].level(toneA) > 2000 }, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, out.Hangup(ctx))
	<-in.Done()
	release()
	for i := range uas {
		require.NoError(t, dialers[i].Close(ctx))
		require.NoError(t, uas[i].Close())
	}
	require.NoError(t, pacer.Close())
}
