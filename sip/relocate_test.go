package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const movedAddr = "10.0.0.77"

// roaming is a world whose listeners are on all addresses.
func roaming(t *testing.T, f func(w *world)) {
	inBubble(t, func(c *Config) {
		c.Listen = []Listen{{UDP, netip.MustParseAddrPort("0.0.0.0:5060")}}
		c.CloseTimeout = time.Millisecond
	}, f)
}

func (w *world) move() {
	require.True(w.t, w.net.Host(netip.MustParseAddr(ourAddr)).Move(netip.MustParseAddr(ourAddr), netip.MustParseAddr(movedAddr)))
}

// The new address is registered within 250 ms, and the old one taken back; the
// owner of a call is told once, and its re-INVITE names the new address.
func TestAddressChange_RegistrationAndCall(t *testing.T) {
	roaming(t, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "t", "", "Expires: 3600")
		require.NoError(t, r.Wait(context.Background()))
		d, _ := w.establish()
		events := watch(d)
		w.move()
		start := time.Now()
		reg := w.p.request("REGISTER")
		assert.LessOrEqual(t, time.Since(start), 250*time.Millisecond)
		assert.Contains(t, reg.all("Contact")[0], "@"+movedAddr+":5060>;expires=3600")
		assert.Contains(t, reg.all("Contact")[1], "@"+ourAddr+":5060>;expires=0")
		w.p.reply(reg, 200, "OK", "t", "", "Expires: 3600")
		changed := event[AddressChanged](t, events)
		assert.Equal(t, movedAddr, changed.Local.String())
		done := make(chan error, 1)
		go func() {
			_, err := d.ReInvite(context.Background(), func(p Path) ([]byte, error) { return []byte("offer " + p.Local.String()), nil })
			done <- err
		}()
		inv := w.p.request("INVITE")
		assert.Contains(t, inv.contact(), "@"+movedAddr+":5060")
		assert.Contains(t, inv.get("Via"), movedAddr)
		assert.Equal(t, "offer "+movedAddr, inv.body)
		w.p.reply(inv, 200, "OK", "t1", "answer")
		w.p.request("ACK")
		require.NoError(t, <-done)
		<-time.After(10 * time.Second)
		assert.Empty(t, events.ch, "told once")
		assert.Equal(t, movedAddr, d.Local().String())
	})
}

// A connection from the old address is closed, and another one made from the new.
func TestAddressChange_Connections(t *testing.T) {
	roaming(t, func(w *world) {
		p := newStreamPeer(t, w.net, 5060, nil)
		defer p.close()
		a := w.account()
		a.Transport = TCP
		_, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 3600")
		<-time.After(time.Minute)
		w.move()
		start := time.Now()
		p.accept()
		assert.LessOrEqual(t, time.Since(start), 250*time.Millisecond)
		assert.Equal(t, movedAddr, addrPortOf(p.conn.RemoteAddr()).Addr().String())
		assert.Contains(t, p.request("REGISTER").get("Contact"), "@"+movedAddr+":")
	})
}

// A connection from the new address may take its time, as long as the network comes up:
// the call is moved once there is one.
func TestAddressChange_ConnectionComesLate(t *testing.T) {
	var refuse atomic.Int32
	inBubble(t, func(c *Config) {
		c.Listen = []Listen{{UDP, netip.MustParseAddrPort("0.0.0.0:5060")}}
		c.CloseTimeout = time.Millisecond
		dial := c.Network.Dial
		c.Network.Dial = func(ctx context.Context, network, laddr, raddr string) (net.Conn, error) {
			if refuse.Add(-1) >= 0 {
				return nil, errors.New("network is unreachable")
			}
			return dial(ctx, network, laddr, raddr)
		}
	}, func(w *world) {
		p := newStreamPeer(t, w.net, 5060, nil)
		defer p.close()
		a := w.account()
		a.Transport = TCP
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Offer: offerText("offer")})
		p.accept()
		p.reply(p.request("INVITE"), 200, "OK")
		next[Sent](t, c)
		d := next[Final](t, c).Dialog
		require.NoError(t, d.Ack(nil))
		p.request("ACK")
		events := watch(d)
		refuse.Store(4)
		w.move()
		changed := event[AddressChanged](t, events)
		assert.Equal(t, movedAddr, changed.Local.String())
		p.accept()
		assert.Equal(t, movedAddr, addrPortOf(p.conn.RemoteAddr()).Addr().String())
		<-time.After(time.Minute)
		assert.Empty(t, events.ch, "told once")
	})
}

// An address that the registrar had days ago may be somebody else's now.
func TestRegister_FormerAddressesAreTrustedForAWhile(t *testing.T) {
	z := &zone{addr: map[string]string{"example.com": "10.0.0.9 " + peerAddr}}
	inBubble(t, z.serve, func(w *world) {
		first := newPeer(t, w.net, "10.0.0.9")
		defer first.close()
		r, err := w.ua.Register(Account{User: "alice", Server: "example.com"}, nil)
		require.NoError(t, err)
		first.reply(first.request("REGISTER"), 200, "OK", "t", "", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		synctest.Wait()
		z.addr["example.com"] = peerAddr
		former := netip.MustParseAddr("10.0.0.9")
		for n := range 5 {
			assert.Equal(t, n < 3, r.trusts(former), "after %d refreshes", n)
			w.p.reply(w.p.next(24*time.Hour), 200, "OK", "t", "", "Expires: 86400")
			synctest.Wait()
		}
		assert.True(t, r.trusts(w.p.addr.Addr()))
		assert.Len(t, r.servers, 1)
	})
}

// A listener that was bound to one address stays there: nothing is moved.
func TestAddressChange_BoundListenerStays(t *testing.T) {
	inBubble(t, func(c *Config) { c.CloseTimeout = time.Millisecond }, func(w *world) {
		d, _ := w.establish()
		events := watch(d)
		w.move()
		<-time.After(time.Minute)
		assert.Empty(t, events.ch)
	})
}
