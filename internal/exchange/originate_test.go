package exchange

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOriginate_BlockedAndAnsweredCalls(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		result := make(chan *Originated, 1)
		place := func(o Origin) {
			go func() {
				out, err := p.ex.Originate(context.Background(), o)
				assert.NoError(t, err)
				result <- out
			}()
		}
		place(Origin{Number: "07012345678", To: "bob"})
		invite := p.bob.request("INVITE")
		assert.Equal(t, "<sip:07012345678@exchange>", headerValue(invite, "P-Asserted-Identity"))
		p.bob.accept(invite).answer(invite, 603, "")
		assert.Equal(t, 603, (<-result).Code)

		place(Origin{Number: "5551234", DisplayName: "Mum", To: "bob", Extension: "607", Headers: map[string]string{"X-Test": "1"}})
		invite = p.bob.request("INVITE")
		assert.Equal(t, "1", headerValue(invite, "X-Test"))
		assert.Equal(t, "Mum", invite.From().DisplayName)
		e := p.ear("10.0.0.2:4100")
		b := p.bob.accept(invite)
		b.answer(invite, 200, sdpFor(p.bob.addr.Addr(), 4100, "sendrecv"))
		p.bob.request("ACK")
		out := <-result
		require.Equal(t, 200, out.Code)
		time.Sleep(time.Second)
		assert.InDelta(t, 50, len(e.packets()), 2)
		out.Hangup()
		b.answer(p.bob.request("BYE"), 200, "")
		<-out.Done()

		place(Origin{Anonymous: true, To: "bob"})
		invite = p.bob.request("INVITE")
		assert.Equal(t, "id", headerValue(invite, "Privacy"))
		assert.Empty(t, invite.GetHeaders("P-Asserted-Identity"))
		p.bob.accept(invite).answer(invite, 486, "")
		assert.Equal(t, 486, (<-result).Code)
		_, err := p.ex.Originate(context.Background(), Origin{To: "nobody"})
		assert.ErrorContains(t, err, "nobody")
	})
}

func TestOriginate_AnswerThatCannotBeUnderstood(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		result := make(chan *Originated, 1)
		go func() {
			out, err := p.ex.Originate(context.Background(), Origin{To: "bob"})
			assert.NoError(t, err)
			result <- out
		}()
		invite := p.bob.request("INVITE")
		b := p.bob.accept(invite)
		b.answer(invite, 200, "v=0\r\n")
		p.bob.request("ACK")
		bye := p.bob.request("BYE")
		assert.Contains(t, headerValue(bye, "Reason"), "cannot be understood")
		b.answer(bye, 200, "")
		out := <-result
		require.Equal(t, 200, out.Code)
		<-out.Done()
		out.Hangup()
	})
}
