package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Exit codes of the program, as its help documents them.
const (
	exitDone         = 0
	exitUsage        = 2
	exitRegistration = 3
	exitBusy         = 4
	exitDeclined     = 5
	exitNoAnswer     = 6
	exitUnreachable  = 7
	exitNotFound     = 9
	exitCancelled    = 10
)

// phone is one run of the softphone program.
type phone struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{} // closed when the process is gone

	mu     sync.Mutex
	lines  []line // of standard output
	more   chan struct{}
	stderr bytes.Buffer
}

// line is one JSON line, or raw text in the member "text".
type line map[string]any

func (l line) kind() string { return l.text("type") }

func (l line) text(key string) string {
	s, _ := l[key].(string)
	return s
}

func (l line) number(key string) float64 {
	n, _ := l[key].(float64)
	return n
}

// account is how a user of the PBX is given on the command line.
func account(p *pbx, user string) []string {
	return []string{"--server", p.addr(), "--user", user}
}

// softphone starts the program. SOFTPHONE_PASSWORD is what the PBX knows for
// the user of --user; history and block rules live in a folder of the test,
// and SIP on 127.0.0.1, unless args say otherwise.
func softphone(t testing.TB, args ...string) *phone {
	t.Helper()
	return softphoneEnv(t, nil, args...)
}

func softphoneEnv(t testing.TB, env []string, args ...string) *phone {
	t.Helper()
	return startPhone(t, nil, env, args...)
}

// startPhone starts the program by a command that takes it and its arguments.
func startPhone(t testing.TB, by, env []string, args ...string) *phone {
	t.Helper()
	if isPhone(args[0]) {
		if !has(args, "--data-dir") {
			args = append(args, "--data-dir", t.TempDir())
		}
		// To `run`, --listen is the address of the control API.
		if !has(args, "--sip-listen") && (args[0] == "run" || !has(args, "--listen")) {
			args = append(args, "--sip-listen", "127.0.0.1:0")
		}
		if has(args, "--record") && !has(args, "--playout-delay") {
			// A recording is judged at one lag, and nothing but a busy machine
			// is between the two ends: the delay stays, with room for that.
			args = append(args, "--playout-delay", "200ms")
		}
	}
	command := slices.Concat(by, []string{program}, args)
	p := &phone{t: t, cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{}), more: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "SOFTPHONE_PASSWORD="+valueOf(args, "--user")+"-secret")
	p.cmd.Env = append(p.cmd.Env, env...)
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.cmd.Stderr = lockedWriter{&p.mu, &p.stderr}
	require.NoError(t, p.cmd.Start())
	go p.read(stdout)
	t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			p.stop()
		}
		if t.Failed() {
			t.Logf("softphone %s\nexit code %d\n%s\nstandard error:\n%s", strings.Join(args, " "), p.cmd.ProcessState.ExitCode(), p.output(), p.errors())
		}
		if strings.Contains(p.errors(), "DATA RACE") {
			t.Errorf("the race detector found something in softphone %s:\n%s", strings.Join(args, " "), p.errors())
		}
	})
	return p
}

// stop ends a program that a failed test left running; as a good phone it
// first hangs up, so that the PBX keeps nothing of it.
func (p *phone) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func isPhone(command string) bool {
	switch command {
	case "call", "answer", "register", "run":
		return true
	}
	return false
}

func has(args []string, flag string) bool {
	for _, a := range args {
		if a == flag {
			return true
		}
	}
	return false
}

func valueOf(args []string, flag string) string {
	for i, a := range args[:len(args)-1] {
		if a == flag {
			return args[i+1]
		}
	}
	return ""
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

func (p *phone) read(stdout io.Reader) {
	defer close(p.ended)
	scanner := bufio.NewScanner(stdout)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var l line
		if json.Unmarshal(scanner.Bytes(), &l) != nil {
			l = line{"text": scanner.Text()}
		}
		p.mu.Lock()
		p.lines = append(p.lines, l)
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
	_ = p.cmd.Wait()
}

func (p *phone) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

func (p *phone) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, l := range p.lines {
		raw, _ := json.Marshal(l)
		b.Write(append(raw, '\n'))
	}
	return b.String()
}

// all returns the lines of a type, so far.
func (p *phone) all(kind string) []line {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []line
	for _, l := range p.lines {
		if l.kind() == kind {
			found = append(found, l)
		}
	}
	return found
}

// waitFor waits for the first line that match accepts.
func (p *phone) waitFor(limit time.Duration, what string, match func(line) bool) line {
	p.t.Helper()
	timeout := time.After(limit)
	next := 0
	for {
		p.mu.Lock()
		for ; next < len(p.lines); next++ {
			if match(p.lines[next]) {
				defer p.mu.Unlock()
				return p.lines[next]
			}
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.ended:
			p.mu.Lock()
			left := len(p.lines) - next
			p.mu.Unlock()
			if left == 0 {
				require.FailNow(p.t, "the program ended before "+what)
			}
		case <-timeout:
			require.FailNow(p.t, "no "+what+" within "+limit.String())
		}
	}
}

// waitEvent waits for the first line of a type.
func (p *phone) waitEvent(limit time.Duration, kind string) line {
	p.t.Helper()
	return p.waitFor(limit, "line of type "+kind, func(l line) bool { return l.kind() == kind })
}

// waitRegistered waits until the phone says that its registration stands.
func (p *phone) waitRegistered(limit time.Duration) {
	p.t.Helper()
	p.waitFor(limit, "registration", isRegistered)
}

func isRegistered(l line) bool {
	return l.kind() == "registration" && l.text("phase") == "registered"
}

// wait waits for the end and returns the exit code.
func (p *phone) wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		require.FailNow(p.t, "the program did not end within "+limit.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// interrupt asks the program to end, as Ctrl-C does.
func (p *phone) interrupt() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(os.Interrupt))
}

// key types a command of --keys.
func (p *phone) key(command string) {
	p.t.Helper()
	_, err := io.WriteString(p.stdin, command+"\n")
	require.NoError(p.t, err)
}

func (p *phone) terminate() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
}

// result is the last line, which sums up the call.
func (p *phone) result() line {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NotEmpty(p.t, p.lines, "the program printed nothing")
	last := p.lines[len(p.lines)-1]
	require.Equal(p.t, "result", last.kind(), "the last line must be the result")
	return last
}

// done waits for exit code 0 and returns the result.
func (p *phone) done(limit time.Duration) line {
	p.t.Helper()
	require.Equal(p.t, exitDone, p.wait(limit), "exit code")
	return p.result()
}

// openFiles is what the program holds open: sockets, pipes and files, but for
// those of its database, whose pool opens a few more when they are wanted.
func (p *phone) openFiles() []string {
	p.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	entries, err := os.ReadDir(dir)
	require.NoError(p.t, err)
	var open []string
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil || strings.Contains(target, ".db") {
			continue // closed meanwhile, or the database's
		}
		open = append(open, target)
	}
	return open
}

// checkQuality checks that a call lost no packet on loopback and reports its figures.
func checkQuality(t testing.TB, r line) {
	t.Helper()
	t.Logf("talk %.0f ms, packets sent %.0f, received %.0f, lost %.0f, late %.0f, round trip %.2f ms, MOS %.2f",
		r.number("talk_ms"), r.number("packets_sent"), r.number("packets_received"), r.number("packets_lost"),
		r.number("packets_late"), r.number("rtt_ms"), r.number("mos"))
	require.Zero(t, r.number("packets_lost"), "packets lost on loopback")
	require.Positive(t, r.number("packets_sent"))
	require.Positive(t, r.number("packets_received"))
}
