package blocklist

import (
	"context"
	"time"

	"github.com/softphone-go/softphone/number"
)

// DefaultLimit is the number of rules up to which Blockable is true
// (PhoneCall 1.3, numberBlockable).
const DefaultLimit = 1000

// Type is the way a rule compares.
type Type int

// The types of rules. The zero value is invalid.
const (
	Exact Type = iota + 1
	Prefix
	Postfix
	// Anonymous appears only in the result of Match, never in a stored rule:
	// the caller was blocked by the setting for anonymous callers.
	Anonymous
)

// Rule is one block rule.
type Rule struct {
	ID      int64     // given by the store; 0 without one stored
	Type    Type      //
	Pattern string    // canonical
	Raw     string    // as it was given
	Added   time.Time // when
	By      string    // by what: cli, agent, control...
}

// Options configure a List. The zero value keeps rules in memory only.
type Options struct {
	Store            RuleStore
	AnonymousBlocked bool
	Limit            int // 0: DefaultLimit; negative: no limit
}

// RuleStore makes rules durable.
type RuleStore interface{}

// List is a set of block rules.
type List struct{}

// New returns the list of the rules in o.Store.
func New(plan *number.Plan, o Options) (*List, error) { return &List{}, nil }

// Add adds a rule, durable before it returns.
func (l *List) Add(ctx context.Context, t Type, pattern, by string) (Rule, error) {
	return Rule{}, nil
}

// Remove removes the rule with that id.
func (l *List) Remove(ctx context.Context, id int64) error { return nil }

// Rules returns all rules by ascending id.
func (l *List) Rules() []Rule { return nil }

// Match returns the rule that blocks the caller.
func (l *List) Match(n number.Number) (Rule, bool) { return Rule{}, false }

// Blockable reports whether another number may be blocked.
func (l *List) Blockable() bool { return true }

// ParseType reads EXACT, PREFIX or POSTFIX in any case.
func ParseType(s string) (Type, error) { return Exact, nil }

// String returns the type as PhoneCall 1.3 writes it.
func (t Type) String() string { return "EXACT" }

// Explain says in one line why the rule blocks.
func (r Rule) Explain() string { return "" }
