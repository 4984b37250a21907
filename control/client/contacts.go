package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/softphone-go/softphone/control/api"
)

const contactsPath = "/v1/contacts"

// Formats of files of contacts.
const (
	VCard  = "vcard"  // 4.0
	VCard3 = "vcard3" // 3.0; to export only
	CSV    = "csv"
)

// Contacts returns all contacts by ascending id.
func (c *Client) Contacts(ctx context.Context) ([]api.Contact, error) {
	var all []api.Contact
	for after := int64(0); ; {
		var page api.ContactList
		q := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {"10000"}}
		if err := c.call(ctx, http.MethodGet, contactsPath, q, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Contacts...)
		if after = page.Next; after == 0 {
			return all, nil
		}
	}
}

// SearchContacts searches by name, and by a label in free speech; limit 0 is 70,
// the most there are.
func (c *Client) SearchContacts(ctx context.Context, name, label string, limit int) ([]api.ContactMatch, error) {
	return c.matches(ctx, url.Values{"name": {name}, "label": {label}}, limit)
}

// ContactsOf returns the contacts that have the number, in any spelling.
func (c *Client) ContactsOf(ctx context.Context, number string) ([]api.ContactMatch, error) {
	return c.matches(ctx, url.Values{"number": {number}}, 0)
}

func (c *Client) matches(ctx context.Context, q url.Values, limit int) ([]api.ContactMatch, error) {
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	var out api.ContactMatches
	err := c.call(ctx, http.MethodGet, contactsPath+"/search", q, nil, &out)
	return out.Matches, err
}

// Contact returns a contact; without such a one it fails with a Problem of 404.
func (c *Client) Contact(ctx context.Context, id int64) (api.Contact, error) {
	var out api.Contact
	err := c.call(ctx, http.MethodGet, contactPath(id), nil, nil, &out)
	return out, err
}

// PutContact keeps a contact, durably, and returns it as it is kept. One with an
// id replaces the contact of that id, one with a token that of its token; every
// other is new.
func (c *Client) PutContact(ctx context.Context, in api.Contact) (api.Contact, error) {
	var out api.Contact
	if in.ID != 0 {
		err := c.call(ctx, http.MethodPut, contactPath(in.ID), nil, in, &out)
		return out, err
	}
	err := c.call(ctx, http.MethodPost, contactsPath, nil, in, &out)
	return out, err
}

// RemoveContact removes a contact, durably; without such a one it fails with a
// Problem of 404.
func (c *Client) RemoveContact(ctx context.Context, id int64) error {
	return c.call(ctx, http.MethodDelete, contactPath(id), nil, nil, nil)
}

func contactPath(id int64) string { return contactsPath + "/" + strconv.FormatInt(id, 10) }

// ImportContacts keeps many contacts, all or none.
func (c *Client) ImportContacts(ctx context.Context, contacts []api.Contact) (api.ContactsImported, error) {
	var out api.ContactsImported
	in := api.ContactImport{Contacts: contacts}
	if contacts == nil {
		in.Contacts = []api.Contact{}
	}
	err := c.call(ctx, http.MethodPost, contactsPath+"/import", nil, in, &out)
	return out, err
}

// ImportContactFile keeps the contacts of a vCard (VCard, either version) or CSV
// file, all or none; what was not taken over as it is comes with the result.
func (c *Client) ImportContactFile(ctx context.Context, format string, data []byte) (api.ContactsImported, error) {
	kind := "text/vcard; charset=utf-8"
	if format == CSV {
		kind = "text/csv; charset=utf-8"
	}
	var out api.ContactsImported
	err := c.send(ctx, http.MethodPost, contactsPath+"/import", nil, kind, data, &out)
	return out, err
}

// ExportContacts returns all contacts as a file: VCard, VCard3 or CSV.
func (c *Client) ExportContacts(ctx context.Context, format string) ([]byte, error) {
	var out json.RawMessage
	err := c.call(ctx, http.MethodGet, contactsPath+"/export", url.Values{"format": {format}}, nil, &out)
	return out, err
}
