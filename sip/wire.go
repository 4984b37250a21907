package sip

import (
	"bytes"
	"fmt"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// wire writes a message as it travels. Everything that is sent passes here, and
// what would break out of its line is refused, whatever made it: an error names
// the header field and never its value.
func wire(m sipmsg.Message) ([]byte, error) {
	headers := []sipmsg.Header(nil)
	switch m := m.(type) {
	case *sipmsg.Request:
		headers = m.Headers()
		if !isToken(string(m.Method)) || strings.ContainsAny(m.Recipient.String(), "\r\n\x00 ") {
			return nil, fmt.Errorf("the request line of %q holds a space or control character: remove it from the target", m.Method)
		}
	case *sipmsg.Response:
		unmarkUntagged(m)
		headers = m.Headers()
		if breaksOut(m.Reason) {
			return nil, fmt.Errorf("the reason phrase of a %d holds a control character: remove it", m.StatusCode)
		}
	}
	for _, h := range headers {
		if !isToken(h.Name()) || breaksOut(h.Value()) {
			return nil, fmt.Errorf("header field %q holds a control character: remove it", cleanPhrase(h.Name()))
		}
	}
	return []byte(m.String()), nil
}

func breaksOut(s string) bool { return strings.ContainsAny(s, "\r\n") }

// markUntagged gives the From of a request by the rules of RFC 2543 an empty
// tag, without which sipgo's transactions refuse it; unmarkUntagged takes it
// out of the responses.
func markUntagged(m *sipmsg.Request) {
	if from := m.From(); !from.Params.Has("tag") {
		from.Params.Add("tag", "")
	}
}

func unmarkUntagged(m *sipmsg.Response) {
	if from := m.From(); from != nil {
		if tag, ok := from.Params.Get("tag"); ok && tag == "" {
			plain := &sipmsg.FromHeader{DisplayName: from.DisplayName, Address: from.Address, Params: from.Params.Clone()}
			plain.Params.Remove("tag")
			m.ReplaceHeader(plain)
		}
	}
}

// strayLineEnd reports a CR or LF by itself in a header section:
// somebody else might take it for the end of the line (RFC 3261 §7, §25.1).
func strayLineEnd(data []byte) bool {
	head := data
	if end := bytes.Index(data, []byte("\r\n\r\n")); end >= 0 {
		head = data[:end]
	}
	for i, c := range head {
		switch c {
		case '\n':
			if i == 0 || head[i-1] != '\r' {
				return true
			}
		case '\r':
			if i+1 < len(head) && head[i+1] != '\n' {
				return true
			}
		}
	}
	return false
}
