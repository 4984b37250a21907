package control

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/control/api"
)

type none struct{}

// body is an answer of 200 with a document.
type body[T any] struct{ Body T }

func (s *Server) serveHealth(r router) {
	ok := &body[api.Health]{api.Health{Status: "ok"}}
	route(s, r, huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Tags: []string{"service"},
		Summary: "Tell that the server answers",
	}, nil, func(context.Context, *none) (*body[api.Health], error) { return ok, nil })
	route(s, r, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"service"},
		Summary: "Tell that the phone takes directives",
	}, map[int]string{http.StatusServiceUnavailable: "It is stopping, or not ready yet."},
		func(context.Context, *none) (*body[api.Health], error) {
			if s.isDraining() {
				return nil, problem(http.StatusServiceUnavailable, api.CodeStopping, "the phone is stopping")
			}
			if s.cfg.Ready != nil {
				if err := s.cfg.Ready(); err != nil {
					return nil, problem(http.StatusServiceUnavailable, api.CodeNotReady, err.Error())
				}
			}
			return ok, nil
		})
}

// metricsPath is where Prometheus looks unless it is told otherwise.
const metricsPath = "/metrics"

func (s *Server) serveMetrics(r router) {
	op := r.describe(huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: metricsPath, Tags: []string{"service"},
		Summary: "Registrations, calls and their sound in figures, for Prometheus",
		Responses: map[string]*huma.Response{"200": {Description: "Text format of Prometheus", Content: map[string]*huma.MediaType{
			"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, nil)
	r.OpenAPI().AddOperation(&op)
	r.mux.Handle("GET "+metricsPath, s.cfg.Metrics)
}

// serveOpenAPI comes last: the document is made of what was registered.
func (s *Server) serveOpenAPI(r router) {
	doc := r.OpenAPI()
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // huma's own form of errors
		delete(doc.Components.Schemas.Map(), unused)
	}
	op := r.describe(huma.Operation{
		OperationID: "openapi", Method: http.MethodGet, Path: "/openapi.json", Tags: []string{"service"},
		Summary: "This document",
		Responses: map[string]*huma.Response{"200": {Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{
			"application/openapi+json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
		}}},
	}, nil)
	doc.AddOperation(&op)
	text, err := json.Marshal(doc)
	r.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text)
	})
}
