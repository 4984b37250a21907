package sip

import (
	"context"
	"sort"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// reserved tells the header fields this package writes itself.
func reserved(name string) bool {
	switch strings.ToLower(name) {
	case "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "max-forwards", "route",
		"record-route", "content-length", "l", "content-type", "c", "authorization", "proxy-authorization",
		"allow", "accept", "user-agent", "supported", "k", "session-expires", "x", "min-se", "require", "proxy-require", "content-encoding", "e", "transfer-encoding":
		return true
	}
	return false
}

// redirectTargets reads the Contacts of a 3xx, best q first (RFC 3261
// §8.1.3.4), leaving out what was tried, what is not sip or sips, and, of a sips URI,
// what is not sips (§26.2.2).
func redirectTargets(res *sipmsg.Response, secure bool, seen map[string]bool) []sipmsg.Uri {
	type candidate struct {
		uri sipmsg.Uri
		q   float64
	}
	var found []candidate
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sipmsg.ContactHeader)
		if !ok || c.Address.Wildcard || c.Address.Scheme != "sip" && c.Address.Scheme != "sips" || c.Address.Host == "" {
			continue
		}
		uri := *c.Address.Clone()
		if secure && !isSIPS(&uri) {
			continue
		}
		uri.Headers = nil
		if key := uri.String(); seen[key] || len(found) >= maxRedirects {
			continue
		} else {
			seen[key] = true
		}
		q := 1.0
		if v, ok := c.Params.Get("q"); ok {
			if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f <= 1 {
				q = f
			}
		}
		found = append(found, candidate{uri, q})
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].q > found[j].q })
	out := make([]sipmsg.Uri, 0, len(found))
	for _, f := range found {
		out = append(out, f.uri)
	}
	return out
}

// noteDialog makes the dialog of a response to INVITE as soon as it arrives,
// before the transaction layer sees it: a BYE or re-INVITE right behind a 200
// must find its dialog.
func (ua *UserAgent) noteDialog(res *sipmsg.Response) {
	if res.CSeq().MethodName != sipmsg.INVITE || res.StatusCode <= 100 || res.StatusCode >= 300 {
		return
	}
	ua.mu.Lock()
	c := ua.invites[res.CallID().Value()+"\x00"+tagOf(res.From().Params)]
	ua.mu.Unlock()
	if c != nil {
		c.fork(res)
	}
}

// fork returns the dialog of a response, making it when it is new (RFC 3261
// §12.1.2); nil for a provisional response without To-tag.
func (c *ClientInvite) fork(res *sipmsg.Response) *Dialog {
	tag := tagOf(res.To().Params)
	if tag == "" && !res.IsSuccess() {
		return nil
	}
	c.mu.Lock()
	d, ok := c.forks[tag]
	ok = ok && !d.left()
	at := c.attempt
	if at == nil || !ok && len(c.forks) >= maxForks {
		c.mu.Unlock()
		return d
	}
	if !ok {
		d = c.newFork(at, res, tag)
		c.forks[tag] = d
	}
	c.mu.Unlock()
	if !ok {
		c.ua.addDialog(d)
	}
	d.learn(res, at)
	return d
}

// left says whether an early dialog ended before its INVITE did: by a BYE, which
// no callee should send, or a 481.
func (d *Dialog) left() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unanswered
}

func (c *ClientInvite) newFork(at *inviteAttempt, res *sipmsg.Response, tag string) *Dialog {
	d := c.ua.newDialog()
	d.SetLogger(c.in.Logger)
	d.caller = true
	d.callID, d.localTag, d.remoteTag = c.callID, c.localTag, tag
	d.account = c.in.Account
	if at.trusted {
		d.auth = c.auth
	}
	from := at.req.From()
	d.from, d.fromName = from.Address, from.DisplayName
	d.to, d.toName = at.req.To().Address, at.req.To().DisplayName
	d.remote = Identity{DisplayName: cleanPhrase(unquote(res.To().DisplayName)), URI: c.in.dialled()}
	d.local = at.rt.local
	d.peer = at.rt.hop
	d.contact = at.contact
	d.target = at.target
	d.localSeq = at.req.CSeq().SeqNo
	d.inviteSeq = d.localSeq
	d.session.least = at.least
	if len(at.req.Body()) == 0 && c.in.Answer != nil {
		d.lateAnswer = func(p Path, offer []byte) ([]byte, error) {
			body, err := c.in.Answer(d, p, offer)
			if err != nil {
				c.logger().Info("sip: an offer in a provisional response cannot be answered, giving up", "err", err)
				c.Cancel("")
			}
			return body, err
		}
	}
	return d
}

// learn takes remote target and route set from a response: any of them while
// the dialog is early, and the 2xx once more (RFC 3261 §13.2.2.4).
func (d *Dialog) learn(res *sipmsg.Response, at *inviteAttempt) {
	d.mu.Lock()
	isEarly := d.state == early
	if isEarly && (len(d.routes) == 0 || res.IsSuccess()) {
		d.routes = reversed(routesOf(res))
	}
	if isEarly && res.IsSuccess() {
		d.state = answered
		d.inviteSeq = res.CSeq().SeqNo
		d.localSeq = max(d.localSeq, d.inviteSeq)
		// RFC 3261 §22.1: the ACK carries the credentials of its INVITE.
		d.authHeader = nil
		for _, name := range []string{"Authorization", "Proxy-Authorization"} {
			d.authHeader = append(d.authHeader, at.req.GetHeaders(name)...)
		}
	}
	d.mu.Unlock()
	if isEarly {
		d.refreshTarget(res.Contact())
		d.noteAllow(res)
	}
	if isEarly && res.IsSuccess() {
		d.agreedTimer(res)
	}
}

func (c *ClientInvite) onProvisional(res *sipmsg.Response) {
	if res.StatusCode == 100 {
		return
	}
	d, reliable := c.fork(res), false
	if d != nil {
		var fresh bool
		if reliable, fresh = d.onReliable(res); !fresh {
			return
		}
	}
	c.push(Provisional{
		Code: res.StatusCode, Reason: cleanPhrase(res.Reason), Dialog: d, Body: res.Body(), Reliable: reliable,
		Headers: func(name string) []string { return headerValues(res, name) },
	})
}

// answeredBy makes the dialog of the first 2xx the call's.
func (c *ClientInvite) answeredBy(res *sipmsg.Response) *Dialog {
	d := c.fork(res)
	c.mu.Lock()
	defer c.mu.Unlock()
	if d == nil { // more forks than we keep: this one still counts
		d = c.newFork(c.attempt, res, tagOf(res.To().Params))
		c.forks[d.remoteTag] = d
		c.ua.addDialog(d)
		d.learn(res, c.attempt)
	}
	c.winner = d
	return d
}

// onFurther2xx handles 2xx after the first: a repetition gets its ACK again,
// another fork's answer gets ACK and BYE (RFC 3261 §13.2.2.4).
func (c *ClientInvite) onFurther2xx(res *sipmsg.Response) {
	c.mu.Lock()
	winner := c.winner
	c.mu.Unlock()
	if winner == nil {
		return // the first one is on its way; this one will be repeated
	}
	tag := tagOf(res.To().Params)
	if tag == winner.remoteTag {
		winner.repeatAck(res.CSeq().SeqNo)
		return
	}
	c.mu.Lock()
	known := c.forks[tag] != nil
	c.mu.Unlock()
	d := c.fork(res)
	if d == nil {
		return
	}
	d.mu.Lock()
	first := d.ack[d.inviteSeq] == nil && d.state == answered
	d.mu.Unlock()
	if !first {
		d.repeatAck(res.CSeq().SeqNo)
		return
	}
	c.logger().Debug("sip: another fork answered too, ending it", "known", known)
	c.ua.start(func() {
		if err := d.Ack(nil); err == nil {
			_ = d.Bye(context.Background(), "")
		}
	})
}

// onStrayResponse sees responses that match no transaction: a 2xx repeated
// after its transaction ended wants its ACK again.
func (ua *UserAgent) onStrayResponse(res *sipmsg.Response) {
	if res.CSeq() == nil || res.CSeq().MethodName != sipmsg.INVITE || !res.IsSuccess() {
		return
	}
	d := ua.findDialog(res.CallID().Value(), tagOf(res.From().Params), tagOf(res.To().Params))
	if d != nil {
		d.repeatAck(res.CSeq().SeqNo)
	}
}
