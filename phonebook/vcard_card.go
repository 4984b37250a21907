package phonebook

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// contact makes the contact of what was read.
func (c *card) contact() Contact {
	slices.SortStableFunc(c.tels, func(x, y tel) int {
		switch {
		case x.preferred == y.preferred:
			return 0
		case x.preferred:
			return -1
		}
		return 1
	})
	for _, t := range c.tels {
		if l, ok := c.labels[t.group]; ok && t.group != "" {
			t.setLabel(l.text)
			l.used = true
			c.labels[t.group] = l
		}
		c.out.Entries = append(c.out.Entries, t.Entry)
	}
	for _, l := range c.labels {
		if !l.used {
			c.in.add(l.line, Dropped, "a label that is of no number is not kept")
		}
	}
	if strings.TrimSpace(c.out.Name) == "" {
		c.out.Name = cmp.Or(c.family, c.org, c.nick)
	}
	c.unused("ORG", c.org)
	c.unused("NICKNAME", c.nick)
	return c.out
}

// unused reports a name that did not become the contact's.
func (c *card) unused(property, value string) {
	if value != "" && value != c.out.Name {
		c.in.add(c.seen[property], Dropped, "%s is not kept: contacts have no place for it", property)
	}
}

// tel reads a number (RFC 6350 §6.4.1).
func (c *card) tel(p property) {
	t := tel{group: p.group, line: p.line}
	t.Number = strings.TrimSpace(p.text())
	if strings.EqualFold(p.params.Get("VALUE"), "uri") && len(t.Number) > 4 && strings.EqualFold(t.Number[:4], "tel:") {
		t.Number = t.Number[4:]
	}
	if t.Number == "" {
		c.in.add(p.line, Dropped, "a TEL without a number is not kept")
		return
	}
	t.preferred = p.params.Get("PREF") != "" || p.params.HasType("pref")
	t.Label, t.Text = typeLabel(p.params.Types())
	c.tels = append(c.tels, t)
}

// sip reads an address to call (RFC 4770); other messengers have no number.
func (c *card) sip(p property) {
	address := strings.TrimSpace(p.text())
	scheme, _, _ := strings.Cut(address, ":")
	if p.name == "X-SIP" && !strings.Contains(address, ":") && address != "" {
		scheme, address = "sip", "sip:"+address
	}
	if !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		c.in.add(p.line, Dropped, "%s is not kept: it is no SIP address", p.name)
		return
	}
	t := tel{group: p.group, line: p.line}
	t.Number = address
	t.Label, t.Text = typeLabel(p.params.Types())
	c.tels = append(c.tels, t)
}

// typeLabel returns the label of TYPE values; those that a label has no room
// for are its text.
func typeLabel(types []string) (l Label, text string) {
	var rest []string
	var work, home, cell bool
	for _, t := range types {
		switch t {
		case "cell", "mobile", "iphone":
			cell = true
		case "work":
			work = true
		case "home":
			home = true
		case "voice", "pref", "text", "msg", "video", "internet", "sip", "":
		default:
			rest = append(rest, t)
		}
	}
	if work && (cell || len(rest) > 0) {
		rest = append([]string{"work"}, rest...)
		work = false
	}
	if home && (cell || work || len(rest) > 0) {
		rest = append([]string{"home"}, rest...)
		home = false
	}
	text = strings.Join(rest, " ")
	switch {
	case cell:
		return Mobile, text
	case work:
		return Company, text
	case home:
		return Home, text
	case text != "":
		return UserDefined, text
	}
	return NoLabel, ""
}

// setLabel takes a label over that was written out; Apple writes its own as
// _$!<Mobile>!$_.
func (e *Entry) setLabel(text string) {
	if inner, ok := strings.CutPrefix(text, "_$!<"); ok {
		if l, known := labelWord(tight(fold(strings.TrimSuffix(inner, ">!$_")))); known && e.Label == NoLabel {
			e.Label = l
			return
		}
		text = strings.TrimSuffix(inner, ">!$_")
	}
	if e.Label == NoLabel {
		e.Label = UserDefined
	}
	if text != UserDefined.String() {
		e.Text = text
	}
}

// photo keeps an image's address (RFC 6350 §6.2.4).
func (c *card) photo(p property) bool {
	value := strings.TrimSpace(p.text())
	scheme, _, ok := strings.Cut(value, ":")
	inside := p.params.Get("ENCODING") != "" || strings.EqualFold(scheme, "data") || !ok
	if inside {
		c.in.add(p.line, Dropped, "an image inside the card is not kept, only the address of one")
		return false
	}
	c.out.ImageURL = value
	return true
}

// uid takes a UUID for the token. Other UIDs are not handed on, since they may
// be made of what the user keeps private, such as a number.
func (c *card) uid(p property) bool {
	id, err := uuid.Parse(strings.TrimSpace(p.text()))
	switch {
	case err == nil && c.out.Token == "":
		c.out.Token = id.String()
	case err != nil && c.out.Token == "":
		c.in.add(p.line, Dropped, "UID is not kept: it is no UUID")
	}
	return true
}

// nameOf joins the parts of N: family, given, additional, prefixes, suffixes
// (RFC 6350 §6.2.2). A Korean name is written without spaces, family first.
func nameOf(parts []string) string {
	for len(parts) < 5 {
		parts = append(parts, "")
	}
	return personName(parts[0], parts[1], parts[2], parts[3], parts[4])
}

func personName(family, given, additional, prefix, suffix string) string {
	if isHangul(family) && (given == "" || isHangul(given)) {
		return joined(" ", []string{prefix, family + additional + given, suffix})
	}
	return joined(" ", []string{prefix, given, additional, family, suffix})
}

func isHangul(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isSyllable(r) })
}

// addressOf joins the parts of ADR: post office box, extended address, street,
// locality, region, code, country (RFC 6350 §6.3.1), the largest first where
// they are Korean.
func addressOf(parts []string) string {
	for len(parts) < 7 {
		parts = append(parts, "")
	}
	if strings.ContainsFunc(strings.Join(parts, ""), isSyllable) {
		return joined(" ", []string{parts[6], parts[4], parts[3], parts[2], parts[1], parts[0], parts[5]})
	}
	return joined(", ", []string{parts[0], parts[2], parts[1], parts[3], joined(" ", []string{parts[4], parts[5]}), parts[6]})
}

// joined joins what is not empty.
func joined(sep string, parts []string) string {
	var out []string
	for _, s := range parts {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, sep)
}
