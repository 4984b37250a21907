package sip

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	sipmsg "github.com/emiago/sipgo/sip"
)

const sdpType = "application/sdp"

// allowedMethods is the Allow header: what is really answered.
const allowedMethods = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"

func newTag() string    { return strings.ToLower(rand.Text()[:16]) }
func newBranch() string { return sipmsg.RFC3261BranchMagicCookie + strings.ToLower(rand.Text()) }
func newCallID() string { return strings.ToLower(rand.Text()) }

func tagOf(p sipmsg.HeaderParams) string {
	t, _ := p.Get("tag")
	return t
}

// toUri turns our URI into the library's.
func toUri(u URI) (sipmsg.Uri, error) {
	var out sipmsg.Uri
	if u.Headers != "" {
		u.Headers = "" // RFC 3261 §19.1.5: not in a Request-URI
	}
	if err := sipmsg.ParseUri(u.String(), &out); err != nil {
		return out, fmt.Errorf("URI %s: %w", u, err)
	}
	if u.Scheme != "tel" && out.Host == "" {
		return out, fmt.Errorf("URI %s has no host", u)
	}
	return out, nil
}

// fromUri turns the library's URI into ours, leniently: what cannot be parsed
// keeps scheme, user and host. No control characters come through: a terminal may
// be told the name.
func fromUri(u *sipmsg.Uri) URI {
	parsed, err := ParseURI(u.String())
	if err != nil {
		parsed = URI{Scheme: cleanPhrase(u.Scheme), User: u.User, Host: cleanPhrase(bareHost(u.Host)), Port: u.Port}
	}
	parsed.User, parsed.Params = cleanPhrase(parsed.User), cleanPhrase(parsed.Params)
	return parsed
}

func mustUri(u URI) sipmsg.Uri {
	out, err := toUri(u)
	if err != nil {
		return sipmsg.Uri{Scheme: "sip", User: escapeUser(u.User), Host: u.Host, Port: u.Port}
	}
	return out
}

// quotedName is a display name as the library prints it between quotes.
func quotedName(s string) string {
	q := quote(s)
	return q[1 : len(q)-1]
}

// newRequest makes a request with everything that does not depend on dialogs.
func (ua *UserAgent) newRequest(method sipmsg.RequestMethod, target sipmsg.Uri, rt *route) *sipmsg.Request {
	req := sipmsg.NewRequest(method, target)
	ua.setVia(req, rt)
	forwards := sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	return req
}

// setVia gives a request a new top Via with a new branch, and its destination.
func (ua *UserAgent) setVia(req *sipmsg.Request, rt *route) {
	req.RemoveHeader("Via")
	via := &sipmsg.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: rt.transport.upper(),
		Host: rt.sentBy.Addr().String(), Port: int(rt.sentBy.Port()),
	}
	if rt.transport.webSocket() {
		via.Host = ua.nowhere
	}
	via.Params.Add("branch", newBranch())
	via.Params.Add("rport", "")
	req.PrependHeader(via)
	req.SetTransport("UDP")
	if rt.transport.stream() {
		req.SetTransport("TCP") // to sipgo all connections are, see stream.go
	}
	req.SetDestination(rt.addr.String())
}

// finishRequest adds what every request ends with.
func (ua *UserAgent) finishRequest(req *sipmsg.Request, contentType string, body []byte) {
	if req.Method != sipmsg.ACK && req.Method != sipmsg.CANCEL {
		req.AppendHeader(sipmsg.NewHeader("Allow", allowedMethods))
		ua.appendSupported(req.Method, len(body) > 0, req)
	}
	req.AppendHeader(sipmsg.NewHeader("User-Agent", ua.cfg.UserAgent))
	if len(body) > 0 {
		ct := sipmsg.ContentTypeHeader(contentType)
		req.AppendHeader(&ct)
	}
	req.SetBody(body)
}

func setCSeq(req *sipmsg.Request, seq uint32) {
	req.RemoveHeader("CSeq")
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: seq, MethodName: req.Method})
}

// newResponse makes a response to req with our Server header.
func (ua *UserAgent) newResponse(req *sipmsg.Request, code int, reason string) *sipmsg.Response {
	if reason == "" {
		reason = phrase(code)
	}
	res := sipmsg.NewResponseFromRequest(req, code, cleanPhrase(reason), nil)
	res.AppendHeader(sipmsg.NewHeader("Server", ua.cfg.UserAgent))
	switch {
	case code > 100 && code < 300 && tellsMethods(req.Method):
		res.AppendHeader(sipmsg.NewHeader("Allow", allowedMethods))
		ua.appendSupported(req.Method, true, res)
	case code == 405 || code > 100 && code < 200:
		res.AppendHeader(sipmsg.NewHeader("Allow", allowedMethods))
	}
	return res
}

func setSDP(res *sipmsg.Response, body []byte) {
	if len(body) == 0 {
		return
	}
	ct := sipmsg.ContentTypeHeader(sdpType)
	res.AppendHeader(&ct)
	res.SetBody(body)
}

// cleanPhrase takes the control characters out, those above ASCII too.
func cleanPhrase(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// contactURI is our Contact address on a route. Nobody can connect to the client of a
// WebSocket, so its host is a name that does not exist (RFC 7118 §5.1).
func (ua *UserAgent) contactURI(user string, at netip.AddrPort, t Transport) sipmsg.Uri {
	u := sipmsg.Uri{Scheme: "sip", User: escapeUser(user), Host: at.Addr().String(), Port: int(at.Port())}
	if t.webSocket() {
		u.Host, u.Port = ua.nowhere, 0
	}
	if t.stream() {
		u.UriParams = sipmsg.NewParams()
		u.UriParams.Add("transport", t.param())
	}
	return u
}

// secured makes a Contact fit a request with a sips URI (RFC 3261 §8.1.1.8, RFC 5630
// §5.1.1.1).
func secured(contact sipmsg.Uri) sipmsg.Uri {
	contact.Scheme = "sips"
	if transportParam(&contact) == TLS {
		contact.UriParams = nil
	}
	return contact
}

// headerValues returns all values of a header field, also of its compact form.
func headerValues(m interface {
	GetHeaders(string) []sipmsg.Header
}, name string) []string {
	var out []string
	for _, h := range m.GetHeaders(name) {
		out = append(out, h.Value())
	}
	if short := compactForm(name); short != "" {
		for _, h := range m.GetHeaders(short) {
			out = append(out, h.Value())
		}
	}
	return out
}

// compactForm is the short name of a header field, empty where there is none or
// the parser has written it out already (RFC 3261 §7.3.3).
func compactForm(name string) string {
	switch strings.ToLower(name) {
	case "content-encoding":
		return "e"
	case "supported":
		return "k"
	case "subject":
		return "s"
	case "event":
		return "o"
	case "allow-events":
		return "u"
	case "accept-contact":
		return "a"
	case "session-expires":
		return "x"
	case "reject-contact":
		return "j"
	case "request-disposition":
		return "d"
	case "refer-to":
		return "r"
	case "referred-by":
		return "b"
	case "identity":
		return "y"
	}
	return ""
}

// tokens splits comma-separated header values.
func tokens(values []string) []string {
	var out []string
	for _, v := range values {
		for _, t := range splitUnquoted(v, ',') {
			if t = strings.TrimSpace(t); t != "" {
				out = append(out, t)
			}
		}
	}
	return out
}

// seconds reads a delta-seconds header such as Expires, Min-Expires or
// Retry-After (which may carry a comment and parameters).
func seconds(values []string) (time.Duration, bool) {
	if len(values) == 0 {
		return 0, false
	}
	v := strings.TrimSpace(values[0])
	end := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		v = v[:end]
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n, 1<<31)) * time.Second, true
}

// statusError reads a failure out of a final response.
func statusError(res *sipmsg.Response) *StatusError {
	e := &StatusError{Code: res.StatusCode, Reason: cleanPhrase(res.Reason)}
	if e.Reason == "" {
		e.Reason = phrase(e.Code)
	}
	if d, ok := seconds(headerValues(res, "Retry-After")); ok {
		e.RetryAfter = d
	}
	if w := headerValues(res, "Warning"); len(w) > 0 {
		e.Warning = cleanPhrase(w[0][:min(len(w[0]), 512)])
	}
	return e
}

// reason reads the Reason header (RFC 3326), SIP and Q.850 alike.
func reason(values []string) (code int, text string, protocol string) {
	for _, v := range tokens(values) {
		parts := splitUnquoted(v, ';')
		proto := strings.ToUpper(strings.TrimSpace(parts[0]))
		if protocol != "" && proto != "SIP" {
			continue
		}
		protocol, code, text = proto, 0, ""
		for _, p := range parts[1:] {
			k, val, _ := strings.Cut(strings.TrimSpace(p), "=")
			val = strings.TrimSpace(val)
			switch strings.ToLower(strings.TrimSpace(k)) {
			case "cause":
				if n, err := strconv.Atoi(val); err == nil && n >= 0 && n < 1000 {
					code = n
				}
			case "text":
				val, _ = strings.CutPrefix(val, `"`)
				val, _ = strings.CutSuffix(val, `"`)
				text = cleanPhrase(unquote(val))
			}
		}
	}
	return code, text, protocol
}

// routesOf reads Route-like headers in order.
func routesOf(res interface {
	GetHeaders(string) []sipmsg.Header
}) []sipmsg.Uri {
	var out []sipmsg.Uri
	for _, h := range res.GetHeaders("Record-Route") {
		if rr, ok := h.(*sipmsg.RecordRouteHeader); ok && len(out) < 64 {
			out = append(out, *rr.Address.Clone())
		}
	}
	return out
}

func reversed(in []sipmsg.Uri) []sipmsg.Uri {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
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
