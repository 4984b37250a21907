package sip

import (
	"bytes"
	"strings"
)

// tidy removes the white space that RFC 3261 §25.1 allows around ";", "=",
// "," and "/" in Via, From, To, Contact and the route headers and that the
// parser would take as part of names and values ("; tag = x"). Folded lines of
// these headers are joined. Quoted strings stay as they are. A message without
// such space, which is nearly every one, is returned as it is; a changed one
// is never longer.
func tidy(data []byte) []byte {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 || !untidy(data[:end]) {
		return data
	}
	out := make([]byte, 0, len(data))
	lines := strings.Split(string(data[:end]), "\r\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if i > 0 && isAddressHeader(line) {
			for i+1 < len(lines) && startsBlank(lines[i+1]) {
				i++
				line += " " + strings.TrimLeft(lines[i], " \t")
			}
			name, value, _ := strings.Cut(line, ":")
			line = strings.TrimRight(name, " \t") + ":" + squeeze(value)
		}
		if len(out) > 0 {
			out = append(out, '\r', '\n')
		}
		out = append(out, line...)
	}
	out = append(out, data[end:]...)
	if len(out) > len(data) {
		return data
	}
	return out
}

func startsBlank(s string) bool { return s != "" && (s[0] == ' ' || s[0] == '\t') }

// untidy looks for white space next to a separator, or a folded line.
func untidy(head []byte) bool {
	for i := 1; i < len(head); i++ {
		if c := head[i]; c != ' ' && c != '\t' {
			continue
		}
		if isSeparator(head[i-1]) || head[i-1] == '\n' || i+1 < len(head) && isSeparator(head[i+1]) {
			return true
		}
	}
	return false
}

func isSeparator(c byte) bool { return c == ';' || c == '=' || c == '/' || c == ',' }

func isAddressHeader(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	if !ok {
		return false
	}
	switch strings.ToLower(strings.TrimRight(name, " \t")) {
	case "via", "v", "from", "f", "to", "t", "contact", "m", "route", "record-route":
		return true
	}
	return false
}

// squeeze drops white space around separators outside quoted strings.
func squeeze(s string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\\' && i+1 < len(s):
			b.WriteByte(c)
			i++
			c = s[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			next := i
			for next < len(s) && (s[next] == ' ' || s[next] == '\t') {
				next++
			}
			if b.Len() > 0 && isSeparator(s[i-1]) || next < len(s) && isSeparator(s[next]) || next == len(s) {
				i = next - 1
				continue
			}
			i, c = next-1, ' '
		}
		b.WriteByte(c)
	}
	return b.String()
}
