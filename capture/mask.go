package capture

import (
	"bytes"
	"strings"
)

// Mask hides, in a SIP message, what a password could be found out with: the
// response of Digest credentials (RFC 7616 §3.4; it can be guessed against off
// line) and the rspauth that answers it, all of any other credentials, passwords in
// SIP URIs, and the media keys of a=crypto (RFC 4568), a=key-mgmt and k=. Each
// hidden octet becomes a star, so that the message keeps its length and stays a
// message. Everything else is left as it is, in bodies too.
//
// The message is not changed: the result is a copy when there was something to
// hide, else message itself.
func Mask(message []byte) []byte {
	m := masker{in: message}
	m.run()
	if m.out == nil {
		return message
	}
	return m.out
}

// masker writes stars over parts of a copy that is made when first needed.
type masker struct{ in, out []byte }

// hide covers all octets from a to b but white space and ends of lines.
func (m *masker) hide(a, b int) {
	for i := a; i < b; i++ {
		if c := m.in[i]; c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			continue
		}
		if m.out == nil {
			m.out = bytes.Clone(m.in)
		}
		m.out[i] = '*'
	}
}

// run looks at one line after the other, a header with its continuation lines
// (RFC 3261 §7.3.1) as one.
func (m *masker) run() {
	for a := 0; a < len(m.in); {
		b := m.lineEnd(a)
		name, _, _ := bytes.Cut(m.in[a:b], []byte(":"))
		switch value := min(a+len(name)+1, b); strings.ToLower(string(bytes.TrimSpace(clip(name)))) {
		case "authorization", "proxy-authorization":
			b = m.folded(b)
			m.credentials(value, b)
		case "authentication-info", "proxy-authentication-info":
			b = m.folded(b)
			m.params(value, b)
		case "a=crypto":
			m.inlineKeys(value, b)
		case "a=key-mgmt", "k=clear", "k=base64", "k=uri":
			m.hide(value, b)
		}
		m.uris(a, b)
		a = b
	}
}

// clip bounds what is taken for the name of a header.
func clip(name []byte) []byte { return name[:min(len(name), 64)] }

// lineEnd is where the line from a on ends, its end included.
func (m *masker) lineEnd(a int) int {
	if i := bytes.IndexByte(m.in[a:], '\n'); i >= 0 {
		return a + i + 1
	}
	return len(m.in)
}

// folded takes the lines that begin with white space to the one that ends at b.
func (m *masker) folded(b int) int {
	for b < len(m.in) && (m.in[b] == ' ' || m.in[b] == '\t') {
		b = m.lineEnd(b)
	}
	return b
}

// credentials covers those between a and b: scheme and parameters.
func (m *masker) credentials(a, b int) {
	for a < b && isSpace(m.in[a]) {
		a++
	}
	end := a
	for end < b && !isSpace(m.in[end]) {
		end++
	}
	switch rest := bytes.TrimSpace(m.in[end:b]); {
	case strings.EqualFold(string(m.in[a:end]), "Digest"):
		m.params(end, b)
	case len(rest) == 0: // no scheme at all
		m.hide(a, b)
	default:
		m.hide(end, b)
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// params covers the values of response and rspauth among name=value pairs with
// commas between them, values in quotes or not.
func (m *masker) params(a, b int) {
	for a < b {
		eq := a
		for eq < b && m.in[eq] != '=' && m.in[eq] != ',' {
			eq++
		}
		if eq == b || m.in[eq] == ',' {
			a = eq + 1
			continue
		}
		name := strings.TrimSpace(string(m.in[a:eq]))
		if i := strings.LastIndexAny(name, " \t\r\n"); i >= 0 {
			name = name[i+1:] // a second "Digest" in the same header
		}
		from := eq + 1
		for from < b && isSpace(m.in[from]) {
			from++
		}
		from, to, next := m.value(from, b)
		if strings.EqualFold(name, "response") || strings.EqualFold(name, "rspauth") {
			m.hide(from, to)
		}
		a = next
	}
}

// value is the extent of a value that starts at a, without its quotes, and
// where to go on after it.
func (m *masker) value(a, b int) (from, to, next int) {
	if a == b || m.in[a] != '"' {
		to = a
		for to < b && m.in[to] != ',' {
			to++
		}
		return a, to, to + 1
	}
	for to = a + 1; to < b && m.in[to] != '"'; to++ {
		if m.in[to] == '\\' {
			to++
		}
	}
	to = min(to, b)
	return a + 1, to, to + 1
}

// inlineKeys covers the keys of an a=crypto line: inline:KEY|lifetime|MKI.
func (m *masker) inlineKeys(a, b int) {
	const inline = "inline:"
	for {
		if a+len(inline) > b {
			return
		}
		if !bytes.EqualFold(m.in[a:a+len(inline)], []byte(inline)) {
			a++
			continue
		}
		a += len(inline)
		end := a
		for end < b && !isSpace(m.in[end]) && m.in[end] != '|' && m.in[end] != ';' {
			end++
		}
		m.hide(a, end)
		a = end
	}
}

// uris covers the passwords of SIP URIs, sip:user:password@host (RFC 3261
// §19.1.1, which advises against them).
func (m *masker) uris(a, b int) {
	for a < b {
		i := bytes.IndexByte(m.in[a:b], ':')
		if i < 0 {
			return
		}
		start := a + i + 1
		a = start
		if !hasScheme(m.in[:start]) {
			continue
		}
		colon := -1
		for j := start; j < b; j++ {
			c := m.in[j]
			if c == '@' {
				if colon >= 0 {
					m.hide(colon+1, j)
				}
				break
			}
			if c <= ' ' || c == '<' || c == '>' || c == '"' || c == ',' {
				break
			}
			if c == ':' && colon < 0 {
				colon = j
			}
		}
	}
}

// hasScheme says whether text ends in "sip:" or "sips:".
func hasScheme(text []byte) bool {
	for _, scheme := range [...]string{"sip:", "sips:"} {
		if n := len(text) - len(scheme); n >= 0 && strings.EqualFold(string(text[n:]), scheme) {
			return true
		}
	}
	return false
}
