package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/phonebook"
)

// phoneContacts are those of a running phone.
type phoneContacts struct{ phone *client.Client }

func (p phoneContacts) all(ctx context.Context) ([]phonebook.Contact, error) {
	all, err := p.phone.Contacts(ctx)
	out := make([]phonebook.Contact, len(all))
	for i, c := range all {
		out[i] = bookContact(c)
	}
	return out, refusedBy(err)
}

func (p phoneContacts) search(ctx context.Context, q phonebook.Query) ([]phonebook.Match, error) {
	found, err := p.phone.SearchContacts(ctx, q.Name, q.Label, q.Limit)
	out := make([]phonebook.Match, len(found))
	for i, m := range found {
		out[i] = phonebook.Match{Contact: bookContact(m.Contact), Entry: m.Entry, Score: m.Score, Exact: m.Exact, Labeled: m.Labeled}
	}
	return out, refusedBy(err)
}

func (p phoneContacts) get(ctx context.Context, idOrToken string) (phonebook.Contact, error) {
	if id, err := strconv.ParseInt(idOrToken, 10, 64); err == nil && id > 0 {
		c, err := p.phone.Contact(ctx, id)
		if err == nil {
			return bookContact(c), nil
		}
		if !isNotFound(err) {
			return phonebook.Contact{}, refusedBy(err)
		}
	}
	all, err := p.phone.Contacts(ctx)
	if err != nil {
		return phonebook.Contact{}, refusedBy(err)
	}
	for _, c := range all {
		if c.Token == idOrToken {
			return bookContact(c), nil
		}
	}
	return phonebook.Contact{}, noContact(idOrToken)
}

func isNotFound(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Status == 404
}

func (p phoneContacts) put(ctx context.Context, c phonebook.Contact) (phonebook.Contact, error) {
	kept, err := p.phone.PutContact(ctx, apiContact(c))
	return bookContact(kept), refusedBy(err)
}

func (p phoneContacts) load(ctx context.Context, all []phonebook.Contact) (added, replaced int, err error) {
	in := make([]api.Contact, len(all))
	for i, c := range all {
		in[i] = apiContact(c)
	}
	done, err := p.phone.ImportContacts(ctx, in)
	return done.Added, done.Replaced, refusedBy(err)
}

func (p phoneContacts) remove(ctx context.Context, id int64) error {
	err := p.phone.RemoveContact(ctx, id)
	if isNotFound(err) {
		return noContact(strconv.FormatInt(id, 10))
	}
	return refusedBy(err)
}

// bookContact is a contact of the control API as package phonebook has it.
func bookContact(c api.Contact) phonebook.Contact {
	out := phonebook.Contact{
		ID: c.ID, Token: c.Token, Name: c.Name, ImageURL: c.ImageURL, Category: c.Category, Road: c.Road, Jibun: c.Jibun, POI: c.POI, Updated: c.Updated,
	}
	if c.Hours != nil {
		out.Hours = phonebook.Hours{Open: c.Hours.Open, Close: c.Hours.Close, Info: c.Hours.Info}
	}
	for _, n := range c.Numbers {
		label, _ := phonebook.ParseLabel(n.Label)
		out.Entries = append(out.Entries, phonebook.Entry{Label: label, Text: n.Text, Number: n.Number, Canonical: n.Canonical, Mobile: n.Mobile})
	}
	return out
}

func apiContact(c phonebook.Contact) api.Contact {
	out := api.Contact{
		ID: c.ID, Token: c.Token, Name: c.Name, ImageURL: c.ImageURL, Category: c.Category, Road: c.Road, Jibun: c.Jibun, POI: c.POI, Updated: c.Updated,
	}
	if c.Hours != (phonebook.Hours{}) {
		out.Hours = &api.Hours{Open: c.Hours.Open, Close: c.Hours.Close, Info: c.Hours.Info}
	}
	for _, e := range c.Entries {
		out.Numbers = append(out.Numbers, api.Number{Label: e.Label.String(), Text: e.Text, Number: e.Number})
	}
	return out
}
