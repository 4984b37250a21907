package sip

import (
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

const maxRealms = 8 // challenges kept for one account

// authenticator answers digest challenges with one account's password and
// remembers them, so that later requests carry credentials at once (RFC 3261
// §22.3). A nil authenticator answers nothing.
type authenticator struct {
	user, password string

	mu    sync.Mutex
	known []*known
}

type known struct {
	header    string // Authorization or Proxy-Authorization
	challenge *digest.Challenge
	count     int // nonce count
}

func newAuthenticator(a Account) *authenticator {
	if a.Password == "" {
		return nil
	}
	return &authenticator{user: a.authUser(), password: a.Password}
}

// authTry is one request with its repetitions.
type authTry struct {
	auth  *authenticator
	tried map[string]int // by header and realm: challenges answered in this try
}

func (a *authenticator) begin() *authTry { return &authTry{auth: a, tried: make(map[string]int)} }

// sign adds credentials for every challenge known.
func (t *authTry) sign(req *sipmsg.Request) {
	req.RemoveHeader("Authorization")
	req.RemoveHeader("Proxy-Authorization")
	if t.auth == nil {
		return
	}
	t.auth.mu.Lock()
	defer t.auth.mu.Unlock()
	for _, k := range t.auth.known {
		k.count++
		cred, err := digest.Digest(k.challenge, digest.Options{
			Method: string(req.Method), URI: req.Recipient.String(), Count: k.count,
			Username: t.auth.user, Password: t.auth.password,
		})
		if err == nil {
			req.AppendHeader(sipmsg.NewHeader(k.header, cred.String()))
		}
	}
}

// answer takes a 401 or 407 and reports whether the request is worth sending
// again. It is, once for each realm, and once more when the server says that
// only the nonce was stale. Otherwise the password is wrong, or no challenge
// is understood.
func (t *authTry) answer(res *sipmsg.Response) bool {
	if t.auth == nil {
		return false
	}
	field, reply := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		field, reply = "Proxy-Authenticate", "Proxy-Authorization"
	}
	again := false
	for _, c := range strongest(headerValues(res, field)) {
		key := reply + " " + c.Realm
		n := t.tried[key]
		if n > 0 && (n > 1 || !c.Stale) {
			return false
		}
		t.tried[key]++
		t.auth.learn(reply, c)
		again = true
	}
	return again
}

func (a *authenticator) learn(header string, c *digest.Challenge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.known {
		if k.header == header && k.challenge.Realm == c.Realm {
			k.challenge, k.count = c, 0
			return
		}
	}
	if len(a.known) >= maxRealms {
		a.known = a.known[1:]
	}
	a.known = append(a.known, &known{header: header, challenge: c})
}

// strongest picks, for each realm, the strongest challenge we understand
// (RFC 8760 §2.4).
func strongest(values []string) []*digest.Challenge {
	var out []*digest.Challenge
	for _, v := range splitChallenges(values) {
		c, err := digest.ParseChallenge(v)
		if err != nil || c.Nonce == "" {
			continue
		}
		var qop []string
		for _, q := range c.QOP {
			if q = strings.ToLower(strings.TrimSpace(q)); q == "auth" {
				qop = append(qop, q)
			}
		}
		if len(c.QOP) > 0 && len(qop) == 0 || strength(c) == 0 {
			continue
		}
		c.QOP = qop
		out = keepStronger(out, c)
	}
	return out
}

func keepStronger(all []*digest.Challenge, c *digest.Challenge) []*digest.Challenge {
	for i, other := range all {
		if other.Realm == c.Realm {
			if strength(c) > strength(other) {
				all[i] = c
			}
			return all
		}
	}
	if len(all) >= maxRealms {
		return all
	}
	return append(all, c)
}

// strength is 0 for an algorithm that is not understood.
func strength(c *digest.Challenge) int {
	switch strings.ToUpper(c.Algorithm) {
	case "", "MD5":
		return 1
	case "SHA-256":
		return 2
	case "SHA-512-256":
		return 3
	}
	return 0
}

// splitChallenges parts challenges that share one header line.
func splitChallenges(values []string) []string {
	var out []string
	for _, v := range values {
		for _, part := range splitUnquoted(v, ',') {
			part = strings.TrimSpace(part)
			if digest.IsDigest(part) || len(out) == 0 {
				out = append(out, part)
				continue
			}
			out[len(out)-1] += ", " + part
		}
	}
	return out
}
