package sip

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// evils want to become a header field of their own.
func evils() []string {
	return []string{
		"x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\rX-Evil: 1", "x\r\n\r\nX-Evil: 1", "x\x00\r\n X-Evil: 1", "x%0d%0aX-Evil: 1",
		"x\"\r\nX-Evil: 1", "x>\r\nX-Evil: 1", "x\u2028X-Evil: 1", "\\\r\nX-Evil: 1",
	}
}

// checkWire holds every message that was sent against the form of RFC 3261 §7.
func checkWire(t *testing.T, data string) {
	t.Helper()
	head, _, ok := strings.Cut(data, "\r\n\r\n")
	require.True(t, ok)
	lines := strings.Split(head, "\r\n")
	require.Len(t, strings.SplitN(lines[0], " ", 3), 3, lines[0])
	for _, l := range lines[1:] {
		name, _, ok := strings.Cut(l, ":")
		require.True(t, ok && isToken(name), l)
		require.NotEqual(t, "x-evil", strings.ToLower(name), data)
		require.False(t, strings.ContainsAny(l, "\r\n"), l)
	}
}

// Whatever a directive, an account or a program hands in, no header field is
// made of it.
func TestWire_NothingBreaksOutOfItsLine_RFC3261_25_1(t *testing.T) {
	for _, evil := range evils() {
		var mu sync.Mutex
		sent := 0
		inBubble(t, func(c *Config) {
			c.Network.LookupAddr = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr(peerAddr)}, nil
			}
			c.Network.LookupSRV = func(context.Context, string) ([]*net.SRV, error) { return nil, nil }
			c.Tap = func(m TapMessage) {
				mu.Lock()
				defer mu.Unlock()
				if m.Sent {
					sent++
					checkWire(t, string(m.Data))
				}
			}
		}, func(w *world) {
			for _, change := range []func(*InviteRequest){
				func(r *InviteRequest) { r.Account.DisplayName = evil },
				func(r *InviteRequest) { r.Account.User = evil },
				func(r *InviteRequest) { r.Account.Domain = evil },
				func(r *InviteRequest) { r.Target.User = evil },
				func(r *InviteRequest) { r.Target.Host = evil },
				func(r *InviteRequest) { r.Target.Params = evil },
				func(r *InviteRequest) { r.Target.Headers = evil },
				func(r *InviteRequest) { r.Target = URI{Scheme: "tel", User: evil} },
				func(r *InviteRequest) { r.CallerNumber = evil },
				func(r *InviteRequest) { r.Headers = []Header{{"Subject", evil}} },
				func(r *InviteRequest) { r.Headers = []Header{{evil, "x"}} },
			} {
				in := InviteRequest{Account: w.account(), Target: URI{Scheme: "sip", User: "bob", Host: "example.com"}}
				change(&in)
				c := w.ua.Invite(context.Background(), in)
				synctest.Wait()
				c.Cancel(evil)
				for range c.Responses() {
				}
			}
			for _, a := range []Account{{User: evil, Domain: "example.com"}, {User: "alice", Domain: evil}, {User: "alice", Domain: "example.com", DisplayName: evil}} {
				a.Server, a.AuthUser, a.Password = peerAddr, evil, evil
				if r, err := w.ua.Register(a, nil); err == nil {
					synctest.Wait()
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					_ = r.Close(ctx)
					cancel()
				}
			}
			_, err := w.ua.Options(context.Background(), URI{Scheme: "sip", Host: peerAddr, User: evil, Params: evil})
			require.Error(t, err)
			emptied(w.p)
			d, _ := w.establish()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			require.Error(t, d.Info(ctx, evil, nil))
			cancel()
			emptied(w.p)
			go func() { _ = d.Bye(context.Background(), evil) }()
			w.p.reply(w.p.request("BYE"), 200, "OK", "", "")
			got := w.serving()
			w.p.invite("alice", "offer")
			require.NoError(t, (<-got).Reject(486, evil))
			synctest.Wait()
			emptied(w.p)
		})
		assert.Greater(t, sent, 4)
	}
}

func emptied(p *peer) {
	for {
		select {
		case <-p.in:
		case <-time.After(2 * timer64):
			return
		}
	}
}

// The last net: a message that was made wrongly is not sent.
func TestWire_RefusesWhatIsNoHeaderField(t *testing.T) {
	good := func() *sipmsg.Request {
		req := sipmsg.NewRequest(sipmsg.OPTIONS, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
		req.AppendHeader(sipmsg.NewHeader("Subject", "hello"))
		return req
	}
	_, err := wire(good())
	require.NoError(t, err)
	for _, change := range []func(*sipmsg.Request){
		func(r *sipmsg.Request) { r.AppendHeader(sipmsg.NewHeader("A\r\nB", "c")) },
		func(r *sipmsg.Request) { r.AppendHeader(sipmsg.NewHeader("A", "c\nB: d")) },
		func(r *sipmsg.Request) { r.AppendHeader(sipmsg.NewHeader("", "c")) },
		func(r *sipmsg.Request) { r.Recipient.Host = "a SIP/2.0\r\nB: c" },
		func(r *sipmsg.Request) { r.Method = "OPTIONS x" },
		func(r *sipmsg.Request) {
			r.AppendHeader(&sipmsg.FromHeader{DisplayName: "a\r\nB: c", Address: r.Recipient})
		},
	} {
		req := good()
		change(req)
		_, err := wire(req)
		require.ErrorContains(t, err, "remove it")
		assert.NotContains(t, err.Error(), "B: ")
	}
	res := sipmsg.NewResponseFromRequest(good(), 200, "OK\r\nB: c", nil)
	_, err = wire(res)
	require.Error(t, err)
}

// A line end by itself is refused, so that it never comes back in an answer.
func TestGate_StrayLineEnds_RFC3261_7(t *testing.T) {
	for _, bad := range []string{"\n", "\r", "\n X-Evil: 1", "\rX-Evil: 1"} {
		inBubble(t, nil, func(w *world) {
			w.p.write(us(), strings.Replace(w.p.options(), "tag=y", "tag=y"+bad, 1))
			select {
			case m := <-w.p.in:
				assert.Equal(t, 400, m.code())
				assert.Empty(t, m.get("X-Evil"))
				assert.False(t, strings.ContainsAny(strings.Join(m.lines, ""), "\r\n"))
			case <-time.After(time.Minute): // what was to be copied could not be read
			}
			alive(w)
		})
	}
}

func TestServe_OwnCallComesBack_RFC3261_8_2_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.serving()
		c := w.call()
		inv := w.p.request("INVITE")
		text := inv.start + "\r\n" + "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKproxy\r\n" + strings.Join(inv.lines, "\r\n") + "\r\n\r\n" + inv.body
		w.p.write(us(), text)
		m := w.p.next(time.Minute)
		assert.Equal(t, 482, m.code(), m.start)
		c.Cancel("")
		next[Sent](t, c)
	})
}

func TestServe_MergedAfterTheAnswer_RFC3261_8_2_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		_, text := w.p.invite("alice", "offer")
		w.p.response(100)
		_, err := (<-got).Accept([]byte("answer"))
		require.NoError(t, err)
		w.p.response(200)
		w.p.write(us(), strings.Replace(text, "z9hG4bKinv1", "z9hG4bKother", 1))
		w.p.response(482)
		assert.Empty(t, got)
	})
}

// A phone forwards nothing, so it is the end of the way whatever is left.
func TestServe_MaxForwardsZeroIsNoReason_RFC4475_3_3_11(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.p.write(us(), strings.Replace(w.p.options(), "Max-Forwards: 70", "Max-Forwards: 0", 1))
		w.p.response(200)
	})
}

// 482 and 483 from elsewhere end the call; nothing is tried again.
func TestInvite_LoopsAreNotTriedAgain_RFC3261_21_4(t *testing.T) {
	for _, code := range []int{482, 483} {
		inBubble(t, nil, func(w *world) {
			c := w.call()
			w.p.reply(w.p.request("INVITE"), code, "", "t", "")
			w.p.request("ACK")
			next[Sent](t, c)
			var e *StatusError
			require.ErrorAs(t, next[Final](t, c).Err, &e)
			assert.Equal(t, code, e.Code)
			w.p.silence(time.Minute)
		})
	}
}
