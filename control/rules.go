package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/control/api"
)

const (
	defaultBy  = "control"
	rulePage   = 1000
	maxImport  = 64 << 20 // bytes
	rulesPath  = "/v1/blocklist"
	noSuchRule = "There is no such rule."
)

type ruleID struct {
	ID int64 `path:"id" minimum:"1"`
}

type createdRule struct {
	Status   int
	Location string `header:"Location" doc:"Where the rule is."`
	Body     api.Rule
}

func ruleOf(r blocklist.Rule) api.Rule {
	return api.Rule{ID: r.ID, Type: r.Type.String(), Pattern: r.Pattern, Raw: r.Raw, Added: r.Added, By: r.By}
}

func (s *Server) serveRules(r router) {
	tags := []string{"blocklist"}
	route(s, r, huma.Operation{
		OperationID: "listRules", Method: http.MethodGet, Path: rulesPath, Tags: tags, Summary: "List block rules, by ascending id",
	}, nil, s.listRules)
	route(s, r, huma.Operation{
		OperationID: "addRule", Method: http.MethodPost, Path: rulesPath, Tags: tags, Summary: "Add a block rule",
		Description:   "It is durable when the answer comes: 201, or 200 with the rule as it is when it was there already.",
		DefaultStatus: http.StatusCreated, BodyReadTimeout: requestTime,
		Responses: map[string]*huma.Response{"200": {Description: "It was there already.", Content: map[string]*huma.MediaType{
			"application/json": {Schema: r.schema(api.Rule{})},
		}}},
	}, map[int]string{http.StatusUnprocessableEntity: "The rule makes no sense; the field is named."}, s.addRule)
	route(s, r, huma.Operation{
		OperationID: "getRule", Method: http.MethodGet, Path: rulesPath + "/{id}", Tags: tags, Summary: "Show a block rule",
	}, map[int]string{http.StatusNotFound: noSuchRule}, func(_ context.Context, in *ruleID) (*body[api.Rule], error) {
		rules := s.cfg.Rules.Rules()
		if at, ok := searchRule(rules, in.ID); ok {
			return &body[api.Rule]{ruleOf(rules[at])}, nil
		}
		return nil, blocklist.ErrNotFound
	})
	route(s, r, huma.Operation{
		OperationID: "removeRule", Method: http.MethodDelete, Path: rulesPath + "/{id}", Tags: tags, Summary: "Remove a block rule",
		DefaultStatus: http.StatusNoContent,
	}, map[int]string{http.StatusNotFound: noSuchRule}, func(ctx context.Context, in *ruleID) (*none, error) {
		return &none{}, s.cfg.Rules.Remove(ctx, in.ID)
	})
	route(s, r, huma.Operation{
		OperationID: "checkNumber", Method: http.MethodGet, Path: rulesPath + "/check", Tags: tags,
		Summary: "Tell whether a caller would be blocked, and why",
	}, nil, s.checkNumber)
	route(s, r, huma.Operation{
		OperationID: "exportRules", Method: http.MethodGet, Path: rulesPath + "/export", Tags: tags,
		Summary: "Export all block rules, as import takes them",
	}, nil, s.exportRules)
	route(s, r, huma.Operation{
		OperationID: "importRules", Method: http.MethodPost, Path: rulesPath + "/import", Tags: tags,
		Summary: "Add many block rules, all or none", MaxBodyBytes: maxImport, BodyReadTimeout: 2 * requestTime,
	}, map[int]string{http.StatusUnprocessableEntity: "No rule was added; each that makes no sense is named."}, s.importRules)
}

// searchRule finds a rule among all, which are sorted by id.
func searchRule(rules []blocklist.Rule, id int64) (int, bool) {
	return slices.BinarySearchFunc(rules, id, func(r blocklist.Rule, id int64) int { return int(max(min(r.ID-id, 1), -1)) })
}

type rulesQuery struct {
	After int64 `query:"after" minimum:"0" doc:"Rules with greater ids only."`
	Limit int   `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"Rules in one answer."`
}

func (s *Server) listRules(_ context.Context, in *rulesQuery) (*body[api.RuleList], error) {
	all := s.cfg.Rules.Rules()
	at, found := searchRule(all, in.After)
	if found {
		at++
	}
	page := all[at:]
	out := &body[api.RuleList]{api.RuleList{Rules: []api.Rule{}, Total: len(all), Blockable: s.cfg.Rules.Blockable()}}
	if limit := max(in.Limit, 1); len(page) > limit {
		page = page[:limit]
		out.Body.Next = page[limit-1].ID
	}
	for _, r := range page {
		out.Body.Rules = append(out.Body.Rules, ruleOf(r))
	}
	return out, nil
}

func (s *Server) addRule(ctx context.Context, in *body[api.NewRule]) (*createdRule, error) {
	entry, field, err := s.entry(in.Body)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the rule is refused",
			api.FieldError{Location: "body." + field, Message: err.Error()})
	}
	_, known, err := s.cfg.Rules.Find(entry.Type, entry.Pattern)
	if err != nil {
		return nil, err
	}
	rules, err := s.cfg.Rules.Import(ctx, []blocklist.Entry{entry}, defaultBy)
	if err != nil {
		return nil, err
	}
	out := &createdRule{Status: http.StatusCreated, Location: fmt.Sprintf("%s/%d", rulesPath, rules[0].ID), Body: ruleOf(rules[0])}
	if known {
		out.Status = http.StatusOK
	}
	return out, nil
}

type checkQuery struct {
	Number   string `query:"number" required:"true" minLength:"1" maxLength:"256" doc:"The caller's number, in any spelling, or anonymous." example:"+82-70-1234-5678"`
	Withheld bool   `query:"withheld" doc:"The caller asked not to be named (RFC 3323)."`
}

func (s *Server) checkNumber(_ context.Context, in *checkQuery) (*body[api.Check], error) {
	e := s.cfg.Rules.Explain(s.cfg.Numbers.Parse(in.Number), in.Withheld)
	out := &body[api.Check]{api.Check{Number: e.Number.String(), Kind: e.Number.Describe(), Blocked: e.Blocked, Reason: e.Reason()}}
	for i, rule := range e.Rules {
		if r := ruleOf(rule); i == 0 {
			out.Body.Rule = &r
		} else {
			out.Body.Also = append(out.Body.Also, r)
		}
	}
	return out, nil
}

func (s *Server) exportRules(context.Context, *none) (*body[api.RuleExport], error) {
	out := &body[api.RuleExport]{api.RuleExport{Rules: []api.Rule{}}}
	for _, r := range s.cfg.Rules.Rules() {
		out.Body.Rules = append(out.Body.Rules, ruleOf(r))
	}
	return out, nil
}

// importRules checks all rules before it adds any, so that each one that makes
// no sense is named.
func (s *Server) importRules(ctx context.Context, in *body[api.RuleImport]) (*body[api.RuleImported], error) {
	entries := make([]blocklist.Entry, len(in.Body.Rules))
	var bad []api.FieldError
	for i, r := range in.Body.Rules {
		var field string
		var err error
		if entries[i], field, err = s.entry(r); err != nil {
			bad = append(bad, api.FieldError{Location: fmt.Sprintf("body.rules[%d].%s", i, field), Message: err.Error()})
		}
	}
	if len(bad) > 0 {
		return nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, fmt.Sprintf("%d of %d rules make no sense; none was added", len(bad), len(entries)), bad...)
	}
	if len(entries) == 0 {
		return &body[api.RuleImported]{}, nil
	}
	before := s.cfg.Rules.Len()
	if _, err := s.cfg.Rules.Import(ctx, entries, cmp.Or(in.Body.By, defaultBy)); err != nil {
		return nil, err
	}
	added := min(max(s.cfg.Rules.Len()-before, 0), len(entries))
	return &body[api.RuleImported]{api.RuleImported{Added: added, Known: len(entries) - added}}, nil
}

// entry reads a rule; the error comes with the name of the field.
func (s *Server) entry(r api.NewRule) (blocklist.Entry, string, error) {
	kind, err := blocklist.ParseType(r.Type)
	if err != nil {
		return blocklist.Entry{}, "type", errors.New("must be EXACT, PREFIX or POSTFIX")
	}
	canonical, err := blocklist.Canonical(s.cfg.Numbers, kind, r.Pattern)
	if err != nil {
		var wrong *blocklist.PatternError
		if errors.As(err, &wrong) {
			err = wrong.Reason
		}
		return blocklist.Entry{}, "pattern", err
	}
	e := blocklist.Entry{Type: kind, Pattern: r.Pattern, Added: r.Added, By: r.By}
	if same, err := blocklist.Canonical(s.cfg.Numbers, kind, r.Raw); err == nil && same == canonical {
		e.Pattern = r.Raw
	}
	return e, "", nil
}
