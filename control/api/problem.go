package api

import (
	"fmt"
	"strings"
)

// ProblemType is the media type of a Problem (RFC 9457).
const ProblemType = "application/problem+json"

// Codes of problems. They are stable; the texts beside them are for people.
const (
	CodeBadRequest       = "bad_request"
	CodeUnauthorized     = "unauthorized"
	CodeHostNotAllowed   = "host_not_allowed"
	CodeOriginNotAllowed = "origin_not_allowed"
	CodeNotFound         = "not_found"
	CodeMethodNotAllowed = "method_not_allowed"
	CodeUpgradeRequired  = "upgrade_required"
	CodeTooLarge         = "too_large"
	CodeTimeout          = "timeout"
	CodeMediaType        = "unsupported_media_type"
	CodeInvalid          = "invalid"
	CodeRefused          = "directive_refused"
	CodeConflict         = "conflict"
	CodeInProgress       = "in_progress"
	CodeKeyReused        = "idempotency_key_reused"
	CodeTooManyStreams   = "too_many_streams"
	CodeStopping         = "stopping"
	CodeNotReady         = "not_ready"
	CodeInternal         = "internal"
)

// Problem is an error (RFC 9457), with code and message beside. It is an error
// of Go too: the client returns it as *Problem.
type Problem struct {
	Type     string       `json:"type,omitempty" doc:"A URI that names the kind of problem; about:blank when absent."`
	Title    string       `json:"title" doc:"The status in words." example:"Unprocessable Entity"`
	Status   int          `json:"status" doc:"The HTTP status." example:"422"`
	Detail   string       `json:"detail" doc:"What is wrong, and what to do."`
	Code     string       `json:"code" doc:"A stable word for programs." example:"invalid"`
	Message  string       `json:"message" doc:"The same text as detail."`
	Errors   []FieldError `json:"errors,omitempty" doc:"One entry for each field that is wrong."`
	Accepted []Accepted   `json:"accepted,omitempty" doc:"Directives of the same delivery that were accepted and are carried out."`
	Refused  []Refused    `json:"refused,omitempty" doc:"Directives that were refused and had no effect."`
}

// FieldError is one field that is wrong.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"Where it stands." example:"body.rules[3].pattern"`
	Message  string `json:"message" doc:"What is wrong with it."`
}

// Error implements error: the detail, and the fields.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%d %s)", p.Detail, p.Status, p.Code)
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "; %s: %s", e.Location, e.Message)
	}
	return b.String()
}

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of RFC 9457, whatever JSON was asked for.
func (p *Problem) ContentType(string) string { return ProblemType }
