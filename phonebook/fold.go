package phonebook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hangul in Unicode: syllables are computed from jamo (Unicode §3.12), and the
// compatibility jamo U+3131 to U+3163 are the letters as they are typed.
const (
	syllableFirst = 0xac00
	syllableLast  = 0xd7a3
	vowels        = 21
	finals        = 28 // none among them
	leadFirst     = 0x1100
	leads         = 19
	vowelFirst    = 0x1161
	finalFirst    = 0x11a7 // which is none itself
	compatFirst   = 0x3131
	compatVowel   = 0x314f
	compatLast    = 0x3163
)

// compatLead and compatFinal are the compatibility jamo of initial and final
// consonants, in the order of the syllables.
const (
	compatLead  = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
	compatFinal = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
	jamoBytes   = 3 // of each of them in UTF-8
)

func isSyllable(r rune) bool   { return r >= syllableFirst && r <= syllableLast }
func isConsonant(r rune) bool  { return r >= compatFirst && r < compatVowel }
func isCompatJamo(r rune) bool { return r >= compatFirst && r <= compatLast }

// jamoAt returns the n-th jamo of one of the lists above.
func jamoAt(list string, n rune) rune {
	r, _ := utf8.DecodeRuneInString(list[n*jamoBytes:])
	return r
}

// initial returns the initial consonant of a syllable.
func initial(syllable rune) rune {
	return jamoAt(compatLead, (syllable-syllableFirst)/(vowels*finals))
}

// fold makes spellings of one name equal: case, width (U+FF01 to U+FF5E and
// halfwidth jamo), accents, decomposed Hangul, punctuation and runs of spaces.
// Apostrophes and signs vanish; other punctuation parts words. A name of
// nothing else is kept as it is.
func fold(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range compose(s) {
		r = narrow(r)
		switch {
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’' || r == '‘' || r == '`' || unicode.Is(unicode.Cf, r):
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mc, r):
		case unicode.IsSymbol(r):
			continue
		default:
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		if base, ok := baseLetters(r); ok {
			b.WriteString(base)
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	if b.Len() == 0 {
		return strings.ToLower(strings.Join(strings.Fields(s), " "))
	}
	return b.String()
}

// isPlain reports whether fold would leave s as it is: lower-case ASCII words
// and syllables.
func isPlain(s string) bool {
	space := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || isSyllable(r):
			space = false
		case r == ' ' && !space:
			space = true
		default:
			return false
		}
	}
	return !space
}

func tight(folded string) string { return strings.ReplaceAll(folded, " ", "") }

// narrow maps fullwidth signs and halfwidth jamo to the usual ones.
func narrow(r rune) rune {
	switch {
	case r < 0x3000:
		return r
	case r == 0x3000:
		return ' '
	case r >= 0xff01 && r <= 0xff5e:
		return r - 0xff01 + '!'
	case r >= 0xffa1 && r <= 0xffbe:
		return r - 0xffa1 + compatFirst
	case r >= 0xffc2 && r <= 0xffc7:
		return r - 0xffc2 + compatVowel
	case r >= 0xffca && r <= 0xffcf:
		return r - 0xffca + compatVowel + 6
	case r >= 0xffd2 && r <= 0xffd7:
		return r - 0xffd2 + compatVowel + 12
	case r >= 0xffda && r <= 0xffdc:
		return r - 0xffda + compatVowel + 18
	}
	return r
}

// compose joins conjoining jamo to syllables (Unicode §3.12), as files from
// macOS have them apart.
func compose(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= leadFirst && r < finalFirst+finals }) {
		return s
	}
	in := []rune(s)
	out := make([]rune, 0, len(in))
	for i := 0; i < len(in); i++ {
		r := in[i]
		if r < leadFirst || r >= leadFirst+leads {
			out = append(out, r)
			continue
		}
		if i+1 >= len(in) || in[i+1] < vowelFirst || in[i+1] >= vowelFirst+vowels {
			out = append(out, jamoAt(compatLead, r-leadFirst))
			continue
		}
		r = syllableFirst + ((r-leadFirst)*vowels+in[i+1]-vowelFirst)*finals
		i++
		if i+1 < len(in) && in[i+1] > finalFirst && in[i+1] < finalFirst+finals {
			r += in[i+1] - finalFirst
			i++
		}
		out = append(out, r)
	}
	return string(out)
}

// accented lists letters with marks behind their base letters.
const accented = "aàáâãäåāăą cçćĉċč dďđð eèéêëēĕėęě gĝğġģ hĥħ iìíîïĩīĭįı jĵ kķ lĺļľŀł nñńņňŋ oòóôõöøōŏőơ rŕŗř sśŝşšș tţťŧț uùúûüũūŭůűųư wŵ yýÿŷ zźżž"

// baseLetters returns the letters that a letter with marks is typed as.
func baseLetters(r rune) (string, bool) {
	if r < 0x80 || r > 0x21b {
		return "", false
	}
	switch r = unicode.ToLower(r); r {
	case 'ß':
		return "ss", true
	case 'æ':
		return "ae", true
	case 'œ':
		return "oe", true
	case 'þ':
		return "th", true
	}
	at := strings.IndexRune(accented, r)
	if at < 0 {
		return "", false
	}
	first := strings.LastIndexByte(accented[:at], ' ') + 1
	return accented[first : first+1], true
}
