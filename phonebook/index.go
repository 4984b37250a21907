package phonebook

import (
	"slices"
)

// doc is a contact as the search sees it.
type doc struct {
	contact Contact
	words   string // folded name, words parted by one space
	tight   string // the same without spaces
	letters string // tight as bytes, a syllable as its jamo; see letters
	ends    string // where each word ends in letters, a byte each; empty for one word
}

// index finds contacts. Its maps hold places in docs. The masks stand apart, so
// that a search walks over little memory for names that cannot match.
type index struct {
	docs    []doc
	masks   []uint64 // letters that a name has; see maskOf
	ids     map[int64]int32
	tokens  map[string]int32
	numbers map[string][]int64 // canonical number: IDs
	lastID  int64
}

func newIndex() index {
	return index{ids: map[int64]int32{}, tokens: map[string]int32{}, numbers: map[string][]int64{}}
}

func (x *index) byID(id int64) *Contact {
	at, ok := x.ids[id]
	if !ok {
		return nil
	}
	return &x.docs[at].contact
}

func (x *index) byToken(token string) *Contact {
	at, ok := x.tokens[token]
	if !ok {
		return nil
	}
	return &x.docs[at].contact
}

func (x *index) byNumber(canonical string) []*Contact {
	var out []*Contact
	for _, id := range x.numbers[canonical] {
		out = append(out, x.byID(id))
	}
	return out
}

// same returns the contact with the name and the numbers of c.
func (x *index) same(c *Contact) *Contact {
	if len(c.Entries) == 0 {
		return nil
	}
	want := c.numbers()
	for _, old := range x.byNumber(c.Entries[0].Canonical) {
		if old.Name == c.Name && slices.Equal(old.numbers(), want) {
			return old
		}
	}
	return nil
}

// put adds a contact, or replaces the one of its ID and the one of its token.
func (x *index) put(c Contact) {
	x.remove(c.ID)
	if old := x.byToken(c.Token); old != nil {
		x.remove(old.ID)
	}
	d := doc{contact: c, words: fold(c.Name)}
	d.tight = tight(d.words)
	d.letters, d.ends = letters(d.tight), endsOf(d.words)
	at := int32(len(x.docs))
	x.docs = append(x.docs, d)
	x.masks = append(x.masks, maskOf(d.letters))
	x.ids[c.ID], x.tokens[c.Token] = at, at
	for i := range c.Entries {
		n := c.Entries[i].Canonical
		if n != "" && !slices.Contains(x.numbers[n], c.ID) {
			x.numbers[n] = append(x.numbers[n], c.ID)
		}
	}
	x.lastID = max(x.lastID, c.ID)
}

// remove takes a contact out; the last one moves to its place.
func (x *index) remove(id int64) {
	at, ok := x.ids[id]
	if !ok {
		return
	}
	c := &x.docs[at].contact
	for i := range c.Entries {
		n := c.Entries[i].Canonical
		rest := slices.DeleteFunc(x.numbers[n], func(other int64) bool { return other == id })
		if len(rest) == 0 {
			delete(x.numbers, n)
		} else {
			x.numbers[n] = rest
		}
	}
	delete(x.ids, id)
	delete(x.tokens, c.Token)
	last := int32(len(x.docs) - 1)
	if at != last {
		x.docs[at], x.masks[at] = x.docs[last], x.masks[last]
		moved := &x.docs[at].contact
		x.ids[moved.ID], x.tokens[moved.Token] = at, at
	}
	x.docs[last] = doc{}
	x.docs, x.masks = x.docs[:last], x.masks[:last]
}
