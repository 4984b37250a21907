package blocklist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/softphone-go/softphone/number"
)

const (
	// MaxFile is the size in bytes of the largest file that is read.
	MaxFile = 256 << 20
	// maxBy is the length in runes of who added a rule.
	maxBy = 64
)

// ErrFileTooLarge says that a file has more than MaxFile bytes.
var ErrFileTooLarge = fmt.Errorf("blocklist: the file is larger than %d MiB; split it", MaxFile>>20)

// Problem is a place in a file that became no rule.
type Problem struct {
	Line int // from 1
	Err  error
}

func (p Problem) Error() string {
	return fmt.Sprintf("line %d: %s", p.Line, strings.TrimPrefix(p.Err.Error(), "blocklist: "))
}

func (p Problem) Unwrap() error { return p.Err }

// reading collects what a file says.
type reading struct {
	plan     *number.Plan
	entries  []Entry
	problems []Problem
}

func (f *reading) problem(line int, err error) {
	f.problems = append(f.problems, Problem{Line: line, Err: err})
}

// record is a rule as a file has it.
type record struct{ kind, pattern, raw, added, by string }

// add takes a rule over, or notes why it cannot be one.
func (f *reading) add(line int, r record) {
	e, err := f.entry(r)
	if err != nil {
		f.problem(line, err)
		return
	}
	f.entries = append(f.entries, e)
}

func (f *reading) entry(r record) (Entry, error) {
	kind, err := ParseType(strings.TrimSpace(r.kind))
	if err != nil {
		return Entry{}, err
	}
	given := r.pattern
	if given == "" {
		given = r.raw
	}
	canonical, err := Canonical(f.plan, kind, given)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Type: kind, Pattern: given, By: strings.TrimSpace(r.by)}
	// What was typed once is kept, as long as it still means the same.
	if same, err := Canonical(f.plan, kind, r.raw); err == nil && same == canonical {
		e.Pattern = r.raw
	}
	if s := strings.TrimSpace(r.added); s != "" {
		if e.Added, err = parseTime(s); err != nil {
			return Entry{}, err
		}
	}
	if utf8.RuneCountInString(e.By) > maxBy {
		return Entry{}, fmt.Errorf("who added the rule is longer than %d characters", maxBy)
	}
	return e, nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time; write it as 2026-11-21T09:00:00Z or 2026-11-21, or leave it out", s)
}

// limited fails with ErrFileTooLarge after MaxFile bytes.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		if n, err := l.r.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, ErrFileTooLarge
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

func readable(r io.Reader) io.Reader { return &limited{r: r, left: MaxFile} }

// ioError wraps what a reader or writer of files failed with.
func ioError(what string, err error) error {
	if errors.Is(err, ErrFileTooLarge) {
		return err
	}
	return fmt.Errorf("blocklist: the rules cannot be %s: %w", what, err)
}

// Format is a file format of rules.
type Format string

// The formats that Read tells apart.
const (
	FormatCSV  Format = "csv"
	FormatJSON Format = "json"
)

// Read is ReadJSON for a text that begins with a bracket or brace, else ReadCSV.
func Read(r io.Reader, plan *number.Plan) ([]Entry, []Problem, Format, error) {
	br := bufio.NewReaderSize(r, 4<<10)
	head, _ := br.Peek(512)
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(head) > 0 && (head[0] == '[' || head[0] == '{') {
		entries, problems, err := ReadJSON(br, plan)
		return entries, problems, FormatJSON, err
	}
	entries, problems, err := ReadCSV(br, plan)
	return entries, problems, FormatCSV, err
}
