package phonebook

import (
	"cmp"
	"fmt"
	"slices"
)

// ProblemKind says what became of something in a file.
type ProblemKind int

// The kinds of problems, by how much they cost.
const (
	Changed ProblemKind = iota + 1 // kept in another form
	Dropped                        // not kept; the contact is
	Skipped                        // a card or row that became no contact
)

// String returns the kind in lower case.
func (k ProblemKind) String() string {
	switch k {
	case Changed:
		return "changed"
	case Dropped:
		return "dropped"
	case Skipped:
		return "skipped"
	}
	return ""
}

// Problem is something in a file that was not taken over as it is.
type Problem struct {
	Line  int // 1, 2, 3...; the first one with this problem
	Count int // how often it came
	Kind  ProblemKind
	Text  string // what it is, and what to do about it
}

// String is the problem on one line: "line 3: dropped: BDAY is not kept (12 times)".
func (p Problem) String() string {
	s := fmt.Sprintf("line %d: %s: %s", p.Line, p.Kind, p.Text)
	if p.Count > 1 {
		s += fmt.Sprintf(" (%d times)", p.Count)
	}
	return s
}

// maxProblems is how many different problems of a file are listed one by one.
const maxProblems = 10_000

// problems collects problems; one that comes again is counted.
type problems struct {
	list  []Problem
	known map[Problem]int // without line and count
	more  Problem
}

func (p *problems) add(line int, kind ProblemKind, format string, args ...any) {
	key := Problem{Kind: kind, Text: fmt.Sprintf(format, args...)}
	if at, ok := p.known[key]; ok {
		p.list[at].Count++
		p.list[at].Line = min(p.list[at].Line, line)
		return
	}
	if len(p.list) >= maxProblems {
		if p.more.Count == 0 {
			p.more = Problem{Line: line, Kind: kind, Text: "there are more problems from here on"}
		}
		p.more.Kind = max(p.more.Kind, kind)
		p.more.Count++
		return
	}
	if p.known == nil {
		p.known = map[Problem]int{}
	}
	p.known[key] = len(p.list)
	key.Line, key.Count = line, 1
	p.list = append(p.list, key)
}

// sorted returns the problems by line.
func (p *problems) sorted() []Problem {
	if p.more.Count > 0 {
		p.list = append(p.list, p.more)
	}
	slices.SortStableFunc(p.list, func(x, y Problem) int { return cmp.Compare(x.Line, y.Line) })
	return p.list
}
