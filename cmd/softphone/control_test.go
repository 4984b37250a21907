package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/internal/exchange"
)

// controlled starts a daemon and connects to its control API.
func controlled(t *testing.T, ex *exchange.Exchange, user string, args ...string) (*process, *client.Client, string) {
	t.Helper()
	line := account(t, ex, user, "run", args...)
	dir := line[slices.Index(line, "--data-dir")+1]
	p := withPassword(user).start(t, line...)
	var c *client.Client
	require.Eventually(t, func() bool {
		var err error
		c, err = client.Discover(t.Context(), dir)
		require.True(t, err == nil || errors.Is(err, client.ErrNotRunning), "%v", err)
		return err == nil
	}, soon, 1e7)
	t.Cleanup(c.Close)
	require.Eventually(t, func() bool { return c.Ready(t.Context()) == nil }, soon, 1e7)
	return p, c, dir
}

// A whole call over the control API, from the first event to the last one.
func TestRun_ControlAPI(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p, c, dir := controlled(t, ex, "alice", "--listen", "127.0.0.1:0")
	assert.True(t, strings.HasPrefix(c.Address(), "http://127.0.0.1:"), c.Address())
	if runtime.GOOS != "windows" {
		for _, name := range []string{api.TokenFile, api.DiscoveryFile} {
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
		}
	}
	events := make(chan api.Event, 1000)
	over := make(chan error, 1)
	go func() {
		over <- c.Follow(context.Background(), 0, func(ev api.Event) error { events <- ev; return nil })
	}()
	until := func(kind string) (seen []string) {
		for ev := range events {
			name := strings.TrimPrefix(ev.Type, api.TypePrefix)
			if seen = append(seen, name); name == kind {
				return seen
			}
		}
		return seen
	}
	assert.Equal(t, "phone.started", until("account.registered")[0])

	got, err := c.SendDirectives(t.Context(), []byte(makeCallLine("600")))
	require.NoError(t, err)
	require.Len(t, got.Accepted, 1)
	assert.Contains(t, until("phonecall.CallEstablished"), "phonecall.MakeCallSucceeded")
	now, err := c.Context(t.Context())
	require.NoError(t, err)
	var phoneCall struct{ PhoneCall struct{ State string } }
	require.NoError(t, json.Unmarshal(now, &phoneCall))
	assert.Equal(t, "ESTABLISHED", phoneCall.PhoneCall.State)

	_, err = c.SendDirectives(t.Context(), []byte(makeCallLine("601")))
	var refused *api.Problem
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Refused, 1)
	assert.Equal(t, api.CodeRefused, refused.Code)
	assert.NotEmpty(t, refused.Refused[0].Reason)

	rule, err := c.AddRule(t.Context(), api.NewRule{Type: "PREFIX", Pattern: "+82 70"})
	require.NoError(t, err)
	assert.Equal(t, "070", rule.Pattern)
	blocked := as(t, ex, mallory, "call", "alice")
	assert.Equal(t, exitDeclined, blocked.wait(), "the rule holds at once")

	p.interrupt()
	last := until("phone.stopped")
	assert.Contains(t, last, "call.blocked")
	assert.Contains(t, last, "phonecall.CallEnded")
	var end *client.EndError
	require.ErrorAs(t, <-over, &end)
	assert.True(t, end.Stopped, "the stream ends after the last event")
	assert.Zero(t, p.wait())
	assert.NoFileExists(t, filepath.Join(dir, api.DiscoveryFile))
	_, err = client.Discover(t.Context(), dir)
	assert.ErrorIs(t, err, client.ErrNotRunning)
	assert.NotContains(t, p.stderr.String(), "Bearer")
}

// Without --listen there is a socket that commands find by the data folder.
func TestRun_ControlSocketByDefault(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return
	}
	ex := newExchange(t)
	p, c, dir := controlled(t, ex, "bob")
	assert.Equal(t, "unix:"+filepath.Join(dir, socketName), c.Address())
	info, err := os.Stat(filepath.Join(dir, socketName))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	p.interrupt()
	assert.Zero(t, p.wait())
	assert.NoFileExists(t, filepath.Join(dir, socketName))
}

func TestRun_ControlOff(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	line := account(t, ex, "bob", "run", "--listen", "off", "--log-level", "info")
	p := withPassword("bob").start(t, line...)
	p.sees(p.stderr, "a registration", func(all string) bool { return strings.Contains(all, `"msg":"registered"`) })
	p.interrupt()
	assert.Zero(t, p.wait())
	files, err := filepath.Glob(filepath.Join(line[slices.Index(line, "--data-dir")+1], "control*"))
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestRun_ControlRefused(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.WriteFile(open, []byte(strings.Repeat("x", 43)), 0o644))
	for name, c := range map[string]struct{ args, says string }{
		"other machines": {"--listen 0.0.0.0:0", "not a loopback address"},
		"an interface":   {"--listen 192.0.2.1:8780", "not a loopback address"},
		"a name":         {"--listen example.com:8780", "not a loopback address"},
		"SIP's":          {"--listen udp:127.0.0.1:5060", "--sip-listen"},
		"no address":     {"--listen here", "127.0.0.1:PORT"},
		"port in use":    {"--listen " + ex.Addr(), "in use"},
		"open token":     {"--listen 127.0.0.1:0 --token-file " + open, "read by others"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := withPassword("alice").start(t, append(local(t, "run"), append([]string{"--server", ex.Addr(), "--user", "alice"}, strings.Fields(c.args)...)...)...)
			assert.Equal(t, exitUsage, p.wait())
			assert.Contains(t, oneSentence(t, p), c.says)
		})
	}
}

// The figures tell of the registration, to who has the token; to anybody on
// this machine with --open-metrics.
func TestRun_Metrics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want int
	}{{"behind the token", nil, http.StatusUnauthorized}, {"open", []string{"--open-metrics"}, http.StatusOK}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ex := newExchange(t)
			_, api, _ := controlled(t, ex, "alice", append([]string{"--listen", "127.0.0.1:0"}, c.args...)...)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.Address()+"/metrics", nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer func() { require.NoError(t, resp.Body.Close()) }()
			text, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, c.want, resp.StatusCode)
			assert.Equal(t, c.want == http.StatusOK, strings.Contains(string(text), "\nsoftphone_registered{"))
			http.DefaultClient.CloseIdleConnections()
		})
	}
}
