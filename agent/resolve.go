package agent

import (
	"context"
	"fmt"
	"slices"
)

// resolve is where to call a recipient: the number that came with the
// directive, else that of the token of a candidate, a contact or a caller, else
// that of the one contact with exactly this name. With a label but no number in
// recipient.contacts the person's number of that label is called.
func (a *Agent) resolve(ctx context.Context, r Person) (Contact, error) {
	if c, ok := r.contact(""); ok {
		return c, nil
	}
	label := Label("")
	if len(r.Contacts) > 0 {
		label = r.Contacts[0].Label
	}
	p, err := a.known(ctx, r)
	if err != nil {
		return Contact{}, err
	}
	if c, ok := p.contact(label); ok {
		return c, nil
	}
	return Contact{}, fmt.Errorf("%q has no number that could be called; give one to the contact, or send it in recipient.contacts[].number", clip(r.Name))
}

// known finds the person that a token or a name means.
func (a *Agent) known(ctx context.Context, r Person) (Person, error) {
	if r.Token != "" {
		if p, ok := a.byToken(ctx, r.Token); ok {
			return p, nil
		}
		return Person{}, fmt.Errorf("the token of %q is not known to this phone and no number came with it; send SendCandidates again", clip(r.Name))
	}
	found, err := a.named(ctx, r.Name, "")
	switch {
	case err != nil:
		return Person{}, err
	case len(found) == 0:
		return Person{}, fmt.Errorf("no number came for %q (neither recipient.contacts[].number nor recipient.token), and no contact has this name", clip(r.Name))
	case len(found) > 1:
		return Person{}, fmt.Errorf("%d contacts are named %q; send SendCandidates and choose one by its token", len(found), clip(r.Name))
	}
	return found[0], nil
}

// byToken finds who is behind a token that was given out, or the contact that
// has it. A contact is taken as it is now, with the number first that came
// first when it was listed.
func (a *Agent) byToken(ctx context.Context, token string) (Person, bool) {
	listed, given := a.tokens.people[token]
	if a.cfg.Book != nil {
		if p, ok := a.cfg.Book.ByToken(ctx, token); ok {
			p.Contacts = slices.Clone(p.Contacts)
			slices.SortStableFunc(p.Contacts, func(x, y Contact) int { return place(listed, x) - place(listed, y) })
			return p, true
		}
	}
	return listed, given
}

// place is where a number stands among those of a person, behind them all when
// it is not there.
func place(p Person, c Contact) int {
	for i, have := range p.Contacts {
		if have.Number == c.Number {
			return i
		}
	}
	return len(p.Contacts)
}

// named are the contacts with exactly that name.
func (a *Agent) named(ctx context.Context, name, label string) ([]Person, error) {
	found, err := a.search(ctx, Query{Name: name, Label: label, Limit: MaxCandidates})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(m Match) bool { return !m.Exact })
	out := make([]Person, len(found))
	for i, m := range found {
		out[i] = m.Person
	}
	return out, nil
}

func (a *Agent) search(ctx context.Context, q Query) ([]Match, error) {
	if a.cfg.Book == nil || q.Name == "" {
		return nil, nil
	}
	found, err := a.cfg.Book.Search(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("the contacts could not be searched: %w", err)
	}
	return found[:min(len(found), q.Limit)], nil
}

// Resolve returns who is behind a token of a candidate, a contact or a caller,
// with the numbers that the candidate did not show: to save somebody as a
// contact (intent SAVE_CONTACT), for example. False: no such token is known.
func (a *Agent) Resolve(ctx context.Context, token string) (Person, bool) {
	var p Person
	var ok bool
	_ = a.do(ctx, func() error { p, ok = a.byToken(ctx, token); return nil })
	return p, ok
}

func (a *Agent) canonical(number string) string {
	if a.cfg.Canonical == nil {
		return number
	}
	return a.cfg.Canonical(number)
}
