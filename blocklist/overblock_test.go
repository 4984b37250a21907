package blocklist

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// passing is a caller that a rule must let pass, and why one might err.
type passing struct{ region, rule, caller, because string }

func passings() []passing {
	return []passing{
		{"KR", "EXACT 010-1234-5678", "010-1234-5679", "the neighbour"},
		{"KR", "EXACT 010-1234-5678", "1234-5678", "only the end is the same"},
		{"KR", "EXACT 010-1234-5678", "02-1234-5678", "another area, the same end"},
		{"KR", "EXACT 010-1234-5678", "01012345678901", "goes on"},
		{"KR", "EXACT 010-1234-5678", "10-1234-567", "a digit less"},
		{"KR", "EXACT 010-1234-5678", "+1 010 1234 5678", "another country, the same digits"},
		{"KR", "EXACT 010-1234-5678", "+81 10 1234 5678", "another country, the same number"},
		{"KR", "EXACT 010-1234-5678", "001 81 10 1234 5678", "the same, dialled"},
		{"KR", "EXACT 010-1234-5678", "sip:x01012345678@pbx.example", "a SIP user with the number in it"},
		{"KR", "EXACT 1588-1234", "02-1588-1234", "a number that ends so"},
		{"KR", "EXACT 1588-1234", "1588-12345", "goes on"},
		{"KR", "EXACT 114", "031-114", "the same service of one area"},
		{"KR", "EXACT 6001", "016001", "an extension and a beginning"},
		{"KR", "EXACT mallory", "sip:mallory2@evil.example", "another user"},
		{"KR", "EXACT mallory", "sip:mal@mallory.example", "the name is the host's"},
		{"KR", "PREFIX 070", "010-7070-7070", "070 stands inside"},
		{"KR", "PREFIX 070", "+1 707 555 1234", "707 in California"},
		{"KR", "PREFIX 070", "+7 0 123 4567", "country code 7"},
		{"KR", "PREFIX 070", "07", "shorter than the rule"},
		{"KR", "PREFIX +82 70", "8270", "an extension"},
		{"KR", "PREFIX +82 70", "+7 082 70 1234", "82 and 70 stand inside"},
		{"KR", "PREFIX +82 10", "10", "short"},
		{"KR", "PREFIX 02", "+20 2 1234 5678", "Cairo"},
		{"KR", "PREFIX +1", "1588-1234", "begins with 1 at home"},
		{"KR", "PREFIX +1", "112", "emergency"},
		{"KR", "PREFIX +1", "+82 10 1234 5678", "at home"},
		{"KR", "PREFIX 1588", "+1 588 555 1234", "1588 after a plus is North America"},
		{"KR", "PREFIX 1588", "001 1 588 555 1234", "the same, dialled"},
		{"KR", "PREFIX 82", "+82 10 1234 5678", "82 after a plus is the country code"},
		{"KR", "PREFIX 001", "010-1234-5678", "not dialled with 001"},
		{"KR", "PREFIX 006", "00182 10 1234 5678", "another carrier"},
		{"KR", "PREFIX 006", "+1 212 555 1234", "dialled without any carrier"},
		{"KR", "PREFIX 11", "112", "emergency"},
		{"KR", "PREFIX 11", "mallory11", "a SIP user"},
		{"KR", "POSTFIX 5678", "5678-0000", "stands in front"},
		{"KR", "POSTFIX 5678", "010-5678-1234", "stands inside"},
		{"KR", "POSTFIX 5678", "sip:mallory5678@evil.example", "a SIP user"},
		{"KR", "POSTFIX 5678", "678", "shorter than the rule"},
		{"KR", "POSTFIX 2", "112", "emergency"},
		{"KR", "POSTFIX 9", "+82 119", "emergency"},
		{"KR", "POSTFIX 010-1234-5678", "02-1234-5678", "only a part of the end"},
		{"US", "PREFIX 212", "+212 5 3754 1234", "Morocco"},
		{"US", "EXACT 212-555-1234", "+52 212 555 1234", "Mexico"},
		{"US", "PREFIX 91", "911", "emergency"},
		{"JP", "PREFIX 090", "+82 90 1234 5678", "Korea"},
		{"JP", "PREFIX 010", "+1 010 555 1234", "010 is dialled to reach other countries"},
		{"DE", "PREFIX 030", "+30 210 1234567", "Greece"},
		{"DE", "PREFIX 0171", "+43 171 1234567", "Austria"},
		{"GB", "PREFIX 020", "+20 2 1234 5678", "Egypt"},
		{"GB", "POSTFIX 9", "999", "emergency"},
		{"AU", "PREFIX 00", "000", "emergency"},
		{"FR", "PREFIX 1", "15", "emergency"},
		{"IT", "PREFIX 06", "+39 6 698 12345", "not Rome, whose 0 is dialled from abroad too"},
	}
}

// TestOverblocking: what a rule does not say it does not do.
func TestOverblocking(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Region | Rule | Lets pass | Compared as | Although |\n| --- | --- | --- | --- | --- |\n")
	for _, c := range passings() {
		kind, pattern, _ := strings.Cut(c.rule, " ")
		typ, err := ParseType(kind)
		require.NoError(t, err)
		l, p := listOf(t, c.region, Entry{Type: typ, Pattern: pattern})
		n := p.Parse(c.caller)
		r, ok := l.Match(n)
		assert.False(t, ok, "%s: %s became %v and blocks %q (%s)", c.region, c.rule, r, c.caller, n)
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` | %s |\n", c.region, code(c.rule), code(c.caller), n, c.because)
	}
	checkDoc(t, "passings", b.String())
}

// neighbours returns digits with one of them changed, left out, doubled or
// swapped with the next.
func neighbours(digits string) []string {
	var out []string
	for i := range len(digits) {
		for d := byte('0'); d <= '9'; d++ {
			if d != digits[i] {
				out = append(out, digits[:i]+string(d)+digits[i+1:])
			}
			out = append(out, digits[:i]+string(d)+digits[i:])
		}
		out = append(out, digits[:i]+digits[i+1:])
		if i+1 < len(digits) && digits[i] != digits[i+1] {
			out = append(out, digits[:i]+string(digits[i+1])+string(digits[i])+digits[i+2:])
		}
	}
	return out
}

// TestOverblocking_Exhaustive tries whole families of callers, and lets no rule
// but the one that was made act.
func TestOverblocking_Exhaustive(t *testing.T) {
	tried := map[string]int{}
	var same []string               // no neighbours, but the number without its national prefix, or with one after the country code
	for _, s := range spellings() { // every neighbour of every number
		if s.beginnings == nil {
			continue
		}
		l, p := listOf(t, s.region, Entry{Type: Exact, Pattern: s.canonical})
		plus := strings.HasPrefix(s.canonical, "+")
		for _, near := range neighbours(strings.TrimPrefix(s.canonical, "+")) {
			if plus {
				near = "+" + near
			}
			n := p.Parse(near)
			_, ok := l.Match(n)
			assert.Equal(t, n.String() == s.canonical, ok, "%s %s: %q", s.region, s.canonical, near)
			if ok {
				same = append(same, s.region+" "+code(near))
				continue
			}
			tried["neighbours of the numbers above, one digit changed, added, left out or swapped"]++
		}
	}
	l, p := listOf(t, "KR", Entry{Type: Prefix, Pattern: "+82 70"}, Entry{Type: Exact, Pattern: "010-1234-5678"})
	for network := range 1000 {
		s := fmt.Sprintf("%03d-1234-5678", network)
		assert.Equal(t, network == 70 || network == 10, blocked(l, p, s), s)
		tried["codes 000 to 999 in front of 1234-5678"]++
	}
	for cc := 1; cc < 1000; cc++ { // every country
		if strings.HasPrefix(fmt.Sprint(cc), "82") {
			continue // at home, whatever follows
		}
		for _, way := range []string{"+%d 70 1234 5678", "+%d 070 1234 5678", "+%d 10 1234 5678", "001%d 70 1234 5678", "006%d 10 1234 5678", "00700%d 010 1234 5678"} {
			s := fmt.Sprintf(way, cc)
			assert.False(t, blocked(l, p, s), s)
			tried["country codes 1 to 999 but 82 in front of the same numbers, with a plus and dialled"]++
		}
	}
	l, p = listOf(t, "KR", Entry{Type: Prefix, Pattern: "+82 70"}, Entry{Type: Exact, Pattern: "+82 10 1234 5678"}, Entry{Type: Prefix, Pattern: "02-3"}, Entry{Type: Postfix, Pattern: "5678"})
	for width := 1; width <= 5; width++ { // every short code
		for short := range [...]int{1: 10, 100, 1000, 10_000, 100_000}[width] {
			s := fmt.Sprintf("%0*d", width, short)
			want := strings.HasPrefix(s, "070") || strings.HasPrefix(s, "023") || strings.HasSuffix(s, "5678")
			assert.Equal(t, want, blocked(l, p, s), s)
			tried["codes of one to five digits: only those that begin with 070 or 023 or end with 5678 are blocked"]++
		}
	}
	slices.Sort(same)
	checkDoc(t, "families", list(tried)+"\nAmong the neighbours these are the same number and so are blocked: without the national prefix, as some trunks send it, or\nwith it where it does not belong: "+
		strings.Join(slices.Compact(same), ", ")+".\n")
}

func list(tried map[string]int) string {
	var lines []string
	for what, n := range tried {
		lines = append(lines, fmt.Sprintf("- %d %s\n", n, what))
	}
	slices.SortFunc(lines, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return strings.Join(lines, "")
}

// TestEmergency_NeverBlocked: not even by rules that fit every number there is.
func TestEmergency_NeverBlocked(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Region | Never blocked |\n| --- | --- |\n")
	for _, c := range []struct{ region, numbers string }{
		{"KR", "112 119"}, {"US", "911 112 119"}, {"JP", "110 118 119 112"}, {"CN", "110 119 120 112"}, {"DE", "110 112 119"}, {"GB", "999 112 119"},
		{"FR", "15 17 18 112 119"}, {"IT", "112 113 115 118 119"}, {"AU", "000 112 119"}, {"BR", "190 192 193 112 119"}, {"IN", "112 100 101 108 119"},
	} {
		var entries []Entry
		for d := range 10 {
			entries = append(entries, Entry{Type: Prefix, Pattern: fmt.Sprint(d)}, Entry{Type: Postfix, Pattern: fmt.Sprint(d)})
		}
		l, p := listOf(t, c.region, entries...)
		l.SetAnonymousBlocked(true)
		for _, s := range append(strings.Fields(c.numbers), "urn:service:sos", "urn:service:sos.ambulance") {
			n := p.Parse(s)
			for _, withheld := range []bool{false, true} {
				_, ok := l.Check(n, withheld)
				assert.False(t, ok, "%s %s", c.region, s)
			}
			_, err := Canonical(p, Exact, s)
			assert.ErrorIs(t, err, ErrEmergency, "%s %s", c.region, s)
		}
		_, ok := l.Match(p.Parse("1234567"))
		assert.True(t, ok, "the rules fit all others")
		fmt.Fprintf(&b, "| %s | %s |\n", c.region, strings.ReplaceAll(c.numbers, " ", ", "))
	}
	checkDoc(t, "emergency", b.String())
}
