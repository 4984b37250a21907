package sip

import (
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// takesSDP tells whether the sender of an INVITE takes a session description in
// the answer (RFC 3261 §20.1): it does without an Accept, and when one of its
// ranges covers application/sdp with a q above 0.
func takesSDP(req *sipmsg.Request) bool {
	values := headerValues(req, "Accept")
	if len(values) == 0 {
		return true
	}
	for _, r := range tokens(values) {
		parts := splitUnquoted(r, ';')
		switch strings.ToLower(strings.TrimSpace(parts[0])) {
		case sdpType, "application/*", "*/*":
		default:
			continue
		}
		zero := false
		for _, p := range parts[1:] {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			zero = zero || strings.EqualFold(strings.TrimSpace(k), "q") && strings.Trim(strings.TrimSpace(v), "0.") == ""
		}
		if !zero {
			return true
		}
	}
	return false
}
