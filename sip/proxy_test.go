package sip

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// All requests outside dialogs go through the proxy, first in their Route; dialogs
// follow their own route set.
func TestProxy_RouteOfRequests_RFC3261_8_1_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a := Account{User: "alice", Server: "registrar.example.com", Domain: "example.com", Proxy: peerAddr + ":5060", Password: "secret"}
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		reg := w.p.request("REGISTER")
		assert.Equal(t, "sip:example.com", reg.uri())
		assert.Equal(t, []string{"<sip:" + peerAddr + ":5060;lr>"}, reg.all("Route"))
		assert.Contains(t, reg.get("Supported"), "path", "RFC 3327 §5.1")
		w.p.reply(reg, 200, "OK", "t", "", "Expires: 600", "Path: <sip:edge.example.com;lr>")
		require.NoError(t, r.Wait(context.Background()))
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob", Host: "elsewhere.example.net"}, Offer: offerText("offer")})
		inv := w.p.request("INVITE")
		assert.Equal(t, "sip:bob@elsewhere.example.net", inv.uri(), "loose routing leaves the target")
		assert.Equal(t, []string{"<sip:" + peerAddr + ":5060;lr>"}, inv.all("Route"))
		w.p.reply(inv, 407, "Proxy Authentication Required", "t", "", `Proxy-Authenticate: Digest realm="p", nonce="n", qop="auth"`)
		ack := w.p.request("ACK")
		assert.Equal(t, inv.all("Route"), ack.all("Route"), "RFC 3261 §17.1.1.3")
		inv = w.p.request("INVITE")
		assert.NotEmpty(t, inv.get("Proxy-Authorization"))
		assert.Len(t, inv.all("Route"), 1)
		w.p.reply(inv, 200, "OK", "t", "answer")
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		assert.Empty(t, w.p.request("ACK").all("Route"), "no Record-Route, no Route")
	})
}

// Service-Route of the registrar stands in calls, behind the proxy's, until the account
// is taken back or gets another.
func TestServiceRoute_RFC3608_6_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a := w.account()
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "t", "", "Expires: 600",
			"Service-Route: <sip:"+peerAddr+":5060;lr>, <sip:home.example.com;lr>", "Service-Route: <sip:strict.example.com>")
		require.NoError(t, r.Wait(context.Background()))
		call := func(a Account) []string {
			c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob", Host: "far.example.net"}, Offer: offerText("offer")})
			inv := w.p.request("INVITE")
			w.p.reply(inv, 486, "Busy", "t", "")
			w.p.request("ACK")
			next[Sent](t, c)
			next[Final](t, c)
			return inv.all("Route")
		}
		assert.Equal(t, []string{"<sip:" + peerAddr + ":5060;lr>", "<sip:home.example.com;lr>"}, call(a))
		same := a
		same.Proxy = "sip:" + peerAddr + ":5060"
		assert.Equal(t, []string{"<sip:" + peerAddr + ":5060;lr>", "<sip:home.example.com;lr>"}, call(same), "the proxy is the first of them")
	})
}

func TestProxy_Bad(t *testing.T) {
	for _, p := range []string{"sips:", "a b", "host:99999", "http://x"} {
		a := Account{User: "alice", Server: "example.com", Proxy: p}
		require.ErrorContains(t, a.validate(), "outbound proxy", p)
	}
	a := Account{User: "alice", Server: "example.com", Proxy: "edge", Transport: WSS}
	routes, err := a.proxyRoute()
	require.NoError(t, err)
	assert.Equal(t, "sip:edge;lr;transport=ws", routes[0].String())
}
