package phone

import (
	"context"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/store"
)

// rules is the Phone's block rules as its directive layer sees them.
type rules Phone

// Check implements agent.Rules.
func (r *rules) Check(t agent.BlockType, number string) error {
	kind, err := blocklist.ParseType(string(t))
	if err == nil {
		_, err = blocklist.Canonical(r.plan, kind, number)
	}
	return err
}

// Block implements agent.Rules.
func (r *rules) Block(ctx context.Context, t agent.BlockType, number string) error {
	kind, err := blocklist.ParseType(string(t))
	if err != nil {
		return err
	}
	_, err = r.rules.Add(ctx, kind, number, "BlockNumber")
	return err
}

// Blocked implements agent.Rules.
func (r *rules) Blocked(number string) bool {
	_, blocked := r.rules.Match(r.plan.Parse(number))
	return blocked
}

// Blockable implements agent.Rules.
func (r *rules) Blockable() bool { return r.rules.Blockable() }

// history is the Phone's call history as its directive layer sees it.
type history Phone

// mostRows is how far back the history is read for a list of recent calls.
const mostRows = 5000

// Recent implements agent.History.
func (h *history) Recent(ctx context.Context, types []agent.HistoryType, limit int) ([]agent.PastCall, error) {
	filter := store.HistoryFilter{Limit: mostRows}
	for _, t := range types {
		filter.Types = append(filter.Types, store.HistoryType(t))
	}
	rows, err := h.store.History(ctx, filter)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{"": true} // who withheld the number is nobody to call
	var out []agent.PastCall
	for _, r := range rows {
		if len(out) < limit && !seen[r.Number] {
			seen[r.Number] = true
			out = append(out, pastCall(r))
		}
	}
	return out, nil
}

// About implements agent.History.
func (h *history) About(ctx context.Context, people [][]string) ([]agent.Past, error) {
	out := make([]agent.Past, len(people))
	for i, numbers := range people {
		for _, n := range numbers {
			if err := h.about(ctx, h.plan.Parse(n).String(), &out[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (h *history) about(ctx context.Context, canonical string, past *agent.Past) error {
	if canonical == "" {
		return nil
	}
	n, err := h.store.CountOutgoing(ctx, canonical)
	if err != nil {
		return err
	}
	past.Outgoing += n
	rows, err := h.store.History(ctx, store.HistoryFilter{Number: canonical, Limit: 1})
	if err != nil || len(rows) == 0 {
		return err
	}
	if past.Newest == nil || rows[0].Started.After(past.Newest.Time) {
		newest := pastCall(rows[0])
		past.Newest = &newest
	}
	return nil
}

func pastCall(r store.HistoryRow) agent.PastCall {
	return agent.PastCall{
		Number: r.Number, Name: r.Name, Time: r.Started,
		Type: agent.HistoryType(r.Type), CallType: agent.CallType(r.CallType),
	}
}

// canonical is the one form of a number in which the phone compares it.
func (p *Phone) canonical(number string) string { return p.plan.Parse(number).String() }
