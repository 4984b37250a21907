package agent

import (
	"context"
	"maps"
	"slices"
	"strconv"
)

// MaxCandidates is the most people that one list holds.
const MaxCandidates = 70

// recentCalls is how far back the history is read where only some of its calls
// are listed.
const recentCalls = 1000

// candidate is one person of a list under way. The person is complete: local
// numbers are taken out when the list is finished.
type candidate struct {
	Person
	given bool    // came with the directive
	score float64 // 0 to 1
	local bool    // its numbers are ours, and are told to nobody without need
}

// sendCandidates makes the list that a directive asks for, shows it and tells
// of it.
func (a *Agent) sendCandidates(ctx context.Context, h Header, p SendCandidates) {
	extra := maps.Clone(p.Extra)
	for _, name := range []string{"candidates", "playServiceId", "interactionControl"} {
		delete(extra, name) // no part of a template
	}
	a.template = &Template{
		Intent: p.Intent, CallType: p.CallType, RecipientIntended: p.RecipientIntended, SearchScene: p.SearchScene,
		Candidates: a.candidates(ctx, p), Extra: extra,
	}
	if a.cfg.Display != nil {
		a.cfg.Display.Show(*a.template)
	}
	playServiceID := p.PlayServiceID
	if playServiceID == "" {
		playServiceID = a.cfg.PlayServiceID
	}
	a.emit("CandidatesListed", a.fullContext(), CandidatesListed{playServiceID, p.InteractionControl}, h.DialogRequestID)
}

// HideCandidates takes the candidates out of the context: the device shows them
// no longer. The rest of the template stays. It returns ErrClosed after Close.
func (a *Agent) HideCandidates() error {
	return a.do(context.Background(), func() error {
		if a.template != nil {
			rest := *a.template
			rest.Candidates = nil
			a.template = &rest
		}
		return nil
	})
}

// ReleaseTemplate takes the template out of the context, and what is shown off
// the display: the dialogue it belongs to is over. It returns ErrClosed after
// Close.
func (a *Agent) ReleaseTemplate() error {
	return a.do(context.Background(), func() error {
		if a.template == nil {
			return nil
		}
		a.template = nil
		if a.cfg.Display != nil {
			a.cfg.Display.Release()
		}
		return nil
	})
}

// candidates is the list for a directive; never nil.
func (a *Agent) candidates(ctx context.Context, p SendCandidates) []Person {
	list := given(p)
	t114Only := p.SearchScene == SceneT114Only
	if t114Only {
		list = slices.DeleteFunc(list, func(c candidate) bool { return c.Type != PersonT114 })
	}
	switch {
	case p.SearchScene == SceneT114Direct, p.Intent == IntentNone:
		return a.asGiven(list)
	case p.Intent == IntentExactOne:
		list = oneOfEachName(a.completed(ctx, list, wanted(p).Label))
	case !t114Only:
		list = a.merge(list, a.own(ctx, p))
	}
	if p.Intent == IntentBlock {
		a.giveNumbers(ctx, list)
	}
	if byScore(p) {
		slices.SortStableFunc(list, func(x, y candidate) int {
			switch {
			case x.score > y.score:
				return -1
			case x.score < y.score:
				return 1
			}
			return 0
		})
	}
	list = limited(list)
	a.remembered(ctx, list, p.Intent == IntentBlock)
	return a.finished(list, a.cfg.SendNumbers || p.Intent == IntentBlock)
}

// byScore says whether the best come first. The history goes by time, and who
// was chosen elsewhere comes as chosen.
func byScore(p SendCandidates) bool {
	switch p.Intent {
	case IntentCall, IntentSearch:
		return true
	case IntentBlock:
		return wanted(p).Name != ""
	default:
		return false
	}
}

// wanted is what was searched for.
func wanted(p SendCandidates) Query {
	q := Query{Limit: MaxCandidates}
	if r := p.RecipientIntended; r != nil {
		q.Name, q.Label = r.Name, r.Label
	}
	if q.Name == "" {
		q.Name, q.Label = q.Label, "" // "call home": a contact may be named so
	}
	return q
}

// given are the candidates that came with the directive. One without a score is
// as good as its name.
func given(p SendCandidates) []candidate {
	name := folded(wanted(p).Name)
	out := make([]candidate, len(p.Candidates))
	for i, person := range p.Candidates {
		score, err := strconv.ParseFloat(person.Score, 64)
		if err != nil {
			score = 0.5
			if name != "" && folded(person.Name) == name {
				score = 1
			}
		}
		out[i] = candidate{Person: person, given: true, score: score}
	}
	return out
}

// own are the people whom this phone knows, as the intent wants them.
func (a *Agent) own(ctx context.Context, p SendCandidates) []candidate {
	q := wanted(p)
	switch p.Intent {
	case IntentCall, IntentSearch:
		return a.found(ctx, q)
	case IntentHistory:
		return a.past(ctx, q.Name, MaxCandidates)
	case IntentMissed:
		return a.past(ctx, q.Name, MaxCandidates, HistoryMissed)
	case IntentRedial:
		return a.past(ctx, q.Name, 1, HistoryOut, HistoryOutCanceled)
	case IntentSaveContact:
		return a.strangers(ctx)
	case IntentBlock:
		if q.Name != "" {
			return a.found(ctx, q)
		}
		return a.past(ctx, "", MaxCandidates, HistoryIn, HistoryRejected, HistoryMissed, HistoryBlocked)
	case IntentExactOne, IntentNone: // nobody is added
	}
	return nil
}

// found are the contacts that fit a name and label.
func (a *Agent) found(ctx context.Context, q Query) []candidate {
	matches, err := a.search(ctx, q)
	if err != nil {
		a.log.Warn("candidates are missing", "error", err)
	}
	out := make([]candidate, len(matches))
	for i, m := range matches {
		m.Person.Score = strconv.FormatFloat(min(max(m.Score, 0), 1), 'f', 2, 64)
		out[i] = candidate{Person: m.Person, score: m.Score, local: true}
	}
	return out
}

// completed finds the contacts that candidates mean which have nothing but a
// name; the number of that label comes first.
func (a *Agent) completed(ctx context.Context, list []candidate, label string) []candidate {
	for i, c := range list {
		if c.Type != PersonContact || c.Token != "" || len(c.numbers()) > 0 {
			continue
		}
		same, err := a.named(ctx, c.Name, label)
		if err != nil {
			a.log.Warn("a candidate could not be looked up", "error", err)
		}
		if len(same) > 0 {
			list[i].complete(candidate{Person: same[0], score: 1, local: true})
		}
	}
	return list
}

// giveNumbers puts the numbers in that only this phone knows: BlockNumber needs
// them.
func (a *Agent) giveNumbers(ctx context.Context, list []candidate) {
	for i, c := range list {
		if c.Token == "" || len(c.numbers()) > 0 {
			continue
		}
		if p, ok := a.byToken(ctx, c.Token); ok {
			list[i].Contacts, list[i].local = slices.Clone(p.Contacts), true
		}
	}
}
