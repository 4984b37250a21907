package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/store"
)

// problem makes a Problem.
func problem(status int, code, detail string, fields ...api.FieldError) *api.Problem {
	return &api.Problem{
		Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Message: detail, Errors: fields,
	}
}

// codes are those of problems that huma finds, by status.
var codes = map[int]string{
	http.StatusBadRequest:            api.CodeBadRequest,
	http.StatusRequestTimeout:        api.CodeTimeout,
	http.StatusRequestEntityTooLarge: api.CodeTooLarge,
	http.StatusUnsupportedMediaType:  api.CodeMediaType,
	http.StatusUnprocessableEntity:   api.CodeInvalid,
	http.StatusNotFound:              api.CodeNotFound,
	http.StatusMethodNotAllowed:      api.CodeMethodNotAllowed,
}

func codeOf(status int) string {
	if code, ok := codes[status]; ok {
		return code
	}
	if status < http.StatusInternalServerError {
		return api.CodeBadRequest
	}
	return api.CodeInternal
}

// translate is a huma.Transformer: what huma refuses becomes a Problem. Values
// are not echoed.
func translate(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problem(m.Status, codeOf(m.Status), m.Detail)
	switch m.Status {
	case http.StatusBadRequest:
		p.Detail = "the body cannot be read as JSON"
	case http.StatusUnprocessableEntity:
		p.Detail = "the request is not as /openapi.json describes it"
	case http.StatusUnsupportedMediaType:
		p.Detail = "the body must be JSON; send Content-Type: application/json"
	case http.StatusInternalServerError:
		p.Detail = "the phone could not do this; its log says why"
		m.Errors = nil
	}
	p.Message = p.Detail
	for _, e := range m.Errors {
		p.Errors = append(p.Errors, api.FieldError{Location: e.Location, Message: e.Message})
	}
	return p, nil
}

// failure is the one table from errors of the phone to problems.
func (s *Server) failure(err error) error {
	var p *api.Problem
	var pattern *blocklist.PatternError
	var kind *blocklist.TypeError
	var contact *phonebook.ContactError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, agent.ErrClosed), errors.Is(err, store.ErrClosed):
		return problem(http.StatusServiceUnavailable, api.CodeStopping, "the phone is stopping")
	case errors.Is(err, blocklist.ErrNotFound):
		return problem(http.StatusNotFound, api.CodeNotFound, "there is no such rule")
	case errors.Is(err, phonebook.ErrNotFound):
		return problem(http.StatusNotFound, api.CodeNotFound, "there is no such contact")
	case errors.Is(err, phonebook.ErrTokenTaken):
		return problem(http.StatusConflict, api.CodeConflict, "another contact has that token",
			api.FieldError{Location: "body.token", Message: "is that of another contact"})
	case errors.As(err, &contact):
		return problem(http.StatusUnprocessableEntity, api.CodeInvalid, strings.TrimPrefix(contact.Error(), "phonebook: "))
	case errors.As(err, &pattern):
		return problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the rule is refused",
			api.FieldError{Location: "body.pattern", Message: pattern.Reason.Error()})
	case errors.As(err, &kind):
		return problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the rule is refused",
			api.FieldError{Location: "body.type", Message: "must be EXACT, PREFIX or POSTFIX"})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusRequestTimeout, api.CodeTimeout, "the request was given up before it was done")
	}
	s.log.Error("a request to the control API failed", "error", err)
	return problem(http.StatusInternalServerError, api.CodeInternal, "the phone could not do this; its log says why")
}

// write answers with a problem outside of huma.
func write(w http.ResponseWriter, p *api.Problem) {
	body, err := json.Marshal(p)
	if err != nil { // a Problem marshals
		body = nil
	}
	h := w.Header()
	h.Set("Content-Type", api.ProblemType)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}
