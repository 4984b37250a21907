package phonebook

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
	"github.com/google/uuid"
)

// Versions of vCard that WriteVCard writes.
const (
	VCard3 = "3.0" // RFC 2426
	VCard4 = "4.0" // RFC 6350
)

// maxOctets is how long a line is before it is folded (RFC 6350 §3.2).
const maxOctets = 75

// VersionError says that a version of vCard is not written.
type VersionError struct{ Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("phonebook: vCard version %q is not written; use %s or %s", e.Version, VCard3, VCard4)
}

// WriteVCard writes the contacts as cards of that version; empty is VCard4.
// ReadVCard gives the same contacts back, but for ID and what a Book computes;
// what vCard has no property for stands in ones that begin with X-SOFTPHONE.
// It fails with *VersionError and with the writer's error.
func WriteVCard(w io.Writer, contacts []Contact, version string) error {
	switch version {
	case "":
		version = VCard4
	case VCard3, VCard4:
	default:
		return &VersionError{Version: version}
	}
	var buf bytes.Buffer
	for i := range contacts {
		buf.Reset()
		if err := vcard.NewEncoder(&buf).Encode(contacts[i].card(version)); err != nil {
			return fmt.Errorf("phonebook: contact %q cannot be written: %w", contacts[i].Name, err)
		}
		if _, err := w.Write(foldLines(buf.Bytes())); err != nil {
			return fmt.Errorf("phonebook: the contacts cannot be written: %w", err)
		}
	}
	return nil
}

// card is the contact as go-vcard writes it. go-vcard escapes no semicolon, so
// texts go only where one has no meaning, and never into parameters.
func (c *Contact) card(version string) vcard.Card {
	card := vcard.Card{}
	set := func(name, value string) {
		if value = cleanText(value); value != "" {
			card.SetValue(name, value)
		}
	}
	set(vcard.FieldVersion, version)
	set(vcard.FieldFormattedName, c.Name)
	card.SetValue(vcard.FieldName, component(c.Name)+";;;;") // 3.0 wants one
	set(vcard.FieldCategories, c.Category)
	if c.ImageURL != "" {
		photo := &vcard.Field{Value: c.ImageURL}
		if version == VCard3 {
			photo.Params = vcard.Params{vcard.ParamValue: {"uri"}}
		}
		card.Set(vcard.FieldPhoto, photo)
	}
	if c.Road != "" {
		card.SetValue(vcard.FieldAddress, ";;"+component(c.Road)+";;;;")
		set(xRoad, c.Road)
	}
	if id, err := uuid.Parse(c.Token); err == nil && id.String() == c.Token {
		set(vcard.FieldUID, "urn:uuid:"+c.Token)
	}
	set(xToken, c.Token)
	set(xJibun, c.Jibun)
	set(xOpens, c.Hours.Open)
	set(xCloses, c.Hours.Close)
	set(xInfo, c.Hours.Info)
	set(xPOI, c.POI)
	if !c.Updated.IsZero() {
		card.SetRevision(c.Updated.UTC())
	}
	for i := range c.Entries {
		c.Entries[i].write(card, i+1, version)
	}
	return card
}

// component is a text as a part between semicolons.
func component(s string) string { return strings.ReplaceAll(cleanText(s), ";", " ") }

// write adds the number as TEL, and the user's own label in its group.
func (e *Entry) write(card vcard.Card, n int, version string) {
	f := &vcard.Field{Value: cleanText(e.Number), Params: vcard.Params{}}
	typ := map[Label]string{Mobile: vcard.TypeCell, Company: vcard.TypeWork, Home: vcard.TypeHome}[e.Label]
	if version == VCard3 {
		typ = strings.ToUpper(typ)
	}
	if typ != "" {
		f.Params.Set(vcard.ParamType, typ)
	}
	if text := cleanText(e.Text); text != "" || e.Label == UserDefined {
		f.Group = fmt.Sprintf("item%d", n)
		if text == "" {
			text = UserDefined.String()
		}
		card.Add(xLabel, &vcard.Field{Value: text, Group: f.Group})
	}
	card.Add(vcard.FieldTelephone, f)
}

// foldLines breaks lines that are too long, never within a character.
func foldLines(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/32)
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		line := bytes.TrimRight(text[:end], "\r\n")
		text = text[end:]
		for limit := maxOctets; len(line) > limit; limit = maxOctets - 1 {
			at := limit
			for at > 1 && !utf8.RuneStart(line[at]) {
				at--
			}
			out = append(append(out, line[:at]...), "\r\n "...)
			line = line[at:]
		}
		out = append(append(out, line...), "\r\n"...)
	}
	return out
}
