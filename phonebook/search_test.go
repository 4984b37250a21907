package phonebook

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func names(found []Match) (out []string) {
	for _, m := range found {
		out = append(out, m.Contact.Name)
	}
	return out
}

func find(b *Book, name string) []string { return names(b.Search(Query{Name: name})) }

func TestSearch_Ranks(t *testing.T) {
	b, _ := newBook(t)
	for _, n := range []string{
		"김민수", "김민수영", "박김민수", "김민서", "김만수", "이영희", "김 철수", "강물", "민수네 빵집", "엄마",
		"John Smith", "Smith Johnson", "Jon Smith", "Jane Smyth", "JOHN", "Zoë O'Brien-Müller", "Straße 66", "119 신고", "山田", "❤️", "ㅋㅋ",
	} {
		put(t, b, person(n, "010-1111-2222"))
	}
	for query, want := range map[string][]string{
		// exact, prefix, substring, then edits
		"김민수":      {"김민수", "김민수영", "박김민수", "김만수", "김민서"},
		" 김 민수":    {"김민수", "김민수영", "박김민수", "김만수", "김민서"},
		"민수":       {"민수네 빵집", "김민수", "김민수영", "박김민수"},
		"김철수":      {"김 철수"},
		"빵집":       {"민수네 빵집"},
		"엄마":       {"엄마"},
		"음마":       {"엄마"},
		"이영히":      {"이영희"},
		"김민":       {"김민서", "김민수", "김민수영", "박김민수"},
		"김민ㅅ":      {"김민서", "김민수", "김민수영", "박김민수", "김만수"},
		"김미":       {"김민서", "김민수", "김민수영", "박김민수"},
		"ㄱㅁㅅ":      {"김만수", "김민서", "김민수", "김민수영", "박김민수"},
		"ㄱㅊㅅ":      {"김 철수"},
		"ㅁㅅㄴ":      {"민수네 빵집"},
		"ㅋㅋ":       {"ㅋㅋ"},
		"ㄱㅁ":       {"강물", "김만수", "김민서", "김민수", "김민수영", "박김민수"},
		"john":     {"JOHN", "John Smith", "Smith Johnson", "Jon Smith"},
		"ｊｏｈｎ":     {"JOHN", "John Smith", "Smith Johnson", "Jon Smith"},
		"smith":    {"Smith Johnson", "Jon Smith", "John Smith", "Jane Smyth"},
		"smithjoh": {"Smith Johnson"},
		"Smith John": {
			"John Smith", "Smith Johnson",
		},
		"jhon smith": {"John Smith", "Jon Smith"},
		"zoe":        {"Zoë O'Brien-Müller"},
		"obrien":     {"Zoë O'Brien-Müller"},
		"MULLER":     {"Zoë O'Brien-Müller"},
		"muler":      {"Zoë O'Brien-Müller"},
		"strasse":    {"Straße 66"},
		"119":        {"119 신고"},
		"山田":         {"山田"},
		"山":          {"山田"},
		"❤️":         {"❤️"},
		"없는이름":       nil,
		"":           nil,
		" \t":        nil,
	} {
		got := find(b, query)
		switch query {
		case "김민수", " 김 민수", "민수", "ㄱㅁ":
			require.GreaterOrEqual(t, len(got), len(want), "%q: %v", query, got)
			got = got[:len(want)]
		}
		assert.Equal(t, want, got, "%q", query)
	}
	for _, decomposed := range []string{"\u1100\u1175\u11b7\u1106\u1175\u11ab\u1109\u116e", "\uffa1\uffb1\uffb5"} {
		assert.Contains(t, find(b, decomposed), "김민수")
	}
}

// A name some letters away scores the share of its letters that are right.
func TestSearch_ScoresOfEdits(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        float64
	}{
		{"Minji", "minjy", 0.8}, {"Minji Kim", "minjy", 0.8 * weightWord}, {"Minji Kim", "minjy kim", scoreEdits}, {"Bob", "bop", 1 - 1./3},
		{"Jonathan", "jonahtan", scoreEdits}, {"Jonathan", "jonahtam", 1 - 2./8 - costEdit}, {"이영희", "이영히", 1 - 1./7},
		{"Elizabeth Rodriguez", "elisabeth rodrigues", scoreEdits - costEdit}, {"Elizabeth Rodriguez", "elisabet rodrigues", scoreEdits - 2*costEdit},
	} {
		b, _ := newBook(t)
		put(t, b, person(c.name, "010-1111-2222"))
		found := b.Search(Query{Name: c.query})
		require.Len(t, found, 1, c.query)
		assert.InDelta(t, min(c.want, scoreEdits), found[0].Score, 1e-9, "%s for %s", c.query, c.name)
		assert.Less(t, found[0].Score, scorePart, "any name that holds the query is better")
	}
}

func TestSearch_ScoresAreOrderedByWay(t *testing.T) {
	b, _ := newBook(t, person("김민수"), person("김민수나"), person("나 김민수"), person("나김민수"), person("김민스"))
	found := b.Search(Query{Name: "김민수"})
	assert.Equal(t, []string{"김민수", "김민수나", "나 김민수", "나김민수", "김민스"}, names(found))
	last := 2.0
	for i, m := range found {
		assert.Less(t, m.Score, last)
		assert.Positive(t, m.Score)
		assert.Equal(t, i == 0, m.Exact)
		assert.Equal(t, -1, m.Entry, "without a number")
		last = m.Score
	}
	assert.InDelta(t, 1, found[0].Score, 0)
}

func TestSearch_LabelPicksTheNumber(t *testing.T) {
	b, _ := newBook(t,
		person("김민수", "HOME 02-111-1111", "COMPANY 02-222-2222", "MOBILE 010-3333-3333", "별장 033-444-4444", "부산집 051-555-5555"),
		person("김민수", "02-666-6666", "010-7777-7777"), person("김민수네 집", "HOME 02-888-8888"), person("우리집", "02-999-9999"),
		person("이영희", "COMPANY 02-000-0001", "사무실 02-000-0002"),
	)
	for _, c := range []struct{ name, label, number, second string }{
		{"김민수", "", "010-3333-3333", "010-7777-7777"},
		{"김민수", "집", "02-111-1111", "010-7777-7777"},
		{"김민수", "집으로", "02-111-1111", "010-7777-7777"},
		{"김민수", "home number", "02-111-1111", "010-7777-7777"},
		{"김민수", "회사 전화", "02-222-2222", "010-7777-7777"},
		{"김민수", "my mobile", "010-3333-3333", "010-7777-7777"},
		{"김민수", "핸드폰", "010-3333-3333", "010-7777-7777"},
		{"김민수", "별장", "033-444-4444", "010-7777-7777"},
		{"김민수", "부산집", "051-555-5555", "010-7777-7777"},
		{"김민수", "부산", "051-555-5555", "010-7777-7777"},
		{"김민수", "화성", "010-3333-3333", "010-7777-7777"},
		{"이영희", "사무실", "02-000-0002", ""},
		{"이영희", "직장", "02-000-0001", ""},
		{"", "우리집", "02-999-9999", ""},
		{"우리 집", "", "02-999-9999", ""},
		{"김민수 집", "", "02-111-1111", "010-7777-7777"},
		{"김민수의 휴대폰 번호", "", "010-3333-3333", "010-7777-7777"},
		{"김민수 work phone number", "", "02-222-2222", "010-7777-7777"},
		{"김민수 별장", "", "033-444-4444", "010-7777-7777"},
	} {
		found := b.Search(Query{Name: c.name, Label: c.label})
		require.NotEmpty(t, found, c)
		assert.Equal(t, c.number, found[0].Contact.Entries[found[0].Entry].Number, c)
		asked := c.label != "" && c.label != "화성" && c.name != "" || strings.HasPrefix(c.name, "김민수") && c.second != "" && c.name != "김민수"
		assert.Equal(t, asked, found[0].Labeled, c)
		if c.second != "" {
			require.Greater(t, len(found), 1)
			assert.Equal(t, c.second, found[1].Contact.Entries[found[1].Entry].Number, c)
			assert.True(t, found[1].Exact, "an equal name comes before a longer one that has the label")
		}
	}
	found := b.Search(Query{Name: "김민수", Label: "집"})
	assert.Greater(t, found[0].Score, found[1].Score)
	assert.Empty(t, b.Search(Query{Label: "회사"}))
}

func TestLabelOf(t *testing.T) {
	for text, want := range map[string]Label{
		"집": Home, "집으로": Home, "우리 집": Home, "우리집 전화번호로": Home, "집전화": Home, "자택": Home, "home": Home, "Home phone": Home, "his house": Home,
		"회사": Company, "회사로": Company, "회사 번호": Company, "직장": Company, "사무실 전화": Company, "근무처": Company, "work": Company, "the office": Company,
		"OFFICE NUMBER": Company, "휴대폰": Mobile, "휴대폰으로": Mobile, "휴대 전화": Mobile, "핸드폰 번호": Mobile, "핸드폰번호로요": Mobile, "모바일": Mobile,
		"폰": Mobile, "mobile": Mobile, "my cell phone": Mobile, "cell": Mobile, "ＭＯＢＩＬＥ": Mobile, "USER_DEFINED": UserDefined,
	} {
		got, ok := LabelOf(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", " ", "별장", "phone", "번호", "전화", "집행부", "homer", "network", "김민수"} {
		_, ok := LabelOf(text)
		assert.False(t, ok, text)
	}
	for l := NoLabel; l <= UserDefined; l++ {
		text, err := l.MarshalText()
		require.NoError(t, err)
		var back Label
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, l, back)
	}
	var l Label
	require.NoError(t, l.UnmarshalText([]byte("회사")))
	assert.Equal(t, Company, l)
	var le *LabelError
	assert.ErrorAs(t, l.UnmarshalText([]byte("별장")), &le)
	assert.Empty(t, Label(99).String())
}

func TestSearch_AtMost70BestFirst(t *testing.T) {
	b, _ := newBook(t)
	for i := range 300 {
		put(t, b, person(fmt.Sprintf("김%03d", 299-i)))
	}
	put(t, b, person("김"))
	for limit, want := range map[int]int{0: 70, 5: 5, 70: 70, 71: 70, 1000: 70, -1: 70} {
		found := b.Search(Query{Name: "김", Limit: limit})
		require.Len(t, found, want)
		assert.Equal(t, "김", found[0].Contact.Name)
		for i := 1; i < len(found); i++ {
			assert.Equal(t, fmt.Sprintf("김%03d", i-1), found[i].Contact.Name, "of equal scores the lower name")
		}
	}
}

// naiveDistance is optimal string alignment as every textbook has it.
func naiveDistance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

func TestDistance_IsOptimalStringAlignment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringMatching(`[abc]{1,12}|[a-d]{50,64}`).Draw(t, "a")
		b := rapid.StringMatching(`[abc]{0,14}|[a-d]{50,70}`).Draw(t, "b")
		limit := rapid.IntRange(0, 70).Draw(t, "limit")
		want := min(naiveDistance(a, b), limit+1)
		if got := distance(newPattern(a), b, limit); got != want {
			t.Fatalf("%q %q: %d, want %d", a, b, got, want)
		}
		if n := missing(maskOf(a), maskOf(b)); n > naiveDistance(a, b) {
			t.Fatalf("%q %q: %d letters are missing", a, b, n)
		}
	})
	assert.Equal(t, 1, distance(newPattern(""), "a", 0))
	assert.Equal(t, 1, distance(newPattern(letters("김민수")), letters("김민서"), 3), "one vowel")
	assert.Equal(t, 1, distance(newPattern(letters("미나")), letters("민아"), 3), "a consonant that slid")
}

// Search finds what a plain walk over all names finds.
func TestSearch_MissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &Book{index: newIndex()}
		name := rapid.StringMatching(`[김이박민수영][민수영희]{1,3}|[a-c]{1,4}( [a-c]{1,4})?`)
		all := rapid.SliceOfN(name, 1, 40).Draw(t, "names")
		for _, n := range all {
			b.index.put(Contact{ID: int64(b.Len() + 1), Token: fmt.Sprint(b.Len()), Name: n})
		}
		q := rapid.StringMatching(`[김이박민수영희ㄱㅁㅅ]{1,3}|[a-c]{1,6}`).Draw(t, "query")
		found := map[int64]Match{}
		for _, m := range b.Search(Query{Name: q}) {
			found[m.Contact.ID] = m
		}
		for i, n := range all {
			m, ok := found[int64(i+1)]
			squeezed := strings.ReplaceAll(n, " ", "")
			distance := naiveDistance(letters(q), letters(squeezed))
			limit := min((len(letters(q))+1)/4, 3)
			switch {
			case (squeezed == q) != (ok && m.Exact):
				t.Fatalf("%q in %q: exact %v", q, n, m)
			case (strings.Contains(squeezed, q) || distance <= limit) && !ok:
				t.Fatalf("%q is not found for %q", n, q)
			case ok && (m.Score <= 0 || m.Score > 1):
				t.Fatalf("%v", m.Score)
			}
		}
	})
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  ": "", "김 민수": "김 민수", " A  B ": "a b", "O'Brien": "obrien", "Jean-Luc": "jean luc", "ＡＢＣ　１": "abc 1", "ÀÉÎõü": "aeiou",
		"Łódź": "lodz", "İstanbul": "istanbul", "e\u0301": "e", "(주) 한빛": "주 한빛", "a\u200bb": "ab", "\uffa1\uffc2": "ㄱㅏ", "\uffbe\uffdc\uffcf\uffd7": "ㅎㅣㅚㅠ",
		"\u1100\u1161": "가", "\u1100\u1161\u11a8": "각", "\u1100": "ㄱ", "☎": "☎", "김☎": "김", "Ñandú": "nandu", "\u1112\u1175\u11c2": "힣",
	} {
		assert.Equal(t, want, fold(in), "%q", in)
		assert.Equal(t, want, fold(want), "folding twice changes nothing")
	}
	for r := rune(syllableFirst); r <= syllableLast; r++ {
		l := letters(string(r))
		if n := 2; (r-syllableFirst)%finals != 0 {
			n = 3
			assert.Len(t, l, n)
		} else {
			assert.Len(t, l, n)
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"김민수", "ㄱㅁㅅ", "smith john", "\xff", "", "집으로", strings.Repeat("가", 100), "e\u0301", "\u1100\u1161\u11a8"} {
		f.Add(s, s)
	}
	_, plan := newBook(f)
	f.Fuzz(func(t *testing.T, name, query string) {
		b, err := Open(t.Context(), plan, nil)
		require.NoError(t, err)
		c, err := b.Put(t.Context(), Contact{Name: name, Entries: []Entry{{Number: "1"}}})
		if err != nil {
			return
		}
		again := fold(fold(c.Name))
		if utf8.ValidString(name) && again != fold(c.Name) {
			t.Fatalf("%q folds to %q and then %q", c.Name, fold(c.Name), again)
		}
		if found := b.Search(Query{Name: c.Name}); len(found) != 1 || !found[0].Exact {
			t.Fatalf("%q does not find itself", c.Name)
		}
		for _, m := range b.Search(Query{Name: query, Label: query}) {
			if m.Score <= 0 || m.Score > 1 || m.Entry != 0 {
				t.Fatalf("%+v", m)
			}
		}
		LabelOf(query)
	})
}

// What Search leaves out to save time is not among the best: the same comes of
// scoring every name in full.
func TestSearch_IsWhatScoringAllGives(t *testing.T) {
	b, _ := newBook(t)
	_, err := b.Import(t.Context(), crowd(5000))
	require.NoError(t, err)
	for _, q := range queries {
		query := newQuery(Query{Name: q.query, Label: q.label})
		all := ranking{index: &b.index}
		for i := range b.index.docs {
			d, h := &b.index.docs[i], hit{at: int32(i)}
			if missing(query.mask, b.index.masks[i]) == 0 {
				h.score = query.match(d, 0)
			}
			if h.score == 0 && query.limit > 0 {
				h.score = near(query, d.letters, d.ends)
			}
			if h.exact = h.score == scoreExact; h.score == 0 {
				continue
			}
			if _, labeled := query.label.pick(&b.index.contacts[i]); query.label.isSet() && !labeled {
				h.score -= costOtherLabel
			}
			all.hits = append(all.hits, h)
		}
		all.label = query.label
		want := all.matches()
		want = want[:min(len(want), MaxMatches)]
		got := b.search(newQuery(Query{Name: q.query, Label: q.label}), 0)
		assert.Equal(t, want, got, q.name)
	}
}
