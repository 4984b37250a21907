package phonebook

import (
	"slices"
)

// doc is a contact's name as the search sees it.
type doc struct {
	words   string // folded name, words parted by one space
	tight   string // the same without spaces
	letters string // tight as bytes, a syllable as its jamo; see letters
	ends    string // where each word ends in letters, a byte each; empty for one word
}

// head is a short name without a pointer, 32 bytes: most of what a search needs
// to know of most names.
type head struct {
	letters [26]byte // the first ones
	size    uint8    // how many there are; 0 for a name that does not fit
	ends    [5]uint8 // where each word but the last ends, 0 behind them
}

func (h *head) isOneWord() bool { return h.size > 0 && h.ends[0] == 0 }

func headOf(d *doc) (h head) {
	copy(h.letters[:], d.letters)
	if len(d.letters) > len(h.letters) || len(d.ends)-1 > len(h.ends) {
		return h
	}
	h.size = uint8(len(d.letters))
	copy(h.ends[:], d.ends[:max(len(d.ends)-1, 0)])
	return h
}

// index finds contacts. Its maps hold places in the slices, which go together.
// A search walks over masks and heads, which are small and side by side, and
// looks at few of the names and at fewer contacts.
type index struct {
	order    []int64 // IDs, ascending
	contacts []Contact
	docs     []doc
	masks    []uint64 // letters that a name has; see maskOf
	heads    []head
	ids      map[int64]int32
	tokens   map[string]int32
	numbers  map[string][]int64 // canonical number: IDs
	lastID   int64
}

func newIndex() index {
	return index{ids: map[int64]int32{}, tokens: map[string]int32{}, numbers: map[string][]int64{}}
}

func (x *index) byID(id int64) *Contact {
	at, ok := x.ids[id]
	if !ok {
		return nil
	}
	return &x.contacts[at]
}

func (x *index) byToken(token string) *Contact {
	at, ok := x.tokens[token]
	if !ok {
		return nil
	}
	return &x.contacts[at]
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
	if at, known := slices.BinarySearch(x.order, c.ID); known {
		x.take(c.ID)
	} else {
		x.order = slices.Insert(x.order, at, c.ID)
	}
	if old := x.byToken(c.Token); old != nil {
		x.remove(old.ID)
	}
	d := doc{words: fold(c.Name)}
	d.tight = tight(d.words)
	d.letters, d.ends = letters(d.tight), endsOf(d.words)
	at := int32(len(x.docs))
	x.contacts, x.docs = append(x.contacts, c), append(x.docs, d)
	x.masks, x.heads = append(x.masks, maskOf(d.letters)), append(x.heads, headOf(&d))
	x.ids[c.ID], x.tokens[c.Token] = at, at
	for i := range c.Entries {
		n := c.Entries[i].Canonical
		if n != "" && !slices.Contains(x.numbers[n], c.ID) {
			x.numbers[n] = append(x.numbers[n], c.ID)
		}
	}
	x.lastID = max(x.lastID, c.ID)
}

// remove takes a contact out.
func (x *index) remove(id int64) {
	if at, known := slices.BinarySearch(x.order, id); known {
		x.order = slices.Delete(x.order, at, at+1)
		x.take(id)
	}
}

// take is remove of all but the order; the last contact moves to its place.
func (x *index) take(id int64) {
	at := x.ids[id]
	c := &x.contacts[at]
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
		x.contacts[at], x.docs[at], x.masks[at], x.heads[at] = x.contacts[last], x.docs[last], x.masks[last], x.heads[last]
		moved := &x.contacts[at]
		x.ids[moved.ID], x.tokens[moved.Token] = at, at
	}
	x.contacts[last], x.docs[last] = Contact{}, doc{}
	x.contacts, x.docs, x.masks, x.heads = x.contacts[:last], x.docs[:last], x.masks[:last], x.heads[:last]
}
