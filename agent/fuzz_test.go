package agent

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzHandle(f *testing.F) {
	f.Add(message("MakeCall", "m", callBob))
	f.Add(message("AcceptCall", "m", `{"speakerPhone":true}`))
	f.Add([]byte(`{"directives":[{"header":{}},null,3]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &line{}
		a, err := New(Config{Telephone: l, Emit: func(ev Event) {
			if !json.Valid(ev.JSON) {
				t.Errorf("event is not JSON: %s", ev.JSON)
			}
		}})
		require.NoError(t, err)
		_ = a.Handle(context.Background(), data)
		require.NoError(t, a.Close())
	})
}
