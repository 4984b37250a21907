package srtp

import (
	cryptorand "crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// maxMKI is the longest master key identifier taken, in octets. RFC 4568 §6.1 allows
// 128; what peers use is 1 to 4.
const maxMKI = 4

// Key is the master key and master salt of one direction, with the suite they are
// for and, where the peer uses one, the master key identifier. It is not changed
// after it was made, but by Wipe, which must not run beside other methods.
type Key struct {
	suite  Suite
	secret []byte // master key, then master salt
	mki    []byte // nil: none in the packets
}

// GenerateKey makes a random key. source nil is crypto/rand.
func GenerateKey(suite Suite, source io.Reader) (*Key, error) {
	info := suite.info()
	if info.name == "" {
		return nil, fmt.Errorf("%w: %v", ErrUnsupported, suite)
	}
	if source == nil {
		source = cryptorand.Reader
	}
	k := &Key{suite: suite, secret: make([]byte, info.key+info.salt)}
	if _, err := io.ReadFull(source, k.secret); err != nil {
		return nil, fmt.Errorf("srtp: no random numbers for a key: %w", err)
	}
	return k, nil
}

// parseKey reads key||salt in base64, with or without padding.
func parseKey(suite Suite, text string) (*Key, error) {
	info := suite.info()
	want := info.key + info.salt
	text = strings.TrimRight(text, "=")
	if base64.RawStdEncoding.DecodedLen(len(text)) != want {
		return nil, fmt.Errorf("%w: key and salt of %v are %d octets in base64", ErrSyntax, suite, want)
	}
	secret, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(secret) != want { // err would quote the key
		clear(secret)
		return nil, fmt.Errorf("%w: the key is no base64", ErrSyntax)
	}
	return &Key{suite: suite, secret: secret}, nil
}

// Suite is what the key is for.
func (k *Key) Suite() Suite { return k.suite }

// Equal says whether both hold the same secret for the same suite under the same
// identifier, in a time that does not depend on where they differ. A nil or wiped
// Key equals nothing.
func (k *Key) Equal(o *Key) bool {
	if k == nil || o == nil || len(k.secret) == 0 || len(o.secret) == 0 {
		return false
	}
	return k.suite == o.suite && slices.Equal(k.mki, o.mki) && k.SameSecret(o)
}

// SameSecret says whether both hold the same octets, whatever they are for.
func (k *Key) SameSecret(o *Key) bool {
	if k == nil || o == nil || len(k.secret) == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(k.secret, o.secret) == 1
}

// Clone is a copy with octets of its own.
func (k *Key) Clone() *Key {
	if k == nil {
		return nil
	}
	return &Key{suite: k.suite, secret: slices.Clone(k.secret), mki: slices.Clone(k.mki)}
}

// Wipe overwrites the secret. A wiped Key serves for nothing. nil is fine.
func (k *Key) Wipe() {
	if k == nil {
		return
	}
	clear(k.secret)
	k.secret = nil
}

// split returns master key and salt, parts of the secret.
func (k *Key) split() (key, salt []byte) {
	n := k.suite.info().key
	return k.secret[:n], k.secret[n:]
}

const hidden = "srtp.Key(hidden)"

// String hides the key.
func (Key) String() string { return hidden }

// Format hides the key under all verbs.
func (Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, hidden) }

// LogValue hides the key from logs.
func (Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the key from JSON and TOML.
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }
