package sip

import (
	"bytes"
	"strings"
)

// Redact returns a copy of a SIP message in which the values of Authorization,
// Proxy-Authorization and their challenges keep only scheme, user name, realm
// and algorithm; every other parameter's value becomes "***".
func Redact(message []byte) []byte {
	head, body, found := bytes.Cut(message, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	secret := false
	for i, line := range lines {
		if folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"); folded && secret {
			lines[i] = " ***"
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if secret = ok && isCredential(name); secret {
			lines[i] = name + ": " + maskParams(strings.TrimSpace(value))
		}
	}
	out := []byte(strings.Join(lines, "\r\n"))
	if found {
		out = append(append(out, "\r\n\r\n"...), body...)
	}
	return out
}

func isCredential(name string) bool {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info":
		return true
	}
	return false
}

func maskParams(value string) string {
	scheme, rest, ok := strings.Cut(value, " ")
	if !ok {
		return "***"
	}
	var kept []string
	for _, p := range splitUnquoted(rest, ',') {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "username", "realm", "algorithm", "stale", "qop":
		default:
			v = "***"
		}
		kept = append(kept, k+"="+v)
	}
	return scheme + " " + strings.Join(kept, ", ")
}

// splitUnquoted splits at sep outside quoted strings and angle brackets.
func splitUnquoted(s string, sep byte) []string {
	var parts []string
	quoted, bracket, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == sep && !bracket:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
