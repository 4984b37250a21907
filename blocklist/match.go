package blocklist

import "github.com/softphone-go/softphone/number"

// Match returns the rule that blocks the caller: the EXACT one, else the
// longest PREFIX, else the longest POSTFIX. Emergency numbers are never
// blocked; a caller without identity is blocked by the setting alone, and then
// the rule's Type is Anonymous. It takes no lock and allocates nothing.
func (l *List) Match(n number.Number) (Rule, bool) {
	if n.IsEmergency() {
		return Rule{}, false
	}
	if n.IsAnonymous() {
		return l.MatchAnonymous()
	}
	if r := l.match(n); r != nil {
		return *r, true
	}
	return Rule{}, false
}

// MatchAnonymous is Match for a caller known to withhold the identity
// (RFC 3323), whatever number came with the call.
func (l *List) MatchAnonymous() (Rule, bool) {
	if !l.anonymous.Load() {
		return Rule{}, false
	}
	return Rule{Type: Anonymous}, true
}

func (l *List) match(n number.Number) *Rule {
	canonical := n.String()
	if r := l.exact.get(canonical); r != nil {
		return r
	}
	if !n.IsNumber() {
		return nil
	}
	found := l.prefix.longestIn(canonical)
	if raw := n.RawDigits(); raw != canonical {
		if r := l.prefix.longestIn(raw); r != nil && (found == nil || len(r.Pattern) > len(found.Pattern)) {
			found = r
		}
	}
	if found != nil {
		return found
	}
	return l.postfix.longestIn(n.Digits())
}
