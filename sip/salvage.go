package sip

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxSalvage     = 16 << 10 // bytes of a bad message that are looked at
	maxSalvageLine = 1 << 10  // bytes of one header field copied into a reply
	maxSalvageVias = 16
)

// salvaged is what can be read from a request that the parser refused.
type salvaged struct {
	method                 string
	vias                   []string
	from, to, callID, cseq string
}

// salvage reads the header fields that a response must copy (RFC 3261
// §8.2.6.2) from a broken request. It reports false for what does not look
// like a request with a Via at all, and for ACK: those get silence.
func salvage(raw []byte) (salvaged, bool) {
	var s salvaged
	raw = bytes.TrimLeft(raw[:min(len(raw), maxSalvage)], "\r\n")
	lines := headerLines(raw)
	if len(lines) == 0 {
		return s, false
	}
	first := lines[0]
	method, rest, _ := strings.Cut(first, " ")
	upper := strings.ToUpper(rest)
	if len(method) > maxMethod || !isToken(method) || method == "ACK" || !strings.Contains(upper, "SIP/") {
		return s, false
	}
	s.method = method
	for _, line := range lines[1:] {
		s.take(line)
	}
	ok := len(s.vias) > 0 && (s.callID != "" || s.cseq != "")
	return s, ok
}

func (s *salvaged) take(line string) {
	name, value, ok := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	if !ok || value == "" || len(value) > maxSalvageLine || hasControl(value) {
		return
	}
	set := func(p *string) {
		if *p == "" {
			*p = value
		}
	}
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "via", "v":
		if len(s.vias) < maxSalvageVias {
			s.vias = append(s.vias, value)
		}
	case "from", "f":
		set(&s.from)
	case "to", "t":
		set(&s.to)
	case "call-id", "i":
		set(&s.callID)
	case "cseq":
		set(&s.cseq)
	}
}

// headerLines splits the header section, unfolds continuation lines (RFC 3261
// §7.3.1) and stops at the empty line.
func headerLines(raw []byte) []string {
	var lines []string
	for len(raw) > 0 && len(lines) < maxHeaderFields {
		line := raw
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		if (line[0] == ' ' || line[0] == '\t') && len(lines) > 0 {
			last := len(lines) - 1
			if len(lines[last]) <= maxSalvageLine {
				lines[last] += " " + string(bytes.Trim(line, " \t"))
			}
			continue
		}
		lines = append(lines, string(line))
	}
	return lines
}

// reply writes a stateless response and says where it goes: back to the source
// address, at the source port when the top Via asks for it (RFC 3581), else at
// the port it names (RFC 3261 §18.2.2). extra are further header fields.
func (s salvaged) reply(code int, reason, tag, server string, source netip.AddrPort, extra ...string) ([]byte, netip.AddrPort) {
	to := source
	top := s.vias[0]
	if i := paramIndex(top, "rport"); i >= 0 {
		if rest := top[i+len("rport"):]; !strings.HasPrefix(strings.TrimSpace(rest), "=") {
			top = top[:i] + "rport=" + strconv.Itoa(int(source.Port())) + rest
		}
	} else {
		to = netip.AddrPortFrom(source.Addr(), viaPort(top))
	}
	if paramIndex(top, "received") < 0 {
		top += ";received=" + source.Addr().String()
	}
	var b bytes.Buffer
	b.WriteString("SIP/2.0 " + strconv.Itoa(code) + " " + reason + "\r\n")
	b.WriteString("Via: " + top + "\r\n")
	for _, v := range s.vias[1:] {
		b.WriteString("Via: " + v + "\r\n")
	}
	if s.to != "" && paramIndex(s.to, "tag") < 0 {
		s.to += ";tag=" + tag
	}
	for _, h := range [][2]string{{"From", s.from}, {"To", s.to}, {"Call-ID", s.callID}, {"CSeq", s.cseq}} {
		if h[1] != "" {
			b.WriteString(h[0] + ": " + h[1] + "\r\n")
		}
	}
	for _, h := range extra {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("Server: " + server + "\r\nContent-Length: 0\r\n\r\n")
	return b.Bytes(), to
}

// paramIndex finds ";name" outside quotes and angle brackets and returns the
// index of the name, or -1.
func paramIndex(s, name string) int {
	quoted, bracket := false, false
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
		case c == ';' && !bracket:
			rest := strings.TrimLeft(s[i+1:], " \t")
			if len(rest) < len(name) || !strings.EqualFold(rest[:len(name)], name) {
				continue
			}
			if after := rest[len(name):]; after == "" || strings.IndexByte("=; \t,", after[0]) >= 0 {
				return len(s) - len(rest)
			}
		}
	}
	return -1
}

// viaPort reads the port of "SIP/2.0/UDP host:port;params", 5060 by default.
func viaPort(via string) uint16 {
	sentBy, _, _ := strings.Cut(via, ";")
	sentBy, _, _ = strings.Cut(sentBy, ",")
	fields := strings.Fields(sentBy)
	if len(fields) == 0 {
		return 5060
	}
	if _, port, err := splitHostPort(fields[len(fields)-1]); err == nil && port > 0 {
		return uint16(port)
	}
	return 5060
}
