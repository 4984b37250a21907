package sip

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	instance = "urn:uuid:00000000-0000-1000-8000-000a95a0e128"
	flowOf   = `;reg-id=1;+sip.instance="<` + instance + `>"`
)

func withInstance(c *Config) { c.Instance = instance }

// A registrar that knows RFC 5626 gets Binding requests as often as it asks, and all of a
// dialog over the flow.
func TestOutbound_FlowIsKept_RFC5626_4(t *testing.T) {
	inBubble(t, withInstance, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		reg := w.p.request("REGISTER")
		assert.Equal(t, "path, outbound", reg.get("Supported"))
		assert.Equal(t, "<sip:alice@"+ourAddr+":5060>;expires=3600"+flowOf, reg.get("Contact"))
		w.p.reply(reg, 200, "OK", "r", "", "Expires: 3600", "Require: outbound", "Flow-Timer: 20")
		require.NoError(t, r.Wait(context.Background()))
		w.p.silence(10 * time.Minute)
		assert.InDelta(t, 600/18., float64(w.p.binds.Load()), 4, "80 to 100 %% of 20 s")
		assert.Zero(t, w.p.pings.Load())

		c := w.call()
		inv := w.p.request("INVITE")
		assert.Equal(t, "sip:alice@"+ourAddr+":5060;ob", inv.contact())
		w.p.reply(inv, 486, "Busy", "t", "")
		w.p.request("ACK")
		next[Sent](t, c)
		next[Final](t, c)
		d, l := w.accept()
		assert.Equal(t, "sip:alice@"+ourAddr+":5060;ob", l.uri)
		go func() { w.p.reply(w.p.request("BYE"), 200, "OK", "", "") }()
		require.NoError(t, d.Bye(context.Background(), ""))

		done := make(chan error, 1)
		go func() { done <- r.Close(context.Background()) }()
		gone := w.p.request("REGISTER")
		assert.Equal(t, "<sip:alice@"+ourAddr+":5060>;expires=0"+flowOf, gone.get("Contact"))
		w.p.reply(gone, 200, "OK", "r", "")
		require.NoError(t, <-done)
	})
}

// A registrar that knows nothing of it is kept as before.
func TestOutbound_RegistrarWithout_RFC5626_4_2_1(t *testing.T) {
	inBubble(t, withInstance, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600", "Flow-Timer: 5")
		require.NoError(t, r.Wait(context.Background()))
		w.p.silence(10 * time.Minute)
		assert.Zero(t, w.p.binds.Load())
		assert.InDelta(t, 600/26.1, float64(w.p.pings.Load()), 4)
		c := w.call()
		inv := w.p.request("INVITE")
		assert.Equal(t, "sip:alice@"+ourAddr+":5060", inv.contact())
		w.p.reply(inv, 486, "Busy", "t", "")
		w.p.request("ACK")
		next[Sent](t, c)
	})
}

// A proxy on the way that lacks it says 439: once more without.
func TestOutbound_FirstHopLacks_RFC5626_11_6(t *testing.T) {
	inBubble(t, withInstance, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 439, "First Hop Lacks Outbound Support", "r", "")
		again := w.p.request("REGISTER")
		assert.Equal(t, "path", again.get("Supported"))
		assert.NotContains(t, again.get("Contact"), "reg-id")
		w.p.reply(again, 439, "First Hop Lacks Outbound Support", "r", "")
		w.p.silence(400 * time.Millisecond)
		assert.Equal(t, Retrying, r.State().Phase, "and no more")
	})
}

// A registrar that no longer answers on the flow is registered with anew, under the same
// reg-id, within a keep-alive and 10 s.
func TestOutbound_FlowFails_RFC5626_4_4_2(t *testing.T) {
	inBubble(t, withInstance, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		first := w.p.request("REGISTER")
		w.p.reply(first, 200, "OK", "r", "", "Expires: 3600", "Require: outbound")
		require.NoError(t, r.Wait(context.Background()))
		w.p.silence(5 * time.Minute)
		w.p.deaf.Store(true)
		start := time.Now()
		again := w.p.request("REGISTER")
		assert.LessOrEqual(t, time.Since(start), 29*time.Second+pongTimeout)
		assert.Equal(t, first.get("Contact"), again.get("Contact"))
		assert.Equal(t, first.get("Call-ID"), again.get("Call-ID"))
		w.p.reply(again, 200, "OK", "r", "", "Expires: 3600", "Require: outbound")
		// It goes on failing: ever longer pauses.
		before := w.p.next(2 * time.Minute)
		w.p.reply(before, 200, "OK", "r", "", "Expires: 3600", "Require: outbound")
		assert.GreaterOrEqual(t, before.at.Sub(again.at), pongTimeout)
	})
}

// One that says it knows it and has never answered a Binding request does not: no
// REGISTER for that, and CRLF CRLF.
func TestOutbound_RegistrarWithoutSTUN(t *testing.T) {
	inBubble(t, withInstance, func(w *world) {
		w.p.deaf.Store(true)
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600", "Require: outbound")
		require.NoError(t, r.Wait(context.Background()))
		w.p.silence(10 * time.Minute)
		assert.InDelta(t, 20, float64(w.p.pings.Load()), 6)
	})
}

// A NAT that shows us at another address than before has cut the flow: it is made anew
// within a keep-alive.
func TestOutbound_MappedAddressChanges_RFC5626_4_4_2(t *testing.T) {
	inNAT(t, func(c *Config, _ *natted) { c.STUN, c.Instance = "", instance }, func(w *natted) {
		_, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.far.reply(w.far.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600", "Require: outbound")
		w.far.silence(5 * time.Minute)
		w.nat.Forget()
		start := time.Now()
		reg := w.far.request("REGISTER")
		assert.LessOrEqual(t, time.Since(start), 29*time.Second)
		assert.Equal(t, publicAddr+":40002", reg.from.String())
		assert.Len(t, reg.all("Contact"), 1, "the registrar replaces what has this reg-id")
	})
}

// Over a connection Flow-Timer counts too.
func TestOutbound_FlowTimerOverTCP_RFC5626_4_4_1(t *testing.T) {
	inBubble(t, func(c *Config) { c.Listen, c.Instance = []Listen{{UDP, us()}}, instance }, func(w *world) {
		p := newStreamPeer(t, w.net, 5060, nil)
		defer p.close()
		a := w.account()
		a.Transport = TCP
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400", "Require: outbound", "Flow-Timer: 10")
		require.NoError(t, r.Wait(context.Background()))
		p.bytes(crlfs(2))
		p.write(crlfs(1))
		for range 20 {
			start := time.Now()
			p.bytes(crlfs(2))
			assert.InDelta(t, 9*float64(time.Second), float64(time.Since(start)), 1.01*float64(time.Second))
			p.write(crlfs(1))
		}
	})
}

func TestOutbound_InstanceIsChecked_RFC5626_4_1(t *testing.T) {
	for _, bad := range []string{"x", `urn:uuid:00000000-0000-1000-8000-000a95a0e12"`, "URN:UUID:00000000-0000-1000-8000-000A95A0E128"} {
		_, err := New(Config{Instance: bad})
		assert.ErrorContains(t, err, "instance")
	}
}
