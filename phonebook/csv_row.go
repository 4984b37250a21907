package phonebook

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// contact makes the contact of a row.
func (r *row) contact(found *problems, line int) Contact {
	r.entries(found, line)
	r.address(found, line)
	if r.out.Name == "" {
		r.out.Name = personName(r.family, r.given, r.middle, r.prefix, r.suffix)
	}
	if r.out.Name == "" {
		r.out.Name = cmp.Or(r.fileAs, r.org, r.nick)
	}
	for _, extra := range [][2]string{{"organisation", r.org}, {"nickname", r.nick}} {
		if extra[1] != "" && extra[1] != r.out.Name {
			found.add(line, Dropped, "the %s is not kept: contacts have no place for it", extra[0])
		}
	}
	if s := strings.ToLower(r.out.ImageURL); s != "" && !strings.Contains(s, ":") {
		found.add(line, Dropped, "an image that is no URL is not kept")
		r.out.ImageURL = ""
	}
	return r.out
}

// entries makes the numbers, in the order of their columns.
func (r *row) entries(found *problems, line int) {
	slots := slices.SortedFunc(maps.Values(r.numbers), func(x, y *numbered) int { return cmp.Compare(x.order, y.order) })
	for _, n := range slots {
		if n.typed != "" {
			n.label, n.text = cellLabel(n.typed, n.text)
		}
		if len(n.values) == 0 && n.typed != "" {
			found.add(line, Dropped, "a label that is of no number is not kept")
		}
		for _, v := range n.values {
			e := Entry{Label: n.label, Text: n.text, Number: v}
			known := slices.ContainsFunc(r.out.Entries, func(old Entry) bool { return old.Number == v })
			if n.fixed && n.label == NoLabel && known {
				continue // Outlook's Primary Phone is one of the others
			}
			r.out.Entries = append(r.out.Entries, e)
		}
	}
}

// cellLabel reads a label cell: a name of PhoneCall, a label word, or the
// user's own.
func cellLabel(cell, text string) (Label, string) {
	cell = strings.TrimSpace(strings.TrimPrefix(cell, "*"))
	if l, ok := ParseLabel(cell); ok {
		return l, text
	}
	if l, ok := labelWord(tight(fold(cell))); ok {
		return l, text
	}
	return UserDefined, cmp.Or(text, cell)
}

// address takes the first of the addresses that a row may have.
func (r *row) address(found *problems, line int) {
	taken := r.out.Road != "" || r.formatted != ""
	if r.out.Road == "" {
		r.out.Road = r.formatted
	}
	for _, family := range addressFamilies {
		parts := r.addresses[family]
		if len(parts) == 0 || family == "1" && r.formatted != "" {
			continue
		}
		if taken {
			found.add(line, Dropped, "another address is not kept: contacts have place for one")
			continue
		}
		taken = true
		r.out.Road = addressOf([]string{
			parts[partBox], parts[partExtended], parts[partStreet], parts[partCity], parts[partRegion], parts[partCode], parts[partCountry],
		})
	}
}
