package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/number"
)

// byCLI is who adds what this program adds.
const byCLI = "cli"

// maxPattern is the longest text that the control API takes for a number.
const maxPattern = 256

// maxRequest is how many rules go to a running phone in one request.
const maxRequest = 100_000

// rules are the block rules of a data folder: those of the phone that runs on
// it, or those in its store. What changes is durable when a method returns.
type rules interface {
	all(ctx context.Context) ([]api.Rule, error)
	add(ctx context.Context, kind blocklist.Type, pattern string) (api.Rule, error)
	remove(ctx context.Context, id int64) error
	check(ctx context.Context, caller string, withheld bool) (api.Check, error)
	// load adds many and tells how many were new.
	load(ctx context.Context, entries []blocklist.Entry) (added int, err error)
}

// rules finds the rules of the folder.
func (d *folder) rules(ctx context.Context) (rules, error) {
	c, ok, err := d.running(ctx)
	if err != nil {
		return nil, err
	}
	if ok {
		return phoneRules{c}, nil
	}
	s, err := d.store(ctx)
	if err != nil {
		return nil, err
	}
	list, err := blocklist.New(d.plan, blocklist.Options{Store: s.Rules(), AnonymousBlocked: d.file.Block.Anonymous})
	if err != nil {
		return nil, err
	}
	return storedRules{list, d.plan}, nil
}

// storedRules are those of a folder on which no phone runs.
type storedRules struct {
	list *blocklist.List
	plan *number.Plan
}

func (s storedRules) all(context.Context) ([]api.Rule, error) {
	all := s.list.Rules()
	out := make([]api.Rule, len(all))
	for i, r := range all {
		out[i] = apiRule(r)
	}
	return out, nil
}

func (s storedRules) add(ctx context.Context, kind blocklist.Type, pattern string) (api.Rule, error) {
	r, err := s.list.Add(ctx, kind, pattern, byCLI)
	var bad *blocklist.PatternError
	if errors.As(err, &bad) {
		err = refusedPattern(kind, pattern, bad.Reason)
	}
	return apiRule(r), err
}

// refusedPattern says why a rule is none, with a phone and without one.
func refusedPattern(kind blocklist.Type, pattern string, reason error) error {
	return usagef("the %s pattern %.80q is refused, because %w", kind, pattern, reason)
}

func (s storedRules) remove(ctx context.Context, id int64) error {
	err := s.list.Remove(ctx, id)
	if errors.Is(err, blocklist.ErrNotFound) {
		return noRule(id)
	}
	return err
}

func noRule(id int64) error {
	return &exitError{exitNotFound, fmt.Errorf("there is no rule %d; `softphone block list` shows those there are", id)}
}

func (s storedRules) check(_ context.Context, caller string, withheld bool) (api.Check, error) {
	e := s.list.Explain(s.plan.Parse(caller), withheld)
	out := api.Check{Number: e.Number.String(), Kind: e.Number.Describe(), Blocked: e.Blocked, Reason: e.Reason()}
	for i, rule := range e.Rules {
		if r := apiRule(rule); i == 0 {
			out.Rule = &r
		} else {
			out.Also = append(out.Also, r)
		}
	}
	return out, nil
}

func (s storedRules) load(ctx context.Context, entries []blocklist.Entry) (int, error) {
	before := s.list.Len()
	_, err := s.list.Import(ctx, entries, byCLI)
	return s.list.Len() - before, err
}

// phoneRules are those of a running phone.
type phoneRules struct{ phone *client.Client }

func (p phoneRules) all(ctx context.Context) ([]api.Rule, error) {
	all, err := p.phone.Rules(ctx)
	return all, refusedBy(err)
}

func (p phoneRules) add(ctx context.Context, kind blocklist.Type, pattern string) (api.Rule, error) {
	// A request may not hold these.
	if pattern == "" {
		return api.Rule{}, refusedPattern(kind, pattern, blocklist.ErrEmpty)
	}
	if len(pattern) > maxPattern {
		return api.Rule{}, refusedPattern(kind, pattern, blocklist.ErrTooLong)
	}
	r, err := p.phone.AddRule(ctx, api.NewRule{Type: kind.String(), Pattern: pattern, By: byCLI})
	var refused *api.Problem
	if errors.As(err, &refused) && len(refused.Errors) == 1 && refused.Errors[0].Location == "body.pattern" {
		return r, refusedPattern(kind, pattern, errors.New(refused.Errors[0].Message))
	}
	return r, refusedBy(err)
}

func (p phoneRules) remove(ctx context.Context, id int64) error {
	err := refusedBy(p.phone.RemoveRule(ctx, id))
	var e *exitError
	if errors.As(err, &e) && e.code == exitNotFound {
		return noRule(id)
	}
	return err
}

func (p phoneRules) check(ctx context.Context, caller string, withheld bool) (api.Check, error) {
	if caller == "" {
		caller = "anonymous"
	}
	ask := p.phone.CheckNumber
	if withheld {
		ask = p.phone.CheckWithheld
	}
	c, err := ask(ctx, caller)
	return c, refusedBy(err)
}

// load sends a large file in parts, each of which is added whole or not at all.
func (p phoneRules) load(ctx context.Context, entries []blocklist.Entry) (added int, err error) {
	for part := range slices.Chunk(entries, maxRequest) {
		in := api.RuleImport{By: byCLI, Rules: make([]api.NewRule, len(part))}
		for i, e := range part {
			in.Rules[i] = api.NewRule{Type: e.Type.String(), Pattern: e.Pattern, Added: e.Added, By: e.By}
		}
		done, err := p.phone.ImportRules(ctx, in)
		if err != nil {
			return added, refusedBy(err)
		}
		added += done.Added
	}
	return added, nil
}
