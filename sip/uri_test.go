package sip

import (
	"net/netip"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseURI_RFC3261_19_1(t *testing.T) {
	for in, want := range map[string]URI{
		"sip:alice@atlanta.com":                   {Scheme: "sip", User: "alice", Host: "atlanta.com"},
		"SIP:alice:pw@atlanta.com;transport=tcp":  {Scheme: "sip", User: "alice", Host: "atlanta.com", Params: "transport=tcp"},
		"<sips:al%20ice@[2001:db8::1]:5070>":      {Scheme: "sips", User: "al ice", Host: "2001:db8::1", Port: 5070},
		"sip:+1-212-555-1212@gw.com;user=phone?a": {Scheme: "sip", User: "+1-212-555-1212", Host: "gw.com", Params: "user=phone", Headers: "a"},
		"sip:1.2.3.4:5060":                        {Scheme: "sip", Host: "1.2.3.4", Port: 5060},
		"tel:+82-2-312-3456;ext=5":                {Scheme: "tel", User: "+82-2-312-3456", Params: "ext=5"},
		"sip:;=?@h":                               {Scheme: "sip", User: ";=?", Host: "h"},
	} {
		got, err := ParseURI(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
		again, err := ParseURI(got.String())
		require.NoError(t, err, got.String())
		assert.Equal(t, got, again, in)
	}
	for _, in := range []string{"", "alice", "alice@host", "sip:", "sip:@h", "sip:a@", "sip:a@h:0", "sip:a@h:99999", "sip:a b@h",
		"sip:a%zz@h", "sip:a%0d%0ah@h", "sip:a@h\r\nX: y", "http://h", "tel:", "tel:abc$", "sip:" + strings.Repeat("a", maxURI)} {
		_, err := ParseURI(in)
		require.Error(t, err, in)
	}
	v, ok := URI{Params: "lr;Transport=tcp"}.Param("transport")
	assert.True(t, ok)
	assert.Equal(t, "tcp", v)
	assert.Equal(t, "", URI{}.String())
	assert.Equal(t, `"a \"b\"" <sip:u@h>`, Identity{DisplayName: `a "b"`, URI: URI{User: "u", Host: "h"}}.String())
}

func TestReason_RFC3326(t *testing.T) {
	code, text, proto := reason([]string{`Q.850 ;cause=16 ;text="x"`, `SIP;cause=200;text="Call completed elsewhere"`})
	assert.Equal(t, 200, code)
	assert.Equal(t, "Call completed elsewhere", text)
	assert.Equal(t, "SIP", proto)
	code, _, _ = reason([]string{"SIP;cause=99999999999999999999"})
	assert.Zero(t, code)
}

func FuzzParseURI(f *testing.F) {
	for _, s := range []string{"sip:alice@atlanta.com", "sips:a%20b@[::1]:5061;lr?x=y", "tel:+1-2", "sip:;@;?", "<sip:h>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		text := u.String()
		if strings.ContainsAny(text, "\r\n") {
			t.Fatalf("%q", text)
		}
		again, err := ParseURI(text)
		if err != nil || again != u {
			t.Fatalf("%q -> %+v -> %q -> %+v %v", s, u, text, again, err)
		}
		_, _ = toUri(u)
	})
}

func FuzzSalvage(f *testing.F) {
	for _, m := range badMessages() {
		f.Add([]byte(m.text))
	}
	source := netip.MustParseAddrPort("192.0.2.1:4000")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := salvage(data)
		if !ok {
			return
		}
		reply, to := s.reply(400, "Bad Request", "tag", "test", source)
		if to.Addr() != source.Addr() || to.Port() == 0 {
			t.Fatalf("reply goes to %s", to)
		}
		if len(reply) > 2*maxSalvage+1024 {
			t.Fatalf("reply of %d bytes", len(reply))
		}
		head, rest, _ := strings.Cut(string(reply), "\r\n\r\n")
		if rest != "" || !strings.HasPrefix(head, "SIP/2.0 400 Bad Request\r\nVia: ") {
			t.Fatalf("%q", reply)
		}
		for line := range strings.SplitSeq(head, "\r\n") {
			if hasControl(line) {
				t.Fatalf("control character in %q", line)
			}
		}
	})
}

func FuzzFramer(f *testing.F) {
	f.Add([]byte(tcpText(1)+tcpText(2)), 7)
	f.Add([]byte("\r\n\r\n\r\n"), 1)
	f.Add([]byte("X\r\nl: 5\r\n\r\nabcdefg"), 3)
	f.Fuzz(func(t *testing.T, data []byte, chunk int) {
		chunk = 1 + max(chunk, -chunk)%64
		whole, parts := frames(data, len(data)+1), frames(data, chunk)
		if strings.Join(whole, "|") != strings.Join(parts, "|") {
			t.Fatalf("%q\n%q", whole, parts)
		}
	})
}

// frames cuts data that arrives in pieces of that size.
func frames(data []byte, chunk int) []string {
	fr := framer{max: 4096}
	var out []string
	for len(data) > 0 {
		n := min(max(chunk, 1), len(data))
		fr.write(data[:n])
		data = data[n:]
		for {
			msg, sig, r := fr.next()
			if r != nil {
				return append(out, "refused")
			}
			if msg == nil && sig == noSignal {
				break
			}
			if sig == noSignal {
				out = append(out, string(msg))
			}
		}
	}
	return out
}

func FuzzGate(f *testing.F) {
	for _, m := range badMessages() {
		f.Add([]byte(m.text))
	}
	f.Add([]byte(tcpText(1)))
	g := newGate(65535)
	ua := &UserAgent{cfg: Config{}.withDefaults()}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, r := g.check(data); r != nil {
			return
		}
		m, err := g.parse(data)
		if err != nil {
			t.Fatal(err)
		}
		m.SetSource("192.0.2.1:5060")
		switch m := m.(type) { // everything later code reads without asking
		case *sipmsg.Request:
			markReceived(m)
			ua.markTag(m)
			identify(m, true)
			_ = ua.newResponse(m, 200, "").String()
			_ = fromUri(&m.Recipient).String()
			cancelCause(m)
		case *sipmsg.Response:
			_ = statusError(m).Error()
			redirectTargets(m, false, map[string]bool{})
			routesOf(m)
			strongest(headerValues(m, "WWW-Authenticate"))
			_, _, _ = m.CSeq(), m.CallID().Value(), tagOf(m.To().Params)
		}
	})
}
