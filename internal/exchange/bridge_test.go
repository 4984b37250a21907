package exchange

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
)

// pair is alice and bob, both registered.
type pair struct {
	*lab
	alice, bob *phone
}

func withPair(t *testing.T, change func(*Config), f func(p *pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{Delay: 5 * time.Millisecond}, change)
		defer l.close()
		p := &pair{lab: l, alice: l.phone("alice", "open sesame", "10.0.0.1:5060"), bob: l.phone("bob", "builder", "10.0.0.2:5060")}
		defer p.alice.close()
		defer p.bob.close()
		require.Equal(t, 200, p.alice.register().StatusCode)
		require.Equal(t, 200, p.bob.register().StatusCode)
		f(p)
		synctest.Wait()
		assert.Zero(t, l.ex.Calls(), "nothing is left of the call")
	})
}

// connect has bob answer alice.
func (p *pair) connect() (a, b *talk, invite *sipmsg.Request, ok *sipmsg.Response) {
	p.t.Helper()
	a = p.alice.call("bob", sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"))
	invite = p.bob.request("INVITE")
	b = p.bob.accept(invite)
	b.answer(invite, 180, "")
	p.alice.response(180)
	b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv"))
	ok = p.alice.response(200)
	a.answered(ok)
	p.bob.request("ACK")
	return a, b, invite, ok
}

func (p *pair) byeFrom(from *talk, to *talk) {
	p.t.Helper()
	from.send("BYE", "")
	bye := to.p.request("BYE")
	to.answer(bye, 200, "")
	assert.Equal(p.t, "BYE", from.p.response(200).CSeq().MethodName.String())
}

func TestBridge_CallWithIdentityAndSDPEndToEnd(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a, b, invite, ok := p.connect()
		assert.Equal(t, `"Alice" <sip:alice@exchange>`, headerValue(invite, "P-Asserted-Identity"))
		assert.Equal(t, "alice", invite.From().Address.User)
		assert.Equal(t, sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"), string(invite.Body()))
		assert.Equal(t, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv"), string(ok.Body()))
		assert.Equal(t, 2, p.ex.Calls())
		p.byeFrom(a, b)
	})
}

func TestBridge_CalleeHangsUp(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a, b, _, _ := p.connect()
		p.byeFrom(b, a)
	})
}

func TestBridge_OverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{Delay: 5 * time.Millisecond}, nil)
		defer l.close()
		p := &pair{lab: l, alice: l.tcpPhone("alice", "open sesame", "10.0.0.1:0"), bob: l.tcpPhone("bob", "builder", "10.0.0.2:0")}
		defer p.alice.close()
		require.Equal(t, 200, p.alice.register().StatusCode)
		require.Equal(t, 200, p.bob.register().StatusCode)
		a, b, _, _ := p.connect()
		p.byeFrom(a, b)
		synctest.Wait()
		assert.Zero(t, l.ex.Calls())

		p.bob.close()
		time.Sleep(time.Second)
		c := p.alice.call("bob", "")
		res := p.alice.final()
		assert.Equal(t, 480, res.StatusCode, "the flow is gone")
		c.ackRefusal(res)
	})
}

func TestBridge_UnderLoss(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a := p.alice.call("bob", sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"))
		lost := map[string]int{}
		p.net.Filter(func(_, to netip.AddrPort, b []byte) bool {
			line, _, _ := strings.Cut(string(b), "\r\n")
			key := strings.Fields(line)[0] + to.String()
			if strings.HasPrefix(line, "SIP/2.0 200") || strings.HasPrefix(line, "ACK") {
				lost[key]++
				return lost[key] == 1 // the first 200 and the first ACK to each vanish
			}
			return false
		})
		invite := p.bob.request("INVITE")
		b := p.bob.accept(invite)
		b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv")) // lost
		b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv"))
		ok := p.alice.response(200)
		a.learn(ok)
		a.ack(2, "")
		p.alice.response(200)
		a.ack(2, "")
		time.Sleep(time.Second)
		b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv")) // no ACK came: again
		p.bob.request("ACK")
		p.net.Filter(nil)
		p.byeFrom(a, b)
	})
}

func TestBridge_EarlyMediaIsRelayed(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a := p.alice.call("bob", sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"))
		invite := p.bob.request("INVITE")
		b := p.bob.accept(invite)
		for i := range 12 { // more than ten provisionals
			b.answer(invite, 183, sdpFor(p.bob.addr.Addr(), 4100+2*i, "sendrecv"), fmt.Sprintf("X-N: %d", i))
			early := p.alice.response(183)
			assert.Contains(t, string(early.Body()), fmt.Sprintf("m=audio %d ", 4100+2*i))
		}
		b.answer(invite, 486, "")
		res := p.alice.final()
		assert.Equal(t, 486, res.StatusCode)
		a.ackRefusal(res)
		p.bob.request("ACK")
	})
}

func TestBridge_CancelBeforeAnswer_RFC3261_9_1(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a := p.alice.call("bob", sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"))
		invite := p.bob.request("INVITE")
		b := p.bob.accept(invite)
		b.answer(invite, 180, "")
		p.alice.response(180)
		a.cancel(`Reason: SIP;cause=200;text="Call completed elsewhere"`)
		a.ackRefusal(p.alice.response(487))
		cancel := p.bob.request("CANCEL")
		assert.Contains(t, headerValue(cancel, "Reason"), "elsewhere")
		assert.Equal(t, invite.Via().Value(), cancel.Via().Value(), "same branch")
		b.answer(cancel, 200, "")
		b.answer(invite, 487, "")
		p.bob.request("ACK")
	})
}

func TestBridge_CancelCrosses200_RFC3261_9_1(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a := p.alice.call("bob", sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"))
		invite := p.bob.request("INVITE")
		b := p.bob.accept(invite)
		b.answer(invite, 180, "")
		p.alice.response(180)
		a.cancel()
		a.ackRefusal(p.alice.response(487))
		b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv")) // instead of 487
		p.bob.request("ACK")
		bye := p.bob.request("BYE")
		b.answer(bye, 200, "")
	})
}

func TestBridge_NobodyAnswers(t *testing.T) {
	withPair(t, func(c *Config) { c.RingTimeout = 30 * time.Second }, func(p *pair) {
		a := p.alice.call("bob", "")
		invite := p.bob.request("INVITE")
		b := p.bob.accept(invite)
		b.answer(invite, 180, "")
		start := time.Now()
		res := p.alice.final()
		assert.Equal(t, 408, res.StatusCode)
		assert.InDelta(t, 30, time.Since(start).Seconds(), 0.1)
		a.ackRefusal(res)
		b.answer(p.bob.request("CANCEL"), 200, "")
		b.answer(invite, 487, "")
		p.bob.request("ACK")
	})
}

func TestBridge_HoldResumeInfoOptions(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a, b, _, _ := p.connect()
		for _, dir := range [][2]string{{"sendonly", "recvonly"}, {"sendrecv", "sendrecv"}} {
			a.send("INVITE", sdpFor(p.alice.addr.Addr(), 4000, dir[0]))
			re := p.bob.request("INVITE")
			assert.Contains(t, string(re.Body()), "a="+dir[0])
			b.answer(re, 200, sdpFor(p.bob.addr.Addr(), 4100, dir[1]))
			ok := p.alice.get("SIP/2.0 200").(*sipmsg.Response)
			assert.Contains(t, string(ok.Body()), "a="+dir[1])
			a.ack(a.seq, "")
			p.bob.request("ACK")
		}
		b.send("INFO", "", "Info-Package: dtmf")
		info := p.alice.request("INFO")
		assert.Equal(t, "dtmf", headerValue(info, "Info-Package"))
		a.answer(info, 200, "")
		p.bob.response(200)
		a.send("OPTIONS", "")
		b.answer(p.bob.request("OPTIONS"), 200, "")
		p.alice.response(200)
		a.send("REFER", "")
		p.alice.response(405)
		p.byeFrom(a, b)
	})
}

func TestBridge_RefusedReinviteAndGlare_RFC3261_14(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a, b, _, _ := p.connect()
		a.send("INVITE", sdpFor(p.alice.addr.Addr(), 4000, "sendonly"))
		re := p.bob.request("INVITE")
		b.send("INVITE", sdpFor(p.bob.addr.Addr(), 4100, "sendonly"))
		res := p.bob.response(491)
		b.ackRefusal(res)
		b.answer(re, 488, "")
		res = p.alice.response(488)
		a.ackRefusal(res)
		p.bob.request("ACK")
		p.byeFrom(a, b)
	})
}

func TestBridge_LateOffer(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		a := p.alice.call("bob", "")
		invite := p.bob.request("INVITE")
		assert.Empty(t, invite.Body())
		b := p.bob.accept(invite)
		b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv"))
		a.learn(p.alice.response(200))
		answer := sdpFor(p.alice.addr.Addr(), 4000, "sendrecv")
		a.ack(2, answer)
		assert.Equal(t, answer, string(p.bob.request("ACK").Body()))
		p.byeFrom(a, b)
	})
}

func TestClose_SaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, func(c *Config) { c.RelayRTP = true })
		p := &pair{lab: l, alice: l.phone("alice", "open sesame", "10.0.0.1:5060"), bob: l.phone("bob", "builder", "10.0.0.2:5060")}
		defer p.alice.close()
		defer p.bob.close()
		require.Equal(t, 200, p.bob.register().StatusCode)
		p.connect()
		e := p.alice.call("600", sdpFor(p.alice.addr.Addr(), 4002, "sendrecv"))
		e.answered(p.alice.response(200))
		p.alice.call("603", "")
		p.alice.response(180)
		l.close()
		p.alice.request("BYE")
		p.alice.request("BYE")
		p.bob.request("BYE")
	})
}
