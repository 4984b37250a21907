package phone

import (
	"context"
	"strings"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/store"
)

// The Phone's contacts, call history and block rules as its directive layer
// sees them.
type (
	book    Phone
	history Phone
	rules   Phone
)

// Search implements agent.Book.
func (b *book) Search(_ context.Context, q agent.Query) ([]agent.Match, error) {
	found := b.contacts.Search(phonebook.Query{Name: q.Name, Label: q.Label, Limit: q.Limit})
	out := make([]agent.Match, len(found))
	for i, m := range found {
		out[i] = agent.Match{Person: personOf(m.Contact, m.Entry), Score: m.Score, Exact: m.Exact}
	}
	return out, nil
}

// ByToken implements agent.Book.
func (b *book) ByToken(_ context.Context, token string) (agent.Person, bool) {
	c, ok := b.contacts.ByToken(token)
	if !ok {
		return agent.Person{}, false
	}
	return personOf(c, mobile(c)), true
}

// ByNumber implements agent.Book. Of several contacts with one number the
// oldest counts.
func (b *book) ByNumber(_ context.Context, number string) (agent.Person, bool) {
	found := b.contacts.ByNumber(b.plan.Parse(number))
	if len(found) == 0 || found[0].Entry < 0 {
		return agent.Person{}, false
	}
	p := personOf(found[0].Contact, found[0].Entry)
	p.Contacts = p.Contacts[:1]
	return p, true
}

// mobile is the place of the number to call when none is asked for.
func mobile(c phonebook.Contact) int {
	for i, e := range c.Entries {
		if e.Mobile || e.Label == phonebook.Mobile {
			return i
		}
	}
	return 0
}

// personOf is a contact as PhoneCall has it, with the number at first before
// the others.
func personOf(c phonebook.Contact, first int) agent.Person {
	p := agent.Person{
		Name: c.Name, Type: agent.PersonContact, ProfileImgURL: c.ImageURL, Category: c.Category, Token: c.Token, POIID: c.POI,
	}
	if c.Road != "" || c.Jibun != "" {
		p.Address = &agent.Address{Road: c.Road, Jibun: c.Jibun}
	}
	if c.Hours != (phonebook.Hours{}) {
		p.BusinessHours = &agent.BusinessHours{Open: c.Hours.Open, Close: c.Hours.Close, Info: c.Hours.Info}
	}
	entry := func(e phonebook.Entry) agent.Contact {
		return agent.Contact{Label: agent.Label(e.Label.String()), Number: e.Number}
	}
	if first >= 0 && first < len(c.Entries) {
		p.Contacts = append(p.Contacts, entry(c.Entries[first]))
	}
	for i, e := range c.Entries {
		if i != first {
			p.Contacts = append(p.Contacts, entry(e))
		}
	}
	return p
}

// Recent implements agent.History.
func (h *history) Recent(ctx context.Context, types []agent.HistoryType, limit int) ([]agent.PastCall, error) {
	var filter store.HistoryFilter
	for _, t := range types {
		filter.Types = append(filter.Types, store.HistoryType(t))
	}
	seen := map[string]bool{}
	var out []agent.PastCall
	for len(out) < limit {
		rows, err := h.store.RecentNumbers(ctx, filter, limit)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			withheld := r.Number == "" || h.plan.Parse(r.Number).IsAnonymous() // nobody to call
			if len(out) < limit && !withheld && !seen[r.Number] {
				seen[r.Number] = true
				out = append(out, pastCall(r))
			}
		}
		if len(rows) < limit {
			break
		}
		filter.BeforeID = rows[len(rows)-1].ID
	}
	return out, nil
}

// About implements agent.History.
func (h *history) About(ctx context.Context, people [][]string) ([]agent.Past, error) {
	var all []string
	canonical := make([][]string, len(people))
	for i, numbers := range people {
		for _, n := range numbers {
			canonical[i] = append(canonical[i], h.plan.Parse(n).String())
		}
		all = append(all, canonical[i]...)
	}
	known, err := h.store.OfNumbers(ctx, all...)
	if err != nil {
		return nil, err
	}
	out := make([]agent.Past, len(people))
	for i, numbers := range canonical {
		counted := map[string]bool{}
		for _, n := range numbers {
			k, ok := known[n]
			if !ok || counted[n] {
				continue
			}
			counted[n] = true
			out[i].Outgoing += k.Outgoing
			if out[i].Newest == nil || k.Newest.Started.After(out[i].Newest.Time) {
				newest := pastCall(k.Newest)
				out[i].Newest = &newest
			}
		}
	}
	return out, nil
}

func pastCall(r store.HistoryRow) agent.PastCall {
	c := agent.PastCall{
		Number: r.Number, Name: r.Name, Person: agent.PersonType(r.PersonType), Label: agent.Label(r.Label),
		Time: r.Started, Type: agent.HistoryType(r.Type), CallType: agent.CallType(r.CallType),
	}
	if strings.Contains(r.RawNumber, "@") { // somebody elsewhere is not called at our server
		c.Number = r.RawNumber
	}
	return c
}

// canonical is the one form of a number in which the phone compares it.
func (p *Phone) canonical(number string) string { return p.plan.Parse(number).String() }
