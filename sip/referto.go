package sip

import (
	"fmt"
	"net/url"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxReferTo bounds a Refer-To value in bytes.
const maxReferTo = 4096

// referTo is what a Refer-To header field asks for (RFC 3515 §2.1).
type referTo struct {
	target   URI       // without method and header fields
	replaces *Replaces // the dialog whose place the new call takes; nil for none
}

// parseReferTo reads a Refer-To value: an address as in From, whose URI may
// carry header fields for the new request. Of these only Replaces is taken
// (RFC 3261 §19.1.5 warns of the others). A method other than INVITE is refused.
func parseReferTo(s string) (referTo, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxReferTo || hasControl(s) {
		return referTo{}, fmt.Errorf("Refer-To of %d bytes is too long or holds a control character", len(s))
	}
	raw := s
	switch _, rest, bracketed := cutBracket(s); {
	case bracketed:
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return referTo{}, fmt.Errorf("Refer-To %q has no closing bracket", s)
		}
		raw = rest[:end]
	case !strings.Contains(s, "@"):
		raw, _, _ = strings.Cut(s, ";") // parameters of the field, not of the URI
	}
	u, err := ParseURI(raw)
	if err != nil {
		return referTo{}, fmt.Errorf("Refer-To: %w", err)
	}
	to := referTo{target: u}
	if to.replaces, err = replacesOf(u.Headers); err != nil {
		return referTo{}, fmt.Errorf("Refer-To: %w", err)
	}
	to.target.Headers = ""
	if m, ok := u.Param("method"); ok && !strings.EqualFold(m, "INVITE") {
		return referTo{}, fmt.Errorf("Refer-To asks for %q; only INVITE is placed", m)
	}
	to.target.Params = withoutParam(u.Params, "method")
	return to, nil
}

// cutBracket finds the "<" outside a quoted display name.
func cutBracket(s string) (name, rest string, ok bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// replacesOf reads Replaces out of the header part of a URI.
func replacesOf(headers string) (*Replaces, error) {
	var found *Replaces
	for h := range strings.SplitSeq(headers, "&") {
		name, value, _ := strings.Cut(h, "=")
		if !strings.EqualFold(name, "Replaces") {
			continue
		}
		plain, err := url.PathUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("Replaces %q is badly escaped", value)
		}
		r, err := ParseReplaces(plain)
		if err != nil {
			return nil, err
		}
		if found != nil {
			return nil, fmt.Errorf("more than one Replaces")
		}
		found = &r
	}
	return found, nil
}

func withoutParam(params, name string) string {
	var kept []string
	for p := range strings.SplitSeq(params, ";") {
		k, _, _ := strings.Cut(p, "=")
		if p != "" && !strings.EqualFold(strings.TrimSpace(k), name) {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}

// String writes the header field's value.
func (t referTo) String() string {
	u := t.target
	u.Headers = ""
	if t.replaces != nil {
		u.Headers = "Replaces=" + escapeHeader(t.replaces.String())
	}
	return "<" + u.String() + ">"
}

// escapeHeader escapes a header field's value within a URI (RFC 3261 §25.1,
// hvalue).
func escapeHeader(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isAlnum(c) || strings.IndexByte("-_.!~*'()[]/?:+$", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// referredBy is who asked for a call, as it goes on into the new INVITE
// (RFC 3892 §2.2): the header field's value where it is one address, else "".
func referredBy(req *sipmsg.Request) string {
	values := headerValues(req, "Referred-By")
	if len(values) != 1 || len(values[0]) > maxURI || hasControl(values[0]) {
		return ""
	}
	var u sipmsg.Uri
	var params sipmsg.HeaderParams
	if _, err := sipmsg.ParseAddressValue(values[0], &u, &params); err != nil || u.Host == "" {
		return ""
	}
	return values[0]
}
