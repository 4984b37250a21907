package sip

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

const (
	maxChallenge  = 4096 // bytes of one challenge
	maxChallenges = 32   // challenges of one response that are looked at
)

// challenge is a Digest challenge (RFC 7616 §3.3, RFC 8760) that we can answer.
type challenge struct {
	realm, nonce, opaque string
	algorithm            string // as it was written, to be sent back so; may be empty
	strength             int    // of the algorithm, from 1
	session              bool   // A1 holds nonce and cnonce (the "-sess" algorithms)
	auth                 bool   // qop "auth" was offered; else there is no qop (RFC 2069)
	stale                bool
	userhash             bool
	sum                  func(parts ...string) string
}

var errNoDigest = errors.New("not a Digest challenge that can be answered")

// parseChallenge reads one challenge. The error is for scheme, algorithm and
// qop that we do not know, and for what cannot be read.
func parseChallenge(s string) (*challenge, error) {
	scheme, rest, ok := cutBlank(s)
	if !ok || len(s) > maxChallenge || !strings.EqualFold(scheme, "Digest") {
		return nil, errNoDigest
	}
	params, err := authParams(rest)
	if err != nil {
		return nil, err
	}
	c := &challenge{
		realm: params["realm"], nonce: params["nonce"], opaque: params["opaque"], algorithm: params["algorithm"],
		stale: strings.EqualFold(params["stale"], "true"), userhash: strings.EqualFold(params["userhash"], "true"),
	}
	if qop, given := params["qop"]; given {
		for q := range strings.SplitSeq(qop, ",") {
			c.auth = c.auth || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
		if !c.auth {
			return nil, fmt.Errorf("qop %q: %w", qop, errNoDigest)
		}
	}
	c.use(c.algorithm)
	if c.strength == 0 || c.nonce == "" || hasControl(c.realm+c.nonce+c.opaque) {
		return nil, errNoDigest
	}
	return c, nil
}

// use sets what follows from the algorithm; strength stays 0 for an unknown one.
func (c *challenge) use(algorithm string) {
	name, session := strings.CutSuffix(strings.ToUpper(algorithm), "-SESS")
	var fresh func() hash.Hash
	switch name {
	case "", "MD5":
		fresh, c.strength = md5.New, 1
	case "SHA-256":
		fresh, c.strength = sha256.New, 2
	case "SHA-512-256":
		fresh, c.strength = sha512.New512_256, 3
	}
	c.session = session
	c.sum = func(parts ...string) string {
		h := fresh()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
}

// credentials writes the answer to c (RFC 7616 §3.4): nc counts the requests
// that used this nonce, from 1; cnonce stays the same for one nonce, so that
// servers which keep the session key of a "-sess" algorithm agree with those
// that make it anew each time.
func (c *challenge) credentials(method, uri, user, password, cnonce string, nc int) string {
	a1 := c.sum(user, c.realm, password)
	if c.session {
		a1 = c.sum(a1, c.nonce, cnonce)
	}
	a2 := c.sum(method, uri)
	count := fmt.Sprintf("%08x", nc)
	response := ""
	if c.auth {
		response = c.sum(a1, c.nonce, count, cnonce, "auth", a2)
	} else {
		response = c.sum(a1, c.nonce, a2)
	}
	if c.userhash {
		user = c.sum(user, c.realm)
	}
	var b strings.Builder
	b.WriteString("Digest username=" + quote(user) + ", realm=" + quote(c.realm) + ", nonce=" + quote(c.nonce) + ", uri=" + quote(uri))
	if c.algorithm != "" {
		b.WriteString(", algorithm=" + c.algorithm)
	}
	if c.auth || c.session {
		b.WriteString(", cnonce=" + quote(cnonce))
	}
	if c.opaque != "" {
		b.WriteString(", opaque=" + quote(c.opaque))
	}
	if c.auth {
		b.WriteString(", qop=auth, nc=" + count)
	}
	if c.userhash {
		b.WriteString(", userhash=true")
	}
	b.WriteString(", response=" + quote(response))
	return b.String()
}

func newCnonce() string { return strings.ToLower(rand.Text()) }

// cutBlank parts the first word.
func cutBlank(s string) (word, rest string, ok bool) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// authParams reads comma-separated name=value pairs, the values tokens or
// quoted strings; names come out in lower case. The first of a name counts.
func authParams(s string) (map[string]string, error) {
	out := make(map[string]string)
	for _, part := range splitUnquoted(s, ',') {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok && name == "" {
			continue // an empty element is no error (RFC 7230 §7)
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok || !isToken(name) {
			return nil, errors.New("parameter without a name or value")
		}
		if strings.HasPrefix(value, `"`) {
			if len(value) < 2 || !strings.HasSuffix(value, `"`) {
				return nil, errors.New("quoted string is not closed")
			}
			value = unquote(value[1 : len(value)-1])
		} else if strings.ContainsAny(value, "\" \t") {
			return nil, errors.New("value is neither token nor quoted string")
		}
		if _, twice := out[name]; !twice {
			out[name] = value
		}
	}
	return out, nil
}

// splitChallenges parts challenges that share one header line: each begins
// with a scheme, a word without "=".
func splitChallenges(values []string) []string {
	var out []string
	for _, v := range values {
		first := true
		for _, part := range splitUnquoted(v, ',') {
			part = strings.TrimSpace(part)
			word, _, two := cutBlank(part)
			if first || two && !strings.Contains(word, "=") && isToken(word) && !strings.HasPrefix(strings.TrimSpace(part[len(word):]), "=") {
				out = append(out, part)
			} else {
				out[len(out)-1] += ", " + part
			}
			first = false
		}
		if len(out) >= maxChallenges {
			return out[:maxChallenges]
		}
	}
	return out
}
