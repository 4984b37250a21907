package sheet

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGuard(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "김민수": "김민수", "=1+1": "'=1+1", `=HYPERLINK("http://evil","x")`: `'=HYPERLINK("http://evil","x")`,
		"@SUM(A1)": "'@SUM(A1)", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0", "-2+3+cmd": "'-2+3+cmd", "＝1": "'＝1", "＋a": "'＋a",
		"\t=1": "'\t=1", " =1": "' =1", "'=1": "''=1", "'": "'", "''": "''",
		"+82 10-1234-5678": "+82 10-1234-5678", "+82 (0)2 312 3456": "+82 (0)2 312 3456", "-": "-", "010-1234-5678": "010-1234-5678",
		"'t Hooft": "'t Hooft", "'010": "''010", "O'Brien": "O'Brien",
	} {
		assert.Equal(t, want, Guard(given), "%q", given)
		assert.Equal(t, given, Unguard(want), "%q", want)
	}
	assert.Equal(t, "0212345678", Unguard("'0212345678"), "as spreadsheets mark a number that is text")
}

func TestGuard_RoundTripOfAnything(t *testing.T) {
	text := rapid.StringMatching(`['=@+\- \t0-9a가＝]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "cell")
		guarded := Guard(s)
		if Unguard(guarded) != s {
			t.Fatalf("%q became %q", s, Unguard(guarded))
		}
		if guarded != "" && strings.ContainsRune("=@＝", first(guarded)) {
			t.Fatalf("%q is a formula", guarded)
		}
	})
}

func all(t *testing.T, s string) (string, Encoding) {
	t.Helper()
	br, enc, err := Text(iotest.OneByteReader(strings.NewReader(s)))
	require.NoError(t, err)
	out, err := io.ReadAll(br)
	require.NoError(t, err)
	return string(out), enc
}

func TestText_Encodings(t *testing.T) {
	for _, c := range []struct {
		given, want string
		enc         Encoding
	}{
		{"", "", UTF8},
		{"김,1\n", "김,1\n", UTF8},
		{"\ufeff김,1\n", "김,1\n", UTF8},
		{"\xff\xfe\x40\xae,\x001\x00", "김,1", UTF16},
		{"\xfe\xff\xae\x40\x00,\x001", "김,1", UTF16},
		{"\xb1\xe8\xb9\xce\xbc\xf6,010\r\n", "김민수,010\r\n", CP949},
		{"\x8c\x63\xb9\xe6\xb0\xa2\xc7\xcf,1\n", "똠방각하,1\n", CP949},    // beyond EUC-KR
		{"Jos\xe9,1\nM\xfcller,2\n", "Jos\xe9,1\nM\xfcller,2\n", UTF8}, // neither: passed on
		{"김\n\xb1\xe8\n", "김\n\xb1\xe8\n", UTF8},                       // both in one: passed on
	} {
		got, enc := all(t, c.given)
		assert.Equal(t, c.want, got)
		assert.Equal(t, c.enc, enc, c.want)
	}
}

func TestText_ErrorsOfReading(t *testing.T) {
	broken := errors.New("unplugged")
	_, _, err := Text(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	for _, text := range []string{"abc\n", "\xb1\xe8,\n"} {
		br, _, err := Text(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
		require.NoError(t, err)
		got, err := io.ReadAll(br)
		assert.ErrorIs(t, err, broken)
		assert.Equal(t, text, string(got), "what came before is returned")
	}
	_, _, err = Text(io.MultiReader(strings.NewReader("\xff\xfea\x00"), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken)
}

func TestSeparator(t *testing.T) {
	for text, want := range map[string]rune{"": ',', "a": ',', "a,b;c\n": ',', "\r\na;b;c,d\n,,,,": ';', "a\tb": '\t'} {
		assert.Equal(t, want, Separator(bufio.NewReaderSize(strings.NewReader(text), bufSize)), "%q", text)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a,b\n", "\ufeff김", "\xff\xfe\x40\xae", "\xb1\xe8,1", "Jos\xe9", "\x8c\x63", "\xff\xfe\x00\xd8"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		br, enc, err := Text(strings.NewReader(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(br)
		if err != nil {
			t.Fatal(err)
		}
		if enc == UTF8 && strings.TrimPrefix(string(b), bom) != string(out) {
			t.Fatalf("%q became %q", b, out)
		}
		if enc == CP949 && strings.ContainsRune(string(out), '\ufffd') {
			t.Fatalf("%q became %q", b, out)
		}
	})
}
