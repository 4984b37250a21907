package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
)

func TestMain(m *testing.M) {
	program()
	// Most tests wait for sound to pass: they go side by side on however few
	// cores there are.
	flag.Parse()
	_ = flag.Set("test.parallel", "6")
	goleak.VerifyTestMain(m)
}

// passwords of the exchange's users. Mallory's number is one to be blocked.
var passwords = map[string]string{"alice": "looking-glass-7", "bob": "hunter2-bob", mallory: "mallet"}

const (
	mallory = "07012345678"
	soon    = 20 * time.Second // for what takes moments when all is well
)

func newExchange(t *testing.T, change ...func(*exchange.Config)) *exchange.Exchange {
	t.Helper()
	var cfg exchange.Config
	for name, password := range passwords {
		cfg.Users = append(cfg.Users, exchange.User{Name: name, Password: password})
	}
	for _, f := range change {
		f(&cfg)
	}
	ex, err := exchange.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ex.Close()) })
	return ex
}

// text is a writer whose readers can wait for more.
type text struct {
	mu      sync.Mutex
	all     []byte
	changed chan struct{}
}

func newText() *text { return &text{changed: make(chan struct{})} }

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.all = append(x.all, p...)
	close(x.changed)
	x.changed = make(chan struct{})
	return len(p), nil
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return string(x.all)
}

// process is one command line that runs.
type process struct {
	t              *testing.T
	stdout, stderr *text
	interrupt      context.CancelFunc
	done           chan struct{}
	code           int
}

// world is the surroundings of a command line.
type world struct {
	env   map[string]string
	stdin io.Reader
}

// start runs a command line in the background, until the test is over.
func (w world) start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t: t, stdout: newText(), stderr: newText(), interrupt: cancel, done: make(chan struct{})}
	if w.stdin == nil {
		w.stdin = strings.NewReader("")
	}
	go func() {
		defer close(p.done)
		p.code = run(ctx, &environment{
			args: append([]string{}, args...), stdin: w.stdin, stdout: p.stdout, stderr: p.stderr,
			getenv: func(name string) string { return w.env[name] },
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
		if t.Failed() {
			t.Logf("softphone %s\nexit code %d\n%s\n%s", strings.Join(args, " "), p.code, p.stdout, p.stderr)
		}
	})
	return p
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return world{}.start(t, args...)
}

// runs runs a command line to its end.
func runs(t *testing.T, args ...string) *process {
	t.Helper()
	p := start(t, args...)
	p.wait()
	return p
}

// as starts a command with an account of the exchange, on loopback.
func as(t *testing.T, ex *exchange.Exchange, user, command string, args ...string) *process {
	t.Helper()
	return withPassword(user).start(t, account(t, ex, user, command, args...)...)
}

func withPassword(user string) world {
	return world{env: map[string]string{"SOFTPHONE_PASSWORD": passwords[user]}}
}

func account(t *testing.T, ex *exchange.Exchange, user, command string, args ...string) []string {
	t.Helper()
	return slices.Concat(local(t, command), []string{"--server", ex.Addr(), "--user", user, "--json"}, args)
}

// local is a command that keeps to loopback and a folder of its own. Its sound is
// not moved about when the computer is busy.
func local(t *testing.T, command string) []string {
	t.Helper()
	return []string{command, "--sip-listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--playout-delay", "150ms"}
}

// wait waits for the end and returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(2 * soon):
		require.FailNow(p.t, "the command does not end", "%s\n%s", p.stdout, p.stderr)
	}
	return p.code
}

// sees waits until the output fulfils a condition.
func (p *process) sees(x *text, what string, ok func(all string) bool) {
	p.t.Helper()
	limit := time.After(soon)
	for {
		x.mu.Lock()
		all, changed := string(x.all), x.changed
		x.mu.Unlock()
		if ok(all) {
			return
		}
		select {
		case <-changed:
		case <-p.done:
			require.True(p.t, ok(x.String()), "it ended without %s", what)
			return
		case <-limit:
			require.FailNow(p.t, "in vain waited for "+what)
		}
	}
}

// says waits for a text in the output.
func (p *process) says(what string) {
	p.t.Helper()
	p.sees(p.stdout, what, func(all string) bool { return strings.Contains(all, what) })
}

// line is one JSON line.
type line map[string]any

func jsonLines(t *testing.T, all string) []line {
	t.Helper()
	var out []line
	for l := range strings.Lines(all) {
		if !strings.HasSuffix(l, "\n") {
			break // not whole yet
		}
		var v line
		require.NoError(t, json.Unmarshal([]byte(l), &v), "%q is no JSON line", l)
		out = append(out, v)
	}
	return out
}

// event waits for the first line of that type.
func (p *process) event(kind string) line {
	p.t.Helper()
	var found line
	p.sees(p.stdout, kind, func(all string) bool {
		lines := jsonLines(p.t, all)
		i := slices.IndexFunc(lines, func(l line) bool { return l["type"] == kind })
		if i >= 0 {
			found = lines[i]
		}
		return i >= 0
	})
	return found
}

// types lists the types of the lines.
func (p *process) types() []string {
	var out []string
	for _, l := range jsonLines(p.t, p.stdout.String()) {
		kind, _ := l["type"].(string)
		out = append(out, kind)
	}
	return out
}

// result is the last line of --json, which is the only one of its type.
func (p *process) result() line {
	p.t.Helper()
	p.wait()
	types := p.types()
	require.NotEmpty(p.t, types, "nothing was printed: %s", p.stderr)
	require.Equal(p.t, len(types)-1, slices.Index(types, "result"), "the last line is the one result: %v", types)
	lines := jsonLines(p.t, p.stdout.String())
	return lines[len(lines)-1]
}

// number is a figure of a line.
func (l line) number(t *testing.T, key string) float64 {
	t.Helper()
	require.Contains(t, l, key)
	require.IsType(t, 0.0, l[key], key)
	return l[key].(float64)
}

// seeds of the markers in what speechFile writes.
var seeds = []uint64{11, 12, 13}

// speechFile is a WAV of three markers with pauses between, 2.1 s.
func speechFile(t *testing.T) string {
	t.Helper()
	var s []int16
	for _, seed := range seeds {
		s = append(append(s, measure.Marker(seed)...), make([]int16, 1600)...)
	}
	path := filepath.Join(t.TempDir(), "speech.wav")
	require.NoError(t, audio.WriteWAV(path, audio.Narrowband, s))
	return path
}

// requireHeard checks that a recording has the sound of speechFile. A test that
// calls it does not run beside others, which would make the sound late: one whole
// marker at least, since a busy computer may spoil the others.
func requireHeard(t *testing.T, path string) []int16 {
	t.Helper()
	wav, err := audio.OpenWAV(path)
	require.NoError(t, err)
	best := 0.0
	for _, seed := range seeds {
		_, corr := measure.FindMarker(wav.Samples(), seed)
		best = max(best, corr)
	}
	require.Greater(t, best, measure.Found, "%s does not have what was played (%d samples)", path, len(wav.Samples()))
	return wav.Samples()
}

func freeAddr(t *testing.T) string { // where nobody listens
	t.Helper()
	ex, err := exchange.Start(exchange.Config{})
	require.NoError(t, err)
	require.NoError(t, ex.Close())
	return ex.Addr()
}

// oneSentence checks what a failed command says to people: one line.
func oneSentence(t *testing.T, p *process) string {
	t.Helper()
	said := p.stderr.String()
	require.Equal(t, 1, strings.Count(said, "\n"), "%q", said)
	require.True(t, strings.HasPrefix(said, "softphone: "), "%q", said)
	require.False(t, bytes.ContainsAny([]byte(said), "\t{}"), "%q", said)
	return strings.TrimSpace(said)
}
