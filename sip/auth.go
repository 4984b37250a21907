package sip

import (
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxRealms bounds the challenges kept for one account, and how often one
// request is sent again because of challenges.
const maxRealms = 8

// authenticator answers digest challenges with one account's password and
// remembers them, so that later requests carry credentials at once, counting
// their use (RFC 3261 §22.3, RFC 7616 §3.4). A nil authenticator answers
// nothing. Methods may be called from any goroutine.
type authenticator struct {
	user, password string

	mu    sync.Mutex
	known []*known
}

type known struct {
	header    string // Authorization or Proxy-Authorization
	challenge *challenge
	cnonce    string
	count     int // requests that used the nonce
}

func newAuthenticator(a Account) *authenticator {
	if a.Password == "" {
		return nil
	}
	return &authenticator{user: a.authUser(), password: a.Password}
}

// authTry is one request with its repetitions.
type authTry struct {
	auth    *authenticator
	tried   map[string]int // by header and realm: challenges answered in this try
	last    map[string]nonceUse
	answers int // responses answered
}

// nonceUse is a nonce and when it came.
type nonceUse struct {
	nonce string
	at    time.Time
}

// freshNonce is how long a server may be expected to take a nonce that it has just
// given: a refusal after that may be for the nonce's age.
const freshNonce = time.Second

func (a *authenticator) begin() *authTry {
	return &authTry{auth: a, tried: make(map[string]int), last: make(map[string]nonceUse)}
}

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
		req.AppendHeader(sipmsg.NewHeader(k.header,
			k.challenge.credentials(string(req.Method), req.Recipient.String(), t.auth.user, t.auth.password, k.cnonce, k.count)))
	}
}

// answer takes the final response to a signed request and reports whether the
// request is worth sending again. It is after 401 and 407, once for each realm
// and once more when the server says that only the nonce was stale, or gives another
// one and the one before was not fresh any more when it was refused; a nonce
// remembered from an earlier request may have gone without that word. Otherwise
// the password is wrong, or no challenge is understood. However many realms a
// server invents, a request goes out at most 1+maxRealms times. From a 2xx the
// next nonce is taken (RFC 7616 §3.5).
func (t *authTry) answer(res *sipmsg.Response) bool {
	if t.auth == nil {
		return false
	}
	var field, reply string
	switch {
	case res.StatusCode == 401:
		field, reply = "WWW-Authenticate", "Authorization"
	case res.StatusCode == 407:
		field, reply = "Proxy-Authenticate", "Proxy-Authorization"
	case res.IsSuccess():
		t.auth.next("Authorization", headerValues(res, "Authentication-Info"))
		t.auth.next("Proxy-Authorization", headerValues(res, "Proxy-Authentication-Info"))
		return false
	default:
		return false
	}
	if t.answers++; t.answers > maxRealms {
		return false
	}
	again := false
	for _, c := range strongest(headerValues(res, field)) {
		key := reply + " " + c.realm
		n := t.tried[key]
		used := t.last[key]
		aged := c.nonce != used.nonce && time.Since(used.at) >= freshNonce
		if n > 0 && (n > 1 || !c.stale && !aged) {
			return false
		}
		t.last[key] = nonceUse{c.nonce, time.Now()}
		t.tried[key]++
		t.auth.learn(reply, c)
		again = true
	}
	return again
}

// learn keeps a challenge in the place of the realm's earlier one. A nonce that
// comes again goes on counting, or its next use would look like a replay.
func (a *authenticator) learn(header string, c *challenge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.known {
		if k.header == header && k.challenge.realm == c.realm {
			if k.challenge.nonce != c.nonce {
				k.cnonce, k.count = newCnonce(), 0
			}
			k.challenge = c
			return
		}
	}
	if len(a.known) >= maxRealms {
		a.known = a.known[1:]
	}
	a.known = append(a.known, &known{header: header, challenge: c, cnonce: newCnonce()})
}

// next takes the nonce that the server wants to see next. The header names no
// realm, so it counts only while one realm is known.
func (a *authenticator) next(header string, values []string) {
	if len(values) == 0 {
		return
	}
	params, err := authParams(values[0])
	nonce := params["nextnonce"]
	if err != nil || nonce == "" || len(nonce) > maxChallenge || hasControl(nonce) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var only *known
	for _, k := range a.known {
		if k.header != header {
			continue
		}
		if only != nil {
			return
		}
		only = k
	}
	if only == nil || only.challenge.nonce == nonce {
		return
	}
	c := *only.challenge
	c.nonce = nonce
	only.challenge, only.cnonce, only.count = &c, newCnonce(), 0
}

// strongest picks, for each realm, the strongest challenge we understand, the
// first of equals (RFC 8760 §2.4).
func strongest(values []string) []*challenge {
	var out []*challenge
	for _, v := range splitChallenges(values) {
		if c, err := parseChallenge(v); err == nil {
			out = keepStronger(out, c)
		}
	}
	return out
}

func keepStronger(all []*challenge, c *challenge) []*challenge {
	for i, other := range all {
		if other.realm == c.realm {
			if c.strength > other.strength {
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
