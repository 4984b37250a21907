package phonebook

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/softphone-go/softphone/internal/sheet"
)

// HeaderError says that no heading of a CSV file is known.
type HeaderError struct{ Header []string }

func (e *HeaderError) Error() string {
	shown := e.Header[:min(len(e.Header), 5)]
	return fmt.Sprintf("phonebook: this is no vCard, and as CSV its first line names no column that is known: %.100q; CSV begins with a line "+
		"such as Name,Number 1,Label 1, or comes from Google Contacts or Outlook, in UTF-8", shown)
}

// multiple parts several values in one cell, in files of Google.
const multiple = ":::"

// ReadCSV reads a file whose first line names its columns: those of Google
// Contacts, of Outlook, or our own (see WriteCSV), in any order and case. Cells
// are parted by comma, semicolon or tab. Text is UTF-8, with or without a byte
// order mark, UTF-16 with one, or CP949 (EUC-KR), which is told as a problem. An
// apostrophe before a formula or a number is taken away. It returns the contacts there are and the
// problems with their lines: rows with neither name nor number, columns without
// a place in a contact, quotes that are not closed. It fails with *HeaderError when no
// column is known, else only when reading does; what was read before is
// returned with that. The contacts have no canonical numbers yet: Book.Import
// gives them.
func ReadCSV(r io.Reader) ([]Contact, []Problem, error) {
	text, err := plainText(r)
	if err != nil {
		return nil, nil, err
	}
	return readCSV(text)
}

func readCSV(from text) ([]Contact, []Problem, error) {
	rows := csv.NewReader(from)
	rows.Comma, rows.FieldsPerRecord, rows.ReuseRecord = sheet.Separator(from.Reader), -1, true
	header, err := rows.Read()
	if err != nil {
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil, nil
		case errors.As(err, &bad):
			return nil, nil, &HeaderError{}
		}
		return nil, nil, readError(err)
	}
	in := table{columns: columnsOf(header)}
	from.tell(&in.problems)
	if !slices.ContainsFunc(in.columns, column.isName) {
		return nil, nil, &HeaderError{Header: slices.Clone(header)}
	}
	return in.read(rows)
}

func readError(err error) error {
	return fmt.Errorf("phonebook: the contacts cannot be read: %w", err)
}

// table is a CSV file being read.
type table struct {
	reader
	columns []column
}

func (in *table) read(rows *csv.Reader) ([]Contact, []Problem, error) {
	for {
		cells, err := rows.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return in.contacts, in.sorted(), nil
		case errors.As(err, &bad):
			in.malformed(bad)
		case err != nil:
			return in.contacts, in.sorted(), readError(err)
		default:
			line, _ := rows.FieldPos(0)
			in.row(cells, line)
		}
	}
}

func (in *table) malformed(e *csv.ParseError) {
	if e.Line > e.StartLine {
		in.add(e.StartLine, Skipped, "a quote that is opened in the row of line %d is closed nowhere or wrongly, up to line %d; nothing of these lines is kept", e.StartLine, e.Line)
		return
	}
	in.add(e.StartLine, Skipped, "the row is not CSV: %v", e.Err)
}

// row reads one contact.
func (in *table) row(cells []string, line int) {
	if !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return
	}
	if slices.ContainsFunc(cells, func(s string) bool { return !utf8.ValidString(s) }) {
		in.add(line, Skipped, "the row is not UTF-8; save the file as UTF-8 (in spreadsheets: CSV UTF-8)")
		return
	}
	row := row{numbers: map[slot]*numbered{}, addresses: map[string]map[int]string{}}
	for i, cell := range cells {
		cell = sheet.Unguard(strings.TrimSpace(cell))
		switch {
		case cell == "":
		case i >= len(in.columns):
			in.add(line, Dropped, "a cell beyond the columns that the first line names is not kept")
		case !row.take(in.columns[i], cell):
			in.add(line, Dropped, "column %.100q is not kept: contacts have no place for it", in.columns[i].title)
		}
	}
	in.keep(row.contact(&in.problems, line), line)
}

// slot is a number's place: of a family of columns, its n-th.
type slot struct {
	family string
	n      int
}

type numbered struct {
	label  Label
	text   string
	values []string
	order  int    // of the first column
	typed  string // cell of the label
	fixed  bool   // the heading tells the label
}

// row is one row being read.
type row struct {
	out                                           Contact
	given, middle, family, prefix, suffix, fileAs string
	org, nick                                     string
	formatted                                     string
	numbers                                       map[slot]*numbered
	addresses                                     map[string]map[int]string
}

// take puts a cell where its column says; false for one that has no place.
func (r *row) take(c column, cell string) bool {
	switch c.kind {
	case colNumber, colLabel, colText:
		r.takeNumber(c, cell)
	case colAddress:
		if r.addresses[c.family] == nil {
			r.addresses[c.family] = map[int]string{}
		}
		r.addresses[c.family][c.n] = cell
	case colGroups:
		var groups []string
		for _, g := range strings.Split(cell, multiple) {
			if g = strings.TrimSpace(g); !strings.HasPrefix(g, "*") { // Google's own, such as "* myContacts"
				groups = append(groups, g)
			}
		}
		r.out.Category = joined(", ", append([]string{r.out.Category}, groups...))
	case colIgnored:
		return true
	case colUnknown:
		return false
	default:
		to := r.text(c.kind)
		*to = joined(" ", []string{*to, cell})
	}
	return true
}

// text is where a cell of one text goes.
func (r *row) text(k columnKind) *string {
	switch k {
	case colName:
		return &r.out.Name
	case colGiven:
		return &r.given
	case colMiddle:
		return &r.middle
	case colFamily:
		return &r.family
	case colPrefix:
		return &r.prefix
	case colSuffix:
		return &r.suffix
	case colFileAs:
		return &r.fileAs
	case colOrg:
		return &r.org
	case colNick:
		return &r.nick
	case colToken:
		return &r.out.Token
	case colImage:
		return &r.out.ImageURL
	case colCategory:
		return &r.out.Category
	case colRoad:
		return &r.out.Road
	case colFormatted:
		return &r.formatted
	case colJibun:
		return &r.out.Jibun
	case colOpens:
		return &r.out.Hours.Open
	case colCloses:
		return &r.out.Hours.Close
	case colInfo:
		return &r.out.Hours.Info
	case colPOI:
		return &r.out.POI
	case colUnknown, colIgnored, colNumber, colLabel, colText, colAddress, colGroups:
	}
	return new(string)
}

func (r *row) takeNumber(c column, cell string) {
	at := slot{c.family, c.n}
	n := r.numbers[at]
	if n == nil {
		n = &numbered{order: len(r.numbers), label: c.label, text: c.text, fixed: c.family != familyOwn && c.family != familyGoogle}
		r.numbers[at] = n
	}
	switch c.kind {
	case colLabel:
		n.typed = cell
	case colText:
		n.text = cell
	default:
		values := []string{cell}
		if c.family == familyGoogle {
			values = strings.Split(cell, multiple)
		}
		for _, v := range values {
			if v = strings.TrimSpace(v); v != "" {
				n.values = append(n.values, v)
			}
		}
	}
}
