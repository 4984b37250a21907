package dialer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// torture is one message of RFC 4475 and what a phone may answer, by final
// status; 0 is silence, 180 a call that rings.
type torture struct {
	section, file, what string
	want                []int
	why                 string
}

func tortures() []torture {
	const notOurs = "a response to nothing we sent: dropped"
	const noRegistrar = "a phone is no registrar"
	return []torture{
		{"3.1.1.1", "wsinv", "a short tortuous INVITE", []int{481}, "understood; its To-tag names no dialog of ours (RFC 3261 §12.2.2)"},
		{"3.1.1.2", "intmeth", "wide range of valid characters", []int{405, 501}, "understood; nobody knows the method"},
		{"3.1.1.3", "esc01", "valid use of the % escaping mechanism", []int{180}, "`sips%3Auser%40example.com` is a user name and no sips URI"},
		{"3.1.1.4", "escnull", "escaped nulls in URIs", []int{405, 501}, noRegistrar},
		{"3.1.1.5", "esc02", "use of % when it is not an escape", []int{405, 501}, "`RE%47IST%45R` is an unknown method and not REGISTER"},
		{"3.1.1.6", "lwsdisp", "no LWS between display name and <", []int{200}, ""},
		{"3.1.1.7", "longreq", "long values in header fields", []int{180}, ""},
		{"3.1.1.8", "dblreq", "extra trailing octets in a UDP datagram", []int{405, 501}, noRegistrar + "; what follows Content-Length is ignored"},
		{"3.1.1.9", "semiuri", "semicolon-separated parameters in URI user part", []int{200}, ""},
		{"3.1.1.10", "transports", "varied and unknown transport types", []int{200}, ""},
		{"3.1.1.11", "mpart01", "multipart MIME message", []int{405, 501}, "MESSAGE is not offered"},
		{"3.1.1.12", "unreason", "unusual reason phrase", []int{0}, notOurs},
		{"3.1.1.13", "noreason", "empty reason phrase", []int{0}, notOurs},
		{"3.1.2.1", "badinv01", "extraneous header field separators", []int{400}, ""},
		{"3.1.2.2", "clerr", "content length larger than message", []int{400}, ""},
		{"3.1.2.3", "ncl", "negative Content-Length", []int{400}, ""},
		{"3.1.2.4", "scalar02", "request scalar fields with overlarge values", []int{400}, ""},
		{"3.1.2.5", "scalarlg", "response scalar fields with overlarge values", []int{0}, "dropped"},
		{"3.1.2.6", "quotbal", "unterminated quoted string in display name", []int{400}, ""},
		{"3.1.2.7", "ltgtruri", "<> enclosing Request-URI", []int{400}, ""},
		{"3.1.2.8", "lwsruri", "malformed Request-URI (embedded LWS)", []int{400}, ""},
		{"3.1.2.9", "lwsstart", "multiple SP separating Request-Line elements", []int{400}, ""},
		{"3.1.2.10", "trws", "SP characters at the end of the Request-Line", []int{400}, ""},
		{"3.1.2.11", "escruri", "escaped headers in the Request-URI", []int{400, 180}, "refused, or the escaped header is ignored"},
		{"3.1.2.12", "baddate", "invalid time zone in Date header field", []int{400, 180}, "refused, or Date is ignored"},
		{"3.1.2.13", "regbadct", "failure to enclose name-addr URI in <>", []int{400, 405, 501}, noRegistrar},
		{"3.1.2.14", "badaspec", "spaces within addr-spec", []int{400, 200}, "refused, or the spaces are ignored"},
		{"3.1.2.15", "baddn", "non-token characters in display name", []int{400, 200}, "refused, or taken as if it were quoted; the archive's message also lacks the empty line"},
		{"3.1.2.16", "badvers", "unknown protocol version", []int{505}, ""},
		{"3.1.2.17", "mismatch01", "start line and CSeq method mismatch", []int{400}, ""},
		{"3.1.2.18", "mismatch02", "unknown method with CSeq method mismatch", []int{400, 501}, ""},
		{"3.1.2.19", "bigcode", "overlarge response code", []int{0}, "dropped"},
		{"3.2.1", "badbranch", "missing transaction identifier", []int{200}, "matched by the rules of RFC 2543"},
		{"3.3.1", "insuf", "missing required header fields", []int{400}, ""},
		{"3.3.2", "unkscm", "Request-URI with unknown scheme", []int{416}, ""},
		{"3.3.3", "novelsc", "Request-URI with known but atypical scheme", []int{416}, ""},
		{"3.3.4", "unksm2", "unknown URI schemes in header fields", []int{400, 405, 501}, noRegistrar},
		{"3.3.5", "bext01", "Proxy-Require and Require", []int{420}, "Unsupported names what is not known"},
		{"3.3.6", "invut", "unknown Content-Type", []int{415}, "Accept says what is understood"},
		{"3.3.7", "regaut01", "unknown authorization scheme", []int{405, 501}, noRegistrar},
		{"3.3.8", "multi01", "multiple values in single value required fields", []int{400}, ""},
		{"3.3.9", "mcl01", "multiple Content-Length values", []int{400}, ""},
		{"3.3.10", "bcast", "200 OK response with broadcast Via header field value", []int{0}, notOurs},
		{"3.3.11", "zeromf", "Max-Forwards of zero", []int{200}, "a phone is where the request was to go"},
		{"3.3.12", "cparam01", "REGISTER with a contact header parameter", []int{405, 501}, noRegistrar},
		{"3.3.13", "cparam02", "REGISTER with a url-parameter", []int{405, 501}, noRegistrar},
		{"3.3.14", "regescrt", "REGISTER with a URL escaped header", []int{405, 501}, noRegistrar},
		{"3.3.15", "sdp01", "unacceptable Accept offering", []int{406}, ""},
		{"3.4.1", "inv2543", "INVITE with RFC 2543 syntax", []int{180}, ""},
	}
}

// tortured is a socket at the port where the answers to one message go.
type tortured struct {
	*raw
	codes  []int
	fields map[string]string // of the final answer
}

// send sends a message as it is and gathers what comes back within a minute;
// calls that ring are refused when they have rung.
func (w *world) torture(t *testing.T, text []byte) tortured {
	port := 5060
	if via := regexp.MustCompile(`(?im)^(?:via|v)\s*:[^\r\n;,]*?:(\d+)\s*[;,\r]`).FindSubmatch(text); via != nil {
		_, err := fmt.Sscan(string(via[1]), &port)
		require.NoError(t, err)
	}
	conn, err := w.net.Host(addrRaw).ListenPacket(context.Background(), "udp", fmt.Sprintf("%s:%d", addrRaw, port))
	require.NoError(t, err)
	defer conn.Close()
	r := tortured{raw: &raw{t: t, conn: conn, peer: net.UDPAddrFromAddrPort(netip.AddrPortFrom(addrB, 5060))}, fields: map[string]string{}}
	_, err = conn.WriteTo(text, r.peer)
	require.NoError(t, err)
	pass(time.Second)
	for _, c := range w.b.d.Calls() {
		if c.State() == Incoming {
			require.NoError(t, c.Reject(context.Background(), 486))
		}
	}
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	buf := make([]byte, 65536)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return r
		}
		head, _, _ := strings.Cut(string(buf[:n]), "\r\n\r\n")
		var code int
		_, err = fmt.Sscanf(head, "SIP/2.0 %d", &code)
		require.NoError(t, err, "%s", head)
		if !slices.Contains(r.codes, code) { // an INVITE's is repeated until the ACK that never comes
			r.codes = append(r.codes, code)
		}
		for _, l := range strings.Split(head, "\r\n")[1:] {
			k, v, _ := strings.Cut(l, ":")
			r.fields[strings.ToLower(k)] += strings.TrimSpace(v) + " "
		}
	}
}

// verdict is the status that counts: 180 for a call that rang, 0 for silence.
func (r tortured) verdict() int {
	if slices.Contains(r.codes, 180) {
		return 180
	}
	for _, c := range r.codes {
		if c >= 200 {
			return c
		}
	}
	return 0
}

// All 49 messages of RFC 4475 arrive at a phone while it talks to somebody.
// Each is answered as the RFC asks, and the call hears nothing of it. The
// messages are those of the archive in the RFC's appendix.
func TestTorture_RFC4475(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("# The torture messages of RFC 4475\n\n" +
		"All 49 messages of the RFC (`testdata/torture`) were sent over UDP to a listening phone that had a call up. Written by\n" +
		"`go test ./dialer -run TestTorture -update`; the test fails when an answer is not one of those expected, when this table\n" +
		"is not what happens, or when the call is hurt. *rings* is 180 (the test then refuses the call with 486).\n\n" +
		"| RFC 4475 | message | about | expected | got | |\n| --- | --- | --- | --- | --- | --- |\n")
	inWorld(t, nil, func(w *world) {
		in, out := &ear{}, &ear{}
		call := w.a.dial(w.b, func(r *DialRequest) { r.Source, r.Sink = tone(toneA), in })
		theirs := w.b.arrived()
		require.NoError(t, theirs.Answer(context.Background(), AnswerOptions{Source: tone(toneB), Sink: out}))
		w.a.log.await(t, EventAnswered)
		for _, m := range tortures() {
			text, err := os.ReadFile(filepath.Join("..", "testdata", "torture", m.file+".dat"))
			require.NoError(t, err)
			got := w.torture(t, text)
			assert.Contains(t, m.want, got.verdict(), "%s %s: %v", m.section, m.file, got.codes)
			switch m.file {
			case "bext01":
				assert.Contains(t, got.fields["unsupported"], "nothingSupportsThis")
				assert.Contains(t, got.fields["unsupported"], "nothingSupportsThisEither")
			case "invut", "sdp01":
				assert.Contains(t, got.fields["accept"], "application/sdp", m.file)
			case "lwsdisp", "semiuri":
				assert.Contains(t, got.fields["allow"], "INVITE", m.file)
			}
			fmt.Fprintf(&doc, "| %s | %s | %s | %s | %s | %s |\n", m.section, m.file, m.what, words(m.want), words([]int{got.verdict()}), m.why)
			in.hears(t, toneB)
			out.hears(t, toneA)
		}
		require.Equal(t, Established, call.State())
		require.Equal(t, Established, theirs.State())
		for _, c := range []*Call{call, theirs} {
			s := c.Stats()
			assert.Zero(t, s.PacketsLost)
			assert.Greater(t, s.PacketsReceived, uint64(49*60*50), "a minute of sound for each message")
		}
		require.Len(t, w.b.d.Calls(), 1, "nothing is left of them")
		require.NoError(t, call.Hangup(context.Background()))
	})
	path := filepath.Join("..", "docs", "torture.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(doc.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with: go test ./dialer -run TestTorture -update")
	require.Equal(t, string(want), doc.String(), "the answers changed: go test ./dialer -run TestTorture -update")
}

func words(codes []int) string {
	var out []string
	for _, c := range codes {
		switch c {
		case 0:
			out = append(out, "silence")
		case 180:
			out = append(out, "rings")
		default:
			out = append(out, fmt.Sprint(c))
		}
	}
	return strings.Join(out, " or ")
}
