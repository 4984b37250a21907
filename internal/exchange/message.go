package exchange

import (
	"net/netip"

	sipmsg "github.com/emiago/sipgo/sip"
)

const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REGISTER"

// reasons are the phrases of RFC 3261 §21 for the codes used here.
func reasonOf(code int) string {
	switch code {
	case 100:
		return "Trying"
	case 180:
		return "Ringing"
	case 183:
		return "Session Progress"
	case 200:
		return "OK"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 407:
		return "Proxy Authentication Required"
	case 408:
		return "Request Timeout"
	case 420:
		return "Bad Extension"
	case 423:
		return "Interval Too Brief"
	case 480:
		return "Temporarily Unavailable"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 482:
		return "Loop Detected"
	case 483:
		return "Too Many Hops"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 491:
		return "Request Pending"
	case 500:
		return "Server Internal Error"
	case 503:
		return "Service Unavailable"
	case 603:
		return "Decline"
	}
	return "Answer"
}

// response builds an answer to req; reason "" is the usual one.
func (e *Exchange) response(req *sipmsg.Request, code int, reason string) *sipmsg.Response {
	if reason == "" {
		reason = reasonOf(code)
	}
	res := sipmsg.NewResponseFromRequest(req, code, reason, nil)
	res.AppendHeader(sipmsg.NewHeader("Server", "exchange"))
	if code == sipmsg.StatusMethodNotAllowed || code == sipmsg.StatusOK {
		res.AppendHeader(sipmsg.NewHeader("Allow", allowed))
	}
	return res
}

func (e *Exchange) respond(tx sipmsg.ServerTransaction, req *sipmsg.Request, code int, reason string) {
	e.send(tx, e.response(req, code, reason))
}

func (e *Exchange) send(tx sipmsg.ServerTransaction, res *sipmsg.Response) {
	if err := tx.Respond(res); err != nil {
		e.log.Debug("response not sent", "code", res.StatusCode, "error", err)
	}
}

func setBody(m sipmsg.Message, contentType string, body []byte) {
	if len(body) > 0 {
		m.AppendHeader(sipmsg.NewHeader("Content-Type", contentType))
	}
	m.SetBody(body)
}

func headerValue(m sipmsg.Message, name string) string {
	if hs := m.GetHeaders(name); len(hs) > 0 {
		return hs[0].Value()
	}
	return ""
}

// carry copies the headers named, as they are.
func carry(from, to sipmsg.Message, names ...string) {
	for _, n := range names {
		for _, h := range from.GetHeaders(n) {
			to.AppendHeader(sipmsg.NewHeader(h.Name(), h.Value()))
		}
	}
}

// contact is the exchange's own, over a transport.
func (e *Exchange) contact(user, transport string) *sipmsg.ContactHeader {
	c := &sipmsg.ContactHeader{Address: e.uri(user)}
	if transport == "TCP" {
		c.Address.UriParams.Add("transport", "tcp")
	}
	return c
}

// uri is user at the exchange's address.
func (e *Exchange) uri(user string) sipmsg.Uri {
	return sipmsg.Uri{Scheme: "sip", User: user, Host: hostOf(e.local.Addr()), Port: int(e.local.Port())}
}

func hostOf(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// via is the top Via of a request from here.
func (e *Exchange) via(transport string) *sipmsg.ViaHeader {
	v := &sipmsg.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: transport,
		Host: hostOf(e.local.Addr()), Port: int(e.local.Port())}
	v.Params.Add("branch", sipmsg.RFC3261BranchMagicCookie+token())
	v.Params.Add("rport", "")
	return v
}

// nameOf is how the trace calls a number.
func (e *Exchange) nameOf(number string) string {
	if number == "" {
		return "somebody"
	}
	return number
}
