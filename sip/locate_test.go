package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zone is a DNS of a test.
type zone struct {
	naptr map[string][]NAPTR
	srv   map[string][]*net.SRV
	addr  map[string]string
	dead  atomic.Bool
}

func (z *zone) serve(c *Config) {
	missing := func(name string) error {
		return &net.DNSError{Err: "no answer", Name: name, IsNotFound: !z.dead.Load(), IsTimeout: z.dead.Load()}
	}
	c.Network.LookupNAPTR = func(_ context.Context, name string) ([]NAPTR, error) {
		if r := z.naptr[name]; r != nil && !z.dead.Load() {
			return r, nil
		}
		return nil, missing(name)
	}
	c.Network.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
		if r := z.srv[name]; r != nil && !z.dead.Load() {
			return r, nil
		}
		return nil, missing(name)
	}
	c.Network.LookupAddr = func(_ context.Context, name string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range strings.Fields(z.addr[name]) {
			out = append(out, netip.MustParseAddr(a))
		}
		if out == nil || z.dead.Load() {
			return nil, missing(name)
		}
		return out, nil
	}
}

func (z *zone) show(w *world, want Transport, host string, port int) string {
	hops, err := w.ua.locate(context.Background(), want, host, port, link{})
	if err != nil {
		return "!"
	}
	var parts []string
	for _, h := range hops {
		parts = append(parts, fmt.Sprintf("%s/%s", h.transport, h.addr))
	}
	return strings.Join(parts, " ")
}

// NAPTR chooses the transport, where none is wanted; what we do not speak is left out.
func TestLocate_NAPTR_RFC3263_4_1(t *testing.T) {
	z := &zone{
		naptr: map[string][]NAPTR{
			"example.com": {
				{Order: 100, Preference: 50, Flags: "s", Service: "SIP+D2U", Replacement: "_sip._udp.example.com."},
				{Order: 90, Preference: 50, Flags: "S", Service: "sip+d2t", Replacement: "_sip._tcp.example.com."},
				{Order: 90, Preference: 10, Flags: "s", Service: "SIPS+D2T", Replacement: "_sips._tcp.example.com."},
				{Order: 10, Flags: "s", Service: "SIP+D2S", Replacement: "_sip._sctp.example.com."},
				{Order: 20, Flags: "u", Service: "SIP+D2U", Replacement: "."},
			},
		},
		srv: map[string][]*net.SRV{
			"_sip._udp.example.com":  {{Target: "a.example.com.", Port: 5060}},
			"_sip._tcp.example.com":  {{Target: "a.example.com.", Port: 5070}},
			"_sips._tcp.example.com": {{Target: "a.example.com."}},
			"_sip._sctp.example.com": {{Target: "a.example.com.", Port: 1}},
		},
		addr: map[string]string{"a.example.com": "10.0.0.2 fd00::2", "example.com": "10.0.0.9"},
	}
	inBubble(t, z.serve, func(w *world) {
		assert.Equal(t, "tls/10.0.0.2:5061 tls/[fd00::2]:5061 tcp/10.0.0.2:5070 tcp/[fd00::2]:5070 udp/10.0.0.2:5060", z.show(w, Any, "example.com", 0))
		assert.Equal(t, "udp/10.0.0.2:5060", z.show(w, UDP, "example.com.", 0), "a transport that is wanted needs no NAPTR")
		assert.Equal(t, "tls/10.0.0.9:5061", z.show(w, TLS, "example.com", 5061), "nor does a port")
		assert.Equal(t, "wss/10.0.0.9:443", z.show(w, WSS, "example.com", 0))
	})
}

// Priority decides, weight draws: shares are those of RFC 2782.
func TestOrderSRV_WeightsAndPriorities_RFC2782(t *testing.T) {
	records := []*net.SRV{
		{Target: "backup", Priority: 20, Weight: 100}, {Target: "big", Priority: 10, Weight: 60},
		{Target: "small", Priority: 10, Weight: 20}, {Target: "other", Priority: 10, Weight: 20}, {Target: "none", Priority: 10},
	}
	r := rand.New(rand.NewPCG(1, 2))
	first := map[string]int{}
	const n = 20000
	for range n {
		got := orderSRV(records, r.IntN)
		require.Len(t, got, len(records))
		require.Equal(t, "backup", got[len(got)-1].Target)
		first[got[0].Target]++
	}
	assert.InDelta(t, 0.60, float64(first["big"])/n, 0.02)
	assert.InDelta(t, 0.20, float64(first["small"])/n, 0.02)
	assert.InDelta(t, 0.20, float64(first["other"])/n, 0.02)
	assert.InDelta(t, 0.01, float64(first["none"])/n, 0.005)
	assert.Empty(t, orderSRV(nil, r.IntN))
}

func twoServers() *zone {
	return &zone{
		srv:  map[string][]*net.SRV{"_sip._udp.example.com": {{Target: "two", Port: 5060, Priority: 20}, {Target: "one", Port: 5060, Priority: 10}}},
		addr: map[string]string{"one": peerAddr, "two": "10.0.0.3"},
	}
}

// A call goes to the next server when the first is silent or answers 503, and the one
// that failed is asked last for five minutes.
func TestInvite_Failover_RFC3263_4_3(t *testing.T) {
	z := twoServers()
	inBubble(t, z.serve, func(w *world) {
		second := newPeer(t, w.net, "10.0.0.3")
		defer second.close()
		a := Account{User: "alice", Server: "example.com"}
		call := func() *ClientInvite {
			return w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Offer: offerText("offer")})
		}
		busy := func(p *peer) {
			p.reply(p.request("INVITE"), 486, "Busy", "t", "")
			p.request("ACK")
		}
		c := call()
		w.p.reply(w.p.request("INVITE"), 503, "Overloaded", "t", "")
		w.p.request("ACK")
		busy(second)
		next[Sent](t, c)
		assert.Equal(t, 486, next[Final](t, c).Code)
		c = call()
		busy(second)
		next[Sent](t, c)
		assert.Equal(t, 486, next[Final](t, c).Code)
		w.p.silence(failureLasts)
		w.net.Cut(w.p.addr.Addr(), true)
		start := time.Now()
		c = call()
		busy(second)
		assert.Equal(t, timer64, time.Since(start), "timer B at the first")
		next[Sent](t, c)
		assert.Equal(t, 486, next[Final](t, c).Code)
	})
}

// A registration moves to the server that answers, and calls go where it went.
func TestRegister_Failover_RFC3263_4_3(t *testing.T) {
	z := twoServers()
	inBubble(t, z.serve, func(w *world) {
		second := newPeer(t, w.net, "10.0.0.3")
		defer second.close()
		w.net.Cut(w.p.addr.Addr(), true)
		a := Account{User: "alice", Server: "example.com"}
		start := time.Now()
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		second.reply(second.request("REGISTER"), 200, "OK", "t", "", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, timer64, time.Since(start), "timer F at the first")
		w.net.Cut(w.p.addr.Addr(), false)
		<-time.After(2 * failureLasts)
		w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Offer: offerText("offer")})
		second.reply(second.request("INVITE"), 486, "Busy", "t", "")
	})
}

// The DNS is gone for an hour: refreshes go where it said before. A name that is gone
// from the DNS is gone.
func TestLocate_DNSGone(t *testing.T) {
	z := twoServers()
	inBubble(t, z.serve, func(w *world) {
		a := Account{User: "alice", Server: "example.com"}
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "t", "", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
		z.dead.Store(true)
		for range 12 { // an hour of refreshes every 5 minutes
			w.p.reply(w.p.next(time.Hour), 200, "OK", "t", "", "Expires: 600")
			synctest.Wait()
			assert.Equal(t, Registered, r.State().Phase)
		}
		z.dead.Store(false)
		_, err = w.ua.locate(context.Background(), Any, "gone.example.com", 0, link{})
		require.ErrorIs(t, err, ErrUnreachable)
	})
}

// Some name servers never answer questions about SRV: the name's addresses are asked for
// all the same. Where they did answer before, what they said holds.
func TestLocate_SilentAboutServices_RFC3263_4_2(t *testing.T) {
	z := twoServers()
	z.addr["example.com"] = "10.0.0.9"
	var silent atomic.Bool
	silent.Store(true)
	inBubble(t, func(c *Config) {
		z.serve(c)
		answer := c.Network.LookupSRV
		c.Network.LookupSRV = func(ctx context.Context, name string) ([]*net.SRV, error) {
			if silent.Load() {
				<-ctx.Done()
				return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
			}
			return answer(ctx, name)
		}
	}, func(w *world) {
		start := time.Now()
		assert.Equal(t, "udp/10.0.0.9:5060", z.show(w, Any, "example.com", 0))
		assert.Equal(t, servicesTime, time.Since(start))
		silent.Store(false)
		both := "udp/" + peerAddr + ":5060 udp/10.0.0.3:5060"
		assert.Equal(t, both, z.show(w, Any, "example.com", 0))
		silent.Store(true)
		assert.Equal(t, both, z.show(w, Any, "example.com", 0))
	})
}

// The registrar is gone for an hour: the account retries at least once a minute, and
// is back within one of its return.
func TestRegister_RegistrarGoneForAnHour(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "t", "", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
		w.net.Cut(w.p.addr.Addr(), true)
		<-time.After(time.Hour)
		assert.Contains(t, []Phase{Registering, Retrying}, r.State().Phase)
		w.net.Cut(w.p.addr.Addr(), false)
		back := time.Now()
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "t", "", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
		assert.LessOrEqual(t, time.Since(back), time.Minute+4*time.Second)
	})
}

// What is remembered of hops and names is bounded.
func TestHopBook_Bounded(t *testing.T) {
	b := newHopBook()
	for i := range 5000 {
		b.keep(located{host: fmt.Sprint(i)}, nil)
		b.outcome(hop{addr: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(i))}, false)
	}
	assert.LessOrEqual(t, len(b.said), maxLocated)
	assert.LessOrEqual(t, len(b.failed), 2*maxLocated)
	assert.False(t, noAnswer(errors.New("other")))
}
