package agent

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	rememberFor   = 10 * time.Minute
	rememberLeast = 1000
	rememberMost  = 100_000 // a flood must not grow the memory without end
	mostTokens    = 10_000
)

// recent remembers the message ids of the last ten minutes, and of at least
// the last thousand directives, with what became of each.
type recent struct {
	at    map[string]seen
	order []string
}

type seen struct {
	time   time.Time
	answer *answer
}

// add remembers id with its answer, or returns the answer of the first one with
// that id.
func (r *recent) add(id string, now time.Time, n *answer) (first *answer, repeated bool) {
	if r.at == nil {
		r.at = make(map[string]seen)
	}
	for len(r.order) > rememberLeast &&
		(now.Sub(r.at[r.order[0]].time) > rememberFor || len(r.order) >= rememberMost) {
		delete(r.at, r.order[0])
		r.order = r.order[1:]
	}
	s, ok := r.at[id]
	if ok && (now.Sub(s.time) <= rememberFor || len(r.order) <= rememberLeast) {
		return s.answer, true
	}
	if !ok {
		r.order = append(r.order, id)
	}
	r.at[id] = seen{time: now, answer: n}
	return nil, false
}

// tokenTable knows who is behind the tokens of callers and candidates: the
// newest ten thousand of them. The people have their numbers, the one to call
// first.
type tokenTable struct {
	people map[string]Person
	order  []string
}

func newTokenTable() *tokenTable { return &tokenTable{people: make(map[string]Person)} }

// issue gives out a new token for a person.
func (t *tokenTable) issue(p Person) string {
	p.Token = newID()
	t.remember(p)
	return p.Token
}

// remember keeps a person under the token they have.
func (t *tokenTable) remember(p Person) {
	if _, known := t.people[p.Token]; !known {
		if len(t.order) >= mostTokens {
			delete(t.people, t.order[0])
			t.order = t.order[1:]
		}
		t.order = append(t.order, p.Token)
	}
	t.people[p.Token] = p
}

// contact is the number to call: the one with that label if there is one, else
// the first. False: there is none.
func (p Person) contact(label Label) (first Contact, ok bool) {
	for _, c := range p.Contacts {
		c.Number = strings.TrimSpace(c.Number)
		switch {
		case c.Number == "":
		case label != "" && c.Label == label:
			return c, true
		case !ok:
			first, ok = c, true
		}
	}
	return first, ok
}

// numbers are all numbers of a person.
func (p Person) numbers() []string {
	var out []string
	for _, c := range p.Contacts {
		if n := strings.TrimSpace(c.Number); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// newID returns a time-ordered unique id (UUID version 7, RFC 9562).
func newID() string { return uuid.Must(uuid.NewV7()).String() }
