package agent

import (
	"context"
	"strconv"
	"strings"
	"unicode"
)

// past are the people of the newest calls, one for each number. With a name
// only those who are called so are listed.
func (a *Agent) past(ctx context.Context, name string, most int, types ...HistoryType) []candidate {
	if a.cfg.History == nil {
		return nil
	}
	limit := most
	if name != "" {
		limit = recentCalls
	}
	calls, err := a.cfg.History.Recent(ctx, types, limit)
	if err != nil {
		a.log.Warn("candidates are missing: the history could not be read", "error", err)
		return nil
	}
	if name != "" {
		calls = a.with(ctx, name, calls)
	}
	var out []candidate
	for _, c := range calls {
		if c.Number == "" || len(out) >= most {
			continue
		}
		person, _ := a.caller(ctx, c)
		out = append(out, candidate{Person: person, local: true})
	}
	return out
}

// with are the calls with people of that name.
func (a *Agent) with(ctx context.Context, name string, calls []PastCall) []PastCall {
	found, err := a.search(ctx, Query{Name: name, Limit: MaxCandidates})
	if err != nil {
		a.log.Warn("calls are missing", "error", err)
	}
	meant := map[string]bool{}
	for _, m := range found {
		for _, n := range m.Person.numbers() {
			meant[a.canonical(n)] = true
		}
	}
	var out []PastCall
	for _, c := range calls {
		if meant[a.canonical(c.Number)] || c.Name != "" && strings.Contains(folded(c.Name), folded(name)) {
			out = append(out, c)
		}
	}
	return out
}

// strangers are the newest callers and called ones who are in no contact: they
// could be saved.
func (a *Agent) strangers(ctx context.Context) []candidate {
	if a.cfg.History == nil {
		return nil
	}
	calls, err := a.cfg.History.Recent(ctx, nil, recentCalls)
	if err != nil {
		a.log.Warn("candidates are missing: the history could not be read", "error", err)
		return nil
	}
	var out []candidate
	for _, c := range calls {
		if c.Number == "" || len(out) >= MaxCandidates {
			continue
		}
		if person, known := a.caller(ctx, c); !known {
			out = append(out, candidate{Person: person, local: true})
		}
	}
	return out
}

// caller is the other side of a past call, under the number of that call alone,
// and whether it is a contact. It gets a token of its own: a contact with two
// numbers may be listed for each.
func (a *Agent) caller(ctx context.Context, c PastCall) (Person, bool) {
	p, known := Person{}, false
	if a.cfg.Book != nil {
		p, known = a.cfg.Book.ByNumber(ctx, c.Number)
	}
	if !known {
		p = reachable(c.Name, c.Number)
		p.Contacts[0].Label = c.Label
		if c.Person == PersonExchange || c.Person == PersonT114 {
			p.Type = c.Person // nobody is CONTACT who is in no contact
		}
		if p.Name == "" || !hasLetter(p.Name) && a.canonical(p.Name) == a.canonical(c.Number) { // many send their number as a name
			p.Name = a.spoken(c.Number)
		}
	}
	p.Token, p.History = "", c.record()
	return p, known
}

// spoken names somebody of whom only the number is known: its last digits, or
// all of it where numbers may be told. A user that is no number is a name.
func (a *Agent) spoken(number string) string {
	const last = 4
	if strings.Contains(number, "@") { // a SIP URI: its user
		number = a.canonical(number)
	}
	digits := strings.Map(func(r rune) rune {
		if !isDigit(r) {
			return -1
		}
		return r
	}, number)
	if a.cfg.SendNumbers || len(digits) <= last || hasLetter(number) {
		return number
	}
	return "…" + digits[len(digits)-last:]
}

// masked is a text for the log, with the last digits only of each number in it.
func masked(text string) string {
	const least = 6 // digits; ports and codes have fewer
	var out strings.Builder
	for len(text) > 0 {
		start := strings.IndexFunc(text, isDigit)
		if start < 0 {
			break
		}
		length, digits := 0, 0
		for i, r := range text[start:] {
			if isDigit(r) {
				digits, length = digits+1, i+1
			} else if !strings.ContainsRune(" -.()/", r) {
				break
			}
		}
		out.WriteString(text[:start])
		number := text[start : start+length]
		if digits >= least {
			number = "…" + number[len(number)-2:]
		}
		out.WriteString(number)
		text = text[start+length:]
	}
	return out.String() + text
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }

// record is the call as a Person shows it, in local time.
func (c PastCall) record() *CallRecord {
	r := &CallRecord{Time: c.Time.Local().Format("2006-01-02T15:04:05"), Type: c.Type, CallType: c.CallType}
	if r.CallType == "" || r.CallType == CallSpeaker {
		r.CallType = CallNormal
	}
	return r
}

func count(n int) string { return strconv.Itoa(n) }
