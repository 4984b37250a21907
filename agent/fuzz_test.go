package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHandle: whatever is handed in, every event is JSON, what Validate refuses
// has no effect, and the message is left as it was.
func FuzzHandle(f *testing.F) {
	f.Add(message("MakeCall", "m", callBob))
	f.Add([]byte(`{"directives":[{"header":{}},null,3]}`))
	for name, payloads := range acceptedPayloads() {
		for _, p := range payloads {
			f.Add(message(name, "m", p))
		}
	}
	for _, c := range refusedMessages() {
		f.Add([]byte(c.message))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		effects := 0
		l, rules := &line{}, &ruleBook{}
		a, err := New(Config{
			Telephone: l, Rules: rules, Book: &contacts{people: people()}, History: &calls{rows: pastCalls()}, Canonical: canonical,
			Emit: func(ev Event) {
				effects++
				if !json.Valid(ev.JSON) {
					t.Errorf("event is not JSON: %s", ev.JSON)
				}
			},
		})
		require.NoError(t, err)
		before := bytes.Clone(data)
		invalid := Refusals(Validate(data))
		refused := Refusals(a.Handle(context.Background(), data))
		require.NoError(t, a.Close())
		require.Equal(t, before, data)
		require.GreaterOrEqual(t, len(refused), len(invalid))
		if len(invalid) == 1 && len(refused) == 1 && len(decode(data)) == 1 {
			require.Equal(t, invalid[0], refused[0])
			require.Zero(t, effects+len(l.asked)+len(rules.kept))
		}
	})
}

// FuzzPerson: nothing that came in an object is lost, and reading and writing
// again changes nothing.
func FuzzPerson(f *testing.F) {
	f.Add([]byte(wholePerson))
	f.Add([]byte(`{"name":1,"contacts":[{"isBlocked":"x"}],"a":null,"":{}}`))
	f.Add([]byte(`{"history":{"time":[]},"name":"\ud800","token":"<&>\u2028"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Person
		if json.Unmarshal(data, &p) != nil {
			return
		}
		out, err := json.Marshal(p)
		require.NoError(t, err)
		was, err := decodeObject(data)
		require.NoError(t, err)
		is, err := decodeMembers(out)
		require.NoError(t, err)
		for name := range was {
			if _, ok := is[name]; !ok {
				t.Errorf("%q was lost from %s: %s", name, data, out)
			}
		}
		var again Person
		require.NoError(t, json.Unmarshal(out, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(out), string(twice))
	})
}
