package blocklist

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/number"
)

type reader func(io.Reader, *number.Plan) ([]Entry, []Problem, error)

func texts(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Error())
	}
	return out
}

func TestReadCSV(t *testing.T) {
	then := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		file     string
		entries  []Entry
		problems []string // the beginning of each
	}{
		"names": {"type,pattern,raw,added,by\nPREFIX,070,+82 70,2026-11-21T09:00:00Z,cli\nexact,mallory,,,\n",
			[]Entry{{Prefix, "+82 70", then, "cli"}, {Type: Exact, Pattern: "mallory"}}, nil},
		"other order": {"\xef\xbb\xbfBy;Pattern;Type\r\nagent;070;prefix\r\n", []Entry{{Type: Prefix, Pattern: "070", By: "agent"}}, nil},
		"tabs":        {"pattern\ttype\n070\tPREFIX\n", []Entry{{Type: Prefix, Pattern: "070"}}, nil},
		"no names":    {"PREFIX, 070\nPOSTFIX, 9999\n", []Entry{{Type: Prefix, Pattern: "070"}, {Type: Postfix, Pattern: "9999"}}, nil},
		"numbers alone": {"010-1234-5678\n\n+82 70 1234 5678\n'0212345678\n",
			[]Entry{{Type: Exact, Pattern: "010-1234-5678"}, {Type: Exact, Pattern: "+82 70 1234 5678"}, {Type: Exact, Pattern: "0212345678"}}, nil},
		"day alone":    {"pattern,type,added\n070,PREFIX,2026-11-21\n", []Entry{{Type: Prefix, Pattern: "070", Added: then.Truncate(24 * time.Hour)}}, nil},
		"Korean Excel": {"pattern,type,by\r\n070,PREFIX,\xb1\xe8\xb9\xce\xbc\xf6\r\n", []Entry{{Type: Prefix, Pattern: "070", By: "김민수"}}, nil},
		"raw alone":    {"type,pattern,raw\nPREFIX,,+8270\n", []Entry{{Type: Prefix, Pattern: "+8270"}}, nil},
		"raw strays":   {"type,pattern,raw\nPREFIX,070,010\n", []Entry{{Type: Prefix, Pattern: "070"}}, nil},
		"empty":        {"", nil, nil},
		"problems": {"type,pattern,added,by\nSUFFIX,070,,\nPREFIX,,,\n\nEXACT,112,,\nPREFIX,070,yesterday,\nPREFIX,071,,\nEXACT," + strings.Repeat("1", 65) + ",,\nEXACT,1\"2,,\nEXACT,5,," + strings.Repeat("b", 65) + "\n",
			[]Entry{{Type: Prefix, Pattern: "071"}},
			[]string{
				`line 2: "SUFFIX" is no type of rule`, `line 3: the PREFIX pattern "" is refused, because it is empty`,
				`line 5: the EXACT pattern "112" is refused`, `line 6: "yesterday" is no time`,
				`line 8: the EXACT pattern "1111`, `line 9: this is no row of values`, `line 10: who added the rule is longer`,
			}},
		"column left out":  {"pattern,type,colour\n070,PREFIX,red\n", []Entry{{Type: Prefix, Pattern: "070"}}, []string{`line 1: the column "colour" is left out`}},
		"too many values":  {"EXACT,010\nEXACT,1,2,3,4,5\n", []Entry{{Type: Exact, Pattern: "010"}}, []string{"line 2: "}},
		"several lines":    {"pattern,by\n\"070\",\"a\nb\"\n112,\n", []Entry{{Type: Exact, Pattern: "070", By: "a\nb"}}, []string{"line 4: "}},
		"one, then two":    {"010-1234-5678\nPREFIX,070\n", []Entry{{Type: Exact, Pattern: "010-1234-5678"}}, []string{"line 2: there are 2 values in 1 columns"}},
		"quote never ends": {"type,pattern\nPREFIX,\"070\n", nil, []string{"line 2: this is no row"}},
	} {
		t.Run(name, func(t *testing.T) { checkReading(t, ReadCSV, c.file, c.entries, c.problems) })
	}
}

func checkReading(t *testing.T, read reader, file string, entries []Entry, problems []string) {
	t.Helper()
	p, err := number.New("KR")
	require.NoError(t, err)
	got, wrong, err := read(strings.NewReader(file), p)
	require.NoError(t, err)
	assert.Equal(t, entries, got)
	require.Len(t, wrong, len(problems), "%v", texts(wrong))
	for i, want := range problems {
		assert.True(t, strings.HasPrefix(wrong[i].Error(), want), "%s", wrong[i])
	}
}

func TestReadJSON(t *testing.T) {
	then := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	prefix := []Entry{{Type: Prefix, Pattern: "070"}}
	for name, c := range map[string]struct {
		file     string
		entries  []Entry
		problems []string
	}{
		"array": {`[{"type":"PREFIX","pattern":"070","raw":"+82 70","added":"2026-11-21T09:00:00Z","by":"cli"},
			{"type":"exact","pattern":"mallory"}]`, []Entry{{Prefix, "+82 70", then, "cli"}, {Type: Exact, Pattern: "mallory"}}, nil},
		"of the control API": {`{"rules":[{"id":1,"type":"PREFIX","pattern":"070"}],"total":1}`, prefix, nil},
		"lines": {`{"type":"rule","id":1,"match":"PREFIX","pattern":"070"}` + "\n" + `{"type":"result","rules":1}` + "\n",
			prefix, nil},
		"byte order mark": {"\xef\xbb\xbf[]", nil, nil},
		"empty":           {"", nil, nil},
		"problems": {`[
{"type":"SUFFIX","pattern":"070"},
{"type":"PREFIX","pattern":70},
"070",
{"type":"EXACT","pattern":"119"},

{"type":"PREFIX","pattern":"070"},
{"type":"PREFIX","pattern":"071","added":"yesterday"},
[]
]`, prefix, []string{
			`line 2: "SUFFIX" is no type of rule`, "line 3: pattern is a number; write it as text in quotes", `line 4: "\"070\"" is no rule`,
			`line 5: the EXACT pattern "119" is refused`, "line 8: a field cannot be read", `line 9: "[]" is no rule`,
		}},
		"problems inside": {"{\"total\":2,\n\"rules\":[\n{\"type\":\"PREFIX\",\"pattern\":\"070\"},\n{\"type\":\"PREFIX\",\"pattern\":\"\"}]}", prefix,
			[]string{"line 4: the PREFIX pattern"}},
		"ends early":   {"[{\"type\":\"PREFIX\",\"pattern\":\"070\"},\n{\"type\":\"PREFIX\"", prefix, []string{"line 2: the JSON beginning here cannot be read"}},
		"never closed": {"[{\"type\":\"PREFIX\",\"pattern\":\"070\"}\n", prefix, []string{"line 2: the JSON beginning here cannot be read"}},
		"no JSON":      {"PREFIX,070\n", nil, []string{"line 1: the JSON beginning here cannot be read"}},
		"deep":         {strings.Repeat("[", 20_000), nil, []string{"line 1: the JSON beginning here cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) { checkReading(t, ReadJSON, c.file, c.entries, c.problems) })
	}
}

func TestRead_TellsFormatsApart(t *testing.T) {
	p, err := number.New("KR")
	require.NoError(t, err)
	for file, want := range map[string]Format{
		"": FormatCSV, "070\n": FormatCSV, " \n[{\"type\":\"EXACT\",\"pattern\":\"070\"}]": FormatJSON,
		"\xef\xbb\xbf{\"type\":\"EXACT\",\"pattern\":\"070\"}": FormatJSON, "type,pattern\nPREFIX,070\n": FormatCSV,
	} {
		entries, problems, format, err := Read(strings.NewReader(file), p)
		require.NoError(t, err)
		assert.Equal(t, want, format, file)
		assert.Empty(t, problems)
		assert.Equal(t, file != "", len(entries) == 1)
	}
}

func TestRead_Fails(t *testing.T) {
	p, err := number.New("KR")
	require.NoError(t, err)
	broken := errors.New("the disk is gone")
	for _, read := range []reader{ReadCSV, ReadJSON} {
		_, _, err := read(iotest.ErrReader(broken), p)
		assert.ErrorIs(t, err, broken)
		endless := &limited{r: strings.NewReader(strings.Repeat("070\n", 100)), left: 20}
		_, _, err = read(endless, p)
		assert.ErrorIs(t, err, ErrFileTooLarge)
		_, _, err = read(&limited{r: strings.NewReader("[]"), left: 2}, p)
		assert.NoError(t, err, "exactly as large as it may be")
	}
}

// A file made by one phone makes the same rules in another, and is safe to open
// in a spreadsheet.
func TestWrite_ReadsBack(t *testing.T) {
	l, p := newList(t, Options{})
	for _, e := range []Entry{
		{Type: Prefix, Pattern: "+82 70"}, {Type: Exact, Pattern: "=HYPERLINK(\"http://evil\")"}, {Type: Exact, Pattern: "+cmd"},
		{Type: Exact, Pattern: "'quoted"}, {Type: Exact, Pattern: "a,b;c"}, {Type: Exact, Pattern: "two\nlines"}, {Type: Prefix, Pattern: "+1 212"},
		{Type: Postfix, Pattern: "9999", By: "=1+1", Added: time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC)}, {Type: Exact, Pattern: "김민수"},
	} {
		_, err := l.Import(t.Context(), []Entry{e}, "test")
		require.NoError(t, err)
	}
	for name, c := range map[string]struct {
		write func(io.Writer, []Rule) error
		read  reader
	}{"csv": {WriteCSV, ReadCSV}, "json": {WriteJSON, ReadJSON}} {
		var file bytes.Buffer
		require.NoError(t, c.write(&file, l.Rules()))
		text := file.String()
		entries, problems, err := c.read(&file, p)
		require.NoError(t, err)
		require.Empty(t, problems, name)
		other, _ := newList(t, Options{})
		_, err = other.Import(t.Context(), entries, "import")
		require.NoError(t, err)
		assert.Equal(t, l.Rules(), other.Rules(), name)
		if name == "csv" {
			assert.NotRegexp(t, `(?m)(^|,)"?[=@]`, text, "a spreadsheet runs nothing")
			assert.NotContains(t, text, ",+cmd")
			assert.Contains(t, text, ",+1212,", "a number stays as it is")
		}
		assert.ErrorIs(t, c.write(failing{}, l.Rules()), errFull)
		file.Reset()
		require.NoError(t, c.write(&file, nil))
		entries, problems, err = c.read(&file, p)
		assert.NoError(t, err)
		assert.Empty(t, append(texts(problems), name)[1:])
		assert.Empty(t, entries)
	}
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"type,pattern,raw,added,by\nPREFIX,070,+82 70,2026-11-21T09:00:00Z,cli\n", "PREFIX;070\n\nEXACT;'=x\n", "070\n080\n", "pattern\n\"0\n70\"",
		`[{"type":"PREFIX","pattern":"070"},{"type":"rule","match":"EXACT","pattern":"a"}]`, `{"rules":[{"type":"PREFIX","pattern":"070"}]}`,
		`{"type":"PREFIX","pattern":"070"}` + "\n" + `{}`, "[[]", "[,]", "{\"rules\":[1,\n2]}", "]", "\xef\xbb\xbf", "\"", "\xff,\xfe",
	} {
		f.Add(s)
	}
	p, err := number.New("KR")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lines := strings.Count(s, "\n") + 1
		for _, read := range []reader{ReadCSV, ReadJSON} {
			entries, problems, err := read(strings.NewReader(s), p)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range problems {
				if w.Line < 1 || w.Line > lines+strings.Count(s, "\r") {
					t.Fatalf("%q: %v of %d lines", s, w, lines)
				}
			}
			l, err := New(p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Import(t.Context(), entries, "fuzz"); err != nil {
				t.Fatalf("%q: %v was read and is refused: %v", s, entries, err)
			}
			for name, again := range map[string]struct {
				write func(io.Writer, []Rule) error
				read  reader
			}{"csv": {WriteCSV, ReadCSV}, "json": {WriteJSON, ReadJSON}} {
				var file bytes.Buffer
				if err := again.write(&file, l.Rules()); err != nil {
					t.Fatal(err)
				}
				back, wrong, err := again.read(&file, p)
				if err != nil || len(wrong) > 0 || len(back) != l.Len() {
					t.Fatalf("%s: %v became %v, %v, %v", name, l.Rules(), back, texts(wrong), err)
				}
			}
		}
	})
}
