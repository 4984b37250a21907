package sip

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"

	sipmsg "github.com/emiago/sipgo/sip"
)

// arrived sees every message before the transaction layer does, in the
// goroutine of the reader and so in order.
func (ua *UserAgent) arrived(m sipmsg.Message) {
	if m.Transport() == "UDP" {
		ua.restoreSource(m)
	}
	switch m := m.(type) {
	case *sipmsg.Request:
		markUntagged(m)
		ua.noteRequest(m)
		markReceived(m)
		if m.Method == sipmsg.INVITE || m.Method == sipmsg.CANCEL {
			ua.markTag(m)
		}
	case *sipmsg.Response:
		ua.noteDialog(m)
		ua.inboxes.deliver(m)
	}
}

// restoreSource puts the true source address in and makes the listener the way
// back to it (RFC 3581 §4).
func (ua *UserAgent) restoreSource(m sipmsg.Message) {
	for _, p := range ua.packets {
		if p.PacketConn.LocalAddr().String() != m.Source() {
			continue
		}
		m.SetSource(p.source.String())
		if _, ok := m.(*sipmsg.Request); ok {
			ua.tpl.Pool("udp").Add(p.source.String(), &udpPath{conn: p})
		}
		return
	}
}

// forget drops an address from sipgo's pool, unless it became known again.
func (ua *UserAgent) forget(a netip.AddrPort) {
	if a.IsValid() && !ua.sources.known(a) {
		ua.tpl.Pool("udp").Delete(a.String())
	}
}

// markReceived adds the received parameter of RFC 3261 §18.2.1.
func markReceived(m *sipmsg.Request) {
	v := m.Via()
	source, err := netip.ParseAddrPort(m.Source())
	if v == nil || err != nil {
		return
	}
	if host, err := netip.ParseAddr(v.Host); err == nil && host.Unmap() == source.Addr().Unmap() {
		return
	}
	v.Params.Remove("received")
	v.Params.Add("received", source.Addr().Unmap().String())
}

// markTag gives an initial INVITE its To-tag, so that our responses, the 487
// that sipgo sends on CANCEL and the 200 to that CANCEL all carry the same one
// (RFC 3261 §8.2.6.2, §9.2).
func (ua *UserAgent) markTag(m *sipmsg.Request) {
	if to := m.To(); !to.Params.Has("tag") {
		to.Params.Add("tag", ua.freshTag(m))
	}
}

// freshTag is the To-tag we give a request outside dialogs. It depends on the
// request only, so that a retransmission gets the same.
func (ua *UserAgent) freshTag(m *sipmsg.Request) string {
	h := hmac.New(sha256.New, ua.secret[:])
	h.Write([]byte(m.CallID().Value() + "\x00" + tagOf(m.From().Params) + "\x00"))
	branch, _ := m.Via().Params.Get("branch")
	h.Write([]byte(branch))
	h.Write([]byte(strconv.Itoa(int(m.CSeq().SeqNo))))
	return hex.EncodeToString(h.Sum(nil)[:10])
}
