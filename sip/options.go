package sip

import (
	"context"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// onOptions answers as an INVITE would be answered (RFC 3261 §11.2). A
// Request-URI without user asks the user agent itself.
func (ua *UserAgent) onOptions(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	source := sourceOf(req)
	if req.Recipient.User != "" && tagOf(req.To().Params) == "" {
		if _, known := ua.called(req, source); !known && ua.hasAccounts() {
			ua.respond(tx, req, 404, "")
			return
		}
	}
	res := ua.newResponse(req, 200, "")
	res.AppendHeader(sipmsg.NewHeader("Accept", sdpType))
	res.AppendHeader(sipmsg.NewHeader("Accept-Encoding", "identity"))
	if err := tx.Respond(res); err != nil {
		ua.log.Debug("sip: response not sent", "code", 200, "err", err)
	}
}

func (ua *UserAgent) hasAccounts() bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return len(ua.regs) > 0
}

// Options asks a peer what it can do (RFC 3261 §11.1), without any account. It
// blocks until the final response, the transaction's time-out (32 s) or ctx
// ends; *StatusError reports an answer other than 2xx and Capabilities is
// filled for those too.
func (ua *UserAgent) Options(ctx context.Context, target URI) (Capabilities, error) {
	return ua.OptionsAs(ctx, Account{TLS: ua.cfg.TLS}, target)
}

// OptionsAs is Options over the transport of an account, with its TLS and its server,
// but without its name and password.
func (ua *UserAgent) OptionsAs(ctx context.Context, a Account, target URI) (Capabilities, error) {
	to, err := toUri(target)
	if err != nil {
		return Capabilities{}, err
	}
	if t, ok := to.UriParams.Get("transport"); ok {
		if a.Transport, err = ParseTransport(t); err != nil {
			return Capabilities{}, err
		}
	}
	way, err := ua.accountWay(ctx, a, &to)
	if err != nil {
		return Capabilities{}, err
	}
	rt, err := ua.open(ctx, way.hops[0])
	if err != nil {
		return Capabilities{}, err
	}
	req := ua.newRequest(sipmsg.OPTIONS, to, rt)
	setRoutes(req, way.routes)
	from := &sipmsg.FromHeader{Address: sipmsg.Uri{Scheme: "sip", User: "anonymous", Host: rt.sentBy.Addr().String()}}
	from.Params.Add("tag", newTag())
	req.AppendHeader(from)
	req.AppendHeader(&sipmsg.ToHeader{Address: to})
	id := sipmsg.CallIDHeader(newCallID())
	req.AppendHeader(&id)
	setCSeq(req, 1)
	req.AppendHeader(&sipmsg.ContactHeader{Address: ua.contactURI("", rt.sentBy, rt.transport)})
	req.AppendHeader(sipmsg.NewHeader("Accept", sdpType))
	ua.finishRequest(req, "", nil)
	start := time.Now()
	res, err := ua.roundTrip(ctx, req, rt)
	if err != nil {
		return Capabilities{}, err
	}
	c := Capabilities{
		Code: res.StatusCode, Allow: tokens(headerValues(res, "Allow")), Accept: tokens(headerValues(res, "Accept")),
		Supported: tokens(headerValues(res, "Supported")), RoundTrip: time.Since(start),
	}
	if s := headerValues(res, "Server"); len(s) > 0 {
		c.Server = cleanPhrase(s[0])
	}
	if !res.IsSuccess() {
		return c, statusError(res)
	}
	return c, nil
}
