package blocklist

import (
	"fmt"
	"strings"

	"github.com/softphone-go/softphone/number"
)

// Explanation says how a caller's number is read, whether the caller gets
// through, and why.
type Explanation struct {
	Number  number.Number
	Blocked bool
	// Rules are all that fit. The first one blocks the call; the others would
	// if it were removed.
	Rules []Rule
}

// Explain tells what becomes of a caller's call and why. It is for people, and
// slower than Check, whose answer it gives; withheld is as there.
func (l *List) Explain(n number.Number, withheld bool) Explanation {
	e := Explanation{Number: n, Rules: l.All(n)}
	if withheld && !n.IsAnonymous() && !n.IsEmergency() {
		if r, ok := l.MatchAnonymous(); ok {
			e.Rules = append(e.Rules, r)
		}
	}
	e.Blocked = len(e.Rules) > 0
	return e
}

// Reason says in one line why the caller gets through or not.
func (e Explanation) Reason() string {
	switch {
	case e.Blocked:
		return e.Rules[0].Explain()
	case e.Number.IsEmergency():
		return "not blocked: emergency numbers never are"
	case e.Number.IsAnonymous():
		return "not blocked: the setting for anonymous callers lets them pass"
	}
	return "not blocked: no rule fits"
}

// String returns the whole explanation, a line for each thing there is to say.
func (e Explanation) String() string {
	var b strings.Builder
	if e.Number.IsAnonymous() {
		fmt.Fprintf(&b, "a %s\n%s", e.Number.Describe(), e.Reason())
		return b.String()
	}
	fmt.Fprintf(&b, "%s is a %s\n%s", e.Number, e.Number.Describe(), e.Reason())
	for i, r := range e.Rules {
		if i > 0 {
			fmt.Fprintf(&b, "\nalso %s", r.Explain())
		}
	}
	return b.String()
}
