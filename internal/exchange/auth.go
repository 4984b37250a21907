package exchange

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // RFC 2617 digests are still offered, as PBXs do
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// authenticator challenges requests and checks the answers (RFC 3261 §22, RFC
// 8760 for SHA-256). Nonces carry their own time and seal, so none are kept.
type authenticator struct {
	cfg    *Config
	secret [32]byte
}

func (a *authenticator) init(cfg *Config) {
	a.cfg = cfg
	_, _ = rand.Read(a.secret[:]) // never fails
}

type verdict int

const (
	notAuthenticated verdict = iota // no credentials for this realm
	stale                           // right in form, nonce too old
	wrongPassword
	authenticated
)

// check reads the credentials of req, in header "Authorization" or
// "Proxy-Authorization".
func (a *authenticator) check(req *sipmsg.Request, header string, users map[string]*User) (*User, verdict) {
	for _, h := range req.GetHeaders(header) {
		c, err := digest.ParseCredentials(h.Value())
		if err != nil || c.Realm != a.cfg.Realm {
			continue
		}
		u := users[c.Username]
		age, sealed := a.age(c.Nonce)
		switch {
		case !sealed:
			return nil, stale
		case u == nil || u.Name != c.Username || !a.right(c, u.Password, string(req.Method)):
			return nil, wrongPassword
		case age > a.cfg.NonceLifetime:
			return nil, stale
		}
		return u, authenticated
	}
	return nil, notAuthenticated
}

// right says whether the response in c proves the password (RFC 7616 §3.4.1).
func (a *authenticator) right(c *digest.Credentials, password, method string) bool {
	h := hasher(c.Algorithm)
	if h == nil || !a.offers(c.Algorithm) {
		return false
	}
	sum := func(parts ...string) string {
		d := h()
		_, _ = d.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(d.Sum(nil))
	}
	a1 := sum(c.Username, c.Realm, password)
	a2 := sum(method, c.URI)
	want := sum(a1, c.Nonce, a2) // RFC 2069, a client without qop
	if c.QOP != "" {
		want = sum(a1, c.Nonce, fmt.Sprintf("%08x", c.Nc), c.Cnonce, c.QOP, a2)
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.Response))) == 1
}

func (a *authenticator) offers(algorithm string) bool {
	for _, o := range a.cfg.Algorithms {
		if strings.EqualFold(o, algorithm) || algorithm == "" && strings.EqualFold(o, "MD5") {
			return true
		}
	}
	return false
}

func hasher(algorithm string) func() hash.Hash {
	switch strings.ToUpper(algorithm) {
	case "", "MD5":
		return md5.New
	case "SHA-256":
		return sha256.New
	}
	return nil
}

// nonce is the time in hex and a seal over it.
func (a *authenticator) nonce() string {
	t := strconv.FormatInt(time.Now().UnixMilli(), 16)
	return t + "." + a.seal(t)
}

func (a *authenticator) seal(t string) string {
	m := hmac.New(sha256.New, a.secret[:])
	_, _ = m.Write([]byte(t))
	return hex.EncodeToString(m.Sum(nil)[:12])
}

func (a *authenticator) age(nonce string) (age time.Duration, sealed bool) {
	t, seal, _ := strings.Cut(nonce, ".")
	ms, err := strconv.ParseInt(t, 16, 64)
	if err != nil || !hmac.Equal([]byte(seal), []byte(a.seal(t))) {
		return 0, false
	}
	return time.Since(time.UnixMilli(ms)), true
}

// challenge adds one header per algorithm, the best first (RFC 8760 §2.4).
func (a *authenticator) challenge(res *sipmsg.Response, header string, isStale bool) {
	nonce := a.nonce()
	for _, alg := range a.cfg.Algorithms {
		v := fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, a.cfg.Realm, nonce, alg)
		if isStale {
			v += ", stale=true"
		}
		res.AppendHeader(sipmsg.NewHeader(header, v))
	}
}
