package number

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxInput = 512 // bytes read of any text
	maxRaw   = 256 // bytes of it that are kept
	// MaxLength is the longest canonical form that a pattern may have, in
	// runes. A longer user name is cut one rune later, so that it never equals
	// a pattern.
	MaxLength = 64
)

// text is what a caller's text holds: a user, and its digits when it is a number.
type text struct {
	raw    string // cut to maxRaw bytes
	user   string // user part, lower case, cut to MaxLength+1 runes
	digits string // ASCII digits; empty when the user is no number
	plus   bool
}

// clean takes a number or user name out of what a caller, a directive or a
// person wrote: URI, display name, parameters and separators are dropped.
func clean(s string) text {
	t := text{raw: strings.TrimSpace(cut(s, maxRaw))}
	u := userPart(cut(s, maxInput))
	t.user = cutRunes(strings.ToLower(u), MaxLength+1)
	if utf8.RuneCountInString(u) <= MaxLength {
		t.digits, t.plus = digits(dropExtension(u))
	}
	return t
}

// userPart returns the user of a SIP URI (RFC 3261 §19.1.1), the number of a
// tel URI (RFC 3966) or the text itself, without parameters.
func userPart(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s, _, _ = strings.Cut(s[i+1:], ">")
	}
	s = strings.TrimSpace(s)
	scheme, rest, ok := strings.Cut(s, ":")
	scheme = strings.ToLower(scheme)
	sip := ok && (scheme == "sip" || scheme == "sips")
	tel := ok && scheme == "tel"
	if sip || tel {
		s = rest
	}
	if !tel {
		user, _, found := strings.Cut(s, "@")
		if sip && !found {
			return "" // sip:host has no user
		}
		s = user
	}
	if sip {
		s, _, _ = strings.Cut(s, ":") // password
	}
	s, params, _ := strings.Cut(s, ";")
	if tel {
		s, _, _ = strings.Cut(s, "?")
	}
	if strings.Contains(s, "%") {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
	}
	s = strings.TrimSpace(s)
	if d, plus := digits(s); d != "" && !plus {
		s = context(params) + s
	}
	return s
}

// context returns the digits that phone-context puts before a local number
// (RFC 3966 §5.1.5); a domain name as context puts nothing.
func context(params string) string {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "phone-context") && strings.HasPrefix(value, "+") {
			if _, plus := digits(value); plus {
				return value
			}
		}
	}
	return ""
}

// dropExtension removes what is dialled after the call is connected:
// "02-312-3456 ext. 7", "...x7", "...#7", "...,,7".
func dropExtension(s string) string {
	at := strings.IndexFunc(s, func(r rune) bool {
		return r == ',' || r == '#' || r == '~' || unicode.IsLetter(r)
	})
	if at <= 0 {
		return s
	}
	number, rest := s[:at], strings.ToLower(s[at:])
	if d, _ := digits(number); len(d) < minWhole-1 {
		return s
	}
	for _, word := range []string{"extension", "extn", "ext", "x", "내선번호", "내선", "#", "~", ","} {
		after, ok := strings.CutPrefix(rest, word)
		if !ok {
			continue
		}
		after = strings.TrimLeft(after, ",.:;#= \u3000")
		if d, plus := digits(after); d != "" && !plus && len(d) <= 11 {
			return number
		}
	}
	return s
}

// digits returns the digits of a number in ASCII, or nothing when s has any
// character that no number is written with.
func digits(s string) (out string, plus bool) {
	var buf [MaxLength]byte
	n := 0
	for _, r := range s {
		d, ok := digit(r)
		switch {
		case ok && n < len(buf):
			buf[n] = d
			n++
		case (r == '+' || r == '\uff0b') && n == 0:
			plus = true
		case !ok && isSeparator(r):
		default:
			return "", false
		}
	}
	if n == 0 {
		return "", false
	}
	return string(buf[:n]), plus
}

// digit reads the decimal digits that libphonenumber reads: ASCII, full width,
// Arabic-Indic and extended Arabic-Indic.
func digit(r rune) (byte, bool) {
	for _, zero := range [...]rune{'0', '\uff10', '\u0660', '\u06f0'} {
		if r >= zero && r <= zero+9 {
			return byte('0' + r - zero), true
		}
	}
	return 0, false
}

// isSeparator knows the marks that people and address books put into numbers,
// and the invisible ones that copying adds.
func isSeparator(r rune) bool {
	switch r {
	case '-', '.', '(', ')', '/', '[', ']',
		'\uff0d', '\uff0e', '\uff08', '\uff09', '\uff0f', '\uff3b', '\uff3d',
		'\u2212', '\u30fc', '\u00b7', '\u00ad', '\ufeff', '\u200b', '\u2060':
		return true
	}
	return r >= '\u2010' && r <= '\u2015' || r >= '\u200e' && r <= '\u200f' ||
		r >= '\u202a' && r <= '\u202e' || unicode.IsSpace(r)
}

// isAnonymous knows the users of withheld identities (RFC 3323 §4.1.1.3 and
// what exchanges send instead).
func isAnonymous(user string) bool {
	switch user {
	case "anonymous", "restricted", "unavailable", "unknown":
		return true
	}
	return false
}

// cut returns at most n bytes of s, at a rune's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
