package number

import (
	"regexp/syntax"
	"slices"
)

// subscriberHead is the length up to which the first digits of a number are
// taken for an area or network code rather than a service number.
const subscriberHead = 2

// shortestFrom returns a shortest whole number of the plan that begins with
// digits, or nothing when no number does. Where numbers of that length are
// dialled both with and without the national prefix, one with it is returned.
func (c *country) shortestFrom(digits string) string {
	subscribers := []desc{c.mobile, c.fixed}
	if len(digits) <= subscriberHead {
		if found := c.shortestOf(subscribers, digits); found != "" {
			return found
		}
	}
	return c.shortestOf(append(subscribers, c.others...), digits)
}

func (c *country) shortestOf(types []desc, digits string) string {
	best := ""
	for _, d := range types {
		found := d.complete(digits, c.general)
		switch {
		case found == "" || best != "" && len(found) > len(best):
		case best == "" || len(found) < len(best) || len(c.domestic(found)) > len(c.domestic(best)):
			best = found
		}
	}
	return best
}

// complete returns a shortest number of the type that begins with digits.
func (d desc) complete(digits string, general desc) string {
	if d.pattern == nil {
		return ""
	}
	lengths := d.lengths
	if len(lengths) == 0 {
		lengths = general.lengths
	}
	prog, err := program(d.source)
	if err != nil {
		return ""
	}
	for _, n := range lengths {
		if found := walk(prog, digits, int(n)); found != "" {
			return found
		}
	}
	return ""
}

func program(source string) (*syntax.Prog, error) {
	re, err := syntax.Parse("(?:"+source+")", syntax.Perl)
	if err != nil {
		return nil, err
	}
	return syntax.Compile(re.Simplify())
}

// walk runs the pattern's automaton over digits, and then breadth first over
// every digit that keeps it alive, to the first text of n digits that matches.
func walk(prog *syntax.Prog, digits string, n int) string {
	if len(digits) > n {
		return ""
	}
	type state struct {
		text string
		at   []uint32
	}
	level := []state{{at: closure(prog, []uint32{uint32(prog.Start)})}}
	for i := range n {
		var next []state
		seen := map[string]bool{}
		for _, s := range level {
			for r := byte('0'); r <= '9'; r++ {
				if i < len(digits) && r != digits[i] {
					continue
				}
				at := step(prog, s.at, rune(r))
				if key := key(at); len(at) > 0 && !seen[key] {
					seen[key] = true
					next = append(next, state{text: s.text + string(r), at: at})
				}
			}
		}
		level = next
	}
	for _, s := range level {
		if slices.ContainsFunc(s.at, func(pc uint32) bool { return prog.Inst[pc].Op == syntax.InstMatch }) {
			return s.text
		}
	}
	return ""
}

// step returns the states after one more digit, ascending.
func step(prog *syntax.Prog, at []uint32, r rune) []uint32 {
	var out []uint32
	for _, pc := range at {
		in := &prog.Inst[pc]
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if in.MatchRune(r) {
				out = append(out, in.Out)
			}
		default:
		}
	}
	return closure(prog, out)
}

// closure follows what needs no digit.
func closure(prog *syntax.Prog, at []uint32) []uint32 {
	seen := map[uint32]bool{}
	var out []uint32
	for len(at) > 0 {
		pc := at[len(at)-1]
		at = at[:len(at)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		in := &prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			at = append(at, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			at = append(at, in.Out)
		default:
			out = append(out, pc)
		}
	}
	slices.Sort(out)
	return out
}

func key(at []uint32) string {
	b := make([]byte, 0, 3*len(at))
	for _, pc := range at {
		b = append(b, byte(pc>>16), byte(pc>>8), byte(pc))
	}
	return string(b)
}
