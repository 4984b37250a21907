package sip

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// routed is an answered call of ours, by a proxy whose name stands for two servers.
func (w *world) routed() *Dialog {
	c := w.ua.Invite(context.Background(), InviteRequest{
		Account: Account{User: "alice", Server: "example.com"}, Target: URI{User: "bob"}, Offer: offerText("offer"),
	})
	w.p.reply(w.p.request("INVITE"), 200, "OK", "t1", "answer", "Record-Route: <sip:example.com;lr>", "Allow: UPDATE")
	next[Sent](w.t, c)
	f := next[Final](w.t, c)
	require.NoError(w.t, f.Err)
	require.NoError(w.t, f.Dialog.Ack(nil))
	w.p.request("ACK")
	return f.Dialog
}

// Every request within a dialog goes to the next server when the first is silent or
// overloaded, and what follows it goes there at once.
func TestDialog_Failover_RFC3263_4_3(t *testing.T) {
	ctx := context.Background()
	requests := map[string]func(d *Dialog) error{
		"INFO":   func(d *Dialog) error { return d.Info(ctx, "x/y", []byte("z")) },
		"UPDATE": func(d *Dialog) error { _, err := d.Update(ctx, nil); return err },
		"INVITE": func(d *Dialog) error { _, err := d.ReInvite(ctx, offerText("hold")); return err },
		"BYE":    func(d *Dialog) error { return d.Bye(ctx, "") },
	}
	for method, send := range requests {
		for _, silent := range []bool{true, false} {
			t.Log(method, silent)
			inBubble(t, twoServers().serve, func(w *world) {
				second := newPeer(t, w.net, "10.0.0.3")
				defer second.close()
				d := w.routed()
				w.net.Cut(w.p.addr.Addr(), silent)
				start := time.Now()
				sent := make(chan error, 1)
				go func() { sent <- send(d) }()
				wait := time.Duration(0)
				var first *message
				if silent {
					wait = timer64
				} else {
					first = w.p.request(method)
					w.p.reply(first, 503, "Overloaded", "", "")
					if method == "INVITE" {
						w.p.request("ACK")
					}
				}
				again := second.request(method)
				assert.Equal(t, wait, time.Since(start))
				assert.Equal(t, []string{"<sip:example.com;lr>"}, again.all("Route"))
				if first != nil {
					assert.NotEqual(t, first.get("Via"), again.get("Via"), "a new transaction")
					assert.NotEqual(t, first.get("CSeq"), again.get("CSeq"))
				}
				second.reply(again, 200, "OK", "", "")
				if method == "INVITE" {
					second.request("ACK")
				}
				require.NoError(t, <-sent)
				if method == "BYE" {
					return
				}
				go func() { sent <- d.Bye(ctx, "") }()
				second.reply(second.request("BYE"), 200, "OK", "", "")
				require.NoError(t, <-sent)
				w.p.silence(time.Second)
			})
		}
	}
}

// When no server is left, a dialog ends as it does with one.
func TestDialog_FailoverNobodyLeft_RFC3261_12_2_1_2(t *testing.T) {
	inBubble(t, twoServers().serve, func(w *world) {
		d := w.routed() // the second server is not there at all
		events := watch(d)
		w.net.Cut(w.p.addr.Addr(), true)
		start := time.Now()
		require.ErrorIs(t, d.Info(context.Background(), "x/y", []byte("z")), ErrUnreachable)
		assert.Equal(t, 2*timer64, time.Since(start))
		assert.Equal(t, 408, event[Ended](t, events).Code)
	})
	inBubble(t, twoServers().serve, func(w *world) {
		second := newPeer(t, w.net, "10.0.0.3")
		defer second.close()
		d := w.routed()
		sent := make(chan error, 1)
		go func() { sent <- d.Info(context.Background(), "x/y", []byte("z")) }()
		w.p.reply(w.p.request("INFO"), 503, "Overloaded", "", "")
		second.reply(second.request("INFO"), 503, "Overloaded", "", "")
		var e *StatusError
		require.ErrorAs(t, <-sent, &e)
		assert.Equal(t, 503, e.Code)
	})
}
