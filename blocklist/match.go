package blocklist

import (
	"slices"

	"github.com/softphone-go/softphone/number"
)

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

// MatchAnonymous is the answer to a caller known to withhold the identity
// (RFC 3323), whatever number came with the call. Check is what screens a call:
// it also lets emergency numbers pass.
func (l *List) MatchAnonymous() (Rule, bool) {
	if !l.anonymous.Load() {
		return Rule{}, false
	}
	return Rule{Type: Anonymous}, true
}

// Check is Match for a call that came in: withheld says that the caller asked
// for privacy (RFC 3323), so that the setting for anonymous callers holds too,
// whatever number the network told. Emergency numbers pass all the same.
func (l *List) Check(n number.Number, withheld bool) (Rule, bool) {
	r, blocked := l.Match(n)
	if blocked || !withheld || n.IsEmergency() {
		return r, blocked
	}
	return l.MatchAnonymous()
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
	if dialled := n.AsDialled(); dialled != canonical {
		if r := l.prefix.longestIn(dialled); r != nil && (found == nil || len(r.Pattern) > len(found.Pattern)) {
			found = r
		}
	}
	if found != nil {
		return found
	}
	return l.postfix.longestIn(n.Digits())
}

// All returns every rule that fits the caller, the one that Match names first:
// what is left to remove before the caller gets through. It is for people, and
// slower than Match. Nothing fits an emergency number.
func (l *List) All(n number.Number) []Rule {
	if n.IsEmergency() || n.IsAnonymous() {
		if r, ok := l.Match(n); ok {
			return []Rule{r}
		}
		return nil
	}
	var out []Rule
	take := func(r *Rule) {
		if r != nil && !slices.Contains(out, *r) {
			out = append(out, *r)
		}
	}
	take(l.exact.get(n.String()))
	if n.IsNumber() {
		canonical, dialled, digits := n.String(), n.AsDialled(), n.Digits()
		for length := max(len(canonical), len(dialled)); length > 0; length-- {
			for _, s := range []string{canonical, dialled} {
				if length <= len(s) {
					take(l.prefix.get(s[:length]))
				}
			}
		}
		for from := range len(digits) {
			take(l.postfix.get(digits[from:]))
		}
	}
	return out
}
