package doctor_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/doctor"
	"github.com/softphone-go/softphone/internal/stun"
)

// What the STUN server and the registrar see is compared, and what to do is said.
func TestRun_STUN_RFC8489(t *testing.T) {
	for name, c := range map[string]struct {
		symmetric, silent bool
		status            doctor.Status
		says              string
	}{
		"a NAT that can be seen through": {status: doctor.OK, says: "203.0.113.5:40"},
		"a symmetric NAT":                {symmetric: true, status: doctor.Note, says: "to each peer at another address"},
		"no answer":                      {silent: true, status: doctor.Note, says: "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.net.NAT(netip.MustParseAddr("203.0.113.5"), c.symmetric, netip.MustParseAddr("10.0.0.2"))
				server, err := w.net.ListenPacket(context.Background(), "udp4", "198.51.100.3:3478")
				require.NoError(t, err)
				served := make(chan struct{})
				go func() {
					defer close(served)
					buf := make([]byte, 1500)
					for {
						n, from, err := server.ReadFrom(buf)
						if err != nil {
							return
						}
						if seen, ok := from.(*net.UDPAddr); ok && !c.silent {
							_, _ = server.WriteTo(stun.Reply(buf[:n], seen.AddrPort()), from)
						}
					}
				}()
				w.cfg.File.Accounts[0].Transport = "udp"
				w.cfg.File.SIP.STUN, w.cfg.Echo = "198.51.100.3", ""
				got := w.run()["nat"]
				assert.Equal(t, c.status, got.Status)
				assert.Contains(t, got.Finding, c.says)
				_ = server.Close()
				<-served
			})
		})
	}
}
