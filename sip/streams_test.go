package sip

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var overTCP = URI{Scheme: "sip", User: "x", Host: peerAddr, Port: 5060, Params: "transport=tcp"}

// One request that nobody answers does not end a connection that is alive: other calls
// run over it, and the one who is silent may be far behind the server.
func TestStream_UnansweredRequestLeavesALiveConnection_RFC3261_18_1(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		done := make(chan error, 1)
		go func() { _, err := w.ua.Options(context.Background(), overTCP); done <- err }()
		p.request("OPTIONS")
		p.bytes(crlfs(2)) // within 29 s
		p.write(crlfs(1))
		require.ErrorIs(t, <-done, ErrUnreachable)
		synctest.Wait()
		assert.Empty(t, p.conns, "no other connection")
		go func() { _, err := w.ua.Options(context.Background(), overTCP); done <- err }()
		p.reply(p.request("OPTIONS"), 200, "OK")
		require.NoError(t, <-done)
	})
}

// Where nothing at all came for as long, the connection is dead.
func TestStream_SilentConnectionIsGivenUp(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, _ Account) {
		done := make(chan error, 1)
		ask := func() { _, err := w.ua.Options(context.Background(), overTCP); done <- err }
		go ask()
		p.accept()
		p.request("OPTIONS")
		require.ErrorIs(t, <-done, ErrUnreachable)
		go ask()
		p.accept()
		p.reply(p.request("OPTIONS"), 200, "OK")
		require.NoError(t, <-done)
	})
}

// All who wait for one connection learn at once that it cannot be made.
func TestStream_OneDialFailsForAll(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.net.Cut(netip.MustParseAddr(peerAddr), true)
		done, start := make(chan error, 5), time.Now()
		for range cap(done) {
			go func() { _, err := w.ua.Options(context.Background(), overTCP); done <- err }()
		}
		for range cap(done) {
			require.ErrorIs(t, <-done, ErrUnreachable)
		}
		assert.Equal(t, dialTimeout, time.Since(start))
	})
}

// Who dials and loses patience does not take the connection from the others.
func TestStream_ImpatientDialerIsNotTheOthersFailure(t *testing.T) {
	var dials atomic.Int32
	inBubble(t, func(c *Config) {
		dial := c.Network.Dial
		c.Network.Dial = func(ctx context.Context, network, laddr, raddr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return dial(ctx, network, laddr, raddr)
		}
	}, func(w *world) {
		p := newStreamPeer(t, w.net, 5060, nil)
		defer p.close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := w.ua.Options(ctx, overTCP); first <- err }()
		synctest.Wait()
		go func() { _, err := w.ua.Options(context.Background(), overTCP); second <- err }()
		require.ErrorIs(t, <-first, context.DeadlineExceeded)
		p.accept()
		p.reply(p.request("OPTIONS"), 200, "OK")
		require.NoError(t, <-second)
	})
}

// A ping that came in pieces starts no clock for a message that comes later.
func TestStream_PingInPiecesThenAMessageInPieces_RFC5626_3_5_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.stream()
		_, err := c.Write([]byte(tcpText(1)))
		require.NoError(t, err)
		readUntil(t, c, 1)
		for _, part := range []string{"\r\n\r", "\n"} {
			_, err = c.Write([]byte(part))
			require.NoError(t, err)
			synctest.Wait()
		}
		pong := make([]byte, 2)
		_, err = c.Read(pong)
		require.NoError(t, err)
		<-time.After(time.Hour)
		for _, part := range []string{tcpText(2)[:20], tcpText(2)[20:]} {
			_, err = c.Write([]byte(part))
			require.NoError(t, err)
			<-time.After(time.Second)
		}
		readUntil(t, c, 1)
	})
}

// A connection that nothing needs any more is closed: neither the account that is
// registered over it nor a call that is up over it may be silent for too long.
func TestStream_IdleConnectionsAreClosed(t *testing.T) {
	tcpWorld(t, func(w *world, p *streamPeer, a Account) {
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Offer: offerText("offer")})
		p.accept()
		inv := p.request("INVITE")
		p.reply(inv, 180, "Ringing")
		next[Sent](t, c)
		next[Provisional](t, c)
		open := func(pings int) {
			t.Helper()
			for range pings {
				p.bytes(crlfs(2))
				p.write(crlfs(1))
			}
		}
		open(40) // a quarter of an hour of ringing
		p.reply(inv, 200, "OK")
		d := next[Final](t, c).Dialog
		require.NoError(t, d.Ack(nil))
		p.request("ACK")
		open(30) // of silence in the call
		go func() { _ = d.Bye(context.Background(), "") }()
		p.reply(p.request("BYE"), 200, "OK")
		over := time.Now()
		for err := error(nil); err == nil; { // our pings, then the end
			if _, err = p.conn.Read(make([]byte, 4)); err == nil {
				p.write(crlfs(1))
			}
		}
		assert.InDelta(t, idleAfter, time.Since(over), float64(40*time.Second))

		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		open(100)
		assert.Empty(t, w.ua.streams.dialling)
	})
}
