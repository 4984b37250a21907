package exchange

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/internal/memnet"
)

func TestMain(m *testing.M) {
	sipmsg.SetDefaultLogger(slog.New(slog.DiscardHandler)) // it counts references aloud when a connection ends
	goleak.VerifyTestMain(m)
}

const exchangeAddr = "10.0.0.100:5060"

// lab is an exchange on a network in memory.
type lab struct {
	t   *testing.T
	net *memnet.Network
	ex  *Exchange
}

// newLab must be called inside a bubble.
func newLab(t *testing.T, link memnet.Link, change func(*Config)) *lab {
	t.Helper()
	l := &lab{t: t, net: memnet.New(1, link)}
	cfg := Config{
		Addr:         exchangeAddr,
		ListenPacket: l.net.ListenPacket,
		Listen:       l.net.Listen,
		Users: []User{
			{Name: "alice", Password: "open sesame", DisplayName: "Alice", Aliases: []string{"0212345678"}},
			{Name: "bob", Password: "builder"},
			{Name: "07012345678", Password: "spam"},
		},
		Trace: func(line string) { t.Log(line) },
	}
	if change != nil {
		change(&cfg)
	}
	ex, err := Start(cfg)
	require.NoError(t, err)
	l.ex = ex
	return l
}

func (l *lab) close() {
	require.NoError(l.t, l.ex.Close())
	require.NoError(l.t, l.net.Close())
}

// phone speaks SIP as text over one socket.
type phone struct {
	t        *testing.T
	name     string
	password string
	addr     netip.AddrPort
	tcp      bool
	write    func([]byte)
	inbox    chan string
	close    func()
	seq      int
	algo     string // which challenge to answer; "" is the first
	nonces   []string
}

func (l *lab) phone(name, password, addr string) *phone {
	l.t.Helper()
	c, err := l.net.ListenPacket(context.Background(), "udp", addr)
	require.NoError(l.t, err)
	p := &phone{t: l.t, name: name, password: password, addr: netip.MustParseAddrPort(c.LocalAddr().String()),
		inbox: make(chan string, 100), close: func() { _ = c.Close() }}
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(l.ex.Addr()))
	p.write = func(b []byte) { _, _ = c.WriteTo(b, to) }
	go func() {
		buf := make([]byte, 4096)
		for {
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			p.inbox <- string(buf[:n])
		}
	}()
	return p
}

func (l *lab) tcpPhone(name, password, addr string) *phone {
	l.t.Helper()
	c, err := l.net.Dial(context.Background(), "tcp", addr, l.ex.Addr())
	require.NoError(l.t, err)
	p := &phone{t: l.t, name: name, password: password, addr: netip.MustParseAddrPort(c.LocalAddr().String()), tcp: true,
		inbox: make(chan string, 100), close: func() { _ = c.Close() }}
	p.write = func(b []byte) { _, _ = c.Write(b) }
	go p.receive(c)
	return p
}

// receive reads messages from a connection until it closes; they are cut by
// their Content-Length, which suits datagrams too.
func (p *phone) receive(c net.Conn) {
	par := sipmsg.NewParser().NewSIPStream()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		_ = par.ParseSIPStream(buf[:n], func(m sipmsg.Message) { p.inbox <- m.String() })
	}
}

func (p *phone) transport() string {
	if p.tcp {
		return "TCP"
	}
	return "UDP"
}

// message builds a request; lines are further header lines.
func (p *phone) message(method, uri, from, to, callID string, seq int, body string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\n", method, uri, p.transport(), p.addr, token())
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", from, to, callID, seq, method)
	if method != "CANCEL" && method != "BYE" && !containsHeader(lines, "Contact") {
		fmt.Fprintf(&b, "Contact: <sip:%s@%s;transport=%s>\r\n", p.name, p.addr, strings.ToLower(p.transport()))
	}
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

func containsHeader(lines []string, name string) bool {
	for _, l := range lines {
		if strings.HasPrefix(l, name+":") {
			return true
		}
	}
	return false
}

// get waits for the next message that starts with one of prefixes; others are skipped.
func (p *phone) get(prefixes ...string) sipmsg.Message {
	p.t.Helper()
	timeout := time.After(40 * time.Second)
	for {
		select {
		case raw := <-p.inbox:
			for _, want := range prefixes {
				if strings.HasPrefix(raw, want) {
					m, err := sipmsg.ParseMessage([]byte(raw))
					require.NoError(p.t, err)
					return m
				}
			}
		case <-timeout:
			require.FailNow(p.t, "no message came", "%s waited for %v", p.name, prefixes)
		}
	}
}

func (p *phone) response(code int) *sipmsg.Response {
	p.t.Helper()
	return p.get(fmt.Sprintf("SIP/2.0 %d ", code)).(*sipmsg.Response)
}

func (p *phone) final() *sipmsg.Response {
	p.t.Helper()
	return p.get("SIP/2.0 2", "SIP/2.0 3", "SIP/2.0 4", "SIP/2.0 5", "SIP/2.0 6").(*sipmsg.Response)
}

func (p *phone) request(method string) *sipmsg.Request {
	p.t.Helper()
	return p.get(method + " ").(*sipmsg.Request)
}

// credentials answers a challenge.
func (p *phone) credentials(res *sipmsg.Response, method, uri string) string {
	p.t.Helper()
	name, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	for _, h := range res.GetHeaders(name) {
		c, err := digest.ParseChallenge(h.Value())
		require.NoError(p.t, err)
		if p.algo != "" && c.Algorithm != p.algo {
			continue
		}
		p.nonces = append(p.nonces, c.Nonce)
		cred, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: p.name, Password: p.password, Count: 1})
		require.NoError(p.t, err)
		return answer + ": " + cred.String()
	}
	require.FailNow(p.t, "no challenge")
	return ""
}

// register does a whole registration and returns the final response.
func (p *phone) register(lines ...string) *sipmsg.Response {
	p.t.Helper()
	uri, aor := "sip:exchange", fmt.Sprintf("<sip:%s@exchange>", p.name)
	p.seq++
	p.write([]byte(p.message("REGISTER", uri, aor+";tag=r", aor, "reg-"+p.name+p.addr.String(), p.seq, "", lines...)))
	res := p.final()
	if res.StatusCode != 401 {
		return res
	}
	p.seq++
	lines = append(lines, p.credentials(res, "REGISTER", uri))
	p.write([]byte(p.message("REGISTER", uri, aor+";tag=r", aor, "reg-"+p.name+p.addr.String(), p.seq, "", lines...)))
	return p.final()
}

// talk is one dialog of a phone.
type talk struct {
	p              *phone
	local, remote  string // From and To values with tags
	callID, target string
	seq            int
	invite         string // the INVITE as sent, for CANCEL
}

func sdpFor(addr netip.Addr, port int, direction string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 8 101\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=%s\r\n", addr, addr, port, direction)
}

// call sends an INVITE with digest and returns after it has left the second time.
func (p *phone) call(to, body string, lines ...string) *talk {
	p.t.Helper()
	uri := "sip:" + to + "@exchange"
	c := &talk{p: p, local: fmt.Sprintf("<sip:%s@exchange>;tag=%s", p.name, token()), remote: "<" + uri + ">", callID: token(), target: uri, seq: 1}
	p.write([]byte(p.message("INVITE", uri, c.local, c.remote, c.callID, 1, body, lines...)))
	res := p.response(407)
	c.ackRefusal(res)
	c.seq = 2
	lines = append(lines, p.credentials(res, "INVITE", uri))
	c.invite = p.message("INVITE", uri, c.local, c.remote, c.callID, 2, body, lines...)
	p.write([]byte(c.invite))
	return c
}

// ackRefusal acknowledges a non-2xx in its own transaction.
func (c *talk) ackRefusal(res *sipmsg.Response) {
	msg := c.p.message("ACK", c.target, c.local, res.To().Value(), c.callID, int(res.CSeq().SeqNo), "")
	branch, _ := res.Via().Params.Get("branch")
	c.p.write([]byte(replaceBranch(msg, branch)))
}

func replaceBranch(msg, branch string) string {
	i := strings.Index(msg, "branch=") + len("branch=")
	j := i + strings.IndexAny(msg[i:], ";\r")
	return msg[:i] + branch + msg[j:]
}

// answered takes over the dialog from a 2xx and acknowledges it.
func (c *talk) answered(res *sipmsg.Response) {
	c.learn(res)
	c.ack(int(res.CSeq().SeqNo), "")
}

func (c *talk) learn(res *sipmsg.Response) {
	c.remote = res.To().Value()
	c.target = res.Contact().Address.String()
}

func (c *talk) ack(seq int, body string) {
	c.p.write([]byte(c.p.message("ACK", c.target, c.local, c.remote, c.callID, seq, body)))
}

func (c *talk) send(method, body string, lines ...string) {
	c.seq++
	c.p.write([]byte(c.p.message(method, c.target, c.local, c.remote, c.callID, c.seq, body, lines...)))
}

func (c *talk) cancel(lines ...string) {
	i := strings.Index(c.invite, "branch=") + len("branch=")
	j := i + strings.IndexAny(c.invite[i:], ";\r")
	msg := c.p.message("CANCEL", c.target, c.local, c.remote, c.callID, c.seq, "", lines...)
	c.p.write([]byte(replaceBranch(msg, c.invite[i:j])))
}

// accept is the callee's dialog from an INVITE.
func (p *phone) accept(req *sipmsg.Request) *talk {
	return &talk{p: p, local: req.To().Value() + ";tag=" + token(), remote: req.From().Value(),
		callID: req.CallID().Value(), target: req.Contact().Address.String()}
}

// answer sends a response to req in dialog c.
func (c *talk) answer(req *sipmsg.Request, code int, body string, lines ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Whatever\r\n", code)
	for _, h := range req.GetHeaders("Via") {
		b.WriteString("Via: " + h.Value() + "\r\n")
	}
	to := req.To().Value()
	if !strings.Contains(to, "tag=") && code > 100 {
		to = c.local
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s@%s>\r\n", req.From().Value(), to,
		req.CallID().Value(), req.CSeq().Value(), c.p.name, c.p.addr)
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	c.p.write([]byte(b.String()))
}
