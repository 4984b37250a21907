package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/number"
)

// contacts is a Book in memory. It finds whose name begins with what is sought.
type contacts struct {
	people []Person
	fail   error
}

func (b *contacts) Search(_ context.Context, q Query) ([]Match, error) {
	var out []Match
	for _, p := range b.people {
		if !strings.HasPrefix(p.Name, q.Name) {
			continue
		}
		p.Contacts = slices.Clone(p.Contacts)
		want := map[string]Label{"": LabelMobile, "집": LabelHome, "회사": LabelCompany}[q.Label]
		slices.SortStableFunc(p.Contacts, func(x, y Contact) int {
			switch {
			case x.Label == y.Label:
				return 0
			case x.Label == want:
				return -1
			case y.Label == want:
				return 1
			}
			return 0
		})
		out = append(out, Match{Person: p, Score: float64(len(q.Name)) / float64(len(p.Name)), Exact: p.Name == q.Name})
	}
	slices.SortStableFunc(out, func(x, y Match) int {
		if x.Score > y.Score {
			return -1
		}
		return 1
	})
	return out[:min(len(out), q.Limit)], b.fail
}

func (b *contacts) ByToken(_ context.Context, token string) (Person, bool) {
	i := slices.IndexFunc(b.people, func(p Person) bool { return p.Token == token })
	if i < 0 {
		return Person{}, false
	}
	return b.people[i], true
}

func (b *contacts) ByNumber(_ context.Context, num string) (Person, bool) {
	for _, p := range b.people {
		for _, c := range p.Contacts {
			if canonical(c.Number) == canonical(num) {
				p.Contacts = []Contact{c}
				return p, true
			}
		}
	}
	return Person{}, false
}

func canonical(num string) string {
	return strings.NewReplacer("-", "", " ", "", "+82", "0").Replace(num)
}

// calls is a History in memory, newest first.
type calls struct {
	rows []PastCall
	fail error
}

func (h *calls) Recent(_ context.Context, types []HistoryType, limit int) ([]PastCall, error) {
	seen := map[string]bool{"": true}
	var out []PastCall
	for _, c := range h.rows {
		if len(types) > 0 && !slices.Contains(types, c.Type) || seen[c.Number] {
			continue
		}
		seen[c.Number] = true
		out = append(out, c)
	}
	return out[:min(len(out), limit)], h.fail
}

func (h *calls) About(_ context.Context, people [][]string) ([]Past, error) {
	out := make([]Past, len(people))
	for i, numbers := range people {
		for _, c := range h.rows {
			if !slices.ContainsFunc(numbers, func(n string) bool { return canonical(n) == c.Number }) {
				continue
			}
			if out[i].Newest == nil {
				out[i].Newest = &c
			}
			if c.Type == HistoryOut || c.Type == HistoryOutCanceled {
				out[i].Outgoing++
			}
		}
	}
	return out, h.fail
}

// ruleBook is Rules in memory: exact numbers only. The test says how long its
// disk takes.
type ruleBook struct {
	mu   sync.Mutex
	kept []string
	disk []string // what got there, in order
	slow time.Duration
	full bool
	fail error
}

func (r *ruleBook) Check(_ BlockType, num string) error {
	if strings.TrimSpace(num) == "" {
		return &blocklist.PatternError{Pattern: num, Reason: number.ErrEmpty}
	}
	return nil
}

func (r *ruleBook) Block(t BlockType, num string) func(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rule := string(t) + " " + num
	r.kept = append(r.kept, rule)
	return func(ctx context.Context) error {
		time.Sleep(r.slow)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.fail != nil {
			r.kept = slices.DeleteFunc(r.kept, func(have string) bool { return have == rule })
			return r.fail
		}
		r.disk = append(r.disk, rule)
		return nil
	}
}

func (r *ruleBook) onDisk() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.disk)
}

func (r *ruleBook) Blocked(num string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.kept, "EXACT "+canonical(num))
}

func (r *ruleBook) Blockable() bool { return !r.full }

// screen is a Display that remembers what it showed.
type screen struct {
	shown    []Template
	released int
}

func (s *screen) Show(t Template) { s.shown = append(s.shown, t) }
func (s *screen) Release()        { s.released++ }

var errDisk = errors.New("the disk is full")
