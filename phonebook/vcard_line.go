package phonebook

import (
	"bufio"
	"errors"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
)

// property is one content line of a card.
type property struct {
	line   int
	name   string // upper case
	group  string // lower case
	params vcard.Params
	raw    string // value with its escapes
}

var errLine = errors.New("it is no NAME:VALUE")

// logical returns the next content line, unfolded, with the number of its first
// line. Values in quoted-printable go on after a "=" at the end (vCard 2.1).
func (l *lines) logical() (text string, line int, cut bool, err error) {
	text, cut, err = l.next()
	if err != nil {
		return "", 0, false, err
	}
	line = l.line
	if !l.goesOn(text) {
		return text, line, cut, nil
	}
	var b strings.Builder
	b.WriteString(text)
	quoted := isQuotedPrintable(text)
	for last := text; ; {
		if soft := quoted && strings.HasSuffix(last, "="); soft {
			b.WriteByte('\n')
		} else if !l.continues() {
			break
		}
		part, partCut, err := l.next()
		if err != nil {
			break // the end comes again with the next call
		}
		last = part
		cut = cut || partCut
		if room := maxLine - b.Len(); room < len(part) {
			cut, part = true, part[:max(room, 0)]
		}
		b.WriteString(part)
	}
	return b.String(), line, cut, nil //nolint:nilerr // the error comes again with the next call
}

func (l *lines) goesOn(text string) bool {
	next, err := l.r.Peek(1)
	return err == nil && (next[0] == ' ' || next[0] == '\t') || strings.HasSuffix(text, "=") && isQuotedPrintable(text)
}

func isQuotedPrintable(line string) bool {
	head, _, _ := strings.Cut(line, ":")
	return strings.Contains(strings.ToUpper(head), "QUOTED-PRINTABLE")
}

// parser reads content lines with go-vcard, one at a time, so that a problem
// has its line.
type parser struct{ br *bufio.Reader }

func newParser() *parser { return &parser{br: bufio.NewReaderSize(strings.NewReader(""), bufSize)} }

func (p *parser) parse(text string, line int) (property, error) {
	colon := colonAt(text)
	if colon < 0 {
		return property{}, errLine
	}
	head, raw := withTypes(text[:colon]), text[colon+1:]
	// The value is unescaped here: go-vcard leaves \; and \N as they are.
	p.br.Reset(io.MultiReader(strings.NewReader("BEGIN:VCARD\n"), strings.NewReader(strings.ReplaceAll(head, "\n", " ")), strings.NewReader(":\nEND:VCARD\n")))
	card, err := vcard.NewDecoder(p.br).Decode()
	if err != nil || len(card) != 1 {
		return property{}, errLine
	}
	out := property{line: line, raw: raw}
	for name, fields := range card {
		if len(fields) != 1 || name == "" || strings.ContainsFunc(name, isNoName) {
			return property{}, errLine
		}
		out.name, out.group, out.params = name, strings.ToLower(fields[0].Group), fields[0].Params
	}
	out.decode()
	return out, nil
}

// isNoName reports characters that no property name has (RFC 6350 §3.3); "_"
// is in use all the same.
func isNoName(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}

// colonAt returns where the value begins, after parameters that may hold a
// colon in quotes.
func colonAt(line string) int {
	quoted := false
	for i := range len(line) {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// withTypes writes the bare parameters of vCard 2.1 as those of 3.0: TEL;CELL
// is TEL;TYPE=CELL.
func withTypes(head string) string {
	switch {
	case !strings.Contains(head, ";"):
		return head
	case strings.Contains(head, `"`):
		return strings.ReplaceAll(head, `\`, `\\`) // go-vcard takes a backslash in quotes for Go's
	}
	parts := strings.Split(head, ";")
	for i, part := range parts {
		if i == 0 || part == "" || strings.Contains(part, "=") {
			continue
		}
		name := "TYPE="
		if slices.Contains([]string{"QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"}, strings.ToUpper(part)) {
			name = "ENCODING="
		}
		parts[i] = name + part
	}
	return strings.Join(parts, ";")
}

// decode undoes quoted-printable.
func (p *property) decode() {
	if !strings.EqualFold(p.params.Get("ENCODING"), "QUOTED-PRINTABLE") {
		return
	}
	if b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(p.raw))); err == nil && utf8.Valid(b) {
		p.raw = strings.NewReplacer("\r\n", `\n`, "\n", `\n`).Replace(string(b))
	}
}

// text returns the value without escapes (RFC 6350 §3.4).
func (p *property) text() string { return unescape(p.raw) }

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		case '\\', ',', ';', ':':
			b.WriteByte(s[i])
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// parts splits the value at a separator that is not escaped.
func (p *property) parts(sep byte) []string {
	var out []string
	from := 0
	for i := 0; i < len(p.raw); i++ {
		switch p.raw[i] {
		case '\\':
			i++
		case sep:
			out = append(out, unescape(p.raw[from:i]))
			from = i + 1
		}
	}
	return append(out, unescape(p.raw[from:]))
}
