package dialer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
)

// raw is a SIP peer written by hand over UDP, for what our own stack does not
// do: fork, or send a re-INVITE before the ACK has arrived.
type raw struct {
	t    *testing.T
	conn net.PacketConn
	peer net.Addr // where the last message came from

	extra string // more header fields for requests within a dialog
}

var addrRaw = netip.MustParseAddr("10.0.0.3")

func newRaw(t *testing.T, n *memnet.Network) *raw {
	conn, err := n.Host(addrRaw).ListenPacket(context.Background(), "udp", "10.0.0.3:5060")
	require.NoError(t, err)
	return &raw{t: t, conn: conn}
}

// rawMessage is a SIP message taken apart as far as the tests need it.
type rawMessage struct {
	start  string
	fields []string // "Name: value"
	body   string
}

func (m rawMessage) get(name string) string {
	for _, f := range m.fields {
		if n, v, ok := strings.Cut(f, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// await reads until a message whose first line begins with prefix and with none
// of the others.
func (r *raw) await(prefix string, others ...string) rawMessage {
	r.t.Helper()
	require.NoError(r.t, r.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	buf := make([]byte, 65536)
	for {
		n, from, err := r.conn.ReadFrom(buf)
		require.NoError(r.t, err, "waiting for %s", prefix)
		r.peer = from
		head, body, _ := strings.Cut(string(buf[:n]), "\r\n\r\n")
		lines := strings.Split(head, "\r\n")
		other := slices.ContainsFunc(others, func(o string) bool { return strings.HasPrefix(lines[0], o) })
		if strings.HasPrefix(lines[0], prefix) && !other {
			return rawMessage{start: lines[0], fields: lines[1:], body: body}
		}
	}
}

func (r *raw) send(start string, fields []string, body string) {
	r.t.Helper()
	if body != "" && !strings.Contains(r.extra, "Content-Type") {
		fields = append(fields, "Content-Type: application/sdp")
	}
	fields = append(fields, fmt.Sprintf("Content-Length: %d", len(body)))
	text := start + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n" + body
	_, err := r.conn.WriteTo([]byte(text), r.peer)
	require.NoError(r.t, err)
}

// respond answers req with a To-tag.
func (r *raw) respond(req rawMessage, status, tag, body string) {
	r.t.Helper()
	to := req.get("To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=" + tag
	}
	r.send("SIP/2.0 "+status, []string{
		"Via: " + req.get("Via"), "From: " + req.get("From"), "To: " + to,
		"Call-ID: " + req.get("Call-ID"), "CSeq: " + req.get("CSeq"),
		"Contact: <sip:raw@10.0.0.3:5060>",
	}, body)
}

// request sends a request within the dialog that invite and tag made.
func (r *raw) request(invite rawMessage, method, tag, body string, cseq int) {
	r.t.Helper()
	r.within(invite, method, method, tag, body, cseq)
}

// ackRefusal acknowledges a non-2xx, which belongs to the INVITE's transaction
// (RFC 3261 §17.1.1.3).
func (r *raw) ackRefusal(invite rawMessage, tag string, cseq int) {
	r.t.Helper()
	r.within(invite, "ACK", "INVITE", tag, "", cseq)
}

func (r *raw) within(invite rawMessage, method, branch, tag, body string, cseq int) {
	r.t.Helper()
	uri := strings.Trim(invite.get("Contact"), "<>")
	if i := strings.Index(uri, ">"); i >= 0 {
		uri = uri[:i]
	}
	fields := []string{
		fmt.Sprintf("Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bK-%s-%d", branch, cseq),
		"From: " + invite.get("To") + ";tag=" + tag, "To: " + invite.get("From"),
		"Call-ID: " + invite.get("Call-ID"), fmt.Sprintf("CSeq: %d %s", cseq, method),
		"Contact: <sip:raw@10.0.0.3:5060>", "Max-Forwards: 70",
	}
	if r.extra != "" {
		fields = append(fields, r.extra)
	}
	r.send(method+" "+uri+" SIP/2.0", fields, body)
}

// sdp describes PCMU and telephone-event at 96 on a port of the raw peer.
func rawSDP(port, version int, direction string) string {
	return fmt.Sprintf("v=0\r\no=- 7 %d IN IP4 10.0.0.3\r\ns=-\r\nc=IN IP4 10.0.0.3\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=%s\r\n", version, port, direction)
}

// rtp opens a port and counts what arrives there.
func (r *raw) rtp(n *memnet.Network, port int) net.PacketConn {
	r.t.Helper()
	conn, err := n.Host(addrRaw).ListenPacket(context.Background(), "udp", fmt.Sprintf("10.0.0.3:%d", port))
	require.NoError(r.t, err)
	return conn
}

// arrives says whether a packet comes within a second.
func arrives(conn net.PacketConn) bool {
	buf := make([]byte, 2048)
	_ = conn.SetReadDeadline(time.Now()) // what waits there is old
	for {
		if _, _, err := conn.ReadFrom(buf); err != nil {
			break
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _, err := conn.ReadFrom(buf)
	return err == nil
}

func inRawWorld(t *testing.T, f func(w *world, r *raw)) {
	t.Helper()
	inWorld(t, nil, func(w *world) {
		r := newRaw(t, w.net)
		f(w, r)
		_ = r.conn.Close()
	})
}

func (w *world) dialRaw() *Call {
	w.t.Helper()
	to := w.b.uri()
	to.Host = addrRaw.String()
	c, err := w.a.d.Dial(context.Background(), DialRequest{Account: w.a.account(), Target: to, Source: tone(toneA)})
	require.NoError(w.t, err)
	return c
}
