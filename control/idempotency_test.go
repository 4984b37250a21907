package control_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
)

func key(k string) func(*http.Request) { return set(api.HeaderIdempotencyKey, k) }

const jane = `{"name":"Jane","numbers":[{"number":"02-123-4567"}]}`

// A POST that comes again with its key does nothing again and is answered as
// before; without a key it is another one.
func TestIdempotencyKey_Replays(t *testing.T) {
	f := newFixture(t)
	resp, first := f.ask("POST", "/v1/contacts", jane, key("k1"))
	require.Equal(t, http.StatusCreated, resp.StatusCode, first)
	assert.Empty(t, resp.Header.Get(api.HeaderReplayed))
	again, second := f.ask("POST", "/v1/contacts", jane, key("k1"), set(api.HeaderChallenge, "c"))
	assert.Equal(t, http.StatusCreated, again.StatusCode)
	assert.Equal(t, first, second)
	assert.Equal(t, resp.Header.Get("Location"), again.Header.Get("Location"))
	assert.Equal(t, "true", again.Header.Get(api.HeaderReplayed))
	assert.Equal(t, api.Proof(f.token(), "c", f.server.Address()), again.Header.Get(api.HeaderProof), "of this request")
	assert.Len(t, f.cfg.Contacts.All(), 1)

	f.refused(422, api.CodeKeyReused, "POST", "/v1/contacts", strings.Replace(jane, "Jane", "Jack", 1), key("k1"))
	f.refused(422, api.CodeKeyReused, "POST", "/v1/blocklist", jane, key("k1"))
	assert.Len(t, f.cfg.Contacts.All(), 1)
	for range 2 {
		resp, _ := f.ask("POST", "/v1/contacts", jane)
		assert.Equal(t, http.StatusCreated, resp.StatusCode)
	}
	assert.Len(t, f.cfg.Contacts.All(), 3, "without a key each one is new")
	f.ask("POST", "/v1/contacts", jane, key("k2"))
	assert.Len(t, f.cfg.Contacts.All(), 4, "another key, another contact")

	for range 2 {
		resp, _ = f.ask("POST", "/v1/directives", directive("EndCall", "m1", `{}`), key("d"))
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		resp, _ = f.ask("POST", "/v1/contacts/import", "Name,Number 1\n김민수,010-1234-5678\n", key("i"), set("Content-Type", "text/csv"))
		assert.Equal(t, http.StatusOK, resp.StatusCode)
	}
	assert.Len(t, f.orders.taken(), 1)
	f.refused(422, api.CodeKeyReused, "POST", "/v1/contacts/import", "BEGIN:VCARD\n", key("i"), set("Content-Type", "text/vcard"))
}

func TestIdempotencyKey_Refused(t *testing.T) {
	f := newFixture(t)
	f.refused(400, api.CodeBadRequest, "POST", "/v1/contacts", jane, key(strings.Repeat("k", 256)))
	f.refused(400, api.CodeBadRequest, "POST", "/v1/contacts", jane, key(""))
	f.refused(400, api.CodeBadRequest, "POST", "/v1/contacts", jane, key("a"), func(r *http.Request) { r.Header.Add(api.HeaderIdempotencyKey, "b") })
	assert.Empty(t, f.cfg.Contacts.All())
	// What makes no sense never will; what could not be read may come again.
	for range 2 {
		f.refused(422, api.CodeInvalid, "POST", "/v1/contacts", `{"name":""}`, key("empty"))
		f.refused(415, api.CodeMediaType, "POST", "/v1/contacts/import", jane, key("type"), set("Content-Type", "text/html"))
		f.refused(400, api.CodeBadRequest, "POST", "/v1/contacts", "{", key("half"))
	}
	resp, text := f.ask("POST", "/v1/contacts", jane, key("half"))
	assert.Equal(t, http.StatusCreated, resp.StatusCode, text)
	// A key means nothing to other methods.
	resp, _ = f.ask("GET", "/v1/contacts", "", key("half"))
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

// While the first request is under way, its repetition is told to wait.
func TestIdempotencyKey_UnderWay(t *testing.T) {
	f := newFixture(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	f.orders.refuse = func([]byte) error {
		close(entered)
		<-leave
		return nil
	}
	order := directive("EndCall", "m1", `{}`)
	done := make(chan int)
	go func() {
		resp, _ := f.ask("POST", "/v1/directives", order, key("k"))
		done <- resp.StatusCode
	}()
	<-entered
	f.refused(409, api.CodeInProgress, "POST", "/v1/directives", order, key("k"))
	close(leave)
	assert.Equal(t, http.StatusAccepted, <-done)
	resp, _ := f.ask("POST", "/v1/directives", order, key("k"))
	assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	assert.Len(t, f.orders.taken(), 1)
}

// A route that panics leaves its key free.
func TestIdempotencyKey_AfterPanic(t *testing.T) {
	f := newFixture(t)
	f.orders.refuse = func([]byte) error { panic("boom") }
	order := directive("EndCall", "m1", `{}`)
	f.refused(500, api.CodeInternal, "POST", "/v1/directives", order, key("k"))
	f.orders.refuse = nil
	resp, _ := f.ask("POST", "/v1/directives", order, key("k"))
	assert.Equal(t, http.StatusAccepted, resp.StatusCode)
}

// Only so many answers are kept; the oldest are forgotten first.
func TestIdempotencyKey_IsBounded(t *testing.T) {
	f := newFixture(t)
	book, err := phonebook.Open(t.Context(), mustPlan(t), nil) // in memory, which is faster
	require.NoError(t, err)
	f.stop()
	f.cfg.Contacts = book
	f.start()
	for i := range 1001 {
		resp, _ := f.ask("POST", "/v1/contacts", jane, key(fmt.Sprint(i)))
		require.Equal(t, http.StatusCreated, resp.StatusCode)
	}
	require.Equal(t, 1001, book.Len())
	resp, _ := f.ask("POST", "/v1/contacts", jane, key("1000"))
	assert.Equal(t, "true", resp.Header.Get(api.HeaderReplayed))
	resp, _ = f.ask("POST", "/v1/contacts", jane, key("0"))
	assert.Empty(t, resp.Header.Get(api.HeaderReplayed))
	assert.Equal(t, 1002, book.Len())
}

func mustPlan(t *testing.T) *number.Plan {
	t.Helper()
	plan, err := number.New("KR")
	require.NoError(t, err)
	return plan
}
