package sip

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxHeaderFields = 300 // in one message
	maxMethod       = 64  // bytes
)

// gate decides which messages reach the transaction layer.
type gate struct {
	parser *sipmsg.Parser
	max    int // bytes
}

func newGate(max int) *gate {
	p := sipmsg.NewParser()
	p.MaxMessageLength = max
	return &gate{parser: p, max: max}
}

// refusal is a message that must not pass. Code 0 means silence.
type refusal struct {
	code   int
	reason string
}

func (r *refusal) Error() string { return r.reason }

func bad(reason string) *refusal { return &refusal{400, "Bad Request: " + reason} }

// check returns the message, or why it must not pass.
func (g *gate) check(data []byte) (sipmsg.Message, *refusal) {
	if len(data) > g.max {
		return nil, &refusal{513, "Message Too Large"}
	}
	if strayLineEnd(data) {
		return nil, bad("line ends are not CRLF")
	}
	msg, err := g.parse(data)
	if err != nil {
		if errors.Is(err, sipmsg.ErrMessageTooLarge) {
			return nil, &refusal{513, "Message Too Large"}
		}
		if otherScheme(data) {
			return nil, &refusal{416, "Unsupported URI Scheme"}
		}
		// The parser's error may quote the message, so it stays here.
		return nil, bad("message cannot be parsed")
	}
	switch m := msg.(type) {
	case *sipmsg.Request:
		return msg, checkRequest(m)
	case *sipmsg.Response:
		return msg, checkResponse(m)
	}
	return nil, &refusal{}
}

// parse turns a panic of the parser into an error: no message may end the process.
func (g *gate) parse(data []byte) (msg sipmsg.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			msg, err = nil, fmt.Errorf("parser failed: %v", p)
		}
	}()
	return g.parser.ParseSIP(data)
}

func checkRequest(m *sipmsg.Request) *refusal {
	if m.SipVersion != "SIP/2.0" {
		return &refusal{505, "Version Not Supported"}
	}
	if len(m.Method) > maxMethod || !isToken(string(m.Method)) {
		return bad("method is not a token")
	}
	if r := checkCommon(m, m.Headers()); r != nil {
		return r
	}
	if !sameMethod(m.CSeq().MethodName, m.Method) {
		return bad("CSeq names another method")
	}
	if mf := m.MaxForwards(); mf != nil && mf.Val() > 255 {
		return bad("Max-Forwards is above 255")
	}
	return checkVia(m.Via())
}

func checkResponse(m *sipmsg.Response) *refusal {
	silent := &refusal{reason: "response is malformed"}
	if m.SipVersion != "SIP/2.0" || m.StatusCode < 100 || m.StatusCode > 699 {
		return silent
	}
	if checkCommon(m, m.Headers()) != nil {
		return silent
	}
	// RFC 3261 §8.1.3.3: more than one Via means it was not meant for us.
	if len(m.GetHeaders("Via")) != 1 {
		return silent
	}
	return nil
}

// checkCommon counts the header fields RFC 3261 §8.1.1 makes mandatory and
// those that may come once only.
func checkCommon(m sipmsg.Message, all []sipmsg.Header) *refusal {
	if len(all) > maxHeaderFields {
		return bad("too many header fields")
	}
	if m.Via() == nil {
		return bad("Via is missing")
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		switch n := len(m.GetHeaders(name)); {
		case n == 0:
			return bad(name + " is missing")
		case n > 1:
			return bad(name + " comes twice")
		}
	}
	if len(m.GetHeaders("Content-Length")) > 1 || len(m.GetHeaders("Max-Forwards")) > 1 {
		return bad("Content-Length or Max-Forwards comes twice")
	}
	if m.From() == nil || m.To() == nil || m.CallID() == nil || m.CSeq() == nil {
		return bad("From, To, Call-ID or CSeq cannot be read")
	}
	return nil
}

func checkVia(v *sipmsg.ViaHeader) *refusal {
	if v.ProtocolName != "SIP" && v.ProtocolName != "sip" || v.ProtocolVersion != "2.0" {
		return bad("Via protocol is not SIP/2.0")
	}
	if _, _, err := splitHostPort(v.Host); err != nil || v.Port < 0 || v.Port > 65535 {
		return bad("Via has no valid sent-by")
	}
	return nil
}

// sameMethod compares the method of CSeq with that of the start line, which the
// parser has put into capitals: for a method that we know they must be equal.
func sameMethod(cseq, start sipmsg.RequestMethod) bool {
	switch start {
	case sipmsg.INVITE, sipmsg.ACK, sipmsg.BYE, sipmsg.CANCEL, sipmsg.OPTIONS, sipmsg.REGISTER, sipmsg.INFO,
		sipmsg.UPDATE, sipmsg.PRACK, sipmsg.REFER, sipmsg.NOTIFY, sipmsg.SUBSCRIBE, sipmsg.MESSAGE, sipmsg.PUBLISH:
		return cseq == start
	}
	return strings.EqualFold(string(cseq), string(start))
}

// otherScheme tells whether the Request-URI is well-formed as far as its scheme
// goes and of a kind that the parser does not read (RFC 3261 §8.2.2.1).
func otherScheme(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\r\n"))
	parts := strings.Split(string(line), " ")
	if len(parts) != 3 || !isToken(parts[0]) || parts[2] != "SIP/2.0" {
		return false
	}
	scheme, rest, ok := strings.Cut(strings.ToLower(parts[1]), ":")
	return ok && rest != "" && isToken(scheme) && scheme != "sip" && scheme != "sips" && scheme != "tel"
}

func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if isAlnum(c) {
			continue
		}
		switch c {
		case '-', '.', '!', '%', '*', '_', '+', '`', '\'', '~':
		default:
			return false
		}
	}
	return true
}
