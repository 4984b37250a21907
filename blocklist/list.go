package blocklist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/softphone-go/softphone/number"
)

// DefaultLimit is the number of rules up to which Blockable is true
// (PhoneCall 1.3, numberBlockable).
const DefaultLimit = 1000

// ErrNotFound says that there is no such rule.
var ErrNotFound = errors.New("there is no such rule")

// Options configure a List. The zero value keeps rules in memory only.
type Options struct {
	Store            RuleStore
	AnonymousBlocked bool
	Limit            int // for Blockable; 0: DefaultLimit, negative: none
}

// List is a set of block rules. All methods are safe for concurrent use; Match
// and Blockable take no lock and allocate nothing.
type List struct {
	plan    *number.Plan
	store   RuleStore
	limit   int
	writing chan struct{} // held by the one that changes the rules, through its call to the store

	exact, prefix, postfix *table
	count                  atomic.Int64
	anonymous              atomic.Bool

	mu     sync.Mutex
	order  []*Rule // ascending by ID
	lastID int64   // newest rule, removed ones too
	change int64   // last change read from the store, -1 before; owned by the holder of writing
}

// New returns a list with the rules in o.Store.
func New(plan *number.Plan, o Options) (*List, error) {
	if plan == nil {
		return nil, errors.New("blocklist: a list needs a numbering plan; make one with number.New")
	}
	l := &List{
		plan: plan, store: o.Store, limit: o.Limit, writing: make(chan struct{}, 1), change: -1,
		exact: newTable(false), prefix: newTable(false), postfix: newTable(true),
	}
	if l.limit == 0 {
		l.limit = DefaultLimit
	}
	l.anonymous.Store(o.AnonymousBlocked)
	if err := l.Refresh(context.Background()); err != nil {
		return nil, err
	}
	return l, nil
}

// Entry is a rule to add.
type Entry struct {
	Type    Type
	Pattern string
	Added   time.Time // zero: now; set when rules come back from a file
	By      string    // empty: whoever imports
}

// Add adds a rule and returns it once the store has it durably; by says what
// asked for it. A rule that is there already is returned as it is and counts
// once. It fails with *PatternError or *TypeError for a rule that makes no
// sense, and with the store's error.
func (l *List) Add(ctx context.Context, t Type, pattern, by string) (Rule, error) {
	rules, err := l.Import(ctx, []Entry{{Type: t, Pattern: pattern}}, by)
	if err != nil {
		return Rule{}, err
	}
	return rules[0], nil
}

// Import adds many rules, all or none, in one write to the store, and returns
// them in the same order once they are durable. Those that are there already
// stay as they are. Errors are those of Add.
func (l *List) Import(ctx context.Context, entries []Entry, by string) ([]Rule, error) {
	now := time.Now().UTC()
	stored := make([]StoredRule, len(entries))
	for i, e := range entries {
		canonical, err := Canonical(l.plan, e.Type, e.Pattern)
		if err != nil {
			return nil, err
		}
		stored[i] = StoredRule{Type: e.Type.String(), Pattern: canonical, Raw: e.Pattern, Added: e.Added.UTC(), By: cmp.Or(e.By, by)}
		if e.Added.IsZero() {
			stored[i].Added = now
		}
	}
	if err := l.lock(ctx); err != nil {
		return nil, err
	}
	defer l.unlock()
	if l.store != nil {
		kept, err := l.store.AddRules(ctx, stored)
		if err != nil {
			return nil, fmt.Errorf("blocklist: the rules were not kept: %w", err)
		}
		stored = kept
	}
	rules := make([]Rule, len(stored))
	for i, s := range stored {
		r, err := l.insert(s)
		if err != nil {
			return nil, err
		}
		rules[i] = *r
	}
	return rules, nil
}

// Remove removes the rule with that ID, durably before it returns. Without such
// a rule it fails with ErrNotFound.
func (l *List) Remove(ctx context.Context, id int64) error {
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	if _, ok := l.byID(id); !ok {
		return fmt.Errorf("blocklist: rule %d cannot be removed: %w", id, ErrNotFound)
	}
	if l.store != nil {
		if err := l.store.RemoveRule(ctx, id); err != nil {
			return fmt.Errorf("blocklist: rule %d was not removed: %w", id, err)
		}
	}
	l.drop(id)
	return nil
}

// Refresh takes over what other processes changed in the store. It costs one
// query when nothing did.
func (l *List) Refresh(ctx context.Context) error {
	if l.store == nil {
		return nil
	}
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	var bad error
	last, err := l.store.RuleChanges(ctx, l.change, func(s StoredRule) {
		if s.Type == "" {
			l.drop(s.ID)
		} else if _, err := l.insert(s); err != nil && bad == nil {
			bad = err
		}
	})
	if err = cmp.Or(err, bad); err != nil {
		return fmt.Errorf("blocklist: the rules cannot be read: %w", err)
	}
	l.change = last
	return nil
}

// lock lets one writer at a time through; it waits no longer than ctx.
func (l *List) lock(ctx context.Context) error {
	select {
	case l.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("blocklist: waiting for another change of the rules: %w", context.Cause(ctx))
	}
}

func (l *List) unlock() { <-l.writing }

func (l *List) table(t Type) *table {
	switch t {
	case Exact:
		return l.exact
	case Prefix:
		return l.prefix
	case Postfix:
		return l.postfix
	case Anonymous:
	}
	return nil
}

// insert puts a rule into the matcher, once.
func (l *List) insert(s StoredRule) (*Rule, error) {
	t, err := ParseType(s.Type)
	if err != nil {
		return nil, err
	}
	table := l.table(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := table.get(s.Pattern); old != nil {
		if s.ID == 0 || old.ID == s.ID {
			return old, nil
		}
		l.take(old) // removed and added again by another process
	}
	r := &Rule{ID: s.ID, Type: t, Pattern: s.Pattern, Raw: s.Raw, Added: s.Added, By: s.By}
	if r.Raw == r.Pattern {
		r.Raw = r.Pattern // one text in memory
	}
	if r.ID == 0 {
		r.ID = l.lastID + 1
	}
	l.lastID = max(l.lastID, r.ID)
	at, _ := l.search(r.ID)
	l.order = slices.Insert(l.order, at, r)
	table.add(r)
	l.count.Add(1)
	return r, nil
}

func (l *List) drop(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.search(id); ok {
		l.take(l.order[at])
	}
}

// take removes a rule; mu is held.
func (l *List) take(r *Rule) {
	if at, ok := l.search(r.ID); ok {
		l.order = slices.Delete(l.order, at, at+1)
	}
	l.table(r.Type).remove(r)
	l.count.Add(-1)
}

func (l *List) search(id int64) (int, bool) {
	return slices.BinarySearchFunc(l.order, id, func(r *Rule, id int64) int { return cmp.Compare(r.ID, id) })
}

func (l *List) byID(id int64) (Rule, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.search(id)
	if !ok {
		return Rule{}, false
	}
	return *l.order[at], true
}

// Rules returns all rules by ascending ID.
func (l *List) Rules() []Rule {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Rule, len(l.order))
	for i, r := range l.order {
		out[i] = *r
	}
	return out
}

// Find returns the rule of that type whose canonical pattern is that of
// pattern. Its error is that of Add.
func (l *List) Find(t Type, pattern string) (Rule, bool, error) {
	canonical, err := Canonical(l.plan, t, pattern)
	if err != nil {
		return Rule{}, false, err
	}
	if r := l.table(t).get(canonical); r != nil {
		return *r, true, nil
	}
	return Rule{}, false, nil
}

// Len returns the number of rules.
func (l *List) Len() int { return int(l.count.Load()) }

// Blockable reports whether another number may be blocked: until more rules
// than the limit exist (PhoneCall 1.3, numberBlockable). Whoever takes orders
// from outside asks it first; Add itself knows no limit.
func (l *List) Blockable() bool { return l.limit < 0 || l.Len() <= l.limit }

// SetAnonymousBlocked blocks callers without identity, or lets them pass.
func (l *List) SetAnonymousBlocked(blocked bool) { l.anonymous.Store(blocked) }
