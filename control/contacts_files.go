package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/phonebook"
)

const (
	formatJSON   = "json"
	formatVCard  = "vcard"
	formatVCard3 = "vcard3"
	formatCSV    = "csv"

	typeJSON  = "application/json"
	typeVCard = "text/vcard" // RFC 6350 §10.1
	typeCSV   = "text/csv"   // RFC 4180 §3
)

type exportQuery struct {
	Format string `query:"format" enum:"json,vcard,vcard3,csv" default:"json" doc:"vcard is 4.0 (RFC 6350), vcard3 is 3.0 (RFC 2426)."`
}

// file is an answer in the format asked for.
type file struct {
	Type string `header:"Content-Type" hidden:"true"`
	Body []byte
}

type contactFile struct {
	Type    string `header:"Content-Type" hidden:"true"`
	RawBody []byte
}

// serveContactFiles registers import and export. Their bodies have one of
// several types, which is described by hand.
func (s *Server) serveContactFiles(r router) {
	tags := []string{"contacts"}
	text := func() *huma.MediaType { return &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}} }
	route(s, r, huma.Operation{
		OperationID: "exportContacts", Method: http.MethodGet, Path: contactsPath + "/export", Tags: tags,
		Summary: "Export all contacts, as import takes them",
		Responses: map[string]*huma.Response{"200": {Description: "All contacts.", Content: map[string]*huma.MediaType{
			typeJSON: {Schema: r.schema(api.ContactImport{})}, typeVCard: text(), typeCSV: text(),
		}}},
	}, nil, s.exportContacts)
	route(s, r, huma.Operation{
		OperationID: "importContacts", Method: http.MethodPost, Path: contactsPath + "/import", Tags: tags,
		Summary: "Import many contacts, all or none",
		Description: "JSON, vCard 3.0 or 4.0, or CSV, as Content-Type says, at most 64 MiB. A contact with the token of one that is there " +
			"replaces it, and so does one without a token that has the name and numbers of one: importing a file twice adds nothing.",
		MaxBodyBytes: maxImport, BodyReadTimeout: 2 * requestTime,
	}, map[int]string{
		http.StatusUnprocessableEntity:  "No contact was kept: one makes no sense, or the file cannot be read.",
		http.StatusUnsupportedMediaType: "The body is neither JSON nor vCard nor CSV.",
	}, s.importContacts)
	r.OpenAPI().Paths[contactsPath+"/import"].Post.RequestBody.Content = map[string]*huma.MediaType{
		typeJSON: {Schema: r.schema(api.ContactImport{})}, typeVCard: text(), typeCSV: text(),
	}
}

func (s *Server) exportContacts(_ context.Context, in *exportQuery) (*file, error) {
	all := s.cfg.Contacts.All()
	if in.Format == formatJSON {
		out := api.ContactImport{Contacts: []api.Contact{}}
		for _, c := range all {
			out.Contacts = append(out.Contacts, contactOf(c))
		}
		data, err := json.Marshal(out)
		return &file{Type: typeJSON, Body: data}, err
	}
	data, err := contactText(in.Format, all)
	if err != nil {
		return nil, err
	}
	if in.Format == formatCSV {
		return &file{Type: typeCSV + "; charset=utf-8", Body: data}, nil
	}
	return &file{Type: typeVCard + "; charset=utf-8", Body: data}, nil
}

func (s *Server) importContacts(ctx context.Context, in *contactFile) (*body[api.ContactsImported], error) {
	contacts, problems, err := readContacts(in)
	if err != nil {
		return nil, err
	}
	done, err := s.cfg.Contacts.Import(ctx, contacts)
	if err != nil {
		return nil, err
	}
	out := &body[api.ContactsImported]{api.ContactsImported{Added: done.Added, Replaced: done.Replaced}}
	for _, p := range problems {
		out.Body.Problems = append(out.Body.Problems, api.ImportProblem{Line: p.Line, Count: max(p.Count, 1), Kind: p.Kind.String(), Text: p.Text})
	}
	return out, nil
}

// readContacts reads a body of one of the types.
func readContacts(in *contactFile) (contacts []phonebook.Contact, problems []phonebook.Problem, err error) {
	kind, _, err := mime.ParseMediaType(in.Type)
	if err != nil {
		kind = ""
	}
	switch kind {
	case typeJSON:
		contacts, err = jsonContacts(in.RawBody)
		return contacts, nil, err
	case typeVCard, "text/x-vcard":
		contacts, problems, err = phonebook.ReadVCard(bytes.NewReader(in.RawBody))
	case typeCSV:
		contacts, problems, err = phonebook.ReadCSV(bytes.NewReader(in.RawBody))
	default:
		return nil, nil, problem(http.StatusUnsupportedMediaType, api.CodeMediaType,
			"the body must be JSON, vCard or CSV; send Content-Type: application/json, text/vcard or text/csv")
	}
	if err != nil {
		return nil, nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the file cannot be read",
			api.FieldError{Location: "body", Message: err.Error()})
	}
	return contacts, problems, nil
}

// jsonContacts reads a ContactImport, and refuses what it would have to leave out.
func jsonContacts(data []byte) ([]phonebook.Contact, error) {
	var given api.ContactImport
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	err := in.Decode(&given)
	if _, more := in.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("something follows the object")
	}
	if err != nil {
		return nil, problem(http.StatusBadRequest, api.CodeBadRequest, "the body cannot be read as contacts in JSON",
			api.FieldError{Location: "body", Message: strings.TrimPrefix(err.Error(), "json: ")})
	}
	var bad []api.FieldError
	contacts := make([]phonebook.Contact, len(given.Contacts))
	for i, c := range given.Contacts {
		for j, n := range c.Numbers {
			if _, ok := phonebook.ParseLabel(n.Label); !ok {
				bad = append(bad, api.FieldError{
					Location: fmt.Sprintf("body.contacts[%d].numbers[%d].label", i, j), Message: "must be MOBILE, COMPANY, HOME or USER_DEFINED",
				})
			}
		}
		contacts[i] = bookContact(c)
	}
	if len(bad) > 0 {
		return nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "no contact was kept: some labels are none", bad...)
	}
	return contacts, nil
}
