package sip

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badMessages are broken in the ways RFC 4475 §3 collects; code 0 is silence.
func badMessages() []struct {
	name string
	text string
	code int
} {
	base := func(change ...string) string {
		text := "OPTIONS sip:user@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKbad;rport\r\nMax-Forwards: 70\r\n" +
			"From: <sip:caller@10.0.0.2>;tag=f\r\nTo: <sip:user@10.0.0.1>\r\nCall-ID: bad.1\r\nCSeq: 8 OPTIONS\r\nContent-Length: 0\r\n\r\n"
		return strings.NewReplacer(change...).Replace(text)
	}
	return []struct {
		name string
		text string
		code int
	}{
		{"badinv01 extraneous separators", base("Via: SIP/2.0/UDP 10.0.0.2", "Via: SIP/2.0/UDP 10.0.0.2,;,,"), 400},
		{"clerr content length larger than message", base("Content-Length: 0", "Content-Length: 9999"), 400},
		{"ncl negative content length", base("Content-Length: 0", "Content-Length: -999"), 400},
		{"scalar02 overflow", base("CSeq: 8", "CSeq: 36893488147419103232"), 400},
		{"scalar02 Max-Forwards", base("Max-Forwards: 70", "Max-Forwards: 300"), 400},
		{"quotbal unterminated quote", base("To: <sip", `To: "Mr. J. User <sip`), 400},
		{"ltgtruri angle brackets", base("sip:user@10.0.0.1 SIP", "<sip:user@10.0.0.1> SIP"), 400},
		{"lwsruri embedded space", base("sip:user@10.0.0.1 SIP", "sip:user@10.0.0.1; lr SIP"), 400},
		{"lwsstart extra space in the start line", base("OPTIONS sip", "OPTIONS  sip"), 400},
		{"trws trailing space in the start line", base("SIP/2.0\r\nVia", "SIP/2.0  \r\nVia"), 400},
		{"mismatch01 CSeq of another method", base("8 OPTIONS", "8 INVITE"), 400},
		{"badvers unknown version", base("10.0.0.1 SIP/2.0", "10.0.0.1 SIP/7.0"), 505},
		{"insuf From missing", base("From: <sip:caller@10.0.0.2>;tag=f\r\n", ""), 400},
		{"insuf Call-ID missing", base("Call-ID: bad.1\r\n", ""), 400},
		{"insuf CSeq missing", base("CSeq: 8 OPTIONS\r\n", ""), 400},
		{"multi01 two To", base("To:", "To: <sip:other@x>\r\nTo:"), 400},
		{"mcl01 two Content-Length", base("Content-Length: 0", "Content-Length: 0\r\nContent-Length: 1"), 400},
		{"header without colon", base("Max-Forwards: 70", "Max-Forwards 70"), 400},
		{"unksm2 unknown scheme", base("sip:user@10.0.0.1 SIP", "nobodyknows:user SIP"), 416},
		{"bext01 unknown Require", base("Max-Forwards: 70", "Max-Forwards: 70\r\nRequire: nothingSupportsThis"), 420},
		{"no Via", base("Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKbad;rport\r\n", ""), 0},
		{"ACK", base("OPTIONS", "ACK", "8 OPTIONS", "8 BYE"), 0},
		{"bcast response with unknown Via", "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n" +
			"Call-ID: x\r\nCSeq: 1 INVITE\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n\r\n", 0},
		{"bigcode response 4294967301", "SIP/2.0 4294967301 better not break the receiver\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n" +
			"Call-ID: x\r\nCSeq: 1 OPTIONS\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n\r\n", 0},
		{"garbage", "\x16\x03\x01\x02garbage\xff\xfe", 0},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"STUN", "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", 0},
		{"keep-alive", "\r\n\r\n", 0},
		{"NULs", "\x00\x00\x00\x00", 0},
		{"start line only", "OPTIONS sip:x SIP/2.0\r\n", 0},
	}
}

func TestGate_BadMessages_RFC4475(t *testing.T) {
	for _, c := range badMessages() {
		inBubble(t, nil, func(w *world) {
			w.p.write(us(), c.text)
			if c.code > 0 {
				m := w.p.response(c.code)
				assert.Contains(t, m.get("Via"), "branch=z9hG4bKbad", c.name)
				assert.Contains(t, m.get("Via"), "received=10.0.0.2", c.name)
				assert.Equal(t, "0", m.get("Content-Length"), c.name)
			}
			w.p.silence(time.Minute)
			alive(w)
		})
	}
}

// alive checks that a good request is still answered.
func alive(w *world) {
	w.t.Helper()
	l := &leg{p: w.p, callID: "alive", local: "y", seq: 1, uri: "sip:" + ourAddr, from: "<sip:bob@b>", to: "<sip:alice@a>"}
	w.p.write(us(), l.text("OPTIONS", "z9hG4bKalive", ""))
	w.p.response(200)
}

// Valid but strange ones are understood (RFC 4475 §3.1.1).
func TestGate_TortuousButValid_RFC4475(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.p.write(us(), "\r\nOPTIONS sip:vivekg@10.0.0.1;unknownparam SIP/2.0\r\nTO :\r\n sip:vivekg@10.0.0.1 ;   tag2    = 1918181833n\r\n"+
			"f: \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@10.0.0.2>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n"+
			"i: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 0\r\ncseq: 0009\r\n  OPTIONS\r\n"+
			"Via: SIP/2.0/UDP 10.0.0.2:5060;branch=390skdjuw\r\ns :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"+
			"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n\r\n")
		m := w.p.response(200)
		assert.Equal(t, "wsinv.ndaksdj@192.0.2.1", m.get("Call-ID"))
	})
}

func TestGate_RepliesAreRateLimited(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		for range 500 {
			w.p.write(us(), badMessages()[0].text)
		}
		synctest.Wait()
		<-time.After(time.Millisecond)
		assert.Len(t, w.p.in, refusalBurst)
	})
}

func TestGate_NothingSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	inBubble(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(w *world) {
		for _, c := range badMessages() {
			w.p.write(us(), strings.Replace(c.text, "Call-ID:", "Authorization: Digest username=\"u\", response=\"topsecret\"\r\nCall-ID:", 1))
		}
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		for {
			if m := w.p.next(time.Minute); m.isRequest() {
				w.p.reply(m, 401, "Unauthorized", "r", "", `WWW-Authenticate: Digest realm="r", nonce="topsecret"`)
				if m.get("Authorization") != "" {
					break
				}
			}
		}
		require.Error(t, r.Wait(context.Background()))
	})
	assert.NotEmpty(t, log.String())
	for _, word := range []string{"topsecret", "caller@", "secret", "bad.1", "Authorization"} {
		assert.NotContains(t, log.String(), word)
	}
}

func TestTap_SeesEverything(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	inBubble(t, func(c *Config) {
		c.Tap = func(m TapMessage) {
			first, _, _ := strings.Cut(string(m.Data), "\r\n")
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%v %s %s %s %s", m.Sent, m.Transport, m.Local, m.Remote, first))
		}
	}, func(w *world) {
		alive(w)
		w.p.write(us(), "garbage")
		synctest.Wait()
	})
	assert.Equal(t, []string{
		"false udp 10.0.0.1:5060 10.0.0.2:5060 OPTIONS sip:10.0.0.1 SIP/2.0",
		"true udp 10.0.0.1:5060 10.0.0.2:5060 SIP/2.0 200 OK",
		"false udp 10.0.0.1:5060 10.0.0.2:5060 garbage",
	}, seen)
}

// stream is a TCP connection of the test's own.
func (w *world) stream() net.Conn {
	c, err := w.net.Host(w.p.addr.Addr()).Dial(context.Background(), "tcp4", "", us().String())
	require.NoError(w.t, err)
	return c
}

func tcpText(n int, change ...string) string {
	text := fmt.Sprintf("OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.2:9;branch=z9hG4bKt%d\r\nFrom: <sip:a@b>;tag=f\r\n"+
		"To: <sip:c@d>\r\nCall-ID: t%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", n, n)
	return strings.NewReplacer(change...).Replace(text)
}

func readUntil(t *testing.T, c net.Conn, want int) []*message {
	var all []byte
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
		require.NoError(t, err)
		all = append(all, buf[:n]...)
		parts := strings.Split(string(all), "\r\n\r\n")
		if len(parts) <= want {
			continue
		}
		var out []*message
		for _, p := range parts[:want] {
			out = append(out, readMessage(t, []byte(p), netip.AddrPort{}))
		}
		return out
	}
}

func TestStream_FramesAndSurvivesBadMessages_RFC3261_18_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.stream()
		text := tcpText(1) + "\r\n" + tcpText(2, "CSeq: 1 OPTIONS", "CSeq: 1 BYE") + tcpText(3)
		for i := range text { // byte by byte
			_, err := c.Write([]byte(text[i : i+1]))
			require.NoError(t, err)
			synctest.Wait()
		}
		codes := map[string]int{}
		for _, m := range readUntil(t, c, 3) {
			codes[m.get("Call-ID")] = m.code()
		}
		assert.Equal(t, map[string]int{"t1": 200, "t2": 400, "t3": 200}, codes)
		// Without Content-Length the boundary is lost: 400 and the end.
		_, err := c.Write([]byte(tcpText(4, "Content-Length: 0\r\n", "")))
		require.NoError(t, err)
		assert.Equal(t, 400, readUntil(t, c, 1)[0].code())
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err)
		alive(w)
	})
}

func TestStream_SlowAndTooManyConnections(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxStreams = 3 }, func(w *world) {
		slow := w.stream()
		_, err := slow.Write([]byte("OPTIONS sip:x"))
		require.NoError(t, err)
		start := time.Now()
		_, err = slow.Read(make([]byte, 1))
		require.Error(t, err)
		assert.Equal(t, streamPartialTimeout, time.Since(start))
		var conns []net.Conn
		for n := range 4 {
			c := w.stream()
			_, err := c.Write([]byte(tcpText(n)))
			require.NoError(t, err)
			readUntil(t, c, 1)
			conns = append(conns, c)
			<-time.After(time.Second)
		}
		_, err = conns[0].Read(make([]byte, 1)) // idle for longest
		require.Error(t, err)
		_, err = conns[1].Write([]byte(tcpText(9)))
		require.NoError(t, err)
		readUntil(t, conns[1], 1)
	})
}

func TestSplitHostPort(t *testing.T) {
	for in, want := range map[string]string{
		"h": "h 0", "h:5": "h 5", "1.2.3.4:65535": "1.2.3.4 65535", "::1": "::1 0", "[::1]": "::1 0", "[2001:DB8::1]:9": "2001:db8::1 9",
		"": "!", "h:": "!", "h:0": "!", "h:65536": "!", "[::1": "!", "[h]": "!", "a b": "!", "h:1:2": "!", "[::1]x": "!", "h:-1": "!",
	} {
		host, port, err := splitHostPort(in)
		got := fmt.Sprintf("%s %d", host, port)
		if err != nil {
			got = "!"
		}
		assert.Equal(t, want, got, in)
	}
}
