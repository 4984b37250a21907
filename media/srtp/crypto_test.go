package srtp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The key of the example in RFC 4568 §4.1.
const exampleKey = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

func TestParseCrypto_RFC4568(t *testing.T) {
	gcm := strings.Repeat("A", 38) // 28 octets
	gcm256 := strings.Repeat("A", 59)
	for _, c := range []struct {
		name, in string
		suite    Suite
		tag      uint32
		lifetime uint64
		mki      []byte
	}{
		{"plain", "1 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey, AESCM128HMACSHA1x80, 1, 0, nil},
		{"example of §4.1", "1 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey + "|2^20|1:4", AESCM128HMACSHA1x80, 1, 1 << 20, []byte{0, 0, 0, 1}},
		{"lifetime in full", "999999999 AES_CM_128_HMAC_SHA1_32 inline:" + exampleKey + "|1048576", AESCM128HMACSHA1x32, 999999999, 1 << 20, nil},
		{"longest lifetime", "0 AES_CM_128_HMAC_SHA1_32 inline:" + exampleKey + "|2^48", AESCM128HMACSHA1x32, 0, 1 << 48, nil},
		{"MKI alone", "7 AES_CM_128_HMAC_SHA1_32 INLINE:" + exampleKey + "|255:1", AESCM128HMACSHA1x32, 7, 0, []byte{255}},
		{"gcm, padded", "2 AEAD_AES_128_GCM inline:" + gcm + "==", AEADAES128GCM, 2, 0, nil},
		{"gcm, not padded", "2 aead_aes_128_gcm inline:" + gcm, AEADAES128GCM, 2, 0, nil},
		{"gcm 256", "3  AEAD_AES_256_GCM\tinline:" + gcm256 + "=", AEADAES256GCM, 3, 0, nil},
		{"parameters that hint", "1 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey + " WSH=64 KDR=0 -SOMETHING=1", AESCM128HMACSHA1x80, 1, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseCrypto(c.in)
			require.NoError(t, err)
			assert.Equal(t, c.suite, got.Key.Suite())
			assert.Equal(t, c.tag, got.Tag)
			assert.Equal(t, c.lifetime, got.Lifetime)
			assert.Equal(t, c.mki, got.Key.mki)
			again, err := ParseCrypto(got.Attribute())
			require.NoError(t, err)
			assert.True(t, got.Key.Equal(again.Key))
			assert.Equal(t, got.Lifetime, again.Lifetime)
		})
	}
}

func TestParseCrypto_Refuses(t *testing.T) {
	const head = "1 AES_CM_128_HMAC_SHA1_80 "
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"nothing", "", ErrSyntax},
		{"no key", head, ErrSyntax},
		{"tag of ten digits", "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey, ErrSyntax},
		{"tag with leading zero", "01 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey, ErrSyntax},
		{"tag with sign", "+1 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey, ErrSyntax},
		{"unknown suite", "1 F8_128_HMAC_SHA1_80 inline:" + exampleKey, ErrUnsupported},
		{"unknown key method", head + "uri:" + exampleKey, ErrUnsupported},
		{"several keys", head + "inline:" + exampleKey + "|2^20|1:4;inline:" + exampleKey + "|2^20|2:4", ErrUnsupported},
		{"short key", head + "inline:" + exampleKey[:39], ErrSyntax},
		{"long key", head + "inline:" + exampleKey + "AA", ErrSyntax},
		{"key of another suite", "1 AEAD_AES_256_GCM inline:" + exampleKey, ErrSyntax},
		{"no base64", head + "inline:" + exampleKey[:39] + "?", ErrSyntax},
		{"lifetime of nothing", head + "inline:" + exampleKey + "|0", ErrSyntax},
		{"lifetime too long", head + "inline:" + exampleKey + "|2^49", ErrSyntax},
		{"two lifetimes", head + "inline:" + exampleKey + "|2^20|2^20", ErrSyntax},
		{"MKI before the lifetime", head + "inline:" + exampleKey + "|1:4|2^20", ErrSyntax},
		{"MKI longer than its length", head + "inline:" + exampleKey + "|256:1", ErrSyntax},
		{"MKI of no length", head + "inline:" + exampleKey + "|1:0", ErrSyntax},
		{"MKI of 5 octets", head + "inline:" + exampleKey + "|1:5", ErrUnsupported},
		{"MKI of 129 octets", head + "inline:" + exampleKey + "|1:129", ErrSyntax},
		{"unencrypted", head + "inline:" + exampleKey + " UNENCRYPTED_SRTP", ErrUnsupported},
		{"unencrypted RTCP", head + "inline:" + exampleKey + " unencrypted_srtcp", ErrUnsupported},
		{"unauthenticated", head + "inline:" + exampleKey + " UNAUTHENTICATED_SRTP", ErrUnsupported},
		{"key derivation", head + "inline:" + exampleKey + " KDR=1", ErrUnsupported},
		{"FEC", head + "inline:" + exampleKey + " FEC_ORDER=FEC_SRTP", ErrUnsupported},
		{"unknown parameter", head + "inline:" + exampleKey + " inline:" + exampleKey, ErrUnsupported},
		{"endless", head + "inline:" + exampleKey + strings.Repeat(" WSH=64", 1000), ErrSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseCrypto(c.in)
			require.ErrorIs(t, err, c.want)
			require.Nil(t, got.Key)
			require.NotContains(t, err.Error(), exampleKey[:8], "the error shows the key")
		})
	}
}

func TestKey_IsNeverShown(t *testing.T) {
	key, err := GenerateKey(AESCM128HMACSHA1x80, bytes.NewReader(bytes.Repeat([]byte("secret"), 10)))
	require.NoError(t, err)
	crypto := Crypto{Tag: 1, Key: key}
	holder := struct {
		Key   *Key
		Value Key
		C     Crypto
	}{key, *key, crypto}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("x", "key", key, "value", *key, "crypto", crypto, "holder", holder)
	raw, err := json.Marshal(holder)
	require.NoError(t, err)
	texts := []string{log.String(), string(raw), key.String(), crypto.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, key), fmt.Sprintf(verb, *key), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, crypto), fmt.Sprintf(verb, &crypto))
	}
	for _, text := range texts {
		for _, leak := range []string{"secret", "736563", "c2VjcmV0", "115 101 99", "0x73"} {
			assert.NotContains(t, strings.ToLower(text), strings.ToLower(leak))
		}
	}
	assert.Contains(t, crypto.Attribute(), "c2VjcmV0", "but SDP has it")
}

func TestKey_Wipe(t *testing.T) {
	key, err := GenerateKey(AEADAES256GCM, nil)
	require.NoError(t, err)
	require.NotEqual(t, make([]byte, 44), key.secret)
	clone, secret := key.Clone(), key.secret
	require.True(t, key.Equal(clone))
	key.Wipe()
	require.Equal(t, make([]byte, 44), secret)
	require.False(t, key.Equal(clone))
	require.Empty(t, Crypto{Tag: 1, Key: key}.Attribute())
	_, err = NewSender(key)
	require.ErrorIs(t, err, ErrWiped)
	_, err = NewReceiver(key, nil)
	require.ErrorIs(t, err, ErrWiped)
	(*Key)(nil).Wipe()
	require.Nil(t, (*Key)(nil).Clone())
	require.False(t, (*Key)(nil).Equal(clone))

	s, err := NewSender(clone)
	require.NoError(t, err)
	r, err := NewReceiver(clone, nil)
	require.NoError(t, err)
	kept, keptToo := s.key.secret, r.key.secret
	s.Wipe()
	r.Wipe()
	require.Equal(t, make([]byte, 44), kept)
	require.Equal(t, make([]byte, 44), keptToo)
	require.True(t, clone.Equal(clone.Clone()), "it had copies of its own")
	for _, err := range []error{
		second(s.RTP(make([]byte, 20, 40))), second(s.RTCP(make([]byte, 20, 40))),
		second(r.RTP(make([]byte, 60), make([]byte, 60))), second(r.RTCP(make([]byte, 60), make([]byte, 60))),
	} {
		require.ErrorIs(t, err, ErrWiped)
	}
}

func second[A any](_ A, err error) error { return err }

func TestGenerateKey_Fails(t *testing.T) {
	_, err := GenerateKey(0, nil)
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = GenerateKey(AEADAES128GCM, bytes.NewReader(make([]byte, 3)))
	require.ErrorContains(t, err, "random")
}

func TestParseSuite(t *testing.T) {
	for _, s := range Suites() {
		got, err := ParseSuite(strings.ToLower(s.String()))
		require.NoError(t, err)
		require.Equal(t, s, got)
		require.True(t, s.Valid())
		require.LessOrEqual(t, max(s.info().rtp, s.info().rtcp), MaxOverhead)
	}
	_, err := ParseSuite("AES")
	require.ErrorContains(t, err, "AEAD_AES_256_GCM")
	require.Equal(t, "none", Suite(0).String())
	require.Equal(t, "suite(9)", Suite(9).String())
}

// FuzzParseCrypto: no line panics, every error is one of the two, none shows the key,
// and what was read is read again alike from what is written.
func FuzzParseCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:" + exampleKey + "|2^20|1:4 WSH=64")
	f.Add("1 AES_CM_128_HMAC_SHA1_32 inline:" + exampleKey + "|1:4;inline:" + exampleKey)
	f.Add("2 AEAD_AES_128_GCM inline:" + strings.Repeat("A", 38) + "== KDR=0 -X")
	f.Add("3 AEAD_AES_256_GCM inline:" + strings.Repeat("A", 59) + "=|2^48|4294967295:4")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := ParseCrypto(line)
		if err != nil {
			require.True(t, errors.Is(err, ErrSyntax) || errors.Is(err, ErrUnsupported), "%v", err)
			require.Nil(t, c.Key)
			require.Less(t, len(err.Error()), 300)
			return
		}
		written := c.Attribute()
		again, err := ParseCrypto(written)
		require.NoError(t, err, written)
		require.True(t, again.Key.Equal(c.Key))
		require.Equal(t, c.Lifetime, again.Lifetime)
		require.Equal(t, c.Tag, again.Tag)
		require.Equal(t, written, again.Attribute())
		_, err = NewReceiver(c.Key, nil)
		require.NoError(t, err)
	})
}
