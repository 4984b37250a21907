package capture

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hex32 = "6629fae49393a05397450978507c4ef1"

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestMask(t *testing.T) {
	stars := strings.Repeat("*", 32)
	cases := []struct{ name, in, want string }{
		{"digest", `Authorization: Digest username="bob", realm="r", nonce="dcd9", uri="sip:r", response="` + hex32 + `", algorithm=MD5`,
			`Authorization: Digest username="bob", realm="r", nonce="dcd9", uri="sip:r", response="` + stars + `", algorithm=MD5`},
		{"proxy, no quotes, odd case and spaces", `PROXY-AUTHORIZATION : dIgEsT Response = ` + hex32 + ` , nc=00000001`,
			`PROXY-AUTHORIZATION : dIgEsT Response = ` + stars + ` , nc=00000001`},
		{"folded", "Authorization:\n Digest username=\"a\",\n\tresponse=\n \"" + hex32 + "\"\nVia: x", "Authorization:\n Digest username=\"a\",\n\tresponse=\n \"" + stars + "\"\nVia: x"},
		{"comma and escapes inside quotes", `Authorization: Digest username="a\", response=\"no", response="` + hex32 + `"`,
			`Authorization: Digest username="a\", response=\"no", response="` + stars + `"`},
		{"not closed", `Authorization: Digest response="` + hex32, `Authorization: Digest response="` + stars},
		{"two in one header", `Authorization: Digest response="ab", Digest response="cd"`, `Authorization: Digest response="**", Digest response="**"`},
		{"basic", "Authorization: Basic Ym9iOnNlY3JldA==", "Authorization: Basic ****************"},
		{"bearer", "Authorization: Bearer abc.def", "Authorization: Bearer *******"},
		{"no scheme", "Authorization: secret", "Authorization: ******"},
		{"empty", "Authorization:\n\n", "Authorization:\n\n"},
		{"rspauth", `Authentication-Info: qop=auth, rspauth="1234", cnonce="c"`, `Authentication-Info: qop=auth, rspauth="****", cnonce="c"`},
		{"uri password", "INVITE sip:bob:secret@192.0.2.1:5060 SIP/2.0\nTo: <sips:amy:pw:x@h>;tag=1", "INVITE sip:bob:******@192.0.2.1:5060 SIP/2.0\nTo: <sips:amy:****@h>;tag=1"},
		{"uris without one", "To: <sip:192.0.2.1:5060>, \"a:b@c\" <sip:bob@h:5060>, sip:bob@h:1", "To: <sip:192.0.2.1:5060>, \"a:b@c\" <sip:bob@h:5060>, sip:bob@h:1"},
		{"srtp key", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3|2^20|1:4;inline:AAAA\nk=clear:pw\nk=prompt", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****************|2^20|1:4;inline:****\nk=clear:**\nk=prompt"},
		{"srtp keys in any letter case, several, with spaces", "A=Crypto :7 AEAD_AES_256_GCM\tINLINE:abcd== inline:x|1:4; Inline:yz\na=crypto:1 inlin\na=crypto:1 inline:", "A=Crypto :7 AEAD_AES_256_GCM\tINLINE:****** inline:*|1:4; Inline:**\na=crypto:1 inlin\na=crypto:1 inline:"},
		{"mikey", "a=key-mgmt:mikey AQAFgM0X", "a=key-mgmt:***** ********"},
		{"challenge", `WWW-Authenticate: Digest realm="r", nonce="n", response="kept"`, `WWW-Authenticate: Digest realm="r", nonce="n", response="kept"`},
		{"nothing", "OPTIONS sip:a SIP/2.0\n\n", "OPTIONS sip:a SIP/2.0\n\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := []byte(crlf(c.in))
			before := bytes.Clone(in)
			assert.Equal(t, crlf(c.want), string(Mask(in)))
			assert.Equal(t, before, in, "the message itself is left alone")
		})
	}
	plain := []byte("BYE sip:a SIP/2.0\r\n\r\n")
	assert.Same(t, &plain[0], &Mask(plain)[0], "no copy when there is nothing to hide")
	assert.Empty(t, Mask(nil))
}

func FuzzMask(f *testing.F) {
	f.Add([]byte(crlf("INVITE sip:a:b@c SIP/2.0\nAuthorization: Digest response=\"" + hex32 + "\"\n\tx\n\na=crypto:1 inline:abc\n")))
	f.Add([]byte("Authorization:Digest response"))
	f.Add([]byte("sip:sips:@:@Authorization:\n =\"\\"))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		out := Mask(in)
		require.Equal(t, before, in)
		require.Len(t, out, len(in))
		for i := range out {
			if out[i] != in[i] && (out[i] != '*' || in[i] == '\n' || in[i] == '\r') {
				t.Fatalf("octet %d became %q", i, out[i])
			}
		}
		// Whatever comes before it, a digest in a header of its own is hidden.
		secret := append(append([]byte{}, in...), crlf("\nAuthorization: Digest response=\""+hex32+"\"\n")...)
		require.NotContains(t, string(Mask(secret)[len(in):]), hex32)
	})
}
