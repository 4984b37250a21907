package phonebook

import (
	"slices"
	"strings"
)

// MaxMatches is the most that a search returns.
const MaxMatches = 70

// Query is what somebody is looking for.
type Query struct {
	Name  string // as said or typed, in whole or in part
	Label string // free speech: "집", "회사 번호", "mobile", a user's own label; empty for any
	Limit int    // at most so many; 0 and above MaxMatches: MaxMatches
}

// Match is a contact that a search found.
type Match struct {
	Contact Contact
	Entry   int     // place in Contact.Entries of the number to call; -1 when there is none
	Score   float64 // above 0, at most 1; see Search
	Exact   bool    // the name is the one looked for, but for case, width, accents, spaces and punctuation
	Labeled bool    // Entry has the label asked for; false when none was
}

// query is a Query made ready.
type query struct {
	words    string // folded
	tight    string
	spaced   string   // words behind a space: the beginning of a later word
	split    []string // words, when there are several
	letters  string
	head     []byte // the first letters
	mask     uint64
	pattern  *pattern
	limit    int    // edits that may still be good enough
	initials []rune // tight with at least one consonant alone, else nil
	open     bool   // ends in a syllable without final: it may be half typed
	label    wanted
}

// wanted is a label in free speech.
type wanted struct {
	folded string
	label  Label // NoLabel when the speech has no label word
}

func (w wanted) isSet() bool { return w.folded != "" }

func newQuery(q Query) *query {
	if strings.TrimSpace(q.Name) == "" {
		// "Call home": whoever is saved under that word.
		q.Name, q.Label = q.Label, ""
	}
	out := &query{words: fold(q.Name)}
	out.tight, out.spaced = tight(out.words), " "+out.words
	out.letters = letters(out.tight)
	out.head = []byte(out.letters[:min(len(out.letters), len(head{}.letters))])
	out.mask = maskOf(out.letters)
	out.pattern = newPattern(out.letters)
	if n := len(out.letters); n <= maxPattern {
		out.limit = min((n+1)/4, 3)
	}
	if out.tight != out.words {
		out.split = strings.Fields(out.words)
	}
	runes := []rune(out.tight)
	if slices.ContainsFunc(runes, isConsonant) {
		out.initials = runes
	}
	if n := len(runes); n > 0 {
		r := runes[n-1]
		out.open = isSyllable(r) && (r-syllableFirst)%finals == 0 || isCompatJamo(r)
	}
	out.label.folded = tight(fold(q.Label))
	if out.label.isSet() {
		out.label.label, _ = LabelOf(q.Label)
	}
	return out
}

// pick returns the entry to call, and whether it has the label asked for. With
// no label, or none that fits, a mobile number comes first.
func (w wanted) pick(c *Contact) (at int, labeled bool) {
	best := -1
	at = -1
	for i := range c.Entries {
		e := &c.Entries[i]
		rank := 0
		if w.isSet() {
			rank = w.rank(e)
		}
		fits := rank > 0
		if !fits {
			rank = e.mobility()
		} else {
			rank += 10 // above every number that does not fit
		}
		if rank > best {
			best, at, labeled = rank, i, fits
		}
	}
	return at, labeled
}

// rank says how well the entry fits the label; 0: not at all.
func (w wanted) rank(e *Entry) int {
	own := ""
	if e.Text != "" {
		own = tight(fold(e.Text))
	}
	switch {
	case own != "" && own == w.folded:
		return 5
	case w.label != NoLabel && e.Label == w.label:
		return 4
	case w.label != NoLabel && e.Label == UserDefined && means(e.Text, w.label):
		return 3
	case w.label == Mobile && e.Label == NoLabel && e.Mobile:
		return 2
	case own != "" && strings.Contains(own, w.folded):
		return 1
	}
	return 0
}

func means(text string, l Label) bool {
	got, ok := LabelOf(text)
	return ok && got == l
}

// mobility orders numbers when no label decides.
func (e *Entry) mobility() int {
	switch {
	case e.Label == Mobile:
		return 3
	case e.Mobile && e.Label != Company && e.Label != Home:
		return 2
	case e.Mobile:
		return 1
	}
	return 0
}
