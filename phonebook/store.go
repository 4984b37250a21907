package phonebook

import (
	"context"
	"time"
)

// StoredEntry is a number as a store keeps it.
type StoredEntry = struct {
	Label  string // name of PhoneCall 1.3, empty for none
	Text   string
	Number string
}

// StoredContact is a contact as a store keeps it. It is an alias of a plain
// struct, so that a store need not import this package.
type StoredContact = struct {
	ID                  int64
	Token, Name         string
	Entries             []StoredEntry
	ImageURL, Category  string
	Road, Jibun         string
	Opens, Closes, Info string // business hours
	POI                 string
	Updated             time.Time
}

// Store keeps contacts. Its methods are called by one goroutine of the Book at
// a time; what they return is durable.
type Store interface {
	// PutContacts keeps the contacts, all or none, and returns their IDs in
	// order. One with an ID replaces the contact of that ID, one without an ID
	// that of its token; else it is new.
	PutContacts(ctx context.Context, contacts []StoredContact) ([]int64, error)
	// RemoveContact removes a contact; one that is not there is no error.
	RemoveContact(ctx context.Context, id int64) error
	// ContactChanges calls yield for what changed after the change numbered
	// since, and returns the number of the last one. A removed contact has an
	// ID and an empty Token. A since below 0 yields the contacts there are.
	ContactChanges(ctx context.Context, since int64, yield func(StoredContact)) (int64, error)
}

func (c *Contact) stored() StoredContact {
	s := StoredContact{
		ID: c.ID, Token: c.Token, Name: c.Name, ImageURL: c.ImageURL, Category: c.Category, Road: c.Road, Jibun: c.Jibun,
		Opens: c.Hours.Open, Closes: c.Hours.Close, Info: c.Hours.Info, POI: c.POI, Updated: c.Updated,
	}
	for _, e := range c.Entries {
		s.Entries = append(s.Entries, StoredEntry{Label: e.Label.String(), Text: e.Text, Number: e.Number})
	}
	return s
}

func contactOf(s StoredContact) Contact {
	c := Contact{
		ID: s.ID, Token: s.Token, Name: s.Name, ImageURL: s.ImageURL, Category: s.Category, Road: s.Road, Jibun: s.Jibun,
		Hours: Hours{Open: s.Opens, Close: s.Closes, Info: s.Info}, POI: s.POI, Updated: s.Updated,
	}
	if len(s.Entries) > 0 {
		c.Entries = make([]Entry, len(s.Entries))
	}
	for i, e := range s.Entries {
		l, _ := ParseLabel(e.Label)
		c.Entries[i] = Entry{Label: l, Text: e.Text, Number: e.Number}
	}
	return c
}
