package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/softphone-go/softphone/control/api"
)

// CheckWithheld is CheckNumber for a caller who asked not to be named
// (RFC 3323).
func (c *Client) CheckWithheld(ctx context.Context, number string) (api.Check, error) {
	var out api.Check
	err := c.call(ctx, http.MethodGet, rulesPath+"/check", url.Values{"number": {number}, "withheld": {"true"}}, nil, &out)
	return out, err
}
