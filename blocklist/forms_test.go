package blocklist

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/number"
)

var update = flag.Bool("update", false, "write the golden files anew")

// spelled is one caller in the ways in which calls bring it and people write
// it. Each way is tried as caller against each as EXACT rule, each beginning as
// PREFIX and each end as POSTFIX.
type spelled struct {
	region, what, canonical string
	ways                    []string
	beginnings, ends        []string // none for a SIP user
}

func spellings() []spelled {
	return []spelled{
		{"KR", "mobile", "01012345678", []string{
			"010-1234-5678", "01012345678", "+82 10 1234 5678", "+82 010-1234-5678", "+82 (0)10 1234 5678", "+821012345678",
			"00182 10 1234 5678", "00682 10 1234 5678", "0070082 10 1234 5678", "001 82 010 1234 5678", "821012345678", "1012345678",
			"010.1234.5678", "(010) 1234 5678", "０１０－１２３４－５６７８", "tel:+82-10-1234-5678", "tel:10-1234-5678;phone-context=+82",
			"tel:+821012345678;ext=7", "sip:01012345678@pbx.example", "sip:+821012345678@192.0.2.1;user=phone", "sips:%2B821012345678@pbx.example",
			"\"Kim\" <sip:01012345678@pbx.example:5060>;tag=1", "010-1234-5678 ext. 7", "010-1234-5678 내선 7",
		}, []string{"010", "+82 10", "+8210", "+82 010", "+82 (0)10", "00182 10", "010-1234", "tel:+82-10"}, []string{"5678", "1234-5678", "+82 10 1234 5678", "00182 10 1234 5678"}},
		{"KR", "Seoul", "023123456", []string{"02-312-3456", "023123456", "+82 2 312 3456", "+82 (0)2 312-3456", "00182 2 312 3456", "8223123456", "tel:+82-2-312-3456"},
			[]string{"02", "+82 2", "+822", "02-312"}, []string{"3456", "312-3456"}},
		{"KR", "over the internet", "07012345678", []string{"070-1234-5678", "+82 70 1234 5678", "+82-70-1234-5678", "0070082 70 1234 5678", "827012345678"},
			[]string{"070", "+82 70", "+8270", "0701"}, []string{"5678"}},
		{"KR", "virtual", "050712345678", []string{"0507-1234-5678", "+82 507 1234 5678", "00182 507 1234 5678"}, []string{"050", "+82 50", "0507"}, []string{"5678"}},
		{"KR", "freephone", "0801234567", []string{"080-123-4567", "+82 80 123 4567", "00182 80 123 4567"}, []string{"080", "+82 80"}, []string{"4567"}},
		{"KR", "nationwide", "15881234", []string{"1588-1234", "15881234", "+82 1588 1234", "00182 1588 1234", "tel:1588-1234;phone-context=+82"},
			[]string{"1588", "15", "+82 1588", "+82 15"}, []string{"1234", "1588-1234"}},
		{"KR", "nationwide", "16881234", []string{"1688-1234", "+82 1688 1234"}, []string{"1688", "+82 1688"}, []string{"1234"}},
		{"KR", "nationwide", "18001234", []string{"1800-1234", "+82 1800 1234"}, []string{"1800", "+82 1800"}, []string{"1234"}},
		{"KR", "short code", "114", []string{"114", "+82 114", "tel:114", "sip:114@pbx.example"}, []string{"11", "114"}, []string{"14", "114"}},
		{"KR", "extension", "6001", []string{"6001", "sip:6001@pbx.example", "60-01"}, []string{"60", "6001"}, []string{"01"}},
		{"KR", "foreign", "+12125551234", []string{"+1 212 555 1234", "+1 (212) 555-1234", "001 1 212 555 1234", "006 1 212 555 1234", "00700 1 212 555 1234", "tel:+1-212-555-1234"},
			[]string{"+1", "+1 212", "+1212", "0011212"}, []string{"1234", "555 1234", "+1 212 555 1234", "001 1 212 555 1234"}},
		{"KR", "foreign", "+442079460018", []string{"+44 20 7946 0018", "+44 (0)20 7946 0018", "001 44 20 7946 0018", "001 44 020 7946 0018"}, []string{"+44", "+44 20", "+44 (0)20"}, []string{"0018"}},
		{"KR", "foreign", "+390669812345", []string{"+39 06 698 12345", "001 39 06 698 12345"}, []string{"+39", "+39 06"}, []string{"12345"}},
		{"KR", "not assigned", "0991234567", []string{"099-123-4567", "+82 99 123 4567", "+82 099 123 4567"}, []string{"099", "+82 99"}, []string{"4567"}},
		{"KR", "SIP user", "mallory", []string{"mallory", "Mallory", "MALLORY", "sip:mallory@evil.example", "sips:Mallory@192.0.2.1", "<sip:mallory;x=1@evil.example>;tag=1", "sip:%6Dallory@evil.example"}, nil, nil},
		{"KR", "SIP user", "김민수", []string{"김민수", "sip:%EA%B9%80%EB%AF%BC%EC%88%98@pbx.example"}, nil, nil},
		{"US", "any", "2125551234", []string{"(212) 555-1234", "212.555.1234", "1-212-555-1234", "+1 212 555 1234", "tel:+1-212-555-1234", "12125551234"}, []string{"212", "+1 212", "+1212"}, []string{"1234", "555-1234"}},
		{"US", "foreign", "+821012345678", []string{"+82 10 1234 5678", "011 82 10 1234 5678", "+82 010 1234 5678"}, []string{"+82", "+82 10", "011 82 10"}, []string{"5678"}},
		{"JP", "mobile", "09012345678", []string{"090-1234-5678", "+81 90 1234 5678", "+81 (0)90 1234 5678", "819012345678"}, []string{"090", "+81 90"}, []string{"5678"}},
		{"JP", "foreign", "+821012345678", []string{"+82 10 1234 5678", "010 82 10 1234 5678"}, []string{"+82", "+82 10", "010 82 10"}, []string{"5678"}},
		{"CN", "mobile", "13812345678", []string{"138 1234 5678", "+86 138 1234 5678", "8613812345678"}, []string{"138", "+86 138"}, []string{"5678"}},
		{"DE", "mobile", "01711234567", []string{"0171 1234567", "0171/1234567", "+49 171 1234567", "+49 (0)171 1234567", "0049 171 1234567"}, []string{"0171", "+49 171", "0049 171"}, []string{"4567"}},
		{"DE", "Berlin", "030901820", []string{"030 901820", "030/90-1820", "+49 30 901820", "0049 30 901820"}, []string{"030", "+49 30"}, []string{"1820"}},
		{"GB", "London", "02079460018", []string{"020 7946 0018", "(020) 7946 0018", "+44 20 7946 0018", "+44 (0)20 7946 0018", "0044 20 7946 0018"}, []string{"020", "+44 20", "+44 (0)20"}, []string{"0018"}},
		{"FR", "Paris", "0144556677", []string{"01 44 55 66 77", "+33 1 44 55 66 77", "+33 (0)1 44 55 66 77", "0033 1 44 55 66 77"}, []string{"01", "+33 1"}, []string{"6677"}},
		{"IT", "Rome", "0669812345", []string{"06 698 12345", "+39 06 698 12345", "0039 06 698 12345"}, []string{"06", "+39 06"}, []string{"2345"}},
		{"AU", "mobile", "0412345678", []string{"0412 345 678", "+61 412 345 678", "+61 (0)412 345 678", "0011 61 412 345 678"}, []string{"04", "+61 4"}, []string{"678"}},
		{"BR", "mobile", "11961234567", []string{"(11) 96123-4567", "+55 11 96123-4567", "0 15 11 96123-4567", "00 15 55 11 96123 4567"}, []string{"119", "+55 11 9"}, []string{"4567"}},
	}
}

func listOf(t testing.TB, region string, entries ...Entry) (*List, *number.Plan) {
	t.Helper()
	p, err := number.New(region)
	require.NoError(t, err, region)
	l, err := New(p, Options{})
	require.NoError(t, err)
	_, err = l.Import(context.Background(), entries, "test")
	require.NoError(t, err)
	return l, p
}

func entriesOf(kind Type, patterns ...string) []Entry {
	var out []Entry
	for _, s := range patterns {
		out = append(out, Entry{Type: kind, Pattern: s})
	}
	return out
}

// TestForms: whatever way a number is written in a rule and whatever way it
// comes in a call, the rule acts.
func TestForms(t *testing.T) {
	pairs := 0
	for _, s := range spellings() {
		all, p := listOf(t, s.region, entriesOf(Exact, s.ways...)...)
		assert.Equal(t, 1, all.Len(), "%s %s: all ways make the same rule: %v", s.region, s.canonical, all.Rules())
		for _, kind := range []Type{Exact, Prefix, Postfix} {
			patterns := map[Type][]string{Exact: s.ways, Prefix: s.beginnings, Postfix: s.ends}[kind]
			for _, pattern := range patterns {
				l, _ := listOf(t, s.region, Entry{Type: kind, Pattern: pattern})
				for _, caller := range s.ways {
					n := p.Parse(caller)
					assert.Equal(t, s.canonical, n.String(), "%s %q", s.region, caller)
					_, ok := l.Match(n)
					assert.True(t, ok, "%s: %v %q does not block %q", s.region, kind, pattern, caller)
					pairs++
				}
			}
		}
		if s.beginnings == nil {
			for _, kind := range []Type{Prefix, Postfix} {
				_, err := Canonical(p, kind, s.ways[0])
				assert.ErrorIs(t, err, ErrNoDigits, "%v %s", kind, s.ways[0])
			}
		}
	}
	checkDoc(t, "forms", formsTable(t)+fmt.Sprintf("\nEvery way of writing as a rule, against every way of calling: %d pairs of rule and caller, all blocked.\n", pairs))
}

// formsTable has a line for each way of calling, with rules written otherwise.
func formsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| Region | The call comes from | Compared as | EXACT rule given as | PREFIX rule given as | POSTFIX rule given as |\n| --- | --- | --- | --- | --- | --- |\n")
	pick := func(from []string, i int) string {
		if len(from) == 0 {
			return "refused: no digits"
		}
		return code(from[i%len(from)])
	}
	for _, s := range spellings() {
		for i, caller := range s.ways {
			fmt.Fprintf(&b, "| %s, %s | %s | `%s` | %s | %s | %s |\n",
				s.region, s.what, code(caller), s.canonical, pick(s.ways, i+1), pick(s.beginnings, i), pick(s.ends, i))
		}
	}
	return b.String()
}

func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }

// checkDoc compares a generated part of docs/blocking.md, or writes it anew.
func checkDoc(t *testing.T, part, want string) {
	t.Helper()
	const path = "../docs/blocking.md"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	begin, end := "<!-- "+part+": written by `go test ./blocklist -update` -->\n", "<!-- end of "+part+" -->\n"
	before, rest, ok := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), begin)
	require.True(t, ok, "%s has no part %q", path, part)
	got, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "the part %q of %s has no end", part, path)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, got, "run go test ./blocklist -update and read what changed in %s", path)
}
