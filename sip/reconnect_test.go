package sip

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// callOverTCP is a registered account with a call up, which the peer's 200 has made with
// this header field.
func callOverTCP(w *world, p *streamPeer, a Account, allow string) *Dialog {
	w.t.Helper()
	r, err := w.ua.Register(a, nil)
	require.NoError(w.t, err)
	p.accept()
	p.reply(p.request("REGISTER"), 200, "OK", "Expires: 3600")
	require.NoError(w.t, r.Wait(context.Background()))
	c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{Scheme: "sip", User: "bob", Host: "example.com"}, Offer: offerText("offer")})
	inv := p.request("INVITE")
	p.write(replyText(w.p.addr, inv, 200, "OK", "t1", "answer", allow, "Record-Route: <sip:"+peerAddr+";transport=tcp;lr>"))
	next[Sent](w.t, c)
	f := next[Final](w.t, c)
	require.NoError(w.t, f.Err)
	require.NoError(w.t, f.Dialog.Ack(nil))
	p.request("ACK")
	return f.Dialog
}

// A connection that breaks in mid-call is made anew: first the account is registered over
// it, then the peer is told the new Contact by an UPDATE without SDP.
func TestReconnect_ContactOfACallIsRefreshed_RFC3261_12_2_1_2(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		d := callOverTCP(w, p, a, "Allow: INVITE, UPDATE")
		events := watch(d)
		for range 2 { // as often as it happens
			<-time.After(time.Minute)
			require.NoError(t, p.conn.Close())
			start := time.Now()
			p.accept()
			reg := p.request("REGISTER")
			p.reply(reg, 200, "OK", "Expires: 3600")
			update := p.request("UPDATE")
			assert.Zero(t, time.Since(start))
			assert.Equal(t, reg.contact(), update.contact())
			assert.Equal(t, addrPortOf(p.conn.RemoteAddr()).String(), update.contact()[len("sip:alice@"):][:len(addrPortOf(p.conn.RemoteAddr()).String())])
			assert.Empty(t, update.body)
			p.reply(update, 200, "OK")
			synctest.Wait()
		}
		assert.Empty(t, events.ch, "the owner need not know")
		assert.True(t, d.confirmable())
	})
}

// A peer that knows no UPDATE gets a re-INVITE of the owner's.
func TestReconnect_WithoutUPDATE(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		d := callOverTCP(w, p, a, "Allow: INVITE")
		events := watch(d)
		require.NoError(t, p.conn.Close())
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 3600")
		event[RefreshDue](t, events)
		go func() { _, _ = d.ReInvite(context.Background(), offerText("again")) }()
		inv := p.request("INVITE")
		assert.Contains(t, inv.contact(), addrPortOf(p.conn.RemoteAddr()).String())
	})
}

// Without a registration the call makes the connection itself, as long as it takes where
// nobody is there: its own timers may end it first.
func TestReconnect_WithoutRegistration(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{Scheme: "sip", User: "bob", Host: "example.com"}, Offer: offerText("offer")})
		p.accept()
		inv := p.request("INVITE")
		p.write(replyText(w.p.addr, inv, 200, "OK", "t1", "answer", "Allow: UPDATE", "Record-Route: <sip:"+peerAddr+";transport=tcp;lr>"))
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Dialog.Ack(nil))
		p.request("ACK")
		require.NoError(t, p.conn.Close())
		p.accept()
		p.reply(p.request("UPDATE"), 200, "OK")
		synctest.Wait()
		require.NoError(t, p.listener.Close())
		require.NoError(t, p.conn.Close())
		<-time.After(2 * time.Minute)
		assert.True(t, f.Dialog.confirmable())
		p = newStreamPeer(t, w.net, 5060, nil)
		defer p.close()
		back := time.Now()
		p.accept()
		p.reply(p.request("UPDATE"), 200, "OK")
		assert.LessOrEqual(t, time.Since(back), reconnectPause+time.Second)
	})
}
