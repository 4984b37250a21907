package control

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
)

const (
	contactsPath  = "/v1/contacts"
	noSuchContact = "There is no such contact."
)

// Contacts is the phonebook; *phonebook.Book is one.
type Contacts interface {
	All() []phonebook.Contact
	Page(after int64, limit int) (page []phonebook.Contact, total int)
	Get(id int64) (phonebook.Contact, bool)
	Search(q phonebook.Query) []phonebook.Match
	ByNumber(n number.Number) []phonebook.Match
	Add(ctx context.Context, c phonebook.Contact) (kept phonebook.Contact, isNew bool, err error)
	Put(ctx context.Context, c phonebook.Contact) (phonebook.Contact, error)
	Remove(ctx context.Context, id int64) error
	Import(ctx context.Context, contacts []phonebook.Contact) (phonebook.Imported, error)
}

type contactID struct {
	ID int64 `path:"id" minimum:"1"`
}

type createdContact struct {
	Status   int
	Location string `header:"Location" doc:"Where the contact is."`
	Body     api.Contact
}

func (s *Server) serveContacts(r router) {
	tags := []string{"contacts"}
	invalid := map[int]string{
		http.StatusUnprocessableEntity: "The contact makes no sense; the field is named.", http.StatusConflict: "Another contact has that token.",
	}
	route(s, r, huma.Operation{
		OperationID: "listContacts", Method: http.MethodGet, Path: contactsPath, Tags: tags, Summary: "List contacts, by ascending id",
	}, nil, s.listContacts)
	route(s, r, huma.Operation{
		OperationID: "searchContacts", Method: http.MethodGet, Path: contactsPath + "/search", Tags: tags,
		Summary: "Search contacts by name, or by number; best first, at most 70",
	}, nil, s.searchContacts)
	route(s, r, huma.Operation{
		OperationID: "addContact", Method: http.MethodPost, Path: contactsPath, Tags: tags, Summary: "Add a contact",
		Description: "It is durable when the answer comes. One with the token of a contact that is there replaces it: 200. One without a " +
			"token is new each time; a sender who may have to repeat it gives it a token of its own, or an Idempotency-Key.",
		DefaultStatus: http.StatusCreated, BodyReadTimeout: requestTime,
		Responses: map[string]*huma.Response{"200": {Description: "It replaced the contact of its token.", Content: map[string]*huma.MediaType{
			"application/json": {Schema: r.schema(api.Contact{})},
		}}},
	}, invalid, s.addContact)
	route(s, r, huma.Operation{
		OperationID: "getContact", Method: http.MethodGet, Path: contactsPath + "/{id}", Tags: tags, Summary: "Show a contact",
	}, map[int]string{http.StatusNotFound: noSuchContact}, func(_ context.Context, in *contactID) (*body[api.Contact], error) {
		c, ok := s.cfg.Contacts.Get(in.ID)
		if !ok {
			return nil, phonebook.ErrNotFound
		}
		return &body[api.Contact]{contactOf(c)}, nil
	})
	route(s, r, huma.Operation{
		OperationID: "replaceContact", Method: http.MethodPut, Path: contactsPath + "/{id}", Tags: tags, Summary: "Replace a contact",
		Description: "All of it but its id; its token too, unless the body has none.", BodyReadTimeout: requestTime,
	}, merge(invalid, map[int]string{http.StatusNotFound: noSuchContact}), s.replaceContact)
	route(s, r, huma.Operation{
		OperationID: "removeContact", Method: http.MethodDelete, Path: contactsPath + "/{id}", Tags: tags, Summary: "Remove a contact",
		DefaultStatus: http.StatusNoContent,
	}, map[int]string{http.StatusNotFound: noSuchContact}, func(ctx context.Context, in *contactID) (*none, error) {
		return &none{}, s.cfg.Contacts.Remove(ctx, in.ID)
	})
	s.serveContactFiles(r)
}

func merge(a, b map[int]string) map[int]string {
	out := make(map[int]string, len(a)+len(b))
	for _, m := range []map[int]string{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

type contactsQuery struct {
	After int64 `query:"after" minimum:"0" doc:"Contacts with greater ids only."`
	Limit int   `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"Contacts in one answer."`
}

func (s *Server) listContacts(_ context.Context, in *contactsQuery) (*body[api.ContactList], error) {
	page, total := s.cfg.Contacts.Page(in.After, in.Limit+1) // one more tells whether there are more
	out := &body[api.ContactList]{api.ContactList{Contacts: []api.Contact{}, Total: total}}
	if len(page) > in.Limit {
		page = page[:in.Limit]
		out.Body.Next = page[in.Limit-1].ID
	}
	for _, c := range page {
		out.Body.Contacts = append(out.Body.Contacts, contactOf(c))
	}
	return out, nil
}

type searchQuery struct {
	Name   string `query:"name" maxLength:"512" doc:"The name, or a part of it, as said or typed; initial consonants too." example:"ㄱㅊㅅ"`
	Label  string `query:"label" maxLength:"512" doc:"Which number, in free speech: 집, 회사, mobile." example:"회사"`
	Number string `query:"number" maxLength:"256" doc:"A number in any spelling, in place of name and label."`
	Limit  int    `query:"limit" minimum:"1" maximum:"70" default:"70"`
}

func (s *Server) searchContacts(_ context.Context, in *searchQuery) (*body[api.ContactMatches], error) {
	out := &body[api.ContactMatches]{api.ContactMatches{Matches: []api.ContactMatch{}}}
	var found []phonebook.Match
	switch {
	case in.Number != "" && in.Name+in.Label != "":
		return nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "search by name and label, or by number",
			api.FieldError{Location: "query.number", Message: "excludes name and label"})
	case in.Number != "":
		found = s.cfg.Contacts.ByNumber(s.cfg.Numbers.Parse(in.Number))
		found = found[:min(len(found), in.Limit)]
	case in.Name+in.Label != "":
		found = s.cfg.Contacts.Search(phonebook.Query{Name: in.Name, Label: in.Label, Limit: in.Limit})
	default:
		return nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "nothing is looked for",
			api.FieldError{Location: "query.name", Message: "give a name, a label or a number"})
	}
	for _, m := range found {
		out.Body.Matches = append(out.Body.Matches, api.ContactMatch{
			Contact: contactOf(m.Contact), Entry: m.Entry, Score: m.Score, Exact: m.Exact, Labeled: m.Labeled,
		})
	}
	return out, nil
}

func (s *Server) addContact(ctx context.Context, in *body[api.Contact]) (*createdContact, error) {
	kept, isNew, err := s.cfg.Contacts.Add(ctx, bookContact(in.Body))
	if err != nil {
		return nil, err
	}
	out := &createdContact{Status: http.StatusCreated, Location: fmt.Sprintf("%s/%d", contactsPath, kept.ID), Body: contactOf(kept)}
	if !isNew {
		out.Status = http.StatusOK
	}
	return out, nil
}

type contactChange struct {
	ID   int64 `path:"id" minimum:"1"`
	Body api.Contact
}

func (s *Server) replaceContact(ctx context.Context, in *contactChange) (*body[api.Contact], error) {
	given := bookContact(in.Body)
	given.ID = in.ID
	kept, err := s.cfg.Contacts.Put(ctx, given)
	if err != nil {
		return nil, err
	}
	return &body[api.Contact]{contactOf(kept)}, nil
}

// contactOf is a contact as the API has it.
func contactOf(c phonebook.Contact) api.Contact {
	out := api.Contact{
		ID: c.ID, Token: c.Token, Name: c.Name, ImageURL: c.ImageURL, Category: c.Category, Road: c.Road, Jibun: c.Jibun,
		POI: c.POI, Updated: c.Updated,
	}
	if c.Hours != (phonebook.Hours{}) {
		out.Hours = &api.Hours{Open: c.Hours.Open, Close: c.Hours.Close, Info: c.Hours.Info}
	}
	for _, e := range c.Entries {
		out.Numbers = append(out.Numbers, api.Number{
			Label: e.Label.String(), Text: e.Text, Number: e.Number, Canonical: e.Canonical, Mobile: e.Mobile,
		})
	}
	return out
}

// bookContact is a contact of the API as the phonebook has it, its id apart.
func bookContact(c api.Contact) phonebook.Contact {
	out := phonebook.Contact{
		Token: c.Token, Name: c.Name, ImageURL: c.ImageURL, Category: c.Category, Road: c.Road, Jibun: c.Jibun, POI: c.POI,
	}
	if c.Hours != nil {
		out.Hours = phonebook.Hours{Open: c.Hours.Open, Close: c.Hours.Close, Info: c.Hours.Info}
	}
	for _, n := range c.Numbers {
		label, _ := phonebook.ParseLabel(n.Label) // one of the names: the schema says so
		out.Entries = append(out.Entries, phonebook.Entry{Label: label, Text: n.Text, Number: n.Number})
	}
	return out
}

// contactText writes contacts in a file format.
func contactText(format string, all []phonebook.Contact) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch format {
	case formatVCard3:
		err = phonebook.WriteVCard(&b, all, phonebook.VCard3)
	case formatCSV:
		err = phonebook.WriteCSV(&b, all)
	default:
		err = phonebook.WriteVCard(&b, all, phonebook.VCard4)
	}
	return b.Bytes(), err
}
