package phonebook

import (
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Properties of our own, for what vCard has none for.
const (
	xToken  = "X-SOFTPHONE-TOKEN"
	xRoad   = "X-SOFTPHONE-ROAD"
	xJibun  = "X-SOFTPHONE-JIBUN"
	xOpens  = "X-SOFTPHONE-OPENS"
	xCloses = "X-SOFTPHONE-CLOSES"
	xInfo   = "X-SOFTPHONE-HOURS"
	xPOI    = "X-SOFTPHONE-POI"
	xLabel  = "X-ABLabel" // in the group of a TEL, as address books of Apple and Google write it
)

// ReadVCard reads cards of versions 3.0 (RFC 2426) and 4.0 (RFC 6350), and what
// phones write as 2.1. It returns the contacts there are and the problems with
// their lines: cards with neither name nor number, properties a contact has no place for,
// images inside a card, lines that are none. An error is one of reading; what
// was read before is returned with it. The contacts have no canonical numbers
// yet: Book.Import gives them.
func ReadVCard(r io.Reader) ([]Contact, []Problem, error) {
	text, err := plainText(r)
	if err != nil {
		return nil, nil, err
	}
	return readVCard(text)
}

func readVCard(from text) ([]Contact, []Problem, error) {
	in := reader{lines: &lines{r: from.Reader}, parser: newParser()}
	from.tell(&in.problems)
	for {
		text, line, cut, err := in.lines.logical()
		if err != nil {
			in.finish(in.lines.line, false)
			if !errors.Is(err, io.EOF) {
				return in.contacts, in.sorted(), readError(err)
			}
			return in.contacts, in.sorted(), nil
		}
		in.take(text, line, cut)
	}
}

// reader collects contacts of either format.
type reader struct {
	problems
	lines    *lines
	parser   *parser
	card     *card // being read
	contacts []Contact
	tokens   map[string]int // line
}

// take reads one content line.
func (in *reader) take(text string, line int, cut bool) {
	switch {
	case strings.TrimSpace(text) == "":
		return
	case isMark(text, "BEGIN:VCARD"):
		in.finish(line, false)
		in.card = &card{line: line, in: in, labels: map[string]label{}, seen: map[string]int{}}
		return
	case isMark(text, "END:VCARD") && in.card != nil:
		in.finish(line, true)
		return
	case in.card == nil:
		in.add(line, Dropped, "the line is outside of any card, and is no BEGIN:VCARD")
		return
	}
	p, err := in.parser.parse(text, line)
	switch {
	case err != nil:
		in.add(line, Dropped, "the line cannot be read: %v", err)
	case cut:
		in.add(line, Dropped, "%s is longer than %d KiB and is not kept", p.name, maxLine>>10)
	default:
		in.card.take(p)
	}
}

func isMark(text, mark string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(text), ""), mark)
}

// finish makes a contact of the card under way, if there is one.
func (in *reader) finish(line int, ended bool) {
	c := in.card
	in.card = nil
	if c == nil {
		return
	}
	if !ended {
		in.add(line, Changed, "the card that begins in line %d has no END:VCARD; what was there is kept", c.line)
	}
	in.keep(c.contact(), c.line)
}

// keep takes a contact over, when it can be kept.
func (in *reader) keep(c Contact, line int) {
	if strings.TrimSpace(c.Name) == "" && len(c.Entries) > 0 {
		c.Name = c.Entries[0].Number
		in.add(line, Changed, "a contact without a name gets its first number for one")
	}
	if err := c.clean(); err != nil {
		in.add(line, Skipped, "%s", strings.TrimPrefix(err.Error(), "phonebook: "))
		return
	}
	if in.tokens == nil {
		in.tokens = map[string]int{}
	}
	if first, ok := in.tokens[c.Token]; ok && c.Token != "" {
		in.add(line, Changed, "contact %q has the token or UID of the one in line %d; it is kept as another contact", c.Name, first)
		c.Token = ""
	}
	in.tokens[c.Token] = line
	in.contacts = append(in.contacts, c)
}

// card is a vCard being read.
type card struct {
	in                *reader
	line              int
	out               Contact
	family, org, nick string // for a card without FN
	tels              []tel
	labels            map[string]label // by group
	seen              map[string]int   // line of a property that counts once
}

type label struct {
	text string
	line int
	used bool
}

type tel struct {
	Entry
	group     string
	preferred bool
	line      int
}

// take reads one property.
func (c *card) take(p property) {
	if !utf8.ValidString(p.raw) {
		c.in.add(p.line, Dropped, "%s is not UTF-8; export the contacts as UTF-8", p.name)
		return
	}
	switch p.name {
	case "VERSION":
		if v := strings.TrimSpace(p.raw); v != "2.1" && v != "3.0" && v != "4.0" {
			c.in.add(p.line, Changed, "a card of version %.20q is read as one of 4.0", v)
		}
	case "PRODID": // tells of the program that wrote it
	case "TEL":
		c.tel(p)
	case "IMPP", "X-SIP":
		c.sip(p)
	case "X-ABLABEL":
		c.labels[p.group] = label{text: p.text(), line: p.line}
	default:
		c.once(p)
	}
}

// once reads a property that a contact has one of.
func (c *card) once(p property) {
	to := c.place(p)
	empty := " \t"
	if to == nil || p.name == "N" || p.name == "ADR" || p.name == "ORG" {
		empty += ";"
	}
	if strings.Trim(p.raw, empty) == "" {
		return
	}
	if to == nil {
		c.in.add(p.line, Dropped, "%s is not kept: contacts have no place for it", p.name)
		return
	}
	if c.seen[p.name] != 0 {
		c.in.add(p.line, Dropped, "another %s of the same card is not kept", p.name)
		return
	}
	if c.set(p, to) {
		c.seen[p.name] = p.line
	}
}

// set keeps a property's value; false for one that is not kept and said so.
func (c *card) set(p property, to *string) bool {
	switch p.name {
	case "N":
		*to = nameOf(p.parts(';'))
	case "ORG":
		*to = joined(" ", p.parts(';'))
	case "CATEGORIES":
		*to = joined(", ", p.parts(','))
	case "ADR":
		if c.seen[xRoad] == 0 {
			*to = addressOf(p.parts(';'))
		}
	case "PHOTO":
		return c.photo(p)
	case "REV":
		return c.revision(p)
	case "UID":
		return c.uid(p)
	default:
		*to = p.text()
	}
	return true
}

// place is where a property goes; nil for one that has no place.
func (c *card) place(p property) *string {
	switch p.name {
	case "FN":
		return &c.out.Name
	case "N":
		return &c.family
	case "ORG":
		return &c.org
	case "CATEGORIES":
		return &c.out.Category
	case "ADR":
		return &c.out.Road
	case "PHOTO":
		return &c.out.ImageURL
	case "NICKNAME":
		return &c.nick
	case "REV", "UID", xToken:
		return &c.out.Token
	case xRoad:
		return &c.out.Road
	case xJibun:
		return &c.out.Jibun
	case xOpens:
		return &c.out.Hours.Open
	case xCloses:
		return &c.out.Hours.Close
	case xInfo:
		return &c.out.Hours.Info
	case xPOI:
		return &c.out.POI
	}
	return nil
}

func (c *card) revision(p property) bool {
	text := strings.TrimSpace(p.raw)
	for _, layout := range []string{"20060102T150405Z", time.RFC3339, "20060102T150405Z0700", "2006-01-02T15:04:05", "20060102T150405", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			c.out.Updated = t.UTC()
			return true
		}
	}
	c.in.add(p.line, Dropped, "REV is no time that can be read")
	return false
}
