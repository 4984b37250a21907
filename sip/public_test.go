package sip

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The configured public address stands in Contact and path towards public peers only,
// and what the registrar sees goes before it.
func TestPublicAddress_Configured(t *testing.T) {
	inBubble(t, func(c *Config) { c.Public = netip.MustParseAddr("198.51.100.7") }, func(w *world) {
		far := newPeer(t, w.net, "203.0.113.9")
		defer far.close()
		call := func(to *peer) (Path, *message) {
			path := make(chan Path, 1)
			c := w.ua.Invite(context.Background(), InviteRequest{Account: Account{User: "alice", Server: to.addr.String()}, Target: URI{User: "bob"},
				Offer: func(p Path) ([]byte, error) { path <- p; return []byte("offer"), nil }})
			inv := to.request("INVITE")
			to.reply(inv, 486, "Busy", "t", "")
			to.request("ACK")
			next[Sent](t, c)
			next[Final](t, c)
			return <-path, inv
		}
		path, inv := call(far)
		assert.Equal(t, "198.51.100.7", path.Public.String())
		assert.Equal(t, ourAddr, path.Local.String())
		assert.Equal(t, "sip:alice@198.51.100.7:5060", inv.contact())
		path, inv = call(w.p)
		assert.False(t, path.Public.IsValid())
		assert.Equal(t, "sip:alice@"+ourAddr+":5060", inv.contact())

		r, err := w.ua.Register(Account{User: "alice", Server: far.addr.String()}, nil)
		require.NoError(t, err)
		reg := far.request("REGISTER")
		assert.Contains(t, reg.get("Contact"), "@198.51.100.7:5060>")
		via := reg.get("Via") + ";received=198.51.100.7"
		reg.lines = append([]string{"Via: " + via}, reg.lines[1:]...)
		far.reply(reg, 200, "OK", "t", "", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
	})
}
