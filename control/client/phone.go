package client

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/softphone-go/softphone/control/api"
)

// SendDirectives hands over a delivery of PhoneCall directives: one directive,
// {"directive": ...}, {"directives": [...]} or an array. When some were refused
// the error is an *api.Problem whose Refused names them, and whose Accepted the
// others, which are carried out.
func (c *Client) SendDirectives(ctx context.Context, delivery []byte) (api.Receipt, error) {
	var out api.Receipt
	// As they are: what is not JSON is refused by the phone, which says why.
	err := c.send(ctx, http.MethodPost, "/v1/directives", nil, "application/json", delivery, &out)
	return out, err
}

// Context returns the PhoneCall context: {"PhoneCall": {...}}.
func (c *Client) Context(ctx context.Context) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.call(ctx, http.MethodGet, "/v1/context", nil, nil, &out)
	return out, err
}

// HideCandidates says that the listed people are shown no longer.
func (c *Client) HideCandidates(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/v1/context/template/candidates", nil, nil, nil)
}

// ReleaseTemplate says that the dialogue of the listed people is over.
func (c *Client) ReleaseTemplate(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/v1/context/template", nil, nil, nil)
}

// Health asks whether the server answers.
func (c *Client) Health(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil, new(api.Health))
}

// Ready asks whether the phone takes directives; an *api.Problem says why not.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/readyz", nil, nil, new(api.Health))
}

// OpenAPI returns the OpenAPI 3.1 document of the API.
func (c *Client) OpenAPI(ctx context.Context) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.call(ctx, http.MethodGet, "/openapi.json", nil, nil, &out)
	return out, err
}
