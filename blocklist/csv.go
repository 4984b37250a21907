package blocklist

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/softphone-go/softphone/internal/sheet"
	"github.com/softphone-go/softphone/number"
)

// columns of a file, in the order in which WriteCSV has them.
const (
	colType = iota
	colPattern
	colRaw
	colAdded
	colBy
	columnCount
)

func columnNames() [columnCount]string {
	return [columnCount]string{"type", "pattern", "raw", "added", "by"}
}

// ReadCSV reads rules from comma-separated values (RFC 4180), or values
// separated by semicolons or tabs, in UTF-8, UTF-16 or CP949 (Korean Excel). The
// first line may name the columns: type, pattern, raw (as it was typed), added,
// by; only pattern must be there. Without names the columns are type and
// pattern, or numbers alone, which become EXACT.
//
// It returns what can be added and, with its line, all that cannot. The error is
// that of reading, or ErrFileTooLarge.
func ReadCSV(r io.Reader, plan *number.Plan) ([]Entry, []Problem, error) {
	in, _, err := sheet.Text(readable(r))
	if err != nil {
		return nil, nil, ioError("read", err)
	}
	rows := csv.NewReader(in)
	rows.Comma = sheet.Separator(in)
	rows.FieldsPerRecord = -1
	rows.TrimLeadingSpace = rows.Comma != '\t'
	rows.ReuseRecord = true
	f := &reading{plan: plan}
	var at *[columnCount]int // column of each name, -1 for none
	width := 0
	for {
		row, err := rows.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return f.entries, f.problems, nil
		case errors.As(err, &syntax):
			f.problem(syntax.Line, fmt.Errorf("this is no row of values: %w", syntax.Err))
			continue
		case err != nil:
			return nil, nil, ioError("read", err)
		}
		line, _ := rows.FieldPos(0)
		if at == nil {
			named, isHeader := f.header(row, line)
			at, width = &named, len(row)
			if isHeader {
				continue
			}
			if width > 1 {
				width = columnCount
			}
		}
		f.row(row, line, width, at)
	}
}

// header finds the columns, and reports whether the row is one of names.
func (f *reading) header(row []string, line int) (at [columnCount]int, ok bool) {
	names := columnNames()
	for i := range at {
		at[i] = -1
	}
	var unknown []string
	for i, cell := range row {
		found := false
		for c, name := range names {
			if at[c] < 0 && strings.EqualFold(strings.TrimSpace(cell), name) {
				at[c], found = i, true
				break
			}
		}
		if !found && strings.TrimSpace(cell) != "" {
			unknown = append(unknown, cell)
		}
	}
	if at[colPattern] >= 0 {
		for _, name := range unknown {
			f.problem(line, fmt.Errorf("the column %.40q is left out; there are %s", name, strings.Join(names[:], ", ")))
		}
		return at, true
	}
	at = [columnCount]int{colType: 0, colPattern: 1, colRaw: 2, colAdded: 3, colBy: 4}
	if len(row) == 1 {
		at = [columnCount]int{colType: -1, colPattern: 0, colRaw: -1, colAdded: -1, colBy: -1}
	}
	return at, false
}

func (f *reading) row(row []string, line, width int, at *[columnCount]int) {
	cell := func(c int) string {
		if at[c] < 0 || at[c] >= len(row) {
			return ""
		}
		return sheet.Unguard(row[at[c]])
	}
	if strings.TrimSpace(strings.Join(row, "")) == "" {
		return
	}
	r := record{kind: cell(colType), pattern: cell(colPattern), raw: cell(colRaw), added: cell(colAdded), by: cell(colBy)}
	if at[colType] < 0 {
		r.kind = Exact.String()
	}
	if len(row) > width && strings.TrimSpace(strings.Join(row[width:], "")) != "" {
		f.problem(line, fmt.Errorf("there are %d values in %d columns; put values with commas in quotes", len(row), width))
		return
	}
	f.add(line, r)
}

// WriteCSV writes rules so that ReadCSV reads them back, who and when included.
func WriteCSV(w io.Writer, rules []Rule) error {
	out := csv.NewWriter(w)
	names := columnNames()
	_ = out.Write(names[:]) // Error tells
	for _, r := range rules {
		added := ""
		if !r.Added.IsZero() {
			added = r.Added.UTC().Format(time.RFC3339Nano)
		}
		_ = out.Write([]string{r.Type.String(), sheet.Guard(r.Pattern), sheet.Guard(r.Raw), added, sheet.Guard(r.By)})
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return ioError("written", err)
	}
	return nil
}
