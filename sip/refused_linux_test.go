package sip

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closedPort is one where nobody listens, and nobody else can meanwhile: it belongs to a
// socket that takes datagrams of a single peer, which is not us.
func closedPort(t *testing.T, host string) netip.AddrPort {
	c, err := net.Dial("udp", net.JoinHostPort(host, "9"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return addrPortOf(c.LocalAddr())
}

// Where nobody listens the system says so, and the caller hears it at once; a
// call to somebody else is not disturbed.
func TestInvite_RefusedPort_RFC3261_18_4(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(host)
		ua, err := New(Config{Listen: []Listen{{UDP, netip.AddrPortFrom(addr, 0)}}, CloseTimeout: 10 * time.Millisecond})
		if err != nil && addr.Is6() {
			continue // a machine without IPv6
		}
		require.NoError(t, err)
		quiet, err := net.ListenPacket("udp", net.JoinHostPort(host, "0")) // listens and says nothing
		require.NoError(t, err)
		closed := closedPort(t, host)
		call := func(to netip.AddrPort) *ClientInvite {
			return ua.Invite(context.Background(), InviteRequest{
				Account: Account{User: "alice"}, Offer: offerText("offer"),
				Target: URI{Scheme: "sip", User: "bob", Host: to.Addr().String(), Port: int(to.Port())},
			})
		}
		other := call(addrPortOf(quiet.LocalAddr()))
		next[Sent](t, other)
		start := time.Now()
		c := call(closed)
		next[Sent](t, c)
		f := next[Final](t, c)
		require.ErrorIs(t, f.Err, ErrUnreachable)
		assert.ErrorContains(t, f.Err, "refused")
		assert.Less(t, time.Since(start), 5*time.Second)
		select {
		case r := <-other.Responses():
			t.Errorf("the other call ended: %+v", r)
		case <-time.After(100 * time.Millisecond):
		}
		require.NoError(t, ua.Close())
		require.NoError(t, quiet.Close())
	}
}

// A registration at a closed port knows it at once and tries again after its back-off.
func TestRegister_RefusedPort_RFC3261_18_4(t *testing.T) {
	closed := closedPort(t, "127.0.0.1")
	ua, err := New(Config{Listen: []Listen{{UDP, netip.MustParseAddrPort("127.0.0.1:0")}}, CloseTimeout: 10 * time.Millisecond})
	require.NoError(t, err)
	defer ua.Close()
	states := make(chan RegistrationState, 10)
	start := time.Now()
	_, err = ua.Register(Account{User: "alice", Server: closed.String(), Transport: UDP}, func(s RegistrationState) { states <- s })
	require.NoError(t, err)
	for s := range states {
		if s.Phase == Retrying {
			require.ErrorIs(t, s.Err, ErrUnreachable)
			assert.ErrorContains(t, s.Err, "nobody listens there")
			break
		}
		require.Equal(t, Registering, s.Phase)
	}
	assert.Less(t, time.Since(start), 5*time.Second)
}
