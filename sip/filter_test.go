package sip

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// behindRegistrar is a phone that only its registrar may call.
func behindRegistrar(c *Config) { c.AcceptAny, c.Allow = false, []netip.Prefix{} }

func (p *peer) options() string {
	p.seq++
	l := &leg{p: p, callID: fmt.Sprint("o", p.seq), local: "y", seq: 1, uri: "sip:" + ourAddr, from: "<sip:bob@b>", to: "<sip:alice@a>"}
	return l.text("OPTIONS", fmt.Sprintf("z9hG4bKo%d", p.seq), "")
}

func TestFilter_StrangersGetNoAnswerAtAll(t *testing.T) {
	var log bytes.Buffer
	inBubble(t, func(c *Config) {
		behindRegistrar(c)
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	}, func(w *world) {
		w.register()
		got := w.serving()
		scanner := newPeer(t, w.net, "10.0.0.3")
		defer scanner.close()
		scanner.invite("alice", "offer")
		scanner.invite("nobody", "offer")
		scanner.write(us(), scanner.options())
		scanner.write(us(), strings.ReplaceAll(scanner.options(), "OPTIONS", "REGISTER"))
		for _, m := range badMessages() {
			scanner.write(us(), m.text)
		}
		scanner.silence(time.Minute)
		assert.Empty(t, got)
		// The registrar is served.
		w.p.invite("alice", "offer")
		w.p.response(100)
		require.NoError(t, (<-got).Reject(486, ""))
		w.p.response(486)
	})
	assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
	assert.Contains(t, log.String(), "from=10.0.0.3")
	assert.NotContains(t, log.String(), "nobody")
}

// Without a Record-Route the other party speaks to us itself.
func TestFilter_ACallMayGoOnFromElsewhere_RFC3261_12_2(t *testing.T) {
	inBubble(t, behindRegistrar, func(w *world) {
		w.register()
		_, l := w.accept200()
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		l.p = other
		l.send("ACK", "")
		l.send("INFO", "x")
		other.response(200)
		forged := *l
		forged.local = "guessed"
		forged.send("BYE", "")
		other.silence(time.Minute)
		l.send("BYE", "")
		other.response(200)
	})
}

func TestFilter_AllowedNetworks(t *testing.T) {
	inBubble(t, func(c *Config) {
		c.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.2/31")}
	}, func(w *world) {
		inside, outside := newPeer(t, w.net, "10.0.0.3"), newPeer(t, w.net, "10.0.0.4")
		defer inside.close()
		defer outside.close()
		inside.write(us(), inside.options())
		inside.response(200)
		outside.write(us(), outside.options())
		outside.silence(time.Minute)
		assert.Equal(t, allowed, w.ua.standing(netip.MustParseAddr("::ffff:10.0.0.2")))
	})
}

func TestFilter_AnAllowedAddressIsLimitedTheRegistrarIsNot(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxRate = 10 }, func(w *world) {
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		w.register()
		flood := func(p *peer) (answered int) {
			for range 100 {
				p.write(us(), p.options())
			}
			synctest.Wait()
			<-time.After(time.Millisecond)
			for len(p.in) > 0 {
				<-p.in
				answered++
			}
			return answered
		}
		assert.Equal(t, 20, flood(other))
		assert.Equal(t, 100, flood(w.p))
		<-time.After(time.Second)
		assert.Equal(t, 10, flood(other))
	})
}

func TestFilter_AStrangersMessagesAreHardlyRead(t *testing.T) {
	inBubble(t, behindRegistrar, func(w *world) {
		w.register()
		read := 0
		w.ua.cfg.Tap = func(TapMessage) { read++ }
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		for range 1000 {
			other.write(us(), other.options())
		}
		synctest.Wait()
		<-time.After(time.Millisecond)
		synctest.Wait()
		assert.Equal(t, 2*strangerMessages, read)
	})
}

func TestMeter_RateAndBurst(t *testing.T) {
	m := newMeter(10, 20)
	now := time.Now()
	taken := func(a string) (n int) {
		for range 100 {
			if m.take(netip.MustParseAddr(a), now) {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 20, taken("192.0.2.1"))
	now = now.Add(500 * time.Millisecond)
	assert.Equal(t, 5, taken("192.0.2.1"))
	now = now.Add(time.Hour)
	assert.Equal(t, 20, taken("2001:db8::1"))
	assert.Equal(t, 0, taken("2001:db8::2")) // the same /64
	now = now.Add(13 * 24 * time.Hour)
	assert.Equal(t, 20, taken("2001:db8::1"))
	assert.Less(t, unsafe.Sizeof(*m), uintptr(64<<10))
}

// flood is a socket on which a request from another address arrives each time.
type flood struct {
	net.PacketConn
	next  chan [2]string // source and text
	close sync.Once
}

func (f *flood) ReadFrom(p []byte) (int, net.Addr, error) {
	m, ok := <-f.next
	if !ok {
		return 0, nil, net.ErrClosed
	}
	return copy(p, m[1]), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(m[0])), nil
}
func (f *flood) WriteTo(p []byte, _ net.Addr) (int, error) { return len(p), nil }
func (f *flood) LocalAddr() net.Addr                       { return net.UDPAddrFromAddrPort(us()) }
func (f *flood) Close() error                              { f.close.Do(func() { close(f.next) }); return nil }

// One hundred thousand addresses leave nothing behind: neither as strangers
// nor where everybody is allowed.
func TestSources_HundredThousandAddressesCostNoMemory(t *testing.T) {
	for name, networks := range map[string][]netip.Prefix{"strangers": {}, "allowed": nil} {
		synctest.Test(t, func(t *testing.T) {
			f := &flood{next: make(chan [2]string)}
			ua, err := New(Config{Listen: []Listen{{UDP, us()}}, AcceptAny: true, Allow: networks,
				Network: Network{ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return f, nil },
					LocalFor: func(netip.Addr) (netip.Addr, error) { return us().Addr(), nil }}})
			require.NoError(t, err)
			send := func(from, to int) {
				for n := from; n < to; n++ {
					a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, byte(n >> 16), byte(n >> 8), byte(n)}), 5060)
					f.next <- [2]string{a.String(), fmt.Sprintf("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\n"+
						"From: <sip:x@y>;tag=1\r\nTo: <sip:z@y>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", ourAddr, a, n, n)}
					if n%1000 == 0 {
						<-time.After(time.Second)
					}
				}
				<-time.After(2 * timer64)
			}
			send(0, 20000) // most of what is kept at most is there from now on
			before := heap()
			send(20000, 120000)
			after := heap()
			t.Logf("%s: %d bytes before, %d after 100,000 further addresses", name, before, after)
			assert.Less(t, after, before+512<<10, name)
			assert.LessOrEqual(t, ua.tpl.Pool("udp").Size(), maxSources+1)
			require.NoError(t, ua.Close())
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A connection is no way around the filter.
func TestFilter_AStrangersConnectionIsClosed(t *testing.T) {
	inBubble(t, behindRegistrar, func(w *world) {
		w.register()
		for _, text := range []string{tcpText(1), tcpText(2, "CSeq: 1 OPTIONS", "CSeq: 1 BYE"), tcpText(3, "Content-Length: 0\r\n", "")} {
			c, err := w.net.Host(netip.MustParseAddr("10.0.0.3")).Dial(context.Background(), "tcp4", "", us().String())
			require.NoError(t, err)
			_, err = c.Write([]byte(text))
			require.NoError(t, err)
			start := time.Now()
			n, err := c.Read(make([]byte, 100))
			require.Error(t, err)
			assert.Zero(t, n)
			assert.Less(t, time.Since(start), time.Second)
		}
		c := w.stream() // the registrar's
		_, err := c.Write([]byte(tcpText(4)))
		require.NoError(t, err)
		readUntil(t, c, 1)
	})
}

// One octet now and then does not keep a connection open, nor does silence.
func TestStream_ASlowSenderIsCutOff(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c, start := w.stream(), time.Now()
		for n := 0; ; n++ {
			if _, err := c.Write([]byte("O")); err != nil {
				break
			}
			<-time.After(5 * time.Second)
			require.Less(t, n, 20)
		}
		assert.InDelta(t, streamPartialTimeout, time.Since(start), float64(10*time.Second))
		c, start = w.stream(), time.Now()
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
		assert.Equal(t, streamPartialTimeout, time.Since(start))
		// Message after message is no slow sender, and who has spoken may be silent.
		c = w.stream()
		for n := range 20 {
			_, err := c.Write([]byte(tcpText(n) + tcpText(100 + n)[:20]))
			require.NoError(t, err)
			readUntil(t, c, 1)
			<-time.After(5 * time.Second)
			_, err = c.Write([]byte(tcpText(100 + n)[20:]))
			require.NoError(t, err)
			readUntil(t, c, 1)
		}
		<-time.After(time.Hour)
		_, err = c.Write([]byte(tcpText(99)))
		require.NoError(t, err)
		readUntil(t, c, 1)
	})
}

// What is too large is refused as soon as that is known, and the connection ends.
func TestStream_AnOversizedMessageIsCutOff(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxMessage = 4000 }, func(w *world) {
		for _, text := range []string{
			tcpText(1, "Content-Length: 0", "Content-Length: 4000"),
			tcpText(2, "Call-ID: t2", "Call-ID: t2\r\nX: "+strings.Repeat("x", 5000)),
			"OPTIONS sip:x SIP/2.0\r\nX: " + strings.Repeat("x", 5000),
		} {
			c := w.stream()
			go func() { _, _ = c.Write([]byte(text)) }()
			start := time.Now()
			all, _ := io.ReadAll(c)
			assert.Less(t, time.Since(start), time.Second)
			if len(all) > 0 {
				assert.Contains(t, string(all), "513 Message Too Large")
			}
		}
		alive(w)
	})
}

// Those who never said anything welcome make way first.
func TestStream_StrangersMakeWay(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxStreams = 2; behindRegistrar(c) }, func(w *world) {
		w.register()
		good := w.stream()
		_, err := good.Write([]byte(tcpText(1)))
		require.NoError(t, err)
		readUntil(t, good, 1)
		for range 10 {
			<-time.After(time.Second)
			_, err := w.net.Host(netip.MustParseAddr("10.0.0.3")).Dial(context.Background(), "tcp4", "", us().String())
			require.NoError(t, err)
		}
		_, err = good.Write([]byte(tcpText(2)))
		require.NoError(t, err)
		readUntil(t, good, 1)
	})
}

// The answer to a BYE may be lost: the BYE that comes again is answered too, though the
// call is over.
func TestFilter_RepeatedByeFromElsewhere_RFC3261_17_2_2(t *testing.T) {
	inBubble(t, behindRegistrar, func(w *world) {
		w.register()
		_, l := w.accept()
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		l.p = other
		l.seq++
		for range 3 {
			other.write(us(), l.text("BYE", "z9hG4bKbye", ""))
			other.response(200)
		}
		<-time.After(timer64 + time.Second)
		other.write(us(), l.text("BYE", "z9hG4bKbye", "")) // its transaction is over too
		other.response(481)
	})
}

// Whoever we called over a connection of ours may speak of that call, and no more: our
// connection is no way around the filter.
func TestFilter_WhomWeCalledIsNoRegistrar(t *testing.T) {
	inBubble(t, behindRegistrar, func(w *world) {
		w.register()
		got := w.serving()
		other := newPeer(t, w.net, "10.0.0.3")
		defer other.close()
		l, err := w.net.Host(netip.MustParseAddr("10.0.0.3")).Listen(context.Background(), "tcp4", "10.0.0.3:5060")
		require.NoError(t, err)
		p := &streamPeer{t: t, listener: l, conns: make(chan net.Conn, 10)}
		defer p.close()
		p.wg.Go(func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				p.conns <- c
			}
		})
		c := w.ua.Invite(context.Background(), InviteRequest{Account: Account{User: "alice", Domain: "x", Transport: TCP},
			Target: URI{User: "bob", Host: "10.0.0.3"}, Offer: offerText("offer")})
		p.accept()
		inv := p.request("INVITE")
		p.reply(inv, 200, "OK")
		next[Sent](t, c)
		require.NoError(t, next[Final](t, c).Dialog.Ack(nil))
		p.request("ACK")
		theirs := other.legOf(inv, "tag")
		theirs.seq = 5
		for _, text := range []string{
			tcpText(1), "garbage\r\nContent-Length: 0\r\n\r\n",
			strings.Replace(strings.ReplaceAll(tcpText(2), "OPTIONS", "INVITE"), "sip:10.0.0.1", "sip:alice@10.0.0.1", 1),
			theirs.text("BYE", "z9hG4bKbye", ""),
		} {
			p.write(text)
		}
		assert.Equal(t, "BYE", p.next().method(), "nothing else is answered, and the call goes on until then")
		require.NoError(t, p.conn.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = p.reader.ReadByte()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Empty(t, got)
	})
}
