package phonebook

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/softphone-go/softphone/number"
)

// Bounds of one contact.
const (
	MaxText    = 4096 // bytes of any of its texts
	MaxName    = 512  // bytes of its name
	MaxToken   = 256  // bytes of its token
	MaxEntries = 64   // numbers
)

// Entry is one number of a contact (PhoneCall 1.3, Contact).
type Entry struct {
	Label     Label  `json:"label,omitempty"`
	Text      string `json:"text,omitempty"`      // the user's own label; of UserDefined, or beside another
	Number    string `json:"number"`              // as given
	Canonical string `json:"canonical,omitempty"` // of package number; set by the Book
	Mobile    bool   `json:"mobile,omitempty"`    // the numbering plan calls it a mobile number; set by the Book
}

// Hours are business hours, verbatim (PhoneCall 1.3, Person.businessHours).
type Hours struct {
	Open  string `json:"open,omitempty"`
	Close string `json:"close,omitempty"`
	Info  string `json:"info,omitempty"`
}

// Contact is one person or place (PhoneCall 1.3, Person).
type Contact struct {
	ID       int64     `json:"id,omitempty"`    // given by the store
	Token    string    `json:"token,omitempty"` // unique and lasting; made by Put when empty, tells nothing
	Name     string    `json:"name"`
	Entries  []Entry   `json:"numbers,omitempty"`
	ImageURL string    `json:"imageUrl,omitempty"`
	Category string    `json:"category,omitempty"`
	Road     string    `json:"road,omitempty"`  // address by road
	Jibun    string    `json:"jibun,omitempty"` // address by lot
	Hours    Hours     `json:"hours,omitzero"`
	POI      string    `json:"poiId,omitempty"`
	Updated  time.Time `json:"updated,omitzero"` // set by Put; UTC
}

// clone returns a copy that shares nothing changeable.
func (c *Contact) clone() Contact {
	out := *c
	out.Entries = slices.Clone(c.Entries)
	return out
}

// texts returns the names and values of the contact's texts, for checks.
func (c *Contact) texts() []field {
	out := []field{
		{"name", &c.Name, MaxName}, {"token", &c.Token, MaxToken}, {"image URL", &c.ImageURL, MaxText}, {"category", &c.Category, MaxText},
		{"road address", &c.Road, MaxText}, {"jibun address", &c.Jibun, MaxText}, {"opening time", &c.Hours.Open, MaxText},
		{"closing time", &c.Hours.Close, MaxText}, {"hours", &c.Hours.Info, MaxText}, {"poiId", &c.POI, MaxText},
	}
	for i := range c.Entries {
		out = append(out, field{"number", &c.Entries[i].Number, MaxName}, field{"label", &c.Entries[i].Text, MaxName})
	}
	return out
}

type field struct {
	name  string
	value *string
	limit int
}

// normalise is clean, and gives numbers their canonical form. The contact's
// entries are changed in place.
func (c *Contact) normalise(plan *number.Plan) error {
	if err := c.clean(); err != nil {
		return err
	}
	for i := range c.Entries {
		c.Entries[i].complete(plan)
	}
	return nil
}

// clean trims the texts and refuses what cannot be kept.
func (c *Contact) clean() error {
	for _, f := range c.texts() {
		*f.value = cleanText(*f.value)
		switch {
		case !utf8.ValidString(*f.value):
			return &ContactError{Name: c.Name, Reason: "its " + f.name + " is not UTF-8"}
		case len(*f.value) > f.limit:
			return &ContactError{Name: c.Name, Reason: fmt.Sprintf("its %s is longer than %d bytes", f.name, f.limit)}
		}
	}
	switch {
	case c.Name == "":
		return &ContactError{Reason: "it has no name; give it one"}
	case len(c.Entries) > MaxEntries:
		return &ContactError{Name: c.Name, Reason: fmt.Sprintf("it has more than %d numbers", MaxEntries)}
	}
	for i := range c.Entries {
		if c.Entries[i].Number == "" {
			return &ContactError{Name: c.Name, Reason: fmt.Sprintf("its number %d is empty", i+1)}
		}
		c.Entries[i].settle()
	}
	return nil
}

// complete fills in what follows from the number.
func (e *Entry) complete(plan *number.Plan) {
	n := plan.Parse(e.Number)
	e.Canonical, e.Mobile = n.String(), n.IsMobile()
	if e.Canonical == e.Number {
		e.Canonical = e.Number // one text in memory
	}
}

// settle makes label and text fit each other.
func (e *Entry) settle() {
	if e.Label == NoLabel && e.Text != "" {
		e.Label = UserDefined
	}
	if e.Label < NoLabel || e.Label > UserDefined {
		e.Label = NoLabel
	}
}

// cleanText trims a text and takes control characters but the end of a line
// out of it.
func cleanText(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\n':
				return r
			case r == '\r':
				return '\n'
			case r == '\t':
				return ' '
			case r < ' ' || r == 0x7f:
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimFunc(s, unicode.IsSpace)
}

func newToken() string { return uuid.NewString() }

// ContactError says why a contact is refused.
type ContactError struct {
	Name   string // of the contact, when it has one
	Reason string
}

func (e *ContactError) Error() string {
	if e.Name == "" {
		return "phonebook: the contact is refused: " + e.Reason
	}
	return fmt.Sprintf("phonebook: contact %q is refused: %s", e.Name, e.Reason)
}

// LabelError says that a text is no label.
type LabelError struct{ Label string }

func (e *LabelError) Error() string {
	return fmt.Sprintf("phonebook: %q is no label; use MOBILE, COMPANY, HOME or USER_DEFINED", e.Label)
}
