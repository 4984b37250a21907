package control

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/softphone-go/softphone/control/api"
)

const about = `Steers a running softphone from the same machine. Every request carries the bearer token
of the token file. Errors are problem+json (RFC 9457) with a stable code and a message beside.`

// routes registers what the Config has something to serve for.
func (s *Server) routes() (*http.ServeMux, bodyLimits) {
	mux := http.NewServeMux()
	doc := humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "softphone control API", Version: s.version(), Description: about},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"token": {}}},
			Tags: []*huma.Tag{
				{Name: "phone", Description: "PhoneCall 1.3 directives and context"}, {Name: "events", Description: "What happens"},
				{Name: "blocklist", Description: "Block rules"}, {Name: "contacts", Description: "The phonebook"},
				{Name: "history", Description: "Calls that were"}, {Name: "service", Description: "The server itself"},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{translate},

		RejectUnknownQueryParameters: true,
	})
	r := router{API: doc, mux: mux, limits: make(bodyLimits)}
	s.serveHealth(r)
	if s.cfg.Directives != nil {
		s.serveDirectives(r)
	}
	if s.cfg.Journal != nil {
		s.serveEvents(r)
	}
	if s.cfg.Rules != nil {
		s.serveRules(r)
	}
	if s.cfg.Contacts != nil {
		s.serveContacts(r)
	}
	if s.cfg.History != nil {
		s.serveHistory(r)
	}
	if s.cfg.Metrics != nil {
		s.serveMetrics(r)
	}
	s.serveOpenAPI(r)
	return mux, r.limits
}

func (s *Server) version() string {
	if s.cfg.Version == "" {
		return "dev"
	}
	return s.cfg.Version
}

// router is where routes are registered.
type router struct {
	huma.API
	mux    *http.ServeMux
	limits bodyLimits
}

// schema describes a type of package api.
func (r router) schema(v any) *huma.Schema {
	t := reflect.TypeOf(v)
	return r.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// refusal describes a problem as a response.
func (r router) refusal(description string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
		api.ProblemType: {Schema: r.schema(api.Problem{})},
	}}
}

// describe completes an operation: every route may answer with a problem.
func (r router) describe(op huma.Operation, refusals map[int]string) huma.Operation {
	if op.Responses == nil {
		op.Responses = make(map[string]*huma.Response)
	}
	op.Responses["default"] = r.refusal("It was not done: a problem (RFC 9457).")
	for status, description := range refusals {
		op.Responses[strconv.Itoa(status)] = r.refusal(description)
	}
	return op
}

// route registers an operation with its handler.
func route[I, O any](s *Server, r router, op huma.Operation, refusals map[int]string, handle func(context.Context, *I) (*O, error)) {
	// huma would add a default response of its own to an operation that has one
	// response only.
	op = r.describe(op, refusals)
	if op.Method == http.MethodPost {
		describeKey(&op)
	}
	if op.MaxBodyBytes > 0 {
		r.limits[op.Method+" "+op.Path] = op.MaxBodyBytes
		op.MaxBodyBytes++ // huma refuses a body that reaches its limit
	}
	status := op.DefaultStatus
	if status == 0 {
		status = http.StatusOK
	}
	if _, ok := op.Responses[strconv.Itoa(status)]; !ok {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status)}
	}
	huma.Register(r.API, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.failure(err)
		}
		return out, nil
	})
}
