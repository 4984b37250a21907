package sip

import (
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxDiversions = 16
	maxUserToUser = 1024 // bytes
)

// Diversion is one forwarding of a call on its way here (RFC 5806). Anybody on
// the way can write it: it is to be shown, and proves nothing.
type Diversion struct {
	By      Identity
	Reason  string // "user-busy", "no-answer", "unconditional", ... in lower case; empty when it was not said
	Counter int    // how many times; 1 when it was not said
}

// Diversions tells who forwarded the call, the last one first.
func (i *Invitation) Diversions() []Diversion { return diversions(i.Header("Diversion")) }

func diversions(values []string) []Diversion {
	var out []Diversion
	for _, v := range tokens(values) {
		if len(v) > maxURI || len(out) >= maxDiversions {
			continue
		}
		var u sipmsg.Uri
		var params sipmsg.HeaderParams
		name, err := sipmsg.ParseAddressValue(v, &u, &params)
		if err != nil || u.Host == "" && u.User == "" {
			continue
		}
		d := Diversion{By: Identity{DisplayName: cleanPhrase(unquote(name)), URI: fromUri(&u)}, Counter: 1}
		d.By.Anonymous = isAnonymous(d.By)
		if reason, ok := params.Get("reason"); ok {
			d.Reason = cleanPhrase(strings.ToLower(strings.Trim(reason, `" `)))
		}
		if hidden, ok := params.Get("privacy"); ok && !strings.EqualFold(strings.Trim(hidden, `" `), "off") {
			d.By.Anonymous = true
		}
		if n, ok := params.Get("counter"); ok {
			if n, err := strconv.ParseUint(strings.Trim(n, `" `), 10, 16); err == nil && n > 0 {
				d.Counter = int(n)
			}
		}
		out = append(out, d)
	}
	return out
}

// UserToUser is what the caller passes on from one program to another (RFC
// 7433): the header field's value with its parameters, such as
// "56a390f3d2b7310023;encoding=hex". Empty when there is none.
func (i *Invitation) UserToUser() string {
	values := i.Header("User-to-User")
	if len(values) == 0 || len(values[0]) > maxUserToUser || hasControl(values[0]) {
		return ""
	}
	return values[0]
}
