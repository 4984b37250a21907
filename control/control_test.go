package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/store"
)

const soon = 20 * time.Second // for what takes moments when all is well

// fixture is a server with all that it serves but a phone.
type fixture struct {
	t      *testing.T
	cfg    control.Config
	log    *logText
	server *control.Server
	client *client.Client
	store  *store.Store
	orders *orders
	doc    *description // that answers are held against
}

// orders stands for the directive layer: it keeps what it was given.
type orders struct {
	mu     sync.Mutex
	got    []string
	refuse func(message []byte) error
}

func (o *orders) Handle(_ context.Context, message []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse != nil {
		if err := o.refuse(message); err != nil {
			return err
		}
	}
	o.got = append(o.got, string(message))
	return nil
}

func (o *orders) Submit(ctx context.Context, message []byte) func() error {
	err := o.Handle(ctx, message)
	return func() error { return err }
}

func (o *orders) HideCandidates() error  { return o.Handle(context.Background(), []byte("hide")) }
func (o *orders) ReleaseTemplate() error { return o.Handle(context.Background(), []byte("release")) }

func (o *orders) Context(context.Context) ([]byte, error) {
	return []byte(`{"PhoneCall":{"version":"1.3","state":"IDLE","numberBlockable":"TRUE"}}`), nil
}

func (o *orders) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.got...)
}

// logText keeps the log.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newFixture(t *testing.T, change ...func(*control.Config)) *fixture {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "softphone.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	plan, err := number.New("KR")
	require.NoError(t, err)
	rules, err := blocklist.New(plan, blocklist.Options{Store: s.Rules()})
	require.NoError(t, err)
	book, err := phonebook.Open(t.Context(), plan, s.Contacts())
	require.NoError(t, err)
	f := &fixture{t: t, store: s, orders: new(orders), log: new(logText)}
	f.cfg = control.Config{
		Address: "127.0.0.1:0", TokenFile: filepath.Join(dir, api.TokenFile), DataDir: dir, Device: "kitchen", Version: "1.2.3",
		Directives: f.orders, Journal: s, Rules: rules, Contacts: book, History: s, Numbers: plan,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "softphone_calls 0\n") }),
		Logger:  slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&f.cfg)
	}
	f.start()
	t.Cleanup(f.stop)
	if f.cfg.Listen == nil && strings.HasPrefix(f.server.Address(), "http") {
		_, text := f.ask("GET", "/openapi.json", "")
		f.doc = describe(t, []byte(text))
	}
	return f
}

func (f *fixture) start() {
	f.t.Helper()
	var err error
	f.server, err = control.New(f.t.Context(), f.cfg)
	require.NoError(f.t, err)
	f.client, err = client.New(client.Config{Address: f.server.Address(), TokenFile: f.cfg.TokenFile})
	require.NoError(f.t, err)
}

func (f *fixture) stop() {
	f.client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	require.NoError(f.t, f.server.Close(ctx))
}

func (f *fixture) token() string {
	f.t.Helper()
	token, err := control.OpenToken(f.cfg.TokenFile)
	require.NoError(f.t, err)
	return token
}

// event writes one event into the journal, durably.
func (f *fixture) event(kind, subject, data string) uint64 {
	f.t.Helper()
	seq, err := f.store.AppendWait(f.t.Context(), store.Event{Type: kind, Subject: subject, Data: json.RawMessage(data)}, nil)
	require.NoError(f.t, err)
	return seq
}

// ask makes a request with the token; change may spoil it.
func (f *fixture) ask(method, path, body string, change ...func(*http.Request)) (*http.Response, string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.server.Address()+path, strings.NewReader(body))
	require.NoError(f.t, err)
	req.Header.Set("Authorization", "Bearer "+f.token())
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(req)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	require.NoError(f.t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	f.answered(resp, string(data))
	return resp, string(data)
}

// refused makes a request that must be answered by a problem.
func (f *fixture) refused(status int, code, method, path, body string, change ...func(*http.Request)) api.Problem {
	f.t.Helper()
	resp, text := f.ask(method, path, body, change...)
	return isProblem(f.t, resp, text, status, code)
}

func isProblem(t *testing.T, resp *http.Response, text string, status int, code string) api.Problem {
	t.Helper()
	require.Equal(t, status, resp.StatusCode, text)
	require.Equal(t, api.ProblemType, resp.Header.Get("Content-Type"))
	var p api.Problem
	require.NoError(t, json.Unmarshal([]byte(text), &p), text)
	assert.Equal(t, code, p.Code)
	assert.Equal(t, status, p.Status)
	assert.Equal(t, http.StatusText(status), p.Title)
	assert.NotEmpty(t, p.Detail)
	assert.Equal(t, p.Detail, p.Message)
	return p
}

func directive(name, id, payload string) string {
	return fmt.Sprintf(`{"header":{"namespace":"PhoneCall","name":%q,"messageId":%q,"dialogRequestId":"d1","version":"1.3"},"payload":%s}`, name, id, payload)
}

func requireProblem(t *testing.T, err error, status int, code string) *api.Problem {
	t.Helper()
	var p *api.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, status, p.Status)
	require.Equal(t, code, p.Code)
	return p
}

func TestDirectives_Accepted(t *testing.T) {
	f := newFixture(t)
	one, two := directive("MakeCall", "m1", `{"callType":"NORMAL"}`), directive("EndCall", "m2", `{}`)
	for name, body := range map[string]string{
		"bare": one, "wrapped": `{"directive":` + one + `}`, "one of many": `{"directives":[` + one + `]}`, "array": " [" + one + "]\n",
	} {
		got, err := f.client.SendDirectives(t.Context(), []byte(body))
		require.NoError(t, err, name)
		assert.Equal(t, []api.Accepted{{Name: "MakeCall", MessageID: "m1", DialogRequestID: "d1"}}, got.Accepted, name)
	}
	assert.Equal(t, []string{one, one, one, one}, f.orders.taken())
	resp, text := f.ask("POST", "/v1/directives", `{"directives":[`+one+`,`+two+`]}`)
	assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	assert.JSONEq(t, `{"accepted":[{"index":0,"name":"MakeCall","messageId":"m1","dialogRequestId":"d1"},
		{"index":1,"name":"EndCall","messageId":"m2","dialogRequestId":"d1"}]}`, text)
	assert.Equal(t, two, f.orders.taken()[5], "in order")
}

// A device without a Go program of its own reports what it shows.
func TestContext_HideAndRelease(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.client.HideCandidates(t.Context()))
	require.NoError(t, f.client.ReleaseTemplate(t.Context()))
	assert.Equal(t, []string{"hide", "release"}, f.orders.taken())
	f.orders.refuse = func([]byte) error { return agent.ErrClosed }
	f.refused(503, api.CodeStopping, "DELETE", "/v1/context/template", "")
}

func TestDirectives_RefusedByName(t *testing.T) {
	f := newFixture(t)
	f.orders.refuse = func(m []byte) error {
		if bytes.Contains(m, []byte("m2")) {
			return errors.Join(&agent.RefusedError{Name: "MakeCall", MessageID: "m2", Field: "payload.recipient.name", Reason: "is empty"})
		}
		return nil
	}
	body := `{"directives":[` + directive("EndCall", "m1", `{}`) + `,` + directive("MakeCall", "m2", `{}`) + `,` + directive("EndCall", "m3", `{}`) + `]}`
	p := f.refused(422, api.CodeRefused, "POST", "/v1/directives", body)
	assert.Equal(t, "1 of 3 directives refused", p.Detail)
	assert.Equal(t, []api.Refused{{Index: 1, Name: "MakeCall", MessageID: "m2", Field: "payload.recipient.name", Reason: "is empty"}}, p.Refused)
	assert.Equal(t, []api.FieldError{{Location: "directives[1].payload.recipient.name", Message: "is empty"}}, p.Errors)
	require.Len(t, p.Accepted, 2, "the others are carried out")
	assert.Equal(t, "m3", p.Accepted[1].MessageID)
	assert.Len(t, f.orders.taken(), 2)

	_, err := f.client.SendDirectives(t.Context(), []byte(directive("MakeCall", "m2", `{}`)))
	one := requireProblem(t, err, 422, api.CodeRefused)
	assert.Equal(t, "body.payload.recipient.name", one.Errors[0].Location)
	assert.ErrorContains(t, err, "is empty")
}

// The real directive layer says what is wrong with what is JSON.
func TestDirectives_OfTheAgent(t *testing.T) {
	f := newFixture(t)
	a, err := agent.New(agent.Config{Telephone: noTelephone{}, Emit: func(agent.Event) {}})
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Close()) }()
	f.orders.refuse = func(m []byte) error { return a.Handle(t.Context(), m) }
	for body, field := range map[string]string{
		`{}`: "header", `[{"header":1}]`: "header", `{"header":{}}`: "header.name", `{"directives":{}}`: "directives",
		directive("OpenDoor", "a", `{}`): "header.name", directive("AcceptCall", "b", `{"speakerPhone":"true"}`): "payload.speakerPhone",
	} {
		p := f.refused(422, api.CodeRefused, "POST", "/v1/directives", body)
		require.Len(t, p.Refused, 1)
		assert.Equal(t, field, p.Refused[0].Field, body)
		assert.NotEmpty(t, p.Refused[0].Reason, body)
	}
	for _, body := range []string{`1`, `null`, `"text"`, `[1,2]`} {
		p := f.refused(422, api.CodeRefused, "POST", "/v1/directives", body)
		assert.NotEmpty(t, p.Refused, body)
	}
	require.NoError(t, a.Close())
	f.refused(503, api.CodeStopping, "POST", "/v1/directives", directive("EndCall", "z", `{}`))
}

type noTelephone struct{}

func (noTelephone) Dial(agent.Callee, bool) (string, error)                 { return "", errors.New("no line") }
func (noTelephone) Answer(string, bool) error                               { return nil }
func (noTelephone) Hangup(string) error                                     { return nil }
func (noTelephone) Busy(string) error                                       { return nil }
func (noTelephone) BlockCaller(string) (func(context.Context) error, error) { return nil, nil }

func TestDirectives_Unreadable(t *testing.T) {
	f := newFixture(t)
	for _, body := range []string{"{", `{"directive":`, "call 600", "{}{}"} {
		p := f.refused(400, api.CodeBadRequest, "POST", "/v1/directives", body)
		require.NotEmpty(t, p.Errors, body)
		assert.Equal(t, "body", p.Errors[0].Location)
	}
	f.refused(400, api.CodeBadRequest, "POST", "/v1/directives", "")
	pad := func(n int) string {
		d := directive("EndCall", "m", `{}`)
		return d + strings.Repeat(" ", n-len(d))
	}
	resp, text := f.ask("POST", "/v1/directives", pad(agent.MaxDirective))
	assert.Equal(t, http.StatusAccepted, resp.StatusCode, text)
	f.refused(413, api.CodeTooLarge, "POST", "/v1/directives", pad(agent.MaxDirective+1))
	f.refused(413, api.CodeTooLarge, "POST", "/v1/directives", pad(agent.MaxDirective+100_000))
	assert.Len(t, f.orders.taken(), 1)
}

func TestContext(t *testing.T) {
	f := newFixture(t)
	got, err := f.client.Context(t.Context())
	require.NoError(t, err)
	want, _ := f.orders.Context(t.Context())
	assert.JSONEq(t, string(want), string(got))
}

func TestHealth(t *testing.T) {
	var busy error
	f := newFixture(t, func(c *control.Config) { c.Ready = func() error { return busy } })
	require.NoError(t, f.client.Health(t.Context()))
	require.NoError(t, f.client.Ready(t.Context()))
	busy = errors.New("no account is registered yet")
	requireProblem(t, f.client.Ready(t.Context()), 503, api.CodeNotReady)
	f.server.Drain()
	f.server.Drain()
	requireProblem(t, f.client.Ready(t.Context()), 503, api.CodeStopping)
	require.NoError(t, f.client.Health(t.Context()), "all but directives goes on")
	_, err := f.client.SendDirectives(t.Context(), []byte(directive("EndCall", "m", `{}`)))
	requireProblem(t, err, 503, api.CodeStopping)
	assert.Empty(t, f.orders.taken())
}
