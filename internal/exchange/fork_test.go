package exchange

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBridge_ForksToAllContacts(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		desk := p.phone("bob", "builder", "10.0.0.3:5060")
		defer desk.close()
		require.Equal(t, 200, desk.register().StatusCode)
		a := p.alice.call("bob", sdpFor(p.alice.addr.Addr(), 4000, "sendrecv"))
		i1, i2 := p.bob.request("INVITE"), desk.request("INVITE")
		b1, b2 := p.bob.accept(i1), desk.accept(i2)
		b1.answer(i1, 183, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv"))
		t1 := p.alice.response(183)
		b2.answer(i2, 180, "")
		t2 := p.alice.response(180)
		assert.NotEqual(t, t1.To().Value(), t2.To().Value(), "an early dialog for each phone")
		b2.answer(i2, 200, sdpFor(desk.addr.Addr(), 4200, "sendrecv"))
		ok := p.alice.response(200)
		assert.Equal(t, t2.To().Value(), ok.To().Value())
		a.answered(ok)
		desk.request("ACK")
		cancel := p.bob.request("CANCEL")
		assert.Contains(t, headerValue(cancel, "Reason"), "cause=200")
		b1.answer(cancel, 200, "")
		b1.answer(i1, 487, "")
		p.bob.request("ACK")
		p.byeFrom(a, b2)
	})
}

func TestBridge_ForkTakesTheBestRefusal(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		desk := p.phone("bob", "builder", "10.0.0.3:5060")
		defer desk.close()
		require.Equal(t, 200, desk.register().StatusCode)
		a := p.alice.call("bob", "")
		i1, i2 := p.bob.request("INVITE"), desk.request("INVITE")
		p.bob.accept(i1).answer(i1, 503, "")
		desk.accept(i2).answer(i2, 486, "", "Retry-After: 20")
		res := p.alice.final()
		assert.Equal(t, 486, res.StatusCode)
		assert.Equal(t, "20", headerValue(res, "Retry-After"))
		a.ackRefusal(res)
	})
}
