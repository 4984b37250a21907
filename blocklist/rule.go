package blocklist

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/softphone-go/softphone/number"
)

// Type is the way a rule compares (PhoneCall 1.3, blockType).
type Type int

// The types of rules. The zero value is invalid.
const (
	// Exact blocks the caller whose canonical form equals the pattern, SIP
	// users that are no numbers too.
	Exact Type = iota + 1
	// Prefix blocks numbers whose canonical form, or whose digits as they came
	// (not after a "+"), begin with the pattern.
	Prefix
	// Postfix blocks numbers whose digits end with the pattern.
	Postfix
	// Anonymous appears only in a result, never in a stored rule: the setting
	// for anonymous callers blocked the call.
	Anonymous
)

// String returns the type as PhoneCall 1.3 writes it.
func (t Type) String() string {
	switch t {
	case Exact:
		return "EXACT"
	case Prefix:
		return "PREFIX"
	case Postfix:
		return "POSTFIX"
	case Anonymous:
		return "ANONYMOUS"
	}
	return fmt.Sprintf("Type(%d)", int(t))
}

// ParseType reads EXACT, PREFIX or POSTFIX in any case. It fails with
// *TypeError.
func ParseType(s string) (Type, error) {
	for _, t := range []Type{Exact, Prefix, Postfix} {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, &TypeError{Type: s}
}

// TypeError says that a rule's type is none of the three.
type TypeError struct{ Type string }

func (e *TypeError) Error() string {
	return fmt.Sprintf("blocklist: %.40q is no type of rule; use EXACT, PREFIX or POSTFIX", e.Type)
}

// Reasons in a PatternError.
var (
	ErrEmpty     = number.ErrEmpty
	ErrTooLong   = number.ErrTooLong
	ErrNoDigits  = number.ErrNoDigits
	ErrNotDigits = number.ErrNotDigits
	ErrWholePlan = number.ErrWholePlan
	ErrEmergency = errors.New("it is an emergency number, and those are never blocked")
	ErrAnonymous = errors.New("it names callers without a number; use the setting for anonymous callers")
)

// PatternError says why a pattern was refused.
type PatternError struct {
	Type    Type
	Pattern string // as it was given
	Reason  error  // one of the Err values of this package
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("blocklist: the %s pattern %.80q is refused, because %v", e.Type, e.Pattern, e.Reason)
}

func (e *PatternError) Unwrap() error { return e.Reason }

// Rule is one block rule.
type Rule struct {
	ID      int64     // given by the store; 0 in the result for an anonymous caller
	Type    Type      //
	Pattern string    // canonical
	Raw     string    // as it was given
	Added   time.Time // when it was added
	By      string    // what added it: cli, agent, control
}

// String returns the rule as "PREFIX 070".
func (r Rule) String() string { return strings.TrimSpace(r.Type.String() + " " + r.Pattern) }

// Explain says in one line why the rule blocks a call:
// "blocked by PREFIX 070 added on 2026-11-21 by cli".
func (r Rule) Explain() string {
	if r.Type == Anonymous {
		return "blocked because anonymous callers are blocked"
	}
	s := "blocked by " + r.String()
	if !r.Added.IsZero() {
		s += " added on " + r.Added.Format(time.DateOnly)
	}
	if r.By != "" {
		s += " by " + r.By
	}
	return s
}

// Canonical returns the canonical form of a pattern, or *PatternError,
// *TypeError.
func Canonical(plan *number.Plan, t Type, pattern string) (string, error) {
	refuse := func(reason error) (string, error) {
		return "", &PatternError{Type: t, Pattern: pattern, Reason: reason}
	}
	switch t {
	case Prefix:
		if s, err := plan.Prefix(pattern); err == nil {
			return s, nil
		} else {
			return refuse(err)
		}
	case Postfix:
		if s, err := plan.Postfix(pattern); err == nil {
			return s, nil
		} else {
			return refuse(err)
		}
	case Exact:
		n := plan.Parse(pattern)
		switch {
		case strings.TrimSpace(pattern) == "":
			return refuse(ErrEmpty)
		case tooLong(pattern), tooLong(n.String()):
			return refuse(ErrTooLong)
		case n.IsAnonymous():
			return refuse(ErrAnonymous)
		case n.IsEmergency():
			return refuse(ErrEmergency)
		}
		return n.String(), nil
	default:
		return "", &TypeError{Type: t.String()}
	}
}

func tooLong(s string) bool {
	return len(s) > number.MaxLength && len([]rune(s)) > number.MaxLength
}
