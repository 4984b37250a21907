package control_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
)

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func without(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

// every is a request to each route.
var every = [][2]string{
	{"POST", "/v1/directives"}, {"GET", "/v1/context"}, {"GET", "/v1/events?stream=sse"}, {"GET", "/v1/blocklist"}, {"POST", "/v1/blocklist"},
	{"GET", "/v1/blocklist/1"}, {"DELETE", "/v1/blocklist/1"}, {"GET", "/v1/blocklist/check?number=1"}, {"POST", "/v1/blocklist/import"},
	{"GET", "/v1/contacts"}, {"POST", "/v1/contacts"}, {"GET", "/v1/contacts/1"}, {"PUT", "/v1/contacts/1"}, {"DELETE", "/v1/contacts/1"},
	{"GET", "/v1/contacts/search?name=a"}, {"GET", "/v1/contacts/export"}, {"POST", "/v1/contacts/import"},
	{"GET", "/v1/history"}, {"GET", "/v1/blocklist/export"}, {"DELETE", "/v1/context/template"}, {"DELETE", "/v1/context/template/candidates"}, {"GET", "/healthz"}, {"GET", "/readyz"}, {"GET", "/metrics"}, {"GET", "/openapi.json"}, {"GET", "/nothing"}, {"PUT", "/v1/context"},
}

// Nothing is answered without the token, not even what there is.
func TestToken_IsAlwaysNeeded_RFC6750(t *testing.T) {
	f := newFixture(t)
	token := f.token()
	for _, route := range every {
		for name, change := range map[string]func(*http.Request){
			"none": without("Authorization"), "wrong": set("Authorization", "Bearer "+strings.Repeat("A", len(token))),
			"a part": set("Authorization", "Bearer "+token[:len(token)-1]), "longer": set("Authorization", "Bearer "+token+"A"),
			"empty": set("Authorization", "Bearer "), "other scheme": set("Authorization", "Basic "+token), "no scheme": set("Authorization", token),
			"in the address": func(r *http.Request) {
				r.Header.Del("Authorization")
				r.URL.RawQuery = "access_token=" + token
			},
			"two": func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+token) },
		} {
			resp, text := f.ask(route[0], route[1], "", change)
			isProblem(t, resp, text, 401, api.CodeUnauthorized)
			assert.Contains(t, resp.Header.Get("WWW-Authenticate"), "Bearer", "%s %s", route[1], name)
		}
	}
	resp, _ := f.ask("GET", "/healthz", "", set("Authorization", "bearer  "+token))
	assert.Equal(t, http.StatusOK, resp.StatusCode, "the scheme's case does not matter")
	assert.NotContains(t, f.log.String(), token)
	_, err := client.New(client.Config{Address: f.server.Address()})
	assert.ErrorContains(t, err, "token")
	bad, err := client.New(client.Config{Address: f.server.Address(), Token: "x"})
	require.NoError(t, err)
	defer bad.Close()
	requireProblem(t, bad.Health(t.Context()), 401, api.CodeUnauthorized)
	_, err = bad.Events(t.Context(), 0)
	requireProblem(t, err, 401, api.CodeUnauthorized)
	requireProblem(t, bad.Follow(t.Context(), 0, func(api.Event) error { return nil }), 401, api.CodeUnauthorized)
}

// A name that somebody points at this machine does not open it (DNS rebinding).
func TestHost_MustNameThisMachine(t *testing.T) {
	f := newFixture(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(f.server.Address(), "http://"))
	require.NoError(t, err)
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for _, bad := range []string{"evil.example", "evil.example:" + port, "127.0.0.1", "127.0.0.1:1", "localhost", "localhost.evil.example:" + port,
		"192.0.2.1:" + port, "0.0.0.0:" + port, "127.0.0.1.evil.example:" + port, "[::]:" + port, "127.0.0.1:" + port + "@evil.example"} {
		for _, route := range every {
			f.refused(421, api.CodeHostNotAllowed, route[0], route[1], "", host(bad))
		}
	}
	for _, good := range []string{"127.0.0.1:" + port, "localhost:" + port, "LOCALHOST:" + port, "127.0.0.2:" + port, "[::1]:" + port} {
		resp, text := f.ask("GET", "/healthz", "", host(good))
		assert.Equal(t, http.StatusOK, resp.StatusCode, "%s %s", good, text)
	}
}

// Pages of other sites may not even ask, and are told nothing by CORS.
func TestOrigin_MustBeOurs(t *testing.T) {
	f := newFixture(t)
	for _, route := range every {
		for name, change := range map[string]func(*http.Request){
			"another site": set("Origin", "https://evil.example"), "null": set("Origin", "null"), "another port": set("Origin", "http://127.0.0.1:1"),
			"https": set("Origin", "https://"+strings.TrimPrefix(f.server.Address(), "http://")),
			"two": func(r *http.Request) {
				r.Header["Origin"] = []string{f.server.Address(), "https://evil.example"}
			},
			"cross-site": set("Sec-Fetch-Site", "cross-site"), "same-site": set("Sec-Fetch-Site", "same-site"),
		} {
			p := f.refused(403, api.CodeOriginNotAllowed, route[0], route[1], "", change)
			assert.NotEmpty(t, p.Detail, name)
		}
	}
	resp, _ := f.ask("GET", "/healthz", "", set("Origin", f.server.Address()), set("Sec-Fetch-Site", "same-origin"))
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	resp, text := f.ask("OPTIONS", "/v1/directives", "", set("Access-Control-Request-Method", "POST"))
	isProblem(t, resp, text, 405, api.CodeMethodNotAllowed)
	for name := range resp.Header {
		assert.False(t, strings.HasPrefix(name, "Access-Control"), name)
	}
}

func TestUnknown(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/", "/v1", "/v2/directives", "/v1/directives/1", "/docs", "/schemas/Rule.json", "/openapi.yaml", "/%2e%2e/etc/passwd"} {
		f.refused(404, api.CodeNotFound, "GET", path, "")
	}
	resp, text := f.ask("GET", "/v1/directives", "")
	isProblem(t, resp, text, 405, api.CodeMethodNotAllowed)
	assert.Equal(t, "POST", resp.Header.Get("Allow"))
	f.refused(422, api.CodeInvalid, "GET", "/v1/history?limits=1", "")
	f.refused(413, api.CodeTooLarge, "POST", "/v1/blocklist", strings.Repeat(" ", 1<<20+1))
	f.refused(415, api.CodeMediaType, "POST", "/v1/blocklist", `{}`, set("Content-Type", "text/plain"))
	f.refused(415, api.CodeMediaType, "POST", "/v1/directives", `{}`, set("Content-Type", "application/x-www-form-urlencoded"))
}

// A route that fails answers all the same, and says nothing of the inside.
func TestPanic_IsAnswered(t *testing.T) {
	f := newFixture(t, func(c *control.Config) { c.Ready = func() error { panic("secret inside") } })
	p := f.refused(500, api.CodeInternal, "GET", "/readyz", "")
	assert.NotContains(t, p.Detail, "secret")
	assert.Contains(t, f.log.String(), "secret inside")
	require.NoError(t, f.client.Health(t.Context()))
}

func TestAddress_LoopbackOnly(t *testing.T) {
	for _, bad := range []string{"0.0.0.0:8780", "[::]:8780", "192.0.2.1:8780", ":8780", "example.com:8780", "[fe80::1]:8780", "10.0.0.1:0"} {
		err := control.CheckAddress(bad)
		require.ErrorIs(t, err, control.ErrNotLoopback, bad)
		assert.ErrorContains(t, err, "127.0.0.1:PORT", "what to do instead")
		_, err = control.New(t.Context(), control.Config{Address: bad, TokenFile: filepath.Join(t.TempDir(), "t")})
		require.ErrorIs(t, err, control.ErrNotLoopback, bad)
	}
	for _, bad := range []string{"", "8780", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000", "unix:", "/run/socket"} {
		assert.Error(t, control.CheckAddress(bad), bad)
	}
	for _, good := range []string{"127.0.0.1:8780", "127.1.2.3:0", "[::1]:8780", "localhost:0", "unix:/run/softphone.sock", "unix:relative"} {
		assert.NoError(t, control.CheckAddress(good), good)
	}
}

func TestOpenToken(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deep", "token")
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() { got[i], _ = control.OpenToken(path) })
	}
	wg.Wait()
	for _, g := range got {
		assert.Equal(t, got[0], g, "all get the same token")
	}
	assert.Regexp(t, `^[A-Za-z0-9_-]{43}$`, got[0], "256 bits")
	other, err := control.OpenToken(filepath.Join(dir, "other"))
	require.NoError(t, err)
	assert.NotEqual(t, got[0], other)
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, files, 1, "nothing is left over")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660} {
			require.NoError(t, os.Chmod(path, mode))
			_, err = control.OpenToken(path)
			require.ErrorContains(t, err, "can be read by others")
			assert.NotContains(t, err.Error(), got[0])
		}
	}
	for name, content := range map[string]string{"empty": "", "short": "secret", "two": strings.Repeat("a", 40) + "\n" + strings.Repeat("b", 40), "long": strings.Repeat("a", 600)} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := control.OpenToken(path)
		assert.ErrorContains(t, err, "holds no token", name)
	}
	_, err = control.OpenToken(dir)
	assert.ErrorContains(t, err, "no regular file")
}

// A Unix socket is its owner's; one that a killed phone left behind is replaced.
func TestUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	path := filepath.Join(t.TempDir(), "s")
	dead, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	f := newFixture(t, func(c *control.Config) { c.Address = "unix:" + path })
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, f.client.Health(t.Context()))
	s := f.open("websocket", client.Now)
	f.event("call.ended", "calls/1", `{}`)
	_, err = s.Next(t.Context())
	require.NoError(t, err)
	s.Close()

	_, err = control.New(t.Context(), f.cfg)
	assert.ErrorContains(t, err, "another process listens there")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
	cfg := f.cfg
	cfg.Address = "unix:" + file
	_, err = control.New(t.Context(), cfg)
	require.ErrorContains(t, err, "no socket")
	assert.FileExists(t, file)
	f.stop()
	assert.NoFileExists(t, path)
}

func TestDiscover(t *testing.T) {
	f := newFixture(t)
	dir := f.cfg.DataDir
	file := filepath.Join(dir, api.DiscoveryFile)
	found := func() error {
		c, err := client.Discover(t.Context(), dir)
		if err == nil {
			defer c.Close()
			err = c.Health(t.Context())
		}
		return err
	}
	require.NoError(t, found())
	left, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(left), f.token())
	f.stop()
	assert.NoFileExists(t, file)
	require.ErrorIs(t, found(), client.ErrNotRunning)

	// A phone that was killed leaves the file behind; nobody listens there now.
	require.NoError(t, os.WriteFile(file, left, 0o600))
	require.ErrorIs(t, found(), client.ErrNotRunning)

	// Or somebody else does, who hopes for the token.
	var mu sync.Mutex
	var heard []string
	address := strings.TrimPrefix(f.server.Address(), "http://")
	thief := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, r.Header.Get("Authorization"))
		w.Header().Set(api.HeaderProof, api.Proof("guess", r.Header.Get(api.HeaderChallenge), "http://"+address))
	}))
	thief.Listener.Close()
	thief.Listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	thief.Start()
	require.ErrorIs(t, found(), client.ErrNotRunning)
	thief.Close()
	mu.Lock()
	assert.Equal(t, []string{""}, heard, "the token is not sent to who cannot prove to know it")
	mu.Unlock()

	for name, content := range map[string]string{"damaged": "{", "nonsense": `{"address":"x"}`, "without token": `{"address":"http://127.0.0.1:1","token_file":"/nonexistent"}`} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		require.ErrorIs(t, found(), client.ErrNotRunning, name)
	}
	f.start() // a new start takes its place
	require.NoError(t, found())
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Chmod(file, 0o644))
		require.ErrorContains(t, found(), "open to others")
		require.NoError(t, os.Chmod(file, 0o600))
	}

	// The file of a phone that came later stays.
	second, err := control.New(t.Context(), f.cfg)
	require.NoError(t, err)
	f.stop()
	require.NoError(t, found())
	require.NoError(t, second.Close(context.Background()))
	require.ErrorIs(t, found(), client.ErrNotRunning)
}

func TestNew_RefusesWhatMakesNoSense(t *testing.T) {
	dir := t.TempDir()
	_, err := control.New(t.Context(), control.Config{Address: "127.0.0.1:0"})
	assert.ErrorContains(t, err, "TokenFile")
	f := newFixture(t)
	cfg := f.cfg
	cfg.Numbers = nil
	_, err = control.New(t.Context(), cfg)
	assert.ErrorContains(t, err, "Numbers")
	cfg = f.cfg
	cfg.Address = strings.TrimPrefix(f.server.Address(), "http://")
	_, err = control.New(t.Context(), cfg)
	assert.ErrorContains(t, err, "in use")
	cfg = f.cfg
	cfg.DataDir = filepath.Join(dir, "absent")
	_, err = control.New(t.Context(), cfg)
	assert.ErrorContains(t, err, "cannot be told")
}
