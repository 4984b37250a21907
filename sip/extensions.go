package sip

import (
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// extensions are the option tags that are understood (RFC 3261 §19.2).
func (ua *UserAgent) extensions() []string {
	tags := []string{"replaces"}
	if !ua.cfg.SessionTimers.Off {
		tags = append(tags, timerTag)
	}
	if ua.cfg.Reliable != ReliableOff {
		tags = append(tags, reliableTag)
	}
	return tags
}

// unsupported returns what a request requires and we do not understand.
func (ua *UserAgent) unsupported(req *sipmsg.Request) []string {
	required := tokens(headerValues(req, "Require"))
	if len(required) == 0 {
		return nil
	}
	known := ua.extensions()
	return slices.DeleteFunc(required, func(tag string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, tag) })
	})
}

// tellsMethods says which requests and their responses tell what we know
// (RFC 3261 §13.2.1, §13.3.1.4, §11.2, RFC 3311 §4).
func tellsMethods(m sipmsg.RequestMethod) bool {
	return m == sipmsg.INVITE || m == sipmsg.OPTIONS || m == sipmsg.UPDATE
}

// appendSupported adds the Supported header to a request, or to a response to
// one of that method. An INVITE without an offer invites a reliable provisional
// response, which brings an offer to be answered in the PRACK, only where there
// is somebody to answer it: see InviteRequest.Answer.
func (ua *UserAgent) appendSupported(m sipmsg.RequestMethod, offers bool, to interface{ AppendHeader(sipmsg.Header) }) {
	if !tellsMethods(m) {
		return
	}
	tags := ua.extensions()
	if m == sipmsg.INVITE && !offers {
		tags = slices.DeleteFunc(tags, func(t string) bool { return t == reliableTag })
	}
	to.AppendHeader(sipmsg.NewHeader("Supported", strings.Join(tags, ", ")))
}
