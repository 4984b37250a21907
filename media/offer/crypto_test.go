package offer

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/srtp"
)

const peerKey = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" // of RFC 4568 §4.1

func secret(t testing.TB, suite srtp.Suite, octet byte) *srtp.Key {
	k, err := srtp.GenerateKey(suite, bytes.NewReader(bytes.Repeat([]byte{octet}, 64)))
	require.NoError(t, err)
	return k
}

// secure4 is local4 with encryption, and keys for three suites.
func secure4(t testing.TB, e Encryption) Local {
	l := local4()
	l.Encryption = e
	l.Keys = []*srtp.Key{secret(t, srtp.AEADAES256GCM, 1), secret(t, srtp.AEADAES128GCM, 2), secret(t, srtp.AESCM128HMACSHA1x80, 3)}
	return l
}

func stream80(proto string, crypto ...string) []byte {
	body := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 " + proto + " 0\r\n"
	for _, c := range crypto {
		body += "a=crypto:" + c + "\r\n"
	}
	return []byte(body)
}

const line80 = " AES_CM_128_HMAC_SHA1_80 inline:" + peerKey

func TestOffer_Crypto_RFC4568_5(t *testing.T) {
	for e, proto := range map[Encryption]string{NoEncryption: "RTP/AVP", Offered: "RTP/AVP", Required: "RTP/SAVP"} {
		body, err := secure4(t, e).Offer()
		require.NoError(t, err)
		require.Contains(t, string(body), "m=audio 10000 "+proto+" 0 8 101\r\n", e)
		lines := regexp.MustCompile(`a=crypto:(\d) (\w+) inline:`).FindAllStringSubmatch(string(body), -1)
		if e == NoEncryption {
			require.Empty(t, lines)
			continue
		}
		require.Len(t, lines, 3)
		require.Equal(t, []string{"1", "AEAD_AES_256_GCM"}, lines[0][1:])
		require.Equal(t, []string{"3", "AES_CM_128_HMAC_SHA1_80"}, lines[2][1:])
	}
}

func TestAnswer_Crypto_RFC4568_RFC8643(t *testing.T) {
	unknown := "1 F8_128_HMAC_SHA1_80 inline:" + peerKey
	for _, c := range []struct {
		name   string
		policy Encryption
		offer  []byte
		suite  srtp.Suite // 0: plain
		tag    string
		refuse string // text of the error; "": none
	}{
		{"off, plain", NoEncryption, stream80("RTP/AVP"), 0, "", ""},
		{"off, opportunistic", NoEncryption, stream80("RTP/AVP", "1"+line80), 0, "", ""},
		{"off, SAVP", NoEncryption, stream80("RTP/SAVP", "1"+line80), 0, "", "SRTP is off here"},
		{"offered, plain", Offered, stream80("RTP/AVP"), 0, "", ""},
		{"offered, opportunistic", Offered, stream80("RTP/AVP", "7"+line80), srtp.AESCM128HMACSHA1x80, "7", ""},
		{"offered, unknown suite", Offered, stream80("RTP/AVP", unknown), 0, "", ""},
		{"offered, SAVP", Offered, stream80("RTP/SAVP", "7"+line80), srtp.AESCM128HMACSHA1x80, "7", ""},
		{"offered, SAVPF", Offered, stream80("RTP/SAVPF", "7"+line80), srtp.AESCM128HMACSHA1x80, "7", ""},
		{"required, plain", Required, stream80("RTP/AVP"), 0, "", "SRTP is required here, and the peer offers plain RTP/AVP"},
		{"required, opportunistic", Required, stream80("RTP/AVP", "1"+line80), srtp.AESCM128HMACSHA1x80, "1", ""},
		{"required, opportunistic and unknown", Required, stream80("RTP/AVP", unknown), 0, "", "SRTP is required here, but"},
		{"required, SAVP", Required, stream80("RTP/SAVP", "1"+line80), srtp.AESCM128HMACSHA1x80, "1", ""},
		{"SAVP without a line", Required, stream80("RTP/SAVP"), 0, "", "it has no crypto line"},
		{"the first supported is taken", Required, stream80("RTP/SAVP", unknown, "2 AEAD_AES_128_GCM inline:short", "3"+line80+"|2^31|1:4",
			"4 AEAD_AES_128_GCM inline:"+strings.Repeat("A", 38)+"=="), srtp.AESCM128HMACSHA1x80, "3", ""},
		{"no key of ours for it", Required, stream80("RTP/SAVP", "1 AES_CM_128_HMAC_SHA1_32 inline:"+peerKey), 0, "", "none of its crypto lines"},
		{"several keys", Required, stream80("RTP/SAVP", "1"+line80+"|1:4;inline:"+peerKey+"|2:4"), 0, "", "several keys"},
		{"a long MKI", Required, stream80("RTP/SAVP", "1"+line80+"|1:16"), 0, "", "an MKI of 16 octets"},
		{"unencrypted", Required, stream80("RTP/SAVP", "1"+line80+" UNENCRYPTED_SRTP"), 0, "", "UNENCRYPTED_SRTP"},
		{"our own key", Required, stream80("RTP/SAVP", srtp.Crypto{Tag: 1, Key: secret(t, srtp.AESCM128HMACSHA1x80, 3)}.Attribute()), 0, "", "none of its"},
		{"DTLS", Required, stream80("UDP/TLS/RTP/SAVP"), 0, "", "UDP/TLS/RTP/SAVP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := secure4(t, c.policy)
			body, p, err := l.Answer(c.offer)
			if c.refuse != "" {
				require.ErrorIs(t, err, ErrNoCommonCodec)
				require.ErrorContains(t, err, c.refuse)
				require.NotContains(t, err.Error(), peerKey[:8])
				return
			}
			require.NoError(t, err)
			if c.suite == 0 {
				assert.Nil(t, p.SendKey)
				assert.Nil(t, p.ReceiveKey)
				assert.NotContains(t, string(body), "crypto")
				return
			}
			assert.Same(t, l.ours(c.suite), p.SendKey)
			assert.Equal(t, c.suite, p.ReceiveKey.Suite())
			assert.Equal(t, bytes.Contains(c.offer, []byte("SAVP")), p.SAVP)
			want := "a=crypto:" + c.tag + " " + c.suite.String() + " inline:"
			assert.Equal(t, 1, strings.Count(string(body), "a=crypto:"))
			assert.Contains(t, string(body), want)
			proto := strings.Fields(string(c.offer[bytes.Index(c.offer, []byte("m=")):]))[2]
			assert.Contains(t, string(body), " "+proto+" 0\r\n", "the transport is that of the offer")
		})
	}
}

func TestAccept_Crypto_RFC4568_5_1_3(t *testing.T) {
	own := "3 " + srtp.Crypto{Key: secret(t, srtp.AESCM128HMACSHA1x80, 3)}.Attribute()[2:]
	for _, c := range []struct {
		name   string
		policy Encryption
		answer []byte
		suite  srtp.Suite
		refuse string
	}{
		{"off", NoEncryption, stream80("RTP/AVP"), 0, ""},
		{"off, unasked line", NoEncryption, stream80("RTP/AVP", "3"+line80), 0, ""},
		{"off, SAVP", NoEncryption, stream80("RTP/SAVP", "3"+line80), 0, "crypto line 3, which was not offered"},
		{"offered, taken", Offered, stream80("RTP/AVP", "3"+line80), srtp.AESCM128HMACSHA1x80, ""},
		{"offered, taken as SAVP", Offered, stream80("RTP/SAVP", "3"+line80), srtp.AESCM128HMACSHA1x80, ""},
		{"offered, not taken", Offered, stream80("RTP/AVP"), 0, ""},
		{"offered, unknown tag", Offered, stream80("RTP/AVP", "9"+line80), 0, "crypto line 9, which was not offered"},
		{"required, taken", Required, stream80("RTP/SAVP", "3"+line80), srtp.AESCM128HMACSHA1x80, ""},
		{"required, no line", Required, stream80("RTP/SAVP"), 0, "has no crypto line"},
		{"required, unknown tag", Required, stream80("RTP/SAVP", "4"+line80), 0, "crypto line 4, which was not offered"},
		{"required, another suite", Required, stream80("RTP/SAVP", "1"+line80), 0, "crypto line 1 is for AEAD_AES_256_GCM, and the answer makes it AES_CM_128_HMAC_SHA1_80"},
		{"required, plain", Required, stream80("RTP/AVP"), 0, "RTP/SAVP was offered, and the answer is plain RTP/AVP"},
		{"required, broken", Required, stream80("RTP/SAVP", "3 AES_CM_128_HMAC_SHA1_80 inline:x"), 0, "crypto line cannot be used"},
		{"our own key", Required, stream80("RTP/SAVP", own), 0, "our own key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := secure4(t, c.policy)
			body, err := l.Offer()
			require.NoError(t, err)
			p, err := l.Accept(body, c.answer)
			if c.refuse != "" {
				require.ErrorIs(t, err, ErrNoCommonCodec)
				require.ErrorContains(t, err, c.refuse)
				require.NotContains(t, err.Error(), peerKey[:8])
				return
			}
			require.NoError(t, err)
			if c.suite == 0 {
				require.Nil(t, p.SendKey)
				require.Nil(t, p.ReceiveKey)
				return
			}
			require.True(t, p.SendKey.Equal(l.ours(c.suite)))
			require.Equal(t, c.suite, p.ReceiveKey.Suite())
		})
	}
}

// What we accept of each other fits together, whoever offers, and keys and suite stay
// over a hold, whoever offers that.
func TestCrypto_BothSides_KeysSurviveHold_RFC4568_7_1_4(t *testing.T) {
	for _, policies := range [][2]Encryption{{Offered, Offered}, {Required, Required}, {Offered, Required}, {Required, Offered}} {
		t.Run(fmt.Sprint(policies), func(t *testing.T) {
			a, b := secure4(t, policies[0]), secure4(t, policies[1])
			b.Keys = []*srtp.Key{secret(t, srtp.AESCM128HMACSHA1x32, 13), secret(t, srtp.AESCM128HMACSHA1x80, 11), secret(t, srtp.AEADAES128GCM, 12)}
			exchange := func(from, to Local) (Params, Params) {
				body, err := from.Offer()
				require.NoError(t, err)
				answer, theirs, err := to.Answer(body)
				require.NoError(t, err)
				ours, err := from.Accept(body, answer)
				require.NoError(t, err)
				require.True(t, ours.SendKey.Equal(theirs.ReceiveKey))
				require.True(t, ours.ReceiveKey.Equal(theirs.SendKey))
				return ours, theirs
			}
			pa, pb := exchange(a, b)
			require.Equal(t, srtp.AEADAES128GCM, pa.SendKey.Suite(), "the first of a's that b has")
			hold := a.Keep(pa)
			hold.Direction, hold.Version = SendOnly, 2
			pa2, pb2 := exchange(hold, b.Keep(pb))
			require.True(t, pa2.SendKey.Equal(pa.SendKey) && pa2.ReceiveKey.Equal(pa.ReceiveKey))
			resume := b.Keep(pb2)
			resume.Version = 3
			pb3, pa3 := exchange(resume, a.Keep(pa2))
			require.True(t, pb3.SendKey.Equal(pb.SendKey) && pb3.ReceiveKey.Equal(pb.ReceiveKey), "with b's own order of preference too")
			require.Equal(t, pa.SAVP, pa3.SAVP)
		})
	}
}

func TestCrypto_NewKeyOfThePeerIsFollowed(t *testing.T) {
	l := secure4(t, Required)
	_, p, err := l.Answer(stream80("RTP/SAVP", "1"+line80))
	require.NoError(t, err)
	next := "1 AEAD_AES_256_GCM inline:" + strings.Repeat("B", 59) + "="
	body, p2, err := l.Keep(p).Answer(stream80("RTP/SAVP", next))
	require.NoError(t, err)
	require.Equal(t, srtp.AEADAES256GCM, p2.ReceiveKey.Suite())
	require.False(t, p2.ReceiveKey.Equal(p.ReceiveKey))
	require.Contains(t, string(body), "a=crypto:1 AEAD_AES_256_GCM ")
	// Our next offer begins with what is in force, under the tag it always had.
	body, err = l.Keep(p).Offer()
	require.NoError(t, err)
	lines := regexp.MustCompile(`a=crypto:\d \w+`).FindAllString(string(body), -1)
	require.Equal(t, []string{"a=crypto:3 AES_CM_128_HMAC_SHA1_80", "a=crypto:1 AEAD_AES_256_GCM", "a=crypto:2 AEAD_AES_128_GCM"}, lines)
}

func TestLocal_ChecksKeys(t *testing.T) {
	l := local4()
	l.Encryption = Offered
	_, err := l.Offer()
	require.ErrorContains(t, err, "Keys is empty")
	l.Keys = []*srtp.Key{secret(t, srtp.AEADAES128GCM, 1), secret(t, srtp.AEADAES128GCM, 2)}
	_, err = l.Offer()
	require.ErrorContains(t, err, "two keys")
	l.Keys[1].Wipe()
	_, err = l.Offer()
	require.ErrorContains(t, err, "wiped")
}

func TestParseError_HidesKeys(t *testing.T) {
	for _, body := range []string{
		string(stream80("RTP/SAVP", "1 AES_CM_128_HMAC_SHA1_80 INLINE:"+peerKey+"\r")),
		"a=crypto:1" + line80, "m=audio a=crypto:1" + line80,
		string(stream80("RTP/SAVP")) + "x=0" + line80 + "\x00",
	} {
		_, _, err := local4().Answer([]byte(strings.ReplaceAll(body, "\r\r", "\rx\r")))
		var parse *ParseError
		require.ErrorAs(t, err, &parse, body)
		require.NotContains(t, err.Error(), peerKey[:8])
	}
}
