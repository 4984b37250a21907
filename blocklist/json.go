package blocklist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/softphone-go/softphone/number"
)

// ruleJSON is a rule in a JSON file. Match is the type in the lines that
// `softphone block list --json` prints, whose type is "rule".
type ruleJSON struct {
	Type    string    `json:"type"`
	Match   string    `json:"match,omitempty"`
	Pattern string    `json:"pattern"`
	Raw     string    `json:"raw,omitempty"`
	Added   time.Time `json:"added,omitzero"`
	By      string    `json:"by,omitempty"`
}

// ReadJSON reads rules from an array of objects with type, pattern and, if
// known, raw, added, by; from an object whose rules is such an array, as the
// control API answers; or from one object a line. Results are those of ReadCSV.
func ReadJSON(r io.Reader, plan *number.Plan) ([]Entry, []Problem, error) {
	data, err := io.ReadAll(readable(r))
	if err != nil {
		return nil, nil, ioError("read", err)
	}
	f := &jsonFile{reading: reading{plan: plan}, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), line: 1}
	f.values(f.data, 0)
	return f.entries, f.problems, nil
}

type jsonFile struct {
	reading
	data     []byte
	at, line int // a place in data and its line, to count on from
}

// lineOf returns the line of a place; places come in ascending order, but for
// those inside an object that was looked at whole.
func (f *jsonFile) lineOf(offset int) int {
	if offset < f.at {
		f.at, f.line = 0, 1
	}
	f.line += bytes.Count(f.data[f.at:offset], []byte("\n"))
	f.at = offset
	return f.line
}

// values reads the values that follow one another in data, which begins at base,
// and those of arrays among them.
func (f *jsonFile) values(data []byte, base int) {
	dec := json.NewDecoder(bytes.NewReader(data))
	depth := 0
	for {
		at := int(dec.InputOffset())
		at += len(data[at:]) - len(bytes.TrimLeft(data[at:], " \t\r\n,"))
		var raw json.RawMessage
		var err error
		switch {
		case at < len(data) && data[at] == '[' && depth == 0:
			_, err = dec.Token()
			depth++
		case at < len(data) && data[at] == ']' && depth > 0:
			_, err = dec.Token()
			depth--
		default:
			err = dec.Decode(&raw)
		}
		switch {
		case errors.Is(err, io.EOF) && depth == 0:
			return
		case err != nil:
			f.problem(f.lineOf(base+at), fmt.Errorf("the JSON beginning here cannot be read, nor what follows: %w", err))
			return
		case raw != nil:
			f.value(raw, base+int(dec.InputOffset())-len(raw))
		}
	}
}

func (f *jsonFile) value(raw json.RawMessage, start int) {
	if raw[0] != '{' {
		f.problem(f.lineOf(start), fmt.Errorf(`%.40q is no rule; a rule is {"type":"PREFIX","pattern":"070"}`, raw))
		return
	}
	var whole struct {
		Rules json.RawMessage `json:"rules"`
	}
	if err := json.Unmarshal(raw, &whole); err == nil && len(whole.Rules) > 0 && whole.Rules[0] == '[' {
		f.values(whole.Rules, start+bytes.Index(raw, whole.Rules))
		return
	}
	var r ruleJSON
	if err := json.Unmarshal(raw, &r); err != nil {
		f.problem(f.lineOf(start), plain(err))
		return
	}
	switch r.Type {
	case "result":
		return // the last line of `softphone block list --json`
	case "rule":
		r.Type = r.Match
	}
	rec := record{kind: r.Type, pattern: r.Pattern, raw: r.Raw, by: r.By}
	if !r.Added.IsZero() {
		rec.added = r.Added.Format(time.RFC3339Nano)
	}
	f.add(f.lineOf(start), rec)
}

// plain says in plain words what is wrong with a rule's fields.
func plain(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s is a %s; write it as text in quotes, so that no digit is lost", wrong.Field, wrong.Value)
	}
	return fmt.Errorf("a field cannot be read: %w", err)
}

// WriteJSON writes rules as a JSON array, one rule a line, so that ReadJSON
// reads them back, who and when included.
func WriteJSON(w io.Writer, rules []Rule) error {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString("[") // Flush tells
	for i, r := range rules {
		line, err := json.Marshal(ruleJSON{Type: r.Type.String(), Pattern: r.Pattern, Raw: r.Raw, Added: r.Added.UTC(), By: r.By})
		if err != nil {
			return ioError("written", err)
		}
		if i > 0 {
			_, _ = out.WriteString(",")
		}
		_, _ = out.WriteString("\n")
		_, _ = out.Write(line)
	}
	_, _ = out.WriteString("\n]\n")
	if err := out.Flush(); err != nil {
		return ioError("written", err)
	}
	return nil
}
