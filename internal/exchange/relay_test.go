package exchange

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRelay_CarriesSoundAndCanSpoilIt(t *testing.T) {
	for _, spoil := range []bool{false, true} {
		change := func(c *Config) {
			c.RelayRTP = true
			if spoil {
				c.RTPFault = func(b []byte) bool { b[len(b)-1] = 0xaa; return b[3]%2 == 0 }
			}
		}
		withPair(t, change, func(p *pair) {
			ea, eb := p.ear("10.0.0.1:4000"), p.ear("10.0.0.2:4100")
			a, b, invite, ok := p.connect()
			toB, _ := mediaOf(ok.Body())
			toA, _ := mediaOf(invite.Body())
			assert.Equal(t, "10.0.0.100", toA.Addr().String())
			assert.Equal(t, "10.0.0.100", toB.Addr().String())
			ea.speak(toB, 0, 0, 20)
			eb.speak(toA, 0, 0, 20)
			time.Sleep(time.Second)
			want := 20
			if spoil {
				want = 10
			}
			for _, e := range []*ear{ea, eb} {
				got := e.packets()
				require.Len(t, got, want)
				assert.Equal(t, uint32(7), got[0].SSRC)
				assert.Equal(t, spoil, got[0].Payload[159] == 0xaa)
			}
			a.send("INVITE", sdpFor(p.alice.addr.Addr(), 4000, "sendonly"))
			re := p.bob.request("INVITE")
			again, _ := mediaOf(re.Body())
			assert.Equal(t, toA, again, "hold keeps the relay's address")
			b.answer(re, 200, sdpFor(p.bob.addr.Addr(), 4100, "recvonly"))
			p.alice.response(200)
			a.ack(a.seq, "")
			p.byeFrom(a, b)
		})
	}
}
