package phonebook

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Letters are one byte each, so that edit distance is a matter of bytes: ASCII
// is itself, the compatibility jamo are from jamoByte on, and each other rune
// is one of the bytes from otherByte on, which it may share.
const (
	jamoByte   = 0x80
	otherByte  = jamoByte + compatLast - compatFirst + 1
	others     = 0x100 - otherByte
	maxLetters = 160 // of a name; the rest of a longer one is not compared
)

// letters returns the letters of a folded name without spaces; a syllable is
// two or three.
func letters(tight string) string {
	out := make([]byte, 0, len(tight)+len(tight)/2)
	for _, r := range tight {
		if len(out) >= maxLetters {
			break
		}
		switch {
		case isSyllable(r):
			n := r - syllableFirst
			out = append(out, letter(initial(r)), letter(compatVowel+n/finals%vowels))
			if n%finals != 0 {
				out = append(out, letter(jamoAt(compatFinal, n%finals-1)))
			}
		default:
			out = append(out, letter(r))
		}
	}
	return string(out)
}

// endsOf returns where each word of a folded name ends in its letters, one byte
// a word; empty for a name of one word.
func endsOf(words string) string {
	var ends []byte
	for n, rest := 0, words; rest != ""; {
		word, after, more := strings.Cut(rest, " ")
		if !more && ends == nil {
			return ""
		}
		n = min(n+len(letters(word)), maxLetters)
		ends, rest = append(ends, byte(n)), after
	}
	return string(ends)
}

func letter(r rune) byte {
	switch {
	case r < utf8.RuneSelf:
		return byte(r)
	case isCompatJamo(r):
		return byte(r - compatFirst + jamoByte)
	}
	return byte(uint32(r)*2654435761>>16%others) + otherByte
}

// maskOf is the set of letters, each as one of 64 bits.
func maskOf(letters string) (mask uint64) {
	for i := range len(letters) {
		mask |= 1 << bitOf(letters[i])
	}
	return mask
}

// bitOf gives Latin letters and the jamo bits that they share little.
func bitOf(c byte) byte {
	switch {
	case c >= 'a' && c <= 'z':
		return c - 'a'
	case c >= jamoByte && c < otherByte:
		return 26 + (c-jamoByte)%38
	}
	return 26 + c%38
}

// missing counts letters of the query that the name lacks. Each costs an edit,
// so it is never more than the edit distance.
func missing(query, name uint64) int { return bits.OnesCount64(query &^ name) }

// pattern is a query made ready for distances by bit-parallel dynamic
// programming (Myers 1999; with transpositions, Hyyrö 2003).
type pattern struct {
	peq  [256]uint64 // where in the query each letter stands
	size int         // letters, at most 64
}

const maxPattern = 64

func newPattern(letters string) *pattern {
	p := &pattern{size: min(len(letters), maxPattern)}
	for i := range p.size {
		p.peq[letters[i]] |= 1 << i
	}
	return p
}

// distance returns the number of letters to insert, delete, replace, or swap
// with their neighbour, between the query p and the text (optimal string
// alignment). Above limit it returns limit+1.
func distance[T string | []byte](p *pattern, text T, limit int) int {
	if p.size == 0 || abs(len(text)-p.size) > limit {
		return limit + 1
	}
	var d0, before uint64
	vp, vn := ^uint64(0), uint64(0)
	last := uint64(1) << (p.size - 1)
	score := p.size
	for i := range len(text) {
		eq := p.peq[text[i]]
		swap := ((^d0 & eq) << 1) & before
		d0 = (((eq & vp) + vp) ^ vp) | eq | vn | swap
		hp := vn | ^(d0 | vp)
		hn := d0 & vp
		if hp&last != 0 {
			score++
		}
		if hn&last != 0 {
			score--
		}
		if score-(len(text)-1-i) > limit {
			return limit + 1
		}
		hp = hp<<1 | 1
		hn <<= 1
		vp = hn | ^(d0 | hp)
		vn = hp & d0
		before = eq
	}
	return min(score, limit+1)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
