package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxURI bounds a URI in bytes.
const maxURI = 2048

// URI is a sip, sips or tel URI (RFC 3261 §19.1, RFC 3966). For tel the number
// is in User and Host is empty. User is unescaped; Params and Headers are kept
// as written, without the leading ";" and "?".
type URI struct {
	Scheme  string // lower case
	User    string
	Host    string // IPv6 without brackets
	Port    int    // 0 when absent
	Params  string
	Headers string
}

// ParseURI reads a sip, sips or tel URI, with or without angle brackets around
// it. A password in it is dropped. The error says what is wrong with it.
func ParseURI(s string) (URI, error) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		s = s[1 : len(s)-1]
	}
	if len(s) > maxURI {
		return URI{}, fmt.Errorf("URI of %d bytes is longer than %d", len(s), maxURI)
	}
	if hasControl(s) || strings.ContainsAny(s, " <>\"") {
		return URI{}, fmt.Errorf("URI %q holds a space, quote, bracket or control character", s)
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return URI{}, fmt.Errorf("URI %q has no scheme: write sip:user@host", s)
	}
	u := URI{Scheme: strings.ToLower(scheme)}
	switch u.Scheme {
	case "sip", "sips":
		return parseSIPURI(u, rest)
	case "tel":
		return parseTelURI(u, rest)
	}
	return URI{}, fmt.Errorf("URI scheme %q is not sip, sips or tel", scheme)
}

func parseTelURI(u URI, rest string) (URI, error) {
	u.User, u.Params, _ = strings.Cut(rest, ";")
	if u.User == "" {
		return URI{}, errors.New("tel URI has no number")
	}
	for _, c := range u.User {
		if !strings.ContainsRune("+0123456789*#abcdefABCDEF-.()", c) {
			return URI{}, fmt.Errorf("tel URI: %q is not a number", u.User)
		}
	}
	return u, nil
}

func parseSIPURI(u URI, rest string) (URI, error) {
	// The user part may hold ";" and "?", so the "@" is looked for first, but
	// not inside the headers part, where it must be escaped anyway.
	if user, after, ok := cutUser(rest); ok {
		user, _, _ = strings.Cut(user, ":")
		plain, err := unescape(user)
		if err != nil || plain == "" {
			return URI{}, fmt.Errorf("URI user part %q is empty or badly escaped", user)
		}
		u.User, rest = plain, after
	}
	rest, u.Headers, _ = strings.Cut(rest, "?")
	rest, u.Params, _ = strings.Cut(rest, ";")
	host, port, err := splitHostPort(rest)
	if err != nil {
		return URI{}, fmt.Errorf("URI host %q: %w", rest, err)
	}
	u.Host, u.Port = host, port
	return u, nil
}

func cutUser(s string) (user, rest string, ok bool) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// String writes the URI. A zero URI gives the empty string.
func (u URI) String() string {
	if u.Scheme == "" && u.Host == "" && u.User == "" {
		return ""
	}
	var b strings.Builder
	if u.Scheme == "" {
		u.Scheme = "sip"
	}
	b.WriteString(u.Scheme)
	b.WriteByte(':')
	if u.Scheme == "tel" {
		b.WriteString(u.User)
	} else {
		if u.User != "" {
			b.WriteString(escapeUser(u.User))
			b.WriteByte('@')
		}
		b.WriteString(joinHostPort(u.Host, u.Port))
	}
	if u.Params != "" {
		b.WriteByte(';')
		b.WriteString(u.Params)
	}
	if u.Headers != "" {
		b.WriteByte('?')
		b.WriteString(u.Headers)
	}
	return b.String()
}

// Param returns a parameter's value; ok tells whether it is there at all.
func (u URI) Param(name string) (value string, ok bool) {
	for p := range strings.SplitSeq(u.Params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// Identity is a party as it is shown to people and matched against rules.
type Identity struct {
	DisplayName string
	URI         URI
	Anonymous   bool // the party asked not to be named (RFC 3323)
}

// String gives `"Name" <uri>`.
func (i Identity) String() string {
	if i.DisplayName == "" {
		return "<" + i.URI.String() + ">"
	}
	return quote(i.DisplayName) + " <" + i.URI.String() + ">"
}

// splitHostPort reads "host", "host:port", "[v6]" or "[v6]:port"; a bare IPv6
// address counts as host. Port is 0 when absent.
func splitHostPort(s string) (host string, port int, err error) {
	if a, perr := netip.ParseAddr(s); perr == nil {
		return a.String(), 0, nil
	}
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errors.New("no closing bracket")
		}
		a, perr := netip.ParseAddr(s[1:end])
		if perr != nil || !a.Is6() {
			return "", 0, errors.New("not an IPv6 address in the brackets")
		}
		host = a.String()
		s = s[end+1:]
		if s == "" {
			return host, 0, nil
		}
		if s[0] != ':' {
			return "", 0, errors.New("unexpected text after the bracket")
		}
		s = s[1:]
	} else {
		h, p, ok := strings.Cut(s, ":")
		host = h
		if !ok {
			return checkHost(host, 0)
		}
		s = p
	}
	n, perr := strconv.ParseUint(s, 10, 16)
	if perr != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q is not a number from 1 to 65535", s)
	}
	if strings.Contains(host, ":") {
		return host, int(n), nil
	}
	return checkHost(host, int(n))
}

func checkHost(host string, port int) (string, int, error) {
	if host == "" {
		return "", 0, errors.New("no host name")
	}
	if len(host) > 255 {
		return "", 0, errors.New("host name longer than 255 bytes")
	}
	for i := range len(host) {
		c := host[i]
		if !isAlnum(c) && c != '-' && c != '.' && c != '_' {
			return "", 0, fmt.Errorf("character %q is not allowed in a host name", c)
		}
	}
	return host, port, nil
}

// joinHostPort is net.JoinHostPort that leaves port 0 away.
func joinHostPort(host string, port int) string {
	if port > 0 {
		return net.JoinHostPort(host, strconv.Itoa(port))
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// escapeUser escapes what RFC 3261 §25.1 does not allow in a user part.
func escapeUser(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isAlnum(c) || strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("escape cut short")
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("escape %q is not hexadecimal", s[i:i+3])
		}
		if n < ' ' || n == 0x7f {
			return "", errors.New("escaped control character")
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}

// quote writes a quoted-string (RFC 3261 §25.1); control characters vanish.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unquote undoes the quoted pairs of a display name whose quotes are gone.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
