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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/internal/stun"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ourAddr  = "10.0.0.1"
	peerAddr = "10.0.0.2"
)

// message is a received SIP message, parsed without any of the code under test.
type message struct {
	t     *testing.T
	at    time.Time
	start string
	lines []string
	body  string
	from  netip.AddrPort
}

func readMessage(t *testing.T, data []byte, from netip.AddrPort) *message {
	head, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	return &message{t: t, at: time.Now(), start: lines[0], lines: lines[1:], body: string(body), from: from}
}

func (m *message) all(name string) []string {
	var out []string
	for _, l := range m.lines {
		n, v, _ := strings.Cut(l, ":")
		if strings.EqualFold(strings.TrimSpace(n), name) {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

func (m *message) get(name string) string {
	if v := m.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (m *message) isRequest() bool { return !strings.HasPrefix(m.start, "SIP/2.0") }

func (m *message) method() string {
	if m.isRequest() {
		return strings.Fields(m.start)[0]
	}
	return strings.Fields(m.get("CSeq"))[1]
}

func (m *message) uri() string { return strings.Fields(m.start)[1] }

func (m *message) code() int {
	var c int
	_, _ = fmt.Sscanf(m.start, "SIP/2.0 %d", &c)
	return c
}

func (m *message) tag(name string) string {
	_, tag, _ := strings.Cut(m.get(name), ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

func (m *message) contact() string {
	c := m.get("Contact")
	_, c, _ = strings.Cut(c, "<")
	c, _, _ = strings.Cut(c, ">")
	return c
}

// peer is a SIP endpoint that says exactly what the test tells it to.
type peer struct {
	t    *testing.T
	conn net.PacketConn
	addr netip.AddrPort
	in   chan *message
	wg   sync.WaitGroup
	seq  int

	pings atomic.Int32 // keep-alives that came
	binds atomic.Int32 // Binding requests that came
	deaf  atomic.Bool  // to Binding requests
}

func newPeer(t *testing.T, n *memnet.Network, addr string) *peer {
	c, err := n.Host(netip.MustParseAddr(addr)).ListenPacket(context.Background(), "udp4", addr+":5060")
	require.NoError(t, err)
	p := &peer{t: t, conn: c, addr: addrPortOf(c.LocalAddr()), in: make(chan *message, 1000)}
	p.wg.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if len(bytes.Trim(buf[:n], "\r\n")) == 0 { // a keep-alive
				p.pings.Add(1)
				continue
			}
			if stun.Is(buf[:n]) {
				p.binds.Add(1)
				if seen := addrPortOf(from); !p.deaf.Load() {
					_, _ = c.WriteTo(stun.Reply(buf[:n], seen), from)
				}
				continue
			}
			p.in <- readMessage(t, bytes.Clone(buf[:n]), addrPortOf(from))
		}
	})
	return p
}

func (p *peer) close() { _ = p.conn.Close(); p.wg.Wait() }

// next waits for any message.
func (p *peer) next(wait time.Duration) *message {
	p.t.Helper()
	select {
	case m := <-p.in:
		return m
	case <-time.After(wait):
		p.t.Fatalf("nothing arrived within %v", wait)
		return nil
	}
}

// request waits for a request and checks its method.
func (p *peer) request(method string) *message {
	p.t.Helper()
	m := p.next(2 * time.Minute)
	require.True(p.t, m.isRequest(), m.start)
	require.Equal(p.t, method, m.method())
	return m
}

// response waits for a response with that code.
func (p *peer) response(code int) *message {
	p.t.Helper()
	m := p.next(2 * time.Minute)
	require.False(p.t, m.isRequest(), m.start)
	require.Equal(p.t, code, m.code(), m.start)
	return m
}

// silence checks that nothing comes for a while.
func (p *peer) silence(d time.Duration) {
	p.t.Helper()
	select {
	case m := <-p.in:
		p.t.Fatalf("unexpected: %s %s", m.start, m.get("CSeq"))
	case <-time.After(d):
	}
}

func (p *peer) write(to netip.AddrPort, text string) {
	p.t.Helper()
	_, err := p.conn.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to))
	require.NoError(p.t, err)
}

// reply answers a request; extra holds further header lines, tag the To-tag.
func (p *peer) reply(m *message, code int, reason, tag, body string, extra ...string) {
	p.t.Helper()
	p.write(m.from, replyText(p.addr, m, code, reason, tag, body, extra...))
}

func replyText(at netip.AddrPort, m *message, code int, reason, tag, body string, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", code, reason)
	for _, v := range m.all("Via") {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	to := m.get("To")
	if tag != "" && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", m.get("From"), to, m.get("Call-ID"), m.get("CSeq"))
	if code > 100 && code < 300 && m.method() == "INVITE" {
		fmt.Fprintf(&b, "Contact: <sip:peer@%s>\r\n", at)
	}
	for _, e := range extra {
		b.WriteString(e + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// leg is the peer's view of a dialog.
type leg struct {
	p                    *peer
	callID, local, other string // tags: the peer's and ours
	uri                  string // our Contact
	seq                  int
	from, to             string // without tags
}

// invite sends an INVITE to us and returns the leg and the request's text.
func (p *peer) invite(user, body string, extra ...string) (*leg, string) {
	p.seq++
	l := &leg{p: p, callID: fmt.Sprintf("call-%d@peer", p.seq), local: fmt.Sprintf("peer%d", p.seq), seq: 1,
		uri: "sip:" + user + "@" + ourAddr + ":5060", from: "<sip:bob@example.com>", to: "<sip:" + user + "@example.com>"}
	text := l.text("INVITE", fmt.Sprintf("z9hG4bKinv%d", p.seq), body, extra...)
	p.write(us(), text)
	return l, text
}

func us() netip.AddrPort { return netip.MustParseAddrPort(ourAddr + ":5060") }

// text writes a request of the leg.
func (l *leg) text(method, branch, body string, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\n", method, l.uri, l.p.addr, branch)
	fmt.Fprintf(&b, "From: %s;tag=%s\r\nTo: %s", l.from, l.local, l.to)
	if l.other != "" {
		fmt.Fprintf(&b, ";tag=%s", l.other)
	}
	fmt.Fprintf(&b, "\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", l.callID, l.seq, method)
	if method == "INVITE" {
		fmt.Fprintf(&b, "Contact: <sip:peer@%s>\r\n", l.p.addr)
	}
	typed := false
	for _, e := range extra {
		typed = typed || strings.HasPrefix(e, "Content-Type")
		b.WriteString(e + "\r\n")
	}
	if body != "" && !typed {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// send sends a new request in the leg.
func (l *leg) send(method, body string, extra ...string) {
	l.p.t.Helper()
	if method != "ACK" {
		l.seq++
	}
	l.p.seq++
	l.p.write(us(), l.text(method, fmt.Sprintf("z9hG4bKreq%d", l.p.seq), body, extra...))
}

// legOf is the peer's leg of a call we made, answered with tag.
func (p *peer) legOf(inv *message, tag string) *leg {
	return &leg{p: p, callID: inv.get("Call-ID"), local: tag, other: inv.tag("From"), uri: inv.contact(), seq: 100,
		from: inv.get("To"), to: strings.Split(inv.get("From"), ";tag=")[0]}
}

// world is a user agent and a peer in a bubble.
type world struct {
	t   *testing.T
	net *memnet.Network
	ua  *UserAgent
	p   *peer
}

func inBubble(t *testing.T, change func(*Config), f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{})
		host := n.Host(netip.MustParseAddr(ourAddr))
		cfg := Config{
			Listen:    []Listen{{UDP, us()}, {TCP, us()}},
			Network:   Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
			AcceptAny: true,
			Logger:    slog.New(slog.DiscardHandler),
		}
		if change != nil {
			change(&cfg)
		}
		ua, err := New(cfg)
		require.NoError(t, err)
		w := &world{t: t, net: n, ua: ua, p: newPeer(t, n, peerAddr)}
		defer w.p.close()
		defer ua.Close() // bounded, whatever is still open; the peer stays silent
		f(w)
	})
}

func (w *world) account() Account {
	return Account{ID: "a", User: "alice", Domain: "example.com", Password: "secret", Server: peerAddr + ":5060"}
}

func (w *world) call() *ClientInvite {
	return w.ua.Invite(context.Background(), InviteRequest{
		Account: w.account(), Target: URI{Scheme: "sip", User: "bob", Host: "example.com"},
		Offer:    func(p Path) ([]byte, error) { return []byte("offer " + p.Local.String()), nil },
		Redirect: func(URI) bool { return true },
	})
}

func next[T Response](t *testing.T, c *ClientInvite) T {
	t.Helper()
	select {
	case r, ok := <-c.Responses():
		require.True(t, ok, "stream closed")
		v, is := r.(T)
		require.True(t, is, "%T %+v", r, r)
		return v
	case <-time.After(5 * time.Minute):
		t.Fatal("no response")
	}
	panic("unreachable")
}

// log collects a dialog's events.
type eventLog struct{ ch chan DialogEvent }

func watch(d *Dialog) *eventLog {
	l := &eventLog{ch: make(chan DialogEvent, 100)}
	d.Handle(func(ev DialogEvent) { l.ch <- ev })
	return l
}

func event[T DialogEvent](t *testing.T, l *eventLog) T {
	t.Helper()
	select {
	case ev := <-l.ch:
		v, is := ev.(T)
		require.True(t, is, "%T %+v", ev, ev)
		return v
	case <-time.After(5 * time.Minute):
		t.Fatal("no event")
	}
	panic("unreachable")
}

// establish makes an answered outgoing call.
func (w *world) establish() (*Dialog, *leg) {
	w.t.Helper()
	c := w.call()
	inv := w.p.request("INVITE")
	w.p.reply(inv, 200, "OK", "t1", "answer")
	next[Sent](w.t, c)
	f := next[Final](w.t, c)
	require.NoError(w.t, f.Err)
	require.NoError(w.t, f.Dialog.Ack(nil))
	w.p.request("ACK")
	return f.Dialog, w.p.legOf(inv, "t1")
}

// accept makes an answered incoming call.
func (w *world) accept() (*Dialog, *leg) {
	w.t.Helper()
	d, l := w.accept200()
	l.send("ACK", "")
	synctest.Wait()
	return d, l
}

// accept200 makes an incoming call that is answered and not acknowledged yet.
func (w *world) accept200() (*Dialog, *leg) {
	w.t.Helper()
	got := make(chan *Invitation, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = w.ua.Serve(ctx, func(i *Invitation) { got <- i }) }()
	synctest.Wait()
	l, _ := w.p.invite("alice", "offer")
	w.p.response(100)
	i := <-got
	cancel()
	d, err := i.Accept([]byte("answer"))
	require.NoError(w.t, err)
	ok := w.p.response(200)
	l.other, l.uri = ok.tag("To"), ok.contact()
	return d, l
}

type nilHeaders struct{}

func (nilHeaders) GetHeaders(string) []sipmsg.Header { return nil }
