package sip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/internal/stun"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	publicAddr = "203.0.113.5"
	farAddr    = "198.51.100.9"
	stunAddr   = "198.51.100.3"
)

// natted is a world behind a NAT, with a registrar and a STUN server outside. Its own
// peer is inside too.
type natted struct {
	*world
	nat  *memnet.NAT
	far  *peer // the registrar, which knows nothing of RFC 3581
	stun *peer
	log  *bytes.Buffer
}

func inNAT(t *testing.T, change func(*Config, *natted), f func(w *natted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{})
		host := n.Host(netip.MustParseAddr(ourAddr))
		w := &natted{world: &world{t: t, net: n, p: newPeer(t, n, peerAddr)}, log: new(bytes.Buffer), far: newPeer(t, n, farAddr), stun: newPeer(t, n, stunAddr)}
		defer w.p.close()
		defer w.far.close()
		defer w.stun.close()
		w.nat = n.NAT(netip.MustParseAddr(publicAddr), false, netip.MustParseAddr(ourAddr), netip.MustParseAddr(movedAddr), w.p.addr.Addr())
		cfg := Config{
			Listen:    []Listen{{UDP, netip.MustParseAddrPort("0.0.0.0:5060")}},
			Network:   Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
			AcceptAny: true, CloseTimeout: time.Millisecond, STUN: stunAddr + ":5060",
			Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		}
		if change != nil {
			change(&cfg, w)
		}
		ua, err := New(cfg)
		require.NoError(t, err)
		w.ua = ua
		defer ua.Close()
		f(w)
	})
}

func (w *natted) account() Account {
	return Account{ID: "a", User: "alice", Domain: "example.com", Server: w.far.addr.String()}
}

// register is an account at the registrar outside, and its REGISTER.
func (w *natted) register() (*Registration, *message) {
	w.t.Helper()
	r, err := w.ua.Register(w.account(), nil)
	require.NoError(w.t, err)
	reg := w.far.request("REGISTER")
	w.far.reply(reg, 200, "OK", "t", "", "Expires: 3600")
	require.NoError(w.t, r.Wait(context.Background()))
	return r, reg
}

// establish makes an answered call to a peer.
func (w *natted) establish(to *peer) (*Dialog, *message, Path) {
	w.t.Helper()
	path := make(chan Path, 1)
	c := w.ua.Invite(context.Background(), InviteRequest{Account: w.account(), Target: URI{Scheme: "sip", User: "bob", Host: to.addr.Addr().String()},
		Offer: func(p Path) ([]byte, error) { path <- p; return []byte("offer"), nil }})
	inv := to.request("INVITE")
	to.reply(inv, 200, "OK", "t1", "answer")
	next[Sent](w.t, c)
	f := next[Final](w.t, c)
	require.NoError(w.t, f.Err)
	require.NoError(w.t, f.Dialog.Ack(nil))
	to.request("ACK")
	return f.Dialog, inv, <-path
}

// Where we are seen stands in Contact towards peers outside, with the port; peers on our
// side of the NAT are told our own address.
func TestMapping_ContactAndPath_RFC8489_6(t *testing.T) {
	inNAT(t, nil, func(w *natted) {
		_, reg := w.register()
		assert.Equal(t, publicAddr+":40001", reg.from.String())
		assert.Equal(t, "sip:alice@"+reg.from.String(), reg.contact())
		_, inv, path := w.establish(w.far)
		assert.Equal(t, "sip:alice@"+reg.from.String(), inv.contact())
		assert.Equal(t, Path{Local: netip.MustParseAddr(ourAddr), Transport: UDP, STUN: w.stun.addr}, path)
		_, inv, path = w.establish(w.p)
		assert.Equal(t, "sip:alice@"+ourAddr+":5060", inv.contact())
		assert.False(t, path.STUN.IsValid())
		m := w.ua.Mappings(context.Background())
		require.Len(t, m, 1)
		assert.Equal(t, Mapping{Local: us(), Public: reg.from, Server: w.stun.addr}, m[0])
		assert.NotContains(t, w.log.String(), "WARN")
	})
}

// Where no NAT is between, media need not ask.
func TestMapping_NoNAT(t *testing.T) {
	inNAT(t, nil, func(w *natted) {
		w.nat.Remove()
		_, reg := w.register()
		assert.Equal(t, "sip:alice@"+ourAddr+":5060", reg.contact())
		_, _, path := w.establish(w.far)
		assert.False(t, path.STUN.IsValid())
	})
}

// A server that is lost delays the first request by 2 s and no other; calls go on with
// our own address, and one line says so. When the server is back, its answer counts
// within 29 s.
func TestMapping_ServerLost(t *testing.T) {
	inNAT(t, func(_ *Config, w *natted) { w.stun.deaf.Store(true) }, func(w *natted) {
		start := time.Now()
		_, reg := w.register()
		assert.Equal(t, mappingPatience, time.Since(start))
		assert.Equal(t, "sip:alice@"+ourAddr+":5060", reg.contact())
		for range 20 {
			start = time.Now()
			d, _, path := w.establish(w.far)
			assert.Zero(t, time.Since(start))
			assert.False(t, path.STUN.IsValid())
			go func() { _ = d.Bye(context.Background(), "") }()
			w.far.reply(w.far.request("BYE"), 200, "OK", "t1", "")
			<-time.After(10 * time.Second)
		}
		assert.Equal(t, 1, strings.Count(w.log.String(), "WARN"))
		assert.Contains(t, w.log.String(), "STUN server")
		w.stun.deaf.Store(false)
		start = time.Now()
		reg = w.far.request("REGISTER")
		assert.LessOrEqual(t, time.Since(start), 29*time.Second)
		assert.Equal(t, "sip:alice@"+reg.from.String(), reg.contact())
		w.far.reply(reg, 200, "OK", "t", "", "Expires: 3600")
		// What it said last holds when it is lost again; media has no one to ask.
		w.stun.deaf.Store(true)
		<-time.After(time.Minute)
		_, inv, path := w.establish(w.far)
		assert.Equal(t, "sip:alice@"+reg.from.String(), inv.contact())
		assert.False(t, path.STUN.IsValid())
	})
}

// A NAT that has forgotten us is noticed within a keep-alive: the new address is
// registered, and calls are moved there.
func TestMapping_Changed(t *testing.T) {
	inNAT(t, nil, func(w *natted) {
		w.register()
		d, _, _ := w.establish(w.far)
		events := watch(d)
		w.nat.Forget()
		start := time.Now()
		reg := w.far.request("REGISTER")
		assert.LessOrEqual(t, time.Since(start), 29*time.Second)
		assert.Equal(t, publicAddr+":40002", reg.from.String())
		assert.Contains(t, reg.all("Contact")[0], "<sip:alice@"+reg.from.String()+">")
		assert.Contains(t, reg.all("Contact")[1], "<sip:alice@"+publicAddr+":40001>;expires=0")
		w.far.reply(reg, 200, "OK", "t", "", "Expires: 3600")
		changed := event[AddressChanged](t, events)
		assert.Equal(t, AddressChanged{Local: netip.MustParseAddr(ourAddr), STUN: w.stun.addr}, changed)
		go func() {
			_, _ = d.ReInvite(context.Background(), func(Path) ([]byte, error) { return []byte("offer"), nil })
		}()
		assert.Equal(t, "sip:alice@"+reg.from.String(), w.far.request("INVITE").contact())
	})
}

// Another address of our own is asked about anew before anything is told.
func TestMapping_OurAddressChanged(t *testing.T) {
	inNAT(t, nil, func(w *natted) {
		w.register()
		d, _, _ := w.establish(w.far)
		events := watch(d)
		w.move()
		reg := w.far.request("REGISTER")
		assert.Equal(t, publicAddr+":40002", reg.from.String())
		assert.Contains(t, reg.all("Contact")[0], "<sip:alice@"+reg.from.String()+">")
		w.far.reply(reg, 200, "OK", "t", "", "Expires: 3600")
		assert.Equal(t, movedAddr, event[AddressChanged](t, events).Local.String())
		<-time.After(time.Minute)
		assert.Empty(t, events.ch, "told once")
	})
}

// What somebody else says, and what answers nothing, is not believed.
func TestMapping_OnlyTheServerIsBelieved_RFC8489_6_3_1(t *testing.T) {
	asked := make(chan []byte, 10)
	inNAT(t, func(c *Config, w *natted) {
		w.stun.deaf.Store(true)
		w.nat.Remove()
		w.net.Filter(func(_, to netip.AddrPort, p []byte) bool {
			if to == w.stun.addr {
				asked <- bytes.Clone(p)
			}
			return false
		})
	}, func(w *natted) {
		lie := netip.MustParseAddrPort("192.0.2.66:6666")
		w.far.write(us(), string(stun.Reply(<-asked, lie)))
		_, other := stun.Request()
		w.stun.write(us(), string(stun.Reply(other, lie)))
		synctest.Wait()
		_, reg := w.register()
		assert.Equal(t, "sip:alice@"+ourAddr+":5060", reg.contact())
	})
}

// The server's name is looked up as RFC 8489 §8 says.
func TestMapping_ServerByName_RFC8489_8(t *testing.T) {
	inNAT(t, func(c *Config, w *natted) {
		c.STUN = "stun.example.com"
		c.Network.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
			assert.Equal(t, "_stun._udp.stun.example.com", name)
			return []*net.SRV{{Target: "a.example.com.", Port: 5060}}, nil
		}
		c.Network.LookupAddr = func(_ context.Context, name string) ([]netip.Addr, error) {
			if name != "a.example.com" {
				return nil, errors.New("no such name")
			}
			return []netip.Addr{netip.MustParseAddr("2001:db8::3"), w.stun.addr.Addr()}, nil
		}
	}, func(w *natted) {
		_, reg := w.register()
		assert.Equal(t, "sip:alice@"+reg.from.String(), reg.contact())
	})
}

func TestMapping_ConfigIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{})
		h := n.Host(netip.MustParseAddr(ourAddr))
		network := Network{ListenPacket: h.ListenPacket, Listen: h.Listen, Dial: h.Dial, LocalFor: h.LocalFor}
		for server, listen := range map[string][]Listen{"stun:1:2:x": {{UDP, us()}}, stunAddr: {{TCP, us()}}} {
			_, err := New(Config{Listen: listen, Network: network, STUN: server})
			assert.ErrorContains(t, err, "STUN server")
		}
	})
}
