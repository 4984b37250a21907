package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// conversation is one whole call between two user agents: early media, answer,
// hold, INFO and BYE.
func conversation(t *testing.T, a, b *UserAgent, target URI, transport Transport) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	incoming := make(chan *Invitation, 1)
	release, err := b.Handle(func(i *Invitation) { incoming <- i })
	require.NoError(t, err)
	defer release()
	c := a.Invite(ctx, InviteRequest{Account: Account{User: "alice", Domain: "a.example", Transport: transport}, Target: target, Offer: offerText("offer")})
	i := <-incoming
	require.Equal(t, "offer", string(i.Offer()))
	require.NoError(t, i.Ring(183, []byte("early")))
	theirs, err := i.Accept([]byte("answer"))
	require.NoError(t, err)
	events := watch(theirs)
	var ours *Dialog
	told := ""
	for r := range c.Responses() {
		switch r := r.(type) {
		case Provisional:
			require.True(t, r.Reliable)
			told = string(r.Body)
		case Final:
			require.NoError(t, r.Err)
			require.Empty(t, r.Body, "the answer came reliably before")
			ours = r.Dialog
		}
	}
	require.Equal(t, "early", told)
	require.NoError(t, ours.Ack(nil))
	event[Confirmed](t, events)
	done := reInvite(ours, offerText("hold"))
	require.NoError(t, event[RemoteOffer](t, events).Answer([]byte("held")))
	r := <-done
	require.NoError(t, r.err)
	require.Equal(t, "held", string(r.body))
	require.NoError(t, ours.Info(ctx, "application/dtmf-relay", []byte("Signal=1")))
	event[InfoReceived](t, events)
	mine := watch(ours)
	require.NoError(t, theirs.Bye(ctx, "done"))
	assert.Equal(t, "done", event[Ended](t, mine).Reason)
	event[Ended](t, events)
}

func newPair(t *testing.T, n *memnet.Network, transport Transport) (a, b *UserAgent, target URI) {
	return newPairOf(t, n, transport, func(*Config) {})
}

func newPairOf(t *testing.T, n *memnet.Network, transport Transport, change func(*Config)) (a, b *UserAgent, target URI) {
	uas := make([]*UserAgent, 2)
	for i, addr := range []string{"10.0.0.1", "10.0.0.2"} {
		h := n.Host(netip.MustParseAddr(addr))
		cfg := Config{
			Listen:    []Listen{{transport, netip.MustParseAddrPort(addr + ":5060")}},
			Network:   Network{ListenPacket: h.ListenPacket, Listen: h.Listen, Dial: h.Dial, LocalFor: h.LocalFor},
			AcceptAny: true,
		}
		change(&cfg)
		ua, err := New(cfg)
		require.NoError(t, err)
		uas[i] = ua
	}
	return uas[0], uas[1], URI{Scheme: "sip", User: "bob", Host: "10.0.0.2", Port: 5060}
}

func TestCall_OverLossyNetwork(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			link := memnet.Link{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}
			a, b, target := newPair(t, memnet.New(seed, link), UDP)
			defer a.Close()
			defer b.Close()
			conversation(t, a, b, target, UDP)
		})
	}
}

func TestCall_OverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, target := newPair(t, memnet.New(1, memnet.Link{Delay: 10 * time.Millisecond}), TCP)
		defer a.Close()
		defer b.Close()
		for range 3 {
			conversation(t, a, b, target, TCP)
		}
		// The peer is gone: refused at once.
		require.NoError(t, b.Close())
		start := time.Now()
		c := a.Invite(context.Background(), InviteRequest{Account: Account{User: "alice", Domain: "a"}, Target: target})
		var last Response
		for r := range c.Responses() {
			last = r
		}
		require.ErrorIs(t, last.(Final).Err, ErrUnreachable)
		assert.Less(t, time.Since(start), time.Second)
	})
}

func TestInvite_LargeRequestMovesToTCP_RFC3261_18_1_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{})
		var uas []*UserAgent
		for _, addr := range []string{"10.0.0.1", "10.0.0.2"} {
			h := n.Host(netip.MustParseAddr(addr))
			at := netip.MustParseAddrPort(addr + ":5060")
			ua, err := New(Config{Listen: []Listen{{UDP, at}, {TCP, at}}, AcceptAny: true,
				Network: Network{ListenPacket: h.ListenPacket, Listen: h.Listen, Dial: h.Dial, LocalFor: h.LocalFor}})
			require.NoError(t, err)
			defer ua.Close()
			uas = append(uas, ua)
		}
		got := make(chan *Invitation, 1)
		go func() { _ = uas[1].Serve(context.Background(), func(i *Invitation) { got <- i }) }()
		synctest.Wait()
		body := strings.Repeat("a=x\r\n", 400)
		c := uas[0].Invite(context.Background(), InviteRequest{Account: Account{User: "a", Domain: "x"},
			Target: URI{User: "bob", Host: "10.0.0.2"}, Offer: offerText(body)})
		i := <-got
		assert.Equal(t, body, string(i.Offer()))
		assert.Equal(t, []string{"<sip:a@10.0.0.1:5060;transport=tcp>"}, i.Header("Contact"))
		assert.NotEqual(t, uint16(5060), i.Source().Port())
		_, err := i.Accept([]byte(body))
		require.NoError(t, err)
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		require.NoError(t, f.Dialog.Bye(context.Background(), ""))
	})
}

func TestCall_RealSockets(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, transport := range []Transport{UDP, TCP} {
			addr := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
			listen := []Listen{{UDP, addr}, {TCP, addr}}
			if l, err := net.Listen("tcp", addr.String()); err != nil {
				t.Logf("%s is not available here: %v", host, err)
				continue
			} else {
				_ = l.Close()
			}
			a, err := New(Config{Listen: listen})
			require.NoError(t, err)
			b, err := New(Config{Listen: listen, AcceptAny: true})
			require.NoError(t, err)
			port := int(b.Listening()[transport-1].Addr.Port())
			conversation(t, a, b, URI{Scheme: "sip", User: "bob", Host: host, Port: port}, transport)
			require.NoError(t, a.Close())
			require.NoError(t, b.Close())
			require.NoError(t, b.Close())
		}
	}
}

func TestNew_PortInUse(t *testing.T) {
	ua, err := New(Config{Listen: []Listen{{UDP, netip.MustParseAddrPort("127.0.0.1:0")}}})
	require.NoError(t, err)
	defer ua.Close()
	_, err = New(Config{Listen: ua.Listening()})
	require.ErrorContains(t, err, "cannot listen on udp 127.0.0.1:")
}

func TestLocate_SRVThenAddresses_RFC3263(t *testing.T) {
	srv := map[string][]*net.SRV{
		"_sip._udp.example.com": {{Target: "one.example.com.", Port: 5070}, {Target: "two.example.com.", Port: 5080}},
		"_sip._tcp.tcp.example": {{Target: "one.example.com.", Port: 5090}},
	}
	addrs := map[string][]netip.Addr{
		"one.example.com": {netip.MustParseAddr("10.0.0.2")}, "two.example.com": {netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("fd00::3")},
		"plain.example": {netip.MustParseAddr("::ffff:10.0.0.4")},
	}
	inBubble(t, func(c *Config) {
		c.Network.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
			if r := srv[name]; r != nil {
				return r, nil
			}
			return nil, errors.New("no such record")
		}
		c.Network.LookupAddr = func(_ context.Context, host string) ([]netip.Addr, error) {
			if a := addrs[host]; a != nil {
				return a, nil
			}
			return nil, errors.New("no such host")
		}
	}, func(w *world) {
		show := func(want Transport, host string, port int) string {
			hops, err := w.ua.locate(context.Background(), want, host, port, link{})
			if err != nil {
				require.ErrorIs(t, err, ErrUnreachable)
				return "!"
			}
			var parts []string
			for _, h := range hops {
				parts = append(parts, fmt.Sprintf("%s/%s", h.transport, h.addr))
			}
			return strings.Join(parts, " ")
		}
		assert.Equal(t, "udp/10.0.0.2:5070 udp/10.0.0.3:5080", show(Any, "example.com", 0))
		assert.Equal(t, "tcp/10.0.0.2:5090", show(Any, "tcp.example", 0))
		assert.Equal(t, "udp/10.0.0.4:5060", show(Any, "plain.example", 0))
		assert.Equal(t, "tcp/10.0.0.4:7", show(TCP, "plain.example", 7))
		assert.Equal(t, "udp/192.0.2.1:5060", show(Any, "192.0.2.1", 0))
		assert.Equal(t, "!", show(UDP, "fd00::9", 0))
		assert.Equal(t, "tcp/[fd00::9]:5060", show(Any, "fd00::9", 0))
		assert.Equal(t, "!", show(Any, "nowhere.example", 0))
		// The second host answers when the first is down.
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		a := w.account()
		a.Server = "example.com"
		srv["_sip._udp.example.com"][1].Port = 5060
		w.net.Cut(w.p.addr.Addr(), true)
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		other.reply(other.request("REGISTER"), 200, "OK", "r", "", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
		other.reply(other.next(time.Hour), 200, "OK", "r", "", "Expires: 600") // it goes first from now on
	})
}
