package sip

import (
	"net/netip"
	"slices"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// standing is what a source address may do.
//
//	trusted   a registrar                               anything, as fast as it likes
//	allowed   an address of Config.Allow                anything, Config.MaxRate new requests a second
//	stranger  everybody else                            what belongs to a call that is up; nothing else is answered
type standing int

const (
	stranger standing = iota
	allowed
	trusted
)

const (
	strangerMessages = 20          // messages a second of one stranger that are read
	strangerWait     = time.Minute // between two lines of the log about strangers
)

// standing looks an address up.
func (ua *UserAgent) standing(a netip.Addr) standing {
	a = a.Unmap().WithZone("")
	ua.mu.Lock()
	for r := range ua.regs {
		if r.trusts(a) {
			ua.mu.Unlock()
			return trusted
		}
	}
	ua.mu.Unlock()
	if ua.cfg.Allow == nil || slices.ContainsFunc(ua.cfg.Allow, func(n netip.Prefix) bool { return n.Contains(a) }) {
		return allowed
	}
	return stranger
}

// welcome tells whether a message that passed the gate may go on. Responses
// always do: those to nothing of ours are dropped by the transaction layer.
func (ua *UserAgent) welcome(m sipmsg.Message, s standing, from netip.AddrPort, now time.Time) bool {
	req, ok := m.(*sipmsg.Request)
	if !ok || s == trusted || ua.ofACall(req) {
		return true
	}
	if s == stranger {
		ua.reportStranger(from, now)
		return false
	}
	if !ua.requests.take(from.Addr(), now) {
		ua.log.Debug("sip: too many requests, not answered", "from", from)
		return false
	}
	return true
}

// ofACall tells whether a request belongs to a call that is up, or was lately (our
// answer to its BYE may be lost), or is meant to replace one: whoever can name both tags and the Call-ID has been told them.
func (ua *UserAgent) ofACall(req *sipmsg.Request) bool {
	id, to, from := req.CallID().Value(), tagOf(req.To().Params), tagOf(req.From().Params)
	if to != "" && (ua.findDialog(id, to, from) != nil || ua.findInvitation(id, to, from) || ua.lately.has(dialogID(id, to, from))) {
		return true
	}
	switch req.Method {
	case sipmsg.NOTIFY:
		return ua.usages.find(dialogID(id, to, from), "") != nil || ua.subscriptionOf(id, to) != nil
	case sipmsg.INVITE:
	default:
		return false
	}
	for _, v := range headerValues(req, "Replaces") {
		r, err := ParseReplaces(v)
		return err == nil && ua.findDialog(r.CallID, r.ToTag, r.FromTag) != nil
	}
	return false
}

// findInvitation tells whether we have such a call that is not answered yet.
func (ua *UserAgent) findInvitation(callID, localTag, remoteTag string) bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	for _, i := range ua.invitations {
		if i.tag == localTag && i.CallID() == callID && tagOf(i.req.From().Params) == remoteTag {
			return true
		}
	}
	return false
}

// reportStranger writes at most one line a minute, or the log would be the
// scanner's.
func (ua *UserAgent) reportStranger(from netip.AddrPort, now time.Time) {
	n := ua.strangers.Add(1)
	last := ua.strangerLog.Load()
	if now.UnixNano()-last < int64(strangerWait) || !ua.strangerLog.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	ua.log.Warn("sip: a request from neither a registrar nor an allowed network was not answered; "+
		"to take calls from there, allow its network", "from", from.Addr(), "so_far", n)
}
