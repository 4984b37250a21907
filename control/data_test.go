package control_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/store"
)

func TestRules_AddListRemove(t *testing.T) {
	f := newFixture(t)
	resp, text := f.ask("POST", "/v1/blocklist", `{"type":"PREFIX","pattern":"+82 70"}`)
	require.Equal(t, http.StatusCreated, resp.StatusCode, text)
	assert.Equal(t, "/v1/blocklist/1", resp.Header.Get("Location"))
	var rule api.Rule
	require.NoError(t, json.Unmarshal([]byte(text), &rule))
	assert.WithinDuration(t, time.Now(), rule.Added, soon)
	rule.Added = time.Time{}
	assert.Equal(t, api.Rule{ID: 1, Type: "PREFIX", Pattern: "070", Raw: "+82 70", By: "control"}, rule)
	resp, text = f.ask("POST", "/v1/blocklist", `{"type":"PREFIX","pattern":"070"}`)
	assert.Equal(t, http.StatusOK, resp.StatusCode, text)
	got, err := f.client.AddRule(t.Context(), api.NewRule{Type: "EXACT", Pattern: "010-1234-5678", By: "cli"})
	require.NoError(t, err)
	assert.Equal(t, "cli", got.By)

	rules, err := f.client.Rules(t.Context())
	require.NoError(t, err)
	require.Len(t, rules, 2)
	one, err := f.client.Rule(t.Context(), got.ID)
	require.NoError(t, err)
	assert.Equal(t, rules[1], one)
	require.NoError(t, f.client.RemoveRule(t.Context(), 1))
	requireProblem(t, f.client.RemoveRule(t.Context(), 1), 404, api.CodeNotFound)
	_, err = f.client.Rule(t.Context(), 1)
	requireProblem(t, err, 404, api.CodeNotFound)
	kept := 0
	_, err = f.store.Rules().RuleChanges(t.Context(), -1, func(store.StoredRule) { kept++ })
	require.NoError(t, err)
	assert.Equal(t, 1, kept, "on disk before it was answered")
}

func TestRules_Refused(t *testing.T) {
	f := newFixture(t)
	for body, field := range map[string]string{
		`{"type":"SUFFIX","pattern":"1"}`: "body.type", `{"type":"EXACT"}`: "body", `{"type":"EXACT","pattern":""}`: "body.pattern",
		`{"type":"EXACT","pattern":"112"}`: "body.pattern", `{"type":"EXACT","pattern":"anonymous"}`: "body.pattern", `{"type":"PREFIX","pattern":"abc"}`: "body.pattern",
		`{"type":"EXACT","pattern":5}`: "body.pattern", `{"type":"EXACT","pattern":"1","colour":"red"}`: "body.colour", `[]`: "body", `{"type":"PREFIX","pattern":"0"}`: "",
	} {
		resp, text := f.ask("POST", "/v1/blocklist", body)
		if field == "" {
			continue // whatever the numbering plan says of it
		}
		p := isProblem(t, resp, text, 422, api.CodeInvalid)
		require.NotEmpty(t, p.Errors, body)
		assert.Equal(t, field, p.Errors[0].Location, body)
	}
	p := f.refused(400, api.CodeBadRequest, "POST", "/v1/blocklist", `{"type":`)
	assert.NotContains(t, fmt.Sprint(p.Errors), `{"type":`, "what was sent is not echoed")
	f.refused(400, api.CodeBadRequest, "POST", "/v1/blocklist", "")
	f.refused(422, api.CodeInvalid, "GET", "/v1/blocklist/x", "")
	f.refused(422, api.CodeInvalid, "GET", "/v1/blocklist?limit=0", "")
	f.refused(422, api.CodeInvalid, "GET", "/v1/blocklist/check", "")
}

func TestRules_Check(t *testing.T) {
	f := newFixture(t)
	for _, r := range []api.NewRule{{Type: "PREFIX", Pattern: "070", By: "cli"}, {Type: "EXACT", Pattern: "07012345678"}} {
		_, err := f.client.AddRule(t.Context(), r)
		require.NoError(t, err)
	}
	got, err := f.client.CheckNumber(t.Context(), "+82-70-1234-5678")
	require.NoError(t, err)
	assert.True(t, got.Blocked)
	assert.Equal(t, "07012345678", got.Number)
	require.NotNil(t, got.Rule)
	assert.Equal(t, "EXACT", got.Rule.Type)
	require.Len(t, got.Also, 1)
	assert.Equal(t, "070", got.Also[0].Pattern)
	assert.Contains(t, got.Reason, "blocked by EXACT 07012345678 added on "+time.Now().UTC().Format(time.DateOnly)+" by control")
	for _, n := range []string{"0707", "112", "anonymous", "02-123-4567"} {
		got, err := f.client.CheckNumber(t.Context(), n)
		require.NoError(t, err)
		assert.Equal(t, n == "0707", got.Blocked, n)
		assert.NotEmpty(t, got.Reason)
		assert.NotEmpty(t, got.Kind)
	}
	assert.NotContains(t, f.log.String(), "1234", "numbers are not logged")
}

// What is exported can be imported as it is, who and when included, elsewhere
// and again.
func TestRules_ImportAndExport(t *testing.T) {
	f := newFixture(t)
	in := api.RuleImport{By: "import"}
	for i := range 2500 {
		in.Rules = append(in.Rules, api.NewRule{Type: "EXACT", Pattern: fmt.Sprintf("0101%07d", i)})
	}
	in.Rules[0].By, in.Rules[0].Added = "cli", time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	in.Rules = append(in.Rules, in.Rules[7])
	got, err := f.client.ImportRules(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, api.RuleImported{Added: 2500, Known: 1}, got)
	rules, err := f.client.Rules(t.Context())
	require.NoError(t, err)
	assert.Len(t, rules, 2500)
	resp, text := f.ask("GET", "/v1/blocklist?after=1&limit=2", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var page api.RuleList
	require.NoError(t, json.Unmarshal([]byte(text), &page))
	assert.Equal(t, []int64{2, 3, 3}, []int64{page.Rules[0].ID, page.Rules[1].ID, page.Next})
	assert.Equal(t, 2500, page.Total)
	assert.False(t, page.Blockable, "above the limit of directives")

	_, all := f.ask("GET", "/v1/blocklist/export", "")
	other := newFixture(t)
	for _, want := range []api.RuleImported{{Added: 2500}, {Known: 2500}} {
		resp, text := other.ask("POST", "/v1/blocklist/import", all)
		require.Equal(t, http.StatusOK, resp.StatusCode, text)
		var got api.RuleImported
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		assert.Equal(t, want, got)
	}
	there, err := other.client.ExportRules(t.Context())
	require.NoError(t, err)
	for i := range rules {
		there.Rules[i].ID = rules[i].ID
	}
	assert.Equal(t, rules, there.Rules)
	assert.Equal(t, "cli", rules[0].By)
	assert.Equal(t, 2025, rules[0].Added.Year())

	bad := api.RuleImport{Rules: []api.NewRule{{Type: "EXACT", Pattern: "0212345678"}, {Type: "EXACT", Pattern: "119"}, {Type: "PREFIX", Pattern: "x"}}}
	_, err = f.client.ImportRules(t.Context(), bad)
	p := requireProblem(t, err, 422, api.CodeInvalid)
	require.Len(t, p.Errors, 2, "each is named")
	assert.Equal(t, "body.rules[1].pattern", p.Errors[0].Location)
	check, err := f.client.CheckNumber(t.Context(), "0212345678")
	require.NoError(t, err)
	assert.False(t, check.Blocked, "all or none")
	got, err = f.client.ImportRules(t.Context(), api.RuleImport{})
	require.NoError(t, err)
	assert.Zero(t, got)
}

func TestHistory(t *testing.T) {
	f := newFixture(t)
	began := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	types := []store.HistoryType{store.HistoryIn, store.HistoryMissed, store.HistoryOut}
	for i := range 9 {
		at := began.Add(time.Duration(i) * time.Hour)
		_, err := f.store.AppendWait(t.Context(), store.Event{Type: "call.ended"}, &store.HistoryRow{
			CallID: fmt.Sprint("c", i), Direction: map[bool]string{true: "out", false: "in"}[i%3 == 2], Type: types[i%3], Number: "0101234567" + fmt.Sprint(i),
			AccountID: "alice", CallType: "NORMAL", Cause: "completed", Started: at, Ended: at.Add(time.Minute), Ring: 1500 * time.Millisecond, SIPCode: 200,
		})
		require.NoError(t, err)
	}
	all, err := f.client.History(t.Context(), client.HistoryQuery{})
	require.NoError(t, err)
	require.Len(t, all.Calls, 9)
	assert.Zero(t, all.Next)
	assert.Equal(t, api.Call{
		ID: 9, Call: "c8", Direction: "out", Type: "OUT", Number: "01012345678", Account: "alice", CallType: "NORMAL", Cause: "completed",
		Started: began.Add(8 * time.Hour), Ended: began.Add(8*time.Hour + time.Minute), RingMS: 1500, SIPCode: 200,
	}, all.Calls[0], "newest first")
	ids := func(q client.HistoryQuery) (out []int64) {
		page, err := f.client.History(t.Context(), q)
		require.NoError(t, err)
		for _, c := range page.Calls {
			out = append(out, c.ID)
		}
		return out
	}
	assert.Equal(t, []int64{8, 5, 2}, ids(client.HistoryQuery{Types: []string{"MISSED"}}))
	assert.Equal(t, []int64{9, 8, 6, 5, 3, 2}, ids(client.HistoryQuery{Types: []string{"MISSED", "OUT"}}))
	assert.Equal(t, []int64{5}, ids(client.HistoryQuery{Number: "+82 10-1234-5674"}))
	assert.Equal(t, []int64{9, 6, 3}, ids(client.HistoryQuery{Direction: "out"}))
	assert.Empty(t, ids(client.HistoryQuery{Account: "bob"}))
	assert.Equal(t, []int64{3, 2}, ids(client.HistoryQuery{Since: began.Add(time.Hour), Until: began.Add(3 * time.Hour)}))
	page, err := f.client.History(t.Context(), client.HistoryQuery{Limit: 4})
	require.NoError(t, err)
	assert.Equal(t, int64(6), page.Next)
	assert.Equal(t, []int64{5, 4, 3, 2}, ids(client.HistoryQuery{Limit: 4, Before: page.Next}))
	for _, bad := range []string{"type=LOST", "direction=up", "since=yesterday", "limit=0", "limit=5001", "before=-1"} {
		f.refused(422, api.CodeInvalid, "GET", "/v1/history?"+bad, "")
	}
}

func TestContacts(t *testing.T) {
	f := newFixture(t)
	kim := api.Contact{Name: "김철수", Numbers: []api.Number{{Label: "MOBILE", Number: "+82 10-1234-5678"}, {Label: "COMPANY", Number: "02-123-4567"}},
		Hours: &api.Hours{Open: "09:00", Close: "18:00"}, Category: "family", POI: "p1"}
	kept, err := f.client.PutContact(t.Context(), kim)
	require.NoError(t, err)
	assert.NotEmpty(t, kept.Token)
	assert.Equal(t, "01012345678", kept.Numbers[0].Canonical)
	assert.True(t, kept.Numbers[0].Mobile)
	_, err = f.client.PutContact(t.Context(), api.Contact{Name: "Alice", Token: "t-alice", Numbers: []api.Number{{Number: "010-9999-0000"}}})
	require.NoError(t, err)
	all, err := f.client.Contacts(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	one, err := f.client.Contact(t.Context(), kept.ID)
	require.NoError(t, err)
	assert.Equal(t, kept, one)
	assert.Equal(t, kim.Hours, one.Hours)

	resp, text := f.ask("POST", "/v1/contacts", `{"name":"Alice B","token":"t-alice"}`)
	assert.Equal(t, http.StatusOK, resp.StatusCode, "it replaces the one of its token: %s", text)
	resp, text = f.ask("POST", "/v1/contacts", `{"name":"Carol","token":"t-carol"}`)
	assert.Equal(t, http.StatusCreated, resp.StatusCode, text)
	assert.Equal(t, "/v1/contacts/3", resp.Header.Get("Location"))

	for name, q := range map[string][2]string{"exact": {"김철수", ""}, "initial consonants": {"ㄱㅊㅅ", ""}, "label": {"김철수", "회사"}} {
		found, err := f.client.SearchContacts(t.Context(), q[0], q[1], 5)
		require.NoError(t, err)
		require.Len(t, found, 1, name)
		assert.Equal(t, kept, found[0].Contact)
		assert.Equal(t, q[1] != "", found[0].Entry == 1, name)
		assert.Equal(t, q[1] != "", found[0].Labeled, name)
		assert.Equal(t, name != "initial consonants", found[0].Exact, name)
	}
	found, err := f.client.ContactsOf(t.Context(), "02) 123-4567")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, 1, found[0].Entry)

	kept.Name = "김영희"
	changed, err := f.client.PutContact(t.Context(), kept)
	require.NoError(t, err)
	assert.Equal(t, kept.Token, changed.Token)
	require.NoError(t, f.client.RemoveContact(t.Context(), kept.ID))
	requireProblem(t, f.client.RemoveContact(t.Context(), kept.ID), 404, api.CodeNotFound)
	_, err = f.client.Contact(t.Context(), kept.ID)
	requireProblem(t, err, 404, api.CodeNotFound)
	_, err = f.client.PutContact(t.Context(), kept)
	requireProblem(t, err, 404, api.CodeNotFound)
}

func TestContacts_Refused(t *testing.T) {
	f := newFixture(t)
	_, err := f.client.PutContact(t.Context(), api.Contact{Name: "A", Token: "a"})
	require.NoError(t, err)
	_, err = f.client.PutContact(t.Context(), api.Contact{Name: "B", Token: "b"})
	require.NoError(t, err)
	f.refused(409, api.CodeConflict, "PUT", "/v1/contacts/2", `{"name":"B","token":"a"}`)
	for body, field := range map[string]string{
		`{}`: "body", `{"name":""}`: "body.name", `{"name":"x","numbers":[{"number":""}]}`: "body.numbers[0].number", `{"name":1}`: "body.name",
		`{"name":"x","numbers":[{"number":"1","label":"FAX"}]}`: "body.numbers[0].label",
	} {
		p := f.refused(422, api.CodeInvalid, "POST", "/v1/contacts", body)
		require.NotEmpty(t, p.Errors, body)
		assert.Equal(t, field, p.Errors[0].Location, body)
	}
	p := f.refused(422, api.CodeInvalid, "POST", "/v1/contacts", `{"name":"  "}`)
	assert.Contains(t, p.Detail, "no name")
	f.refused(422, api.CodeInvalid, "GET", "/v1/contacts/search", "")
	f.refused(422, api.CodeInvalid, "GET", "/v1/contacts/search?name=a&number=1", "")
	f.refused(422, api.CodeInvalid, "GET", "/v1/contacts/search?name=a&limit=71", "")
}

// Every format of a file gives the same contacts back, and importing it again
// adds nothing.
func TestContacts_ImportAndExport(t *testing.T) {
	f := newFixture(t)
	in := []api.Contact{
		{Name: "김철수", Token: "t1", Numbers: []api.Number{{Label: "MOBILE", Number: "010-1234-5678"}, {Label: "USER_DEFINED", Text: "별장", Number: "033-123-4567"}}},
		{Name: "Bäckerei; \"Süß\"", Token: "t2", Category: "shop", Road: "Road 1", Hours: &api.Hours{Info: "closed on Sundays"}, POI: "p"},
	}
	for i := range 1200 {
		in = append(in, api.Contact{Name: fmt.Sprint("Contact ", i), Numbers: []api.Number{{Number: fmt.Sprintf("0105%07d", i)}}})
	}
	got, err := f.client.ImportContacts(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, 1202, got.Added)
	all, err := f.client.Contacts(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1202)
	plain := func(list []api.Contact) []api.Contact {
		out := append([]api.Contact(nil), list...)
		for i := range out {
			out[i].ID, out[i].Updated = 0, time.Time{}
		}
		return out
	}
	for _, format := range []string{client.VCard, client.VCard3, client.CSV} {
		data, err := f.client.ExportContacts(t.Context(), format)
		require.NoError(t, err)
		other := newFixture(t)
		got, err := other.client.ImportContactFile(t.Context(), format, data)
		require.NoError(t, err)
		assert.Equal(t, 1202, got.Added, format)
		assert.Empty(t, got.Problems, format)
		there, err := other.client.Contacts(t.Context())
		require.NoError(t, err)
		assert.Equal(t, plain(all), plain(there), format)
		got, err = other.client.ImportContactFile(t.Context(), format, data)
		require.NoError(t, err)
		assert.Equal(t, 1202, got.Replaced, format)
	}
	resp, text := f.ask("GET", "/v1/contacts/export", "")
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	resp, text = f.ask("POST", "/v1/contacts/import", text)
	require.Equal(t, http.StatusOK, resp.StatusCode, text)
	assert.JSONEq(t, `{"added":0,"replaced":1202}`, text)

	f.refused(415, api.CodeMediaType, "POST", "/v1/contacts/import", "x", set("Content-Type", "text/plain"))
	f.refused(400, api.CodeBadRequest, "POST", "/v1/contacts/import", `{"contacts":[{"name":"x","fax":"1"}]}`)
	p := f.refused(422, api.CodeInvalid, "POST", "/v1/contacts/import", `{"contacts":[{"name":"x"},{"name":"y","numbers":[{"number":"1","label":"FAX"}]}]}`)
	assert.Equal(t, "body.contacts[1].numbers[0].label", p.Errors[0].Location)
	f.refused(422, api.CodeInvalid, "POST", "/v1/contacts/import", `{"contacts":[{"name":"fine"},{"name":""}]}`)
	f.refused(422, api.CodeInvalid, "POST", "/v1/contacts/import", "colour,size\nred,1\n", set("Content-Type", "text/csv"))
	resp, text = f.ask("POST", "/v1/contacts/import", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dora\r\nBDAY:2000-01-01\r\nEND:VCARD\r\n", set("Content-Type", "text/vcard"))
	require.Equal(t, http.StatusOK, resp.StatusCode, text)
	assert.True(t, strings.Contains(text, "BDAY"), "nothing is lost silently: %s", text)
	found, err := f.client.SearchContacts(t.Context(), "fine", "", 0)
	require.NoError(t, err)
	assert.Empty(t, found, "all or none")
}
