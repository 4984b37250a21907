package exchange

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxContacts = 10 // per user
	maxExpires  = 1 << 31
)

// binding is one contact of a user (RFC 3261 §10).
type binding struct {
	uri       sipmsg.Uri
	transport string // as registered: UDP or TCP
	source    string // where the REGISTER came from: the flow for TCP
	callID    string
	seq       uint32
	expires   time.Time
}

func (b *binding) key() string {
	return strings.ToLower(fmt.Sprintf("%s:%d;%s", b.uri.Host, b.uri.Port, b.transport)) + ";" + b.uri.User
}

// Contacts are the contact URIs registered for a user, none expired.
func (e *Exchange) Contacts(user string) []string {
	var out []string
	for _, b := range e.bound(user) {
		out = append(out, b.uri.String())
	}
	return out
}

// bound returns the live bindings of a user and forgets the others.
func (e *Exchange) bound(user string) []*binding {
	if u := e.users[user]; u != nil {
		user = u.Name
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	var live []*binding
	for _, b := range e.bindings[user] {
		if now.Before(b.expires) {
			live = append(live, b)
		}
	}
	e.bindings[user] = live
	return append([]*binding(nil), live...)
}

// onRegister answers one REGISTER.
func (e *Exchange) onRegister(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	name := req.To().Address.User
	e.trace("%s asks the exchange: please send my calls to me (REGISTER).", e.nameOf(name))
	if code := int(e.failing.Load()); code != 0 {
		e.trace("The exchange is out of order and answers %d.", code)
		e.respond(tx, req, code, "")
		return
	}
	user := e.authenticate(req, tx, "Authorization")
	if user == nil {
		return
	}
	if u := e.users[name]; u != user {
		e.trace("%s may not register as %s: refused with 403.", user.Name, name)
		e.respond(tx, req, sipmsg.StatusForbidden, "Not Your Address")
		return
	}
	wishes, code := e.wishes(req)
	if code != 0 {
		e.refuseWishes(tx, req, code)
		return
	}
	if !e.bind(user.Name, wishes) {
		e.respond(tx, req, sipmsg.StatusInternalServerError, "Registration Out Of Order")
		return
	}
	e.confirm(tx, req, user)
}

// wish is one Contact of a REGISTER; all is the "*" that ends every binding.
type wish struct {
	binding
	all  bool
	span time.Duration // 0 unregisters
}

// wishes reads the contacts of a REGISTER, or says why not.
func (e *Exchange) wishes(req *sipmsg.Request) (out []wish, code int) {
	general, hasGeneral := expiresHeader(req)
	for _, h := range req.GetHeaders("Contact") {
		c, ok := h.(*sipmsg.ContactHeader)
		if !ok {
			return nil, sipmsg.StatusBadRequest
		}
		w := wish{all: c.Address.Wildcard, span: e.cfg.Expires}
		w.uri, w.transport, w.source = *c.Address.Clone(), req.Transport(), req.Source()
		w.callID, w.seq = req.CallID().Value(), req.CSeq().SeqNo
		if t, ok := w.uri.UriParams.Get("transport"); ok && strings.EqualFold(t, "tcp") {
			w.transport = "TCP"
		}
		seconds, given := general, hasGeneral
		if v, ok := c.Params.Get("expires"); ok {
			if n, err := strconv.ParseUint(v, 10, 32); err == nil {
				seconds, given = n, true
			}
		}
		if given {
			w.span = min(time.Duration(seconds)*time.Second, e.cfg.Expires)
		}
		switch {
		case w.all && (w.span != 0 || len(req.GetHeaders("Contact")) > 1):
			return nil, sipmsg.StatusBadRequest
		case w.span != 0 && w.span < e.cfg.MinExpires:
			return nil, sipmsg.StatusIntervalToBrief
		}
		out = append(out, w)
	}
	if len(out) > maxContacts {
		return nil, sipmsg.StatusForbidden
	}
	return out, 0
}

func expiresHeader(req *sipmsg.Request) (uint64, bool) {
	h := req.GetHeader("Expires")
	if h == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(h.Value()), 10, 64)
	return min(n, maxExpires), err == nil
}

func (e *Exchange) refuseWishes(tx sipmsg.ServerTransaction, req *sipmsg.Request, code int) {
	res := e.response(req, code, "")
	if code == sipmsg.StatusIntervalToBrief {
		least := int(e.cfg.MinExpires / time.Second)
		res.AppendHeader(sipmsg.NewHeader("Min-Expires", strconv.Itoa(least)))
		e.trace("The exchange answers: that is too short a time, ask for at least %d s (423).", least)
	}
	e.send(tx, res)
}

// bind applies wishes; false when one is older than what stands (RFC 3261 §10.3 step 7).
func (e *Exchange) bind(user string, wishes []wish) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.bindings[user]
	for _, w := range wishes {
		for _, b := range old {
			if (w.all || b.key() == w.key()) && b.callID == w.callID && w.seq <= b.seq {
				return false
			}
		}
	}
	for _, w := range wishes {
		var kept []*binding
		for _, b := range e.bindings[user] {
			if !w.all && b.key() != w.key() {
				kept = append(kept, b)
			}
		}
		if w.span > 0 && len(kept) < maxContacts {
			b := w.binding
			b.expires = time.Now().Add(w.span)
			kept = append(kept, &b)
		}
		e.bindings[user] = kept
	}
	return true
}

// confirm answers 200 with everything that is bound and for how long.
func (e *Exchange) confirm(tx sipmsg.ServerTransaction, req *sipmsg.Request, user *User) {
	res := e.response(req, sipmsg.StatusOK, "")
	live := e.bound(user.Name)
	for _, b := range live {
		c := &sipmsg.ContactHeader{Address: *b.uri.Clone()}
		left := (time.Until(b.expires) + time.Second - 1) / time.Second
		c.Params.Add("expires", strconv.Itoa(int(left)))
		res.AppendHeader(c)
	}
	res.AppendHeader(sipmsg.NewHeader("Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	if len(live) == 0 {
		e.trace("The exchange answers: %s is signed off (200).", user.Name)
	} else {
		e.trace("The exchange answers: %s can be called now, for %d s (200).", user.Name, int(time.Until(live[len(live)-1].expires).Round(time.Second)/time.Second))
	}
	e.send(tx, res)
}

// authenticate challenges req, or returns who sent it; nil when it is answered.
func (e *Exchange) authenticate(req *sipmsg.Request, tx sipmsg.ServerTransaction, header string) *User {
	user, v := e.auth.check(req, header, e.users)
	switch v {
	case authenticated:
		return user
	case wrongPassword:
		if e.cfg.WrongPassword != sipmsg.StatusUnauthorized && e.cfg.WrongPassword != sipmsg.StatusProxyAuthRequired {
			e.trace("The password is wrong: the exchange answers %d.", e.cfg.WrongPassword)
			e.respond(tx, req, e.cfg.WrongPassword, "")
			return nil
		}
	case notAuthenticated, stale:
	}
	code, challenge := sipmsg.StatusUnauthorized, "WWW-Authenticate"
	if header == "Proxy-Authorization" {
		code, challenge = sipmsg.StatusProxyAuthRequired, "Proxy-Authenticate"
	}
	e.trace("The exchange answers: prove first who you are (%d, a riddle that only the password solves).", code)
	res := e.response(req, code, "")
	e.auth.challenge(res, challenge, v == stale)
	e.send(tx, res)
	return nil
}
