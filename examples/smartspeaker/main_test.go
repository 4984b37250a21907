package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/internal/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A cloud directs the speaker over a WebSocket.
func TestRun_WebSocket(t *testing.T) {
	ex, err := exchange.Start(exchange.Config{Users: []exchange.User{{Name: "alice", Password: "secret"}}})
	require.NoError(t, err)
	defer ex.Close()
	events := make(chan string, 10)
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		const header = `{"header":{"namespace":"PhoneCall","name":"MakeCall","messageId":"m1","dialogRequestId":"d1","version":"1.3"},`
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(header+
			`"payload":{"callType":"NORMAL","recipient":{"name":"echo","type":"NONE","contacts":[{"number":"600"}]}}}`))
		for {
			_, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			var m struct {
				Event struct{ Header struct{ Name string } }
			}
			_ = json.Unmarshal(message, &m)
			events <- m.Event.Header.Name
		}
	}))
	defer cloud.Close()
	t.Setenv("SOFTPHONE_PASSWORD", "secret")
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{t.TempDir(), ex.Addr(), "alice", strings.Replace(cloud.URL, "http", "ws", 1)})
	}()
	require.Equal(t, "MakeCallSucceeded", <-events)
	require.Equal(t, "CallEstablished", <-events)
	interrupt()
	require.NoError(t, <-ended)
	require.False(t, ex.Registered("alice"))
}

func TestRun_Usage(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), nil), "usage: smartspeaker DIR SERVER USER")
	require.Error(t, run(t.Context(), []string{t.TempDir() + "/missing", "127.0.0.1:5060", "alice"}))
}
