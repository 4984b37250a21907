package phonebook

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Scores of the ways in which a name can match. Within a way, the larger part
// of the name the query is, the better, by up to the span. A name that does not
// hold the query scores the share of its letters that are right.
const (
	scoreExact     = 1.0
	scoreReordered = 0.98 // the same words in another order
	scorePrefix    = 0.93
	spanPrefix     = 0.03
	scoreWord      = 0.91 // a word of the name, or the beginning of one
	spanWord       = 0.015
	scoreTyping    = 0.895 // the beginning, but for a last syllable half typed
	spanTyping     = 0.01
	scoreInitials  = 0.85 // consonants alone, from the beginning
	spanInitials   = 0.04
	scorePart      = 0.83
	spanPart       = 0.06
	spanPartTyping = 0.04
	spanPartInit   = 0.02
	scoreEdits     = 0.82 // at most
	costEdit       = 0.01 // of each edit but one
	weightWord     = 0.97 // of a word that is near
	costOtherLabel = 0.03 // none of its numbers has the label asked for
)

// Search returns the contacts whose name matches, best first: equal names, then
// those that begin with the query, have a word that does, or contain it (or its
// initial consonants), then those a few letters away: one for every four
// letters of the query, at most three. A label asked for picks the number; a
// contact without such a number is still found and scores a little less. A
// query with a label and no name looks for a contact of that name; a name that
// ends in a label word ("김민수 집") is taken apart when that finds better, one that
// ends in a user's own label when nothing is found else. Of equal scores the lower name and ID come first. An empty query
// finds nothing.
func (b *Book) Search(q Query) []Match {
	found := b.search(newQuery(q), q.Limit)
	if q.Label != "" || len(found) > 0 && found[0].Exact {
		return found
	}
	var known bool
	if q.Name, q.Label, known = splitLabel(q.Name); q.Label == "" || !known && len(found) > 0 {
		return found
	}
	apart := b.search(newQuery(q), q.Limit)
	if len(apart) > 0 && (known || apart[0].Labeled) && (len(found) == 0 || apart[0].Score > found[0].Score) {
		return apart
	}
	return found
}

func (b *Book) search(query *query, limit int) []Match {
	if query.tight == "" {
		return nil
	}
	if limit <= 0 || limit > MaxMatches {
		limit = MaxMatches
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	top := ranking{index: &b.index, hits: make([]hit, 0, limit), label: query.label}
	size := len(query.letters)
	for i, mask := range b.index.masks {
		lacking := missing(query.mask, mask)
		if lacking > query.limit {
			continue
		}
		head := &b.index.heads[i]
		n := int(head.size)
		if head.isOneWord() && (n < size-query.limit || lacking > 0 && n > size+query.limit) {
			continue
		}
		h, floor := hit{at: int32(i)}, top.floor()
		for query.limit > 0 && query.edits(query.limit, query.pattern.size+query.limit) < floor {
			query.limit-- // so many edits are no longer good enough
		}
		if lacking == 0 && query.mayMatch(head, floor) {
			h.score = query.match(&b.index.docs[i], floor)
		}
		switch {
		case h.score > 0 || query.limit == 0:
		case n > 0:
			h.score = near(query, head.letters[:n], head.ends[:])
		default:
			h.score = near(query, b.index.docs[i].letters, b.index.docs[i].ends)
		}
		if h.score == 0 || h.score < floor {
			continue
		}
		h.exact = h.score == scoreExact
		if query.label.isSet() {
			if _, labeled := query.label.pick(&b.index.contacts[i]); !labeled {
				h.score -= costOtherLabel
			}
		}
		top.add(h)
	}
	return top.matches()
}

// mayMatch is false for a name that match would score below floor, as its first
// letters tell: it does not begin like the query, and what could still be in it
// is worth too little.
func (q *query) mayMatch(h *head, floor float64) bool {
	switch {
	case bytes.HasPrefix(h.letters[:], q.head) || q.initials != nil && h.letters[0] == q.head[0]:
		return true
	case h.isOneWord():
		return floor <= scorePart+spanPart
	}
	return len(q.split) > 1 || floor <= scoreWord+spanWord
}

// match scores a name that has all letters of the query; 0 also for a score
// below floor, where that saves work.
func (q *query) match(d *doc, floor float64) float64 {
	share := float64(len(q.tight)) / float64(len(d.tight))
	switch {
	case strings.HasPrefix(d.tight, q.tight):
		if len(q.tight) == len(d.tight) {
			return scoreExact
		}
		return scorePrefix + spanPrefix*share
	case len(d.ends) > 0 && strings.Contains(d.words, q.spaced):
		return scoreWord + spanWord*share
	}
	best := q.reordered(d)
	if best == 0 && q.open {
		best = q.typing(d, floor)
	}
	if best < scoreInitials+spanInitials && q.initials != nil {
		best = max(best, q.startsWith(d, floor))
	}
	if best < scorePart+spanPart && floor <= scorePart+spanPart && strings.Contains(d.tight, q.tight) {
		best = max(best, scorePart+spanPart*share)
	}
	return best
}

// reordered scores a name that has every word of the query, or its beginning,
// in any order.
func (q *query) reordered(d *doc) float64 {
	if len(q.split) < 2 {
		return 0
	}
	whole := len(q.words) == len(d.words)
	for _, w := range q.split {
		at := wordAt(d.words, w)
		if at < 0 {
			return 0
		}
		end := at + len(w)
		whole = whole && (end == len(d.words) || d.words[end] == ' ')
	}
	if whole {
		return scoreReordered
	}
	return scoreWord + spanWord*float64(len(q.words))/float64(max(len(q.words), len(d.words)))
}

// wordAt returns where a word begins with w, -1 for nowhere.
func wordAt(words, w string) int {
	for from := 0; ; {
		at := strings.Index(words[from:], w)
		if at < 0 {
			return -1
		}
		at += from
		if at == 0 || words[at-1] == ' ' {
			return at
		}
		from = at + 1
	}
}

// startsWith scores initial consonants: each one alone stands for a syllable
// that begins with it, all else for itself.
func (q *query) startsWith(d *doc, floor float64) float64 {
	if scoreInitials+spanInitials < floor {
		return 0
	}
	for at := 0; at < len(d.tight) && (at == 0 || scorePart+spanPartInit >= floor); {
		if q.fitsAt(d.tight[at:]) {
			share := float64(len(q.initials)) / float64(utf8.RuneCountInString(d.tight))
			if at == 0 {
				return scoreInitials + spanInitials*share
			}
			return scorePart + spanPartInit*share
		}
		_, size := utf8.DecodeRuneInString(d.tight[at:])
		at += size
	}
	return 0
}

func (q *query) fitsAt(tight string) bool {
	n := 0
	for _, r := range tight {
		if n == len(q.initials) {
			break
		}
		want := q.initials[n]
		if r != want && (!isSyllable(r) || initial(r) != want) {
			return false
		}
		n++
	}
	return n == len(q.initials)
}

// typing scores a query whose last syllable lacks its final still: 김미 for 김민수.
func (q *query) typing(d *doc, floor float64) float64 {
	share := float64(len(q.letters)) / float64(max(len(d.letters), 1))
	switch {
	case !q.open:
		return 0
	case strings.HasPrefix(d.letters, q.letters):
		return scoreTyping + spanTyping*share
	case scorePart+spanPartTyping >= floor && strings.Contains(d.letters, q.letters):
		return scorePart + spanPartTyping*share
	}
	return 0
}

// near scores a name, or a word of a name of several, that is some edits away.
func near[T string | []byte](q *query, letters, ends T) float64 {
	best := distance(q.pattern, letters, q.limit)
	score := q.edits(best, len(letters))
	if len(ends) == 0 || ends[0] == 0 {
		return score
	}
	from := 0
	for i := 0; i <= len(ends) && from < len(letters) && best > 1; i++ {
		end := len(letters)
		if i < len(ends) && ends[i] != 0 {
			end = int(ends[i])
		}
		if n := distance(q.pattern, letters[from:end], q.limit); n < best {
			best, score = n, max(score, weightWord*q.edits(n, end-from))
		}
		from = end
	}
	return score
}

// edits scores a distance to a text of so many letters: the share of letters
// that are right, of the longer of both. Runes that share a letter make the
// distance 0 at times.
func (q *query) edits(n, letters int) float64 {
	if n > q.limit {
		return 0
	}
	n = max(n, 1)
	right := 1 - float64(n)/float64(max(q.pattern.size, letters))
	return min(right, scoreEdits) - costEdit*float64(n-1)
}

// hit is a match before anything is copied.
type hit struct {
	score float64
	at    int32 // in the index
	exact bool
}

// ranking keeps the best hits, the worst of them on top of a heap.
type ranking struct {
	index *index
	hits  []hit
	label wanted
}

// floor is the score that a hit needs to be among the best.
func (r *ranking) floor() float64 {
	if len(r.hits) < cap(r.hits) {
		return 0
	}
	return r.hits[0].score
}

// compare orders hits best first.
func (r *ranking) compare(x, y hit) int {
	if c := cmp.Compare(y.score, x.score); c != 0 {
		return c
	}
	if c := cmp.Compare(r.index.docs[x.at].words, r.index.docs[y.at].words); c != 0 {
		return c
	}
	return cmp.Compare(r.index.contacts[x.at].ID, r.index.contacts[y.at].ID)
}

func (r *ranking) add(h hit) {
	if len(r.hits) < cap(r.hits) {
		r.hits = append(r.hits, h)
		for i := len(r.hits) - 1; i > 0; {
			up := (i - 1) / 2
			if r.compare(r.hits[i], r.hits[up]) <= 0 {
				return
			}
			r.hits[i], r.hits[up] = r.hits[up], r.hits[i]
			i = up
		}
		return
	}
	if r.compare(h, r.hits[0]) >= 0 {
		return
	}
	r.hits[0] = h
	for i := 0; ; {
		worst := 2*i + 1
		if worst >= len(r.hits) {
			return
		}
		if worst+1 < len(r.hits) && r.compare(r.hits[worst+1], r.hits[worst]) > 0 {
			worst++
		}
		if r.compare(r.hits[worst], r.hits[i]) <= 0 {
			return
		}
		r.hits[i], r.hits[worst] = r.hits[worst], r.hits[i]
		i = worst
	}
}

func (r *ranking) matches() []Match {
	slices.SortFunc(r.hits, r.compare)
	var out []Match
	for _, h := range r.hits {
		c := &r.index.contacts[h.at]
		m := Match{Contact: c.clone(), Score: h.score, Exact: h.exact}
		m.Entry, m.Labeled = r.label.pick(c)
		out = append(out, m)
	}
	return out
}
