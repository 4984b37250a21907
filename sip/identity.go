package sip

import (
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// aor is the account's address of record.
func (a Account) aor() sipmsg.Uri {
	return sipmsg.Uri{Scheme: "sip", User: escapeUser(a.User), Host: a.domain()}
}

// identify tells who is calling. asserted allows P-Asserted-Identity, which
// anyone can write and only our own registrar may be believed about (RFC 3325 §8).
func identify(req *sipmsg.Request, asserted bool) Identity {
	from := req.From()
	id := Identity{DisplayName: unquote(from.DisplayName), URI: fromUri(&from.Address)}
	hidden := isAnonymous(id)
	if asserted {
		if pai, ok := assertedIdentity(headerValues(req, "P-Asserted-Identity")); ok {
			id = pai
		}
	}
	for _, p := range headerValues(req, "Privacy") {
		for _, v := range strings.FieldsFunc(strings.ToLower(p), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			hidden = hidden || v == "id" || v == "user" || v == "header"
		}
	}
	id.DisplayName = cleanPhrase(id.DisplayName)
	id.Anonymous = hidden
	return id
}

func isAnonymous(id Identity) bool {
	return strings.EqualFold(id.URI.Host, "anonymous.invalid") || strings.EqualFold(id.URI.User, "anonymous") ||
		strings.EqualFold(id.DisplayName, "anonymous")
}

// assertedIdentity prefers the sip URI among the (at most two) values.
func assertedIdentity(values []string) (Identity, bool) {
	var found Identity
	ok := false
	for _, v := range tokens(values) {
		if len(v) > maxURI {
			continue
		}
		var raw sipmsg.Uri
		var params sipmsg.HeaderParams
		name, err := sipmsg.ParseAddressValue(v, &raw, &params)
		if err != nil {
			continue
		}
		id := Identity{DisplayName: unquote(name), URI: fromUri(&raw)}
		if !ok || found.URI.Scheme == "tel" && id.URI.Scheme == "sip" {
			found, ok = id, true
		}
	}
	return found, ok
}
