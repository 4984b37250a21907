package blocklist

import (
	"context"
	"time"
)

// StoredRule is a rule as a RuleStore keeps it. It is an alias of a plain
// struct, so that a store need not import this package.
type StoredRule = struct {
	ID      int64
	Type    string // EXACT, PREFIX, POSTFIX
	Pattern string
	Raw     string
	Added   time.Time
	By      string
}

// RuleStore makes rules durable. Several processes may share one.
type RuleStore interface {
	// AddRules keeps the rules, all or none, and returns them with their IDs,
	// in the same order. A rule whose type and pattern are there already is
	// returned as it is kept. It returns once they are durable.
	AddRules(ctx context.Context, rules []StoredRule) ([]StoredRule, error)
	// RemoveRule removes one rule; removing what is not there is no error.
	RemoveRule(ctx context.Context, id int64) error
	// RuleChanges calls yield for what changed after the change numbered
	// since, in order, and returns the number of the last change. A removed
	// rule has an ID and an empty Type. A since below 0 yields the rules there
	// are.
	RuleChanges(ctx context.Context, since int64, yield func(StoredRule)) (last int64, err error)
}
