package agent

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// merge joins what came with the directive and what was found here. Who is in
// both is listed once, as given, with what only this phone knows filled in. Our
// own come first where scores do not decide.
func (a *Agent) merge(given, own []candidate) []candidate {
	for i := range given {
		at := slices.IndexFunc(own, func(c candidate) bool { return a.same(given[i].Person, c.Person) })
		if at >= 0 {
			given[i].complete(own[at])
			own = slices.Delete(own, at, at+1)
		}
	}
	return append(own, given...)
}

// same reports whether a given person is one of ours: by token, by a number, or
// by the name when the given one has nothing else.
func (a *Agent) same(given, own Person) bool {
	if given.Token != "" && given.Token == own.Token {
		return true
	}
	have := given.numbers()
	if len(have) == 0 {
		return given.Token == "" && (given.Type == PersonContact || given.Type == PersonNone) && folded(given.Name) == folded(own.Name)
	}
	for _, x := range have {
		for _, y := range own.numbers() {
			if a.canonical(x) == a.canonical(y) {
				return true
			}
		}
	}
	return false
}

// complete fills in what a given candidate lacks.
func (c *candidate) complete(own candidate) {
	if c.Score == "" {
		c.Score, c.score = own.Score, own.score
	}
	for _, f := range []struct{ to, from *string }{
		{&c.ProfileImgURL, &own.ProfileImgURL}, {&c.Category, &own.Category}, {&c.Token, &own.Token},
		{&c.POIID, &own.POIID}, {&c.NumInCallHistory, &own.NumInCallHistory},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if c.Address == nil {
		c.Address = own.Address
	}
	if c.BusinessHours == nil {
		c.BusinessHours = own.BusinessHours
	}
	if c.History == nil {
		c.History = own.History
	}
	if len(c.numbers()) == 0 {
		c.Contacts, c.local = own.Contacts, true
	}
}

// oneOfEachName leaves one candidate of each name: the best one, and of equals
// the first that can be called. It stands where the first of the name stood.
func oneOfEachName(list []candidate) []candidate {
	var out []candidate
	at := map[string]int{}
	for _, c := range list {
		i, ok := at[folded(c.Name)]
		switch {
		case !ok:
			at[folded(c.Name)] = len(out)
			out = append(out, c)
		case c.score > out[i].score, c.score == out[i].score && !out[i].callable() && c.callable():
			out[i] = c
		}
	}
	return out
}

func (c candidate) callable() bool { return c.Token != "" || len(c.numbers()) > 0 }

// limited leaves at most MaxCandidates. Our own are dropped first, from the
// end, then what was given, T114 last.
func limited(list []candidate) []candidate {
	for _, may := range []func(candidate) bool{
		func(c candidate) bool { return !c.given },
		func(c candidate) bool { return c.Type != PersonT114 },
		func(candidate) bool { return true },
	} {
		for i := len(list) - 1; i >= 0 && len(list) > MaxCandidates; i-- {
			if may(list[i]) {
				list = slices.Delete(list, i, i+1)
			}
		}
	}
	return list
}

// asGiven is a list that nothing is added to and nothing is looked up for. Its
// tokens are resolved later where they came with a number.
func (a *Agent) asGiven(list []candidate) []Person {
	list = limited(list)
	out := make([]Person, len(list))
	for i, c := range list {
		a.rememberGiven(c.Person)
		out[i] = c.Person
	}
	return fitting(out)
}

// fitting are the first ones that an event has room for.
func fitting(list []Person) []Person {
	size := 0
	for i, p := range list {
		data, err := json.Marshal(p)
		if size += len(data); err != nil || size > maxPayload {
			return list[:i]
		}
	}
	return list
}

// rememberGiven keeps the numbers of somebody else's token, unless the token is
// one of ours.
func (a *Agent) rememberGiven(p Person) {
	if _, ours := a.tokens.people[p.Token]; p.Token != "" && !ours && len(p.numbers()) > 0 {
		a.tokens.remember(p)
	}
}

// remembered fills in what the history and the block rules know. What somebody
// else says of our rules counts only where nobody is to be blocked.
func (a *Agent) remembered(ctx context.Context, list []candidate, forBlocking bool) {
	people := make([][]string, len(list))
	for i := range list {
		people[i] = list[i].numbers()
		list[i].Contacts = slices.Clone(list[i].Contacts)
		for k, n := range list[i].Contacts {
			if a.cfg.Rules != nil && (n.IsBlocked == nil || forBlocking) && n.Number != "" {
				blocked := Bool(a.cfg.Rules.Blocked(n.Number))
				list[i].Contacts[k].IsBlocked = &blocked
			}
		}
	}
	if a.cfg.History == nil {
		return
	}
	past, err := a.cfg.History.About(ctx, people)
	if err != nil || len(past) != len(list) {
		a.log.Warn("candidates are without their history", "error", err)
		return
	}
	for i, p := range past {
		if len(people[i]) == 0 {
			continue
		}
		if list[i].History == nil && p.Newest != nil {
			list[i].History = p.Newest.record()
		}
		if list[i].NumInCallHistory == "" {
			list[i].NumInCallHistory = count(p.Outgoing)
		}
	}
}

// finished gives everybody a token, keeps what is behind it, and takes local
// numbers out unless they are wanted.
func (a *Agent) finished(list []candidate, numbers bool) []Person {
	out := make([]Person, len(list))
	for i, c := range list {
		switch {
		case !c.local:
			a.rememberGiven(c.Person)
		case c.Token == "":
			c.Token = a.tokens.issue(c.Person)
		default:
			a.tokens.remember(c.Person)
		}
		if c.local && !numbers {
			c.Contacts = slices.Clone(c.Contacts)
			for k := range c.Contacts {
				c.Contacts[k].Number = ""
			}
		}
		out[i] = c.Person
	}
	return fitting(out)
}

// folded is a name as it is compared: letters in one case, without spaces.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}
