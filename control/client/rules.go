package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/softphone-go/softphone/control/api"
)

const rulesPath = "/v1/blocklist"

// Rules returns all block rules by ascending id.
func (c *Client) Rules(ctx context.Context) ([]api.Rule, error) {
	var all []api.Rule
	for after := int64(0); ; {
		var page api.RuleList
		q := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {"10000"}}
		if err := c.call(ctx, http.MethodGet, rulesPath, q, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Rules...)
		if after = page.Next; after == 0 {
			return all, nil
		}
	}
}

// AddRule adds a block rule, durably, and returns it; one that is there already
// is returned as it is.
func (c *Client) AddRule(ctx context.Context, r api.NewRule) (api.Rule, error) {
	var out api.Rule
	err := c.call(ctx, http.MethodPost, rulesPath, nil, r, &out)
	return out, err
}

// Rule returns a block rule; without such a one it fails with a Problem of 404.
func (c *Client) Rule(ctx context.Context, id int64) (api.Rule, error) {
	var out api.Rule
	err := c.call(ctx, http.MethodGet, rulePath(id), nil, nil, &out)
	return out, err
}

// RemoveRule removes a block rule, durably; without such a one it fails with a
// Problem of 404.
func (c *Client) RemoveRule(ctx context.Context, id int64) error {
	return c.call(ctx, http.MethodDelete, rulePath(id), nil, nil, nil)
}

func rulePath(id int64) string { return rulesPath + "/" + strconv.FormatInt(id, 10) }

// CheckNumber tells whether a caller would be blocked, and why.
func (c *Client) CheckNumber(ctx context.Context, number string) (api.Check, error) {
	var out api.Check
	err := c.call(ctx, http.MethodGet, rulesPath+"/check", url.Values{"number": {number}}, nil, &out)
	return out, err
}

// ImportRules adds many rules, all or none. Each one that makes no sense is
// named in the Problem's Errors, as body.rules[INDEX].pattern.
func (c *Client) ImportRules(ctx context.Context, in api.RuleImport) (api.RuleImported, error) {
	var out api.RuleImported
	if in.Rules == nil {
		in.Rules = []api.NewRule{}
	}
	err := c.call(ctx, http.MethodPost, rulesPath+"/import", nil, in, &out)
	return out, err
}

// ExportRules returns all rules as ImportRules takes them.
func (c *Client) ExportRules(ctx context.Context) (api.RuleExport, error) {
	var out api.RuleExport
	err := c.call(ctx, http.MethodGet, rulesPath+"/export", nil, nil, &out)
	return out, err
}
