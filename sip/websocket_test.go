package sip

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wsPeer is a SIP server behind a WebSocket.
type wsPeer struct {
	*streamPeer
	path  string
	agree string // subprotocol
}

// upgrade answers the handshake.
func (p *wsPeer) upgrade() {
	p.t.Helper()
	p.accept()
	up := ws.Upgrader{
		OnRequest: func(uri []byte) error { p.path = string(uri); return nil },
		Protocol:  func(b []byte) bool { return string(b) == p.agree },
	}
	_, err := up.Upgrade(p.conn)
	require.NoError(p.t, err)
}

func (p *wsPeer) request(method string) *message {
	p.t.Helper()
	data, err := wsutil.ReadClientText(p.conn)
	require.NoError(p.t, err)
	m := readMessage(p.t, data, addrPortOf(p.conn.RemoteAddr()))
	require.True(p.t, m.isRequest(), m.start)
	require.Equal(p.t, method, m.method())
	return m
}

func (p *wsPeer) reply(m *message, code int, reason string, extra ...string) {
	p.t.Helper()
	text := replyText(addrPortOf(p.conn.LocalAddr()), m, code, reason, "tag", "", extra...)
	// RFC 7118 §4.2: over WebSocket Content-Length may be missing.
	require.NoError(p.t, wsutil.WriteServerText(p.conn, []byte(strings.Replace(text, "Content-Length: 0\r\n", "", 1))))
}

// Registration and a call over a secure WebSocket; the dialog stays on it, whatever
// Contact says.
func TestWebSocket_RegisterAndCall_RFC7118_5(t *testing.T) {
	ca := newAuthority(t)
	secureWorld(t, func(w *world) {
		p := &wsPeer{agree: "sip", streamPeer: newStreamPeer(t, w.net, 8089, &tls.Config{Certificates: []tls.Certificate{*ca.issue("pbx.example.com")}})}
		defer p.close()
		a := Account{User: "alice", Server: "pbx.example.com:8089", Transport: WSS, TLS: &TLSConfig{Roots: ca.pool()}, Domain: "example.com"}
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.upgrade()
		assert.Equal(t, "/ws", p.path)
		reg := p.request("REGISTER")
		assert.Regexp(t, `^SIP/2\.0/WSS [a-z0-9]+\.invalid[:;]`, reg.get("Via"))
		assert.Regexp(t, `^<sip:alice@[a-z0-9]+\.invalid;transport=ws>`, reg.get("Contact"))
		p.reply(reg, 200, "OK", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"}, Offer: offerText("offer")})
		inv := p.request("INVITE")
		p.reply(inv, 200, "OK")
		next[Sent](t, c)
		f := next[Final](t, c)
		require.NoError(t, f.Err)
		require.NoError(t, f.Dialog.Ack(nil))
		p.request("ACK")
		done := make(chan error)
		go func() { done <- f.Dialog.Bye(context.Background(), "") }()
		p.reply(p.request("BYE"), 200, "OK")
		require.NoError(t, <-done)
		assert.Empty(t, p.conns, "one connection for all")
	})
}

// Pings of WebSocket go both ways; silence after ours means a new connection.
func TestWebSocket_Pings_RFC6455_5_5_2(t *testing.T) {
	secureWorld(t, func(w *world) {
		p := &wsPeer{agree: "sip", streamPeer: newStreamPeer(t, w.net, 80, nil)}
		defer p.close()
		r, err := w.ua.Register(Account{User: "alice", Server: "pbx.example.com", Transport: WS, WebSocketPath: "/sip"}, nil)
		require.NoError(t, err)
		p.upgrade()
		assert.Equal(t, "/sip", p.path)
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 86400")
		require.NoError(t, r.Wait(context.Background()))
		require.NoError(t, wsutil.WriteServerMessage(p.conn, ws.OpPing, []byte("hello")))
		fr, err := ws.ReadFrame(p.conn)
		require.NoError(t, err)
		assert.Equal(t, ws.OpPong, fr.Header.OpCode)
		assert.True(t, fr.Header.Masked, "RFC 6455 §5.3")
		assert.Equal(t, "hello", string(ws.UnmaskFrame(fr).Payload))
		for range 3 {
			fr, err = ws.ReadFrame(p.conn)
			require.NoError(t, err)
			require.Equal(t, ws.OpPing, fr.Header.OpCode)
			require.NoError(t, wsutil.WriteServerMessage(p.conn, ws.OpPong, nil))
		}
		_, err = ws.ReadFrame(p.conn)
		require.NoError(t, err)
		start := time.Now()
		p.upgrade()
		assert.Equal(t, pongTimeout, time.Since(start))
	})
}

// What is no WebSocket for SIP is not used, and the error says why.
func TestWebSocket_Refused_RFC7118_4_1(t *testing.T) {
	for _, c := range []struct {
		says  string
		serve func(p *wsPeer)
	}{
		{"subprotocol", func(p *wsPeer) { p.agree = "chat"; p.upgrade() }},
		{"404", func(p *wsPeer) {
			p.accept()
			_, _ = p.reader.ReadString('\n')
			p.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}},
		{"WebSocket at", func(p *wsPeer) { p.accept(); _ = p.conn.Close() }},
		{"deadline", func(p *wsPeer) { p.accept() }}, // says nothing
	} {
		secureWorld(t, func(w *world) {
			p := &wsPeer{streamPeer: newStreamPeer(t, w.net, 80, nil)}
			defer p.close()
			states := make(chan RegistrationState, 10)
			_, err := w.ua.Register(Account{User: "alice", Server: "pbx.example.com", Transport: WS}, func(s RegistrationState) { states <- s })
			require.NoError(t, err)
			c.serve(p)
			require.Equal(t, Registering, (<-states).Phase)
			s := <-states
			require.Equal(t, Retrying, s.Phase)
			require.ErrorIs(t, s.Err, ErrUnreachable)
			assert.ErrorContains(t, s.Err, c.says)
		})
	}
}

func FuzzWebSocketFrames(f *testing.F) {
	whole := func(fr ws.Frame) []byte { return ws.MustCompileFrame(fr) }
	text := []byte("OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\nbody")
	f.Add(whole(ws.NewTextFrame(text)), 3)
	f.Add(whole(ws.MaskFrame(ws.NewBinaryFrame(text))), 100)
	f.Add(append(whole(ws.NewFrame(ws.OpText, false, text[:10])), append(whole(ws.NewPingFrame([]byte("x"))), whole(ws.NewFrame(ws.OpContinuation, true, text[10:]))...)...), 1)
	f.Add(whole(ws.NewCloseFrame(nil)), 2)
	f.Add(whole(ws.NewTextFrame([]byte("\r\n"))), 2)
	f.Add([]byte{0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0}, 5)
	f.Fuzz(func(t *testing.T, data []byte, chunk int) {
		read := func(chunk int) (out []string) {
			fr, rest := wsFramer{max: 4096}, data
			for len(rest) > 0 {
				n := min(chunk, len(rest))
				fr.write(rest[:n])
				rest = rest[n:]
				for {
					msg, sig, r := fr.next()
					if r != nil || sig == hangUp {
						return append(out, "over")
					}
					if msg == nil && sig == noSignal {
						break
					}
					if msg != nil {
						if n, ok := contentLength(msg[:max(0, bytes.Index(msg, []byte("\r\n\r\n")))]); !ok || n != len(msg)-bytes.Index(msg, []byte("\r\n\r\n"))-4 {
							t.Fatalf("Content-Length is wrong: %q", msg)
						}
					}
					out = append(out, string(msg))
				}
			}
			return out
		}
		if a, b := read(len(data)+1), read(1+max(chunk, -chunk, 0)%64); strings.Join(a, "|") != strings.Join(b, "|") {
			t.Fatalf("%q\n%q", a, b)
		}
	})
}

// What comes right behind the handshake is not lost.
func TestWebSocket_MessageBehindHandshake(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		var b bytes.Buffer
		up := ws.Upgrader{Protocol: func([]byte) bool { return true }}
		_, _ = up.Upgrade(struct {
			io.Reader
			io.Writer
		}{server, &b})
		b.Write(ws.MustCompileFrame(ws.NewTextFrame([]byte("behind"))))
		_, _ = server.Write(b.Bytes())
	}()
	c, err := upgrade(context.Background(), client, hop{transport: WS, addr: us(), link: link{name: "x", path: "/ws"}})
	require.NoError(t, err)
	defer c.Close()
	got, err := wsutil.ReadServerText(c)
	require.NoError(t, err)
	assert.Equal(t, "behind", string(got))
}
