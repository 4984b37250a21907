package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/control/api"
)

// document is JSON that is passed on as it is.
type document json.RawMessage

// MarshalJSON implements json.Marshaler.
func (d document) MarshalJSON() ([]byte, error) { return d, nil }

// Schema implements huma.SchemaProvider: an object.
func (document) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

type delivery struct {
	Type    string `header:"Content-Type" hidden:"true"`
	RawBody []byte `contentType:"application/json"`
}

type receipt struct {
	Status int
	Body   api.Receipt
}

func (s *Server) serveDirectives(r router) {
	op := huma.Operation{
		OperationID: "sendDirectives", Method: http.MethodPost, Path: "/v1/directives", Tags: []string{"phone"},
		Summary: "Hand over PhoneCall directives",
		Description: `The body is one directive, {"directive": ...}, {"directives": [...]} or an array of directives, ` +
			`at most 1 MiB. They are taken in order; a refused one has no effect and does not stop the others. ` +
			`An accepted one is carried out: what became of it is told by events. A messageId that was seen before is ` +
			`accepted and not run again, so a delivery may be repeated when its answer was lost.`,
		DefaultStatus: http.StatusAccepted,
		MaxBodyBytes:  agent.MaxDirective, BodyReadTimeout: requestTime,
		SkipValidateBody: true,
	}
	route(s, r, op, map[int]string{
		http.StatusBadRequest:            "The body is not JSON.",
		http.StatusRequestEntityTooLarge: "The body has more than 1 MiB.",
		http.StatusUnprocessableEntity:   "At least one directive was refused: each is named, with the field that is wrong.",
		http.StatusServiceUnavailable:    "The phone is stopping.",
	}, s.takeDirectives)
	schema := &huma.Schema{
		Description: "A directive, {\"directive\": ...}, {\"directives\": [...]} or an array of directives.",
		OneOf: []*huma.Schema{
			{Type: huma.TypeObject, AdditionalProperties: true},
			{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
		},
	}
	r.OpenAPI().Paths["/v1/directives"].Post.RequestBody.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}

	stopping := map[int]string{http.StatusServiceUnavailable: "The phone is stopping."}
	route(s, r, huma.Operation{
		OperationID: "getContext", Method: http.MethodGet, Path: "/v1/context", Tags: []string{"phone"},
		Summary: "Show the PhoneCall context", Description: `What events carry as their context: {"PhoneCall": {...}}.`,
	}, stopping,
		func(ctx context.Context, _ *none) (*body[document], error) {
			now, err := s.cfg.Directives.Context(ctx)
			if err != nil {
				return nil, err
			}
			return &body[document]{now}, nil
		})
	route(s, r, huma.Operation{
		OperationID: "hideCandidates", Method: http.MethodDelete, Path: "/v1/context/template/candidates", Tags: []string{"phone"}, DefaultStatus: http.StatusNoContent,
		Summary:     "Say that candidates are shown no longer",
		Description: `The device took the list that SendCandidates asked for off its screen: the candidates leave the context, the rest of the template stays.`,
	}, stopping, func(context.Context, *none) (*struct{}, error) { return nil, s.cfg.Directives.HideCandidates() })
	route(s, r, huma.Operation{
		OperationID: "releaseTemplate", Method: http.MethodDelete, Path: "/v1/context/template", Tags: []string{"phone"}, DefaultStatus: http.StatusNoContent,
		Summary:     "Say that the dialogue with candidates is over",
		Description: `The template leaves the context, and what is shown is taken away.`,
	}, stopping, func(context.Context, *none) (*struct{}, error) { return nil, s.cfg.Directives.ReleaseTemplate() })
}

// takeDirectives hands over each directive by itself, so that it is known which
// of them was refused.
func (s *Server) takeDirectives(ctx context.Context, in *delivery) (*receipt, error) {
	if s.isDraining() {
		return nil, problem(http.StatusServiceUnavailable, api.CodeStopping, "the phone is stopping")
	}
	if kind, _, err := mime.ParseMediaType(in.Type); err != nil || kind != "application/json" {
		return nil, problem(http.StatusUnsupportedMediaType, api.CodeMediaType, "the body must be JSON; send Content-Type: application/json")
	}
	each, err := split(in.RawBody)
	if err != nil {
		return nil, problem(http.StatusBadRequest, api.CodeBadRequest, "the body cannot be read as JSON",
			api.FieldError{Location: "body", Message: err.Error()})
	}
	if len(each) == 0 {
		return nil, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the delivery holds no directive")
	}
	// Whoever hangs up has handed over all the same: the first directives must
	// not be carried out without the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	var accepted []api.Accepted
	var refused []api.Refused
	answers := make([]func() error, len(each))
	for i, one := range each { // none waits for the disk on behalf of another
		answers[i] = s.cfg.Directives.Submit(ctx, one)
	}
	for i, one := range each {
		err := answers[i]()
		if err == nil {
			accepted = append(accepted, acceptedOf(i, one))
			continue
		}
		reasons, other := refusals(i, err)
		if other != nil {
			return nil, other
		}
		refused = append(refused, reasons...)
	}
	if len(refused) == 0 {
		return &receipt{Status: http.StatusAccepted, Body: api.Receipt{Accepted: accepted}}, nil
	}
	p := problem(http.StatusUnprocessableEntity, api.CodeRefused, fmt.Sprintf("%d of %d directives refused", len(refused), len(each)))
	if len(each) == 1 {
		p.Detail = "the directive is refused"
		p.Message = p.Detail
	}
	p.Accepted, p.Refused = accepted, refused
	for _, f := range refused {
		p.Errors = append(p.Errors, api.FieldError{Location: location(len(each), f), Message: f.Reason})
	}
	return nil, p
}

// location names a refused directive's field in the body.
func location(of int, f api.Refused) string {
	at := "body"
	if of > 1 {
		at = fmt.Sprintf("directives[%d]", f.Index)
	}
	if f.Field != "" {
		at += "." + f.Field
	}
	return at
}

// split takes a delivery apart. What is JSON but no delivery is left to the
// directive layer, which says what is wrong.
func split(data []byte) ([]json.RawMessage, error) {
	data = bytes.Trim(data, " \t\r\n") // the space of JSON (RFC 8259 §2)
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, err
	}
	var each []json.RawMessage
	if data[0] == '[' {
		if err := json.Unmarshal(data, &each); err != nil {
			return nil, err
		}
		return each, nil
	}
	var wrapped struct {
		Directive  json.RawMessage `json:"directive"`
		Directives json.RawMessage `json:"directives"`
	}
	if json.Unmarshal(data, &wrapped) == nil {
		if json.Unmarshal(wrapped.Directives, &each) == nil && each != nil {
			return each, nil
		}
		if len(wrapped.Directives) == 0 && len(wrapped.Directive) > 0 {
			return []json.RawMessage{wrapped.Directive}, nil
		}
	}
	return []json.RawMessage{data}, nil
}

func acceptedOf(index int, raw []byte) api.Accepted {
	var d struct {
		Header api.Accepted `json:"header"`
	}
	_ = json.Unmarshal(raw, &d) // it was accepted: its header is whole
	d.Header.Index = index
	return d.Header
}

// refusals takes apart what Handle returned; other is what is no refusal.
func refusals(index int, err error) (out []api.Refused, other error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			more, other := refusals(index, e)
			if other != nil {
				return nil, other
			}
			out = append(out, more...)
		}
		return out, nil
	}
	var r *agent.RefusedError
	if !errors.As(err, &r) {
		return nil, err
	}
	return []api.Refused{{Index: index, Name: r.Name, MessageID: r.MessageID, Field: r.Field, Reason: r.Reason}}, nil
}
