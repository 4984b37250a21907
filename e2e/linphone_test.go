package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

// linphone is a running linphonec, steered by lines on its standard input. It has
// files in place of a sound card.
type linphone struct {
	t      testing.TB
	port   int
	record string
	stdin  io.Writer
	output string        // file
	ended  chan struct{} // closed when the process is gone
}

func findLinphone() error { return findProgram("linphonec") }

// startLinphone runs linphonec without an account. It answers calls by itself and
// plays a file over and over. Encryption is none or srtp, which is then required.
func startLinphone(t testing.TB, play, encryption string) *linphone {
	t.Helper()
	dir := t.TempDir()
	l := &linphone{t: t, port: ports.one(), record: filepath.Join(dir, "heard.wav"), output: filepath.Join(dir, "output"), ended: make(chan struct{})}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".local", "share", "linphone"), 0o700)) // it makes none
	rtp := ports.block(10)
	tmpl, err := template.ParseFiles(filepath.Join(root, "testdata", "linphone", "linphonerc"))
	require.NoError(t, err)
	config, err := os.Create(filepath.Join(dir, "linphonerc"))
	require.NoError(t, err)
	require.NoError(t, tmpl.Execute(config, map[string]any{"SIPPort": l.port, "RTPMin": rtp, "RTPMax": rtp + 9, "User": "lin", "Encryption": encryption}))
	require.NoError(t, config.Close())
	output, err := os.Create(l.output)
	require.NoError(t, err)
	cmd := exec.Command("linphonec", "-c", config.Name(), "-a")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	l.stdin = stdin
	require.NoError(t, cmd.Start())
	go func() { _ = cmd.Wait(); close(l.ended) }()
	t.Cleanup(func() {
		_, _ = io.WriteString(stdin, "quit\n")
		_ = stdin.Close()
		select {
		case <-l.ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-l.ended
		}
		_ = output.Close()
		if t.Failed() {
			t.Logf("linphonec:\n%s", l.said())
		}
	})
	l.wait(10*time.Second, `linphonec> `, 1)
	l.command("soundcard use files")
	l.wait(5*time.Second, `Using wav files`, 1)
	l.command("ipv6 disable") // the key use_ipv6 of its file is not read
	l.command("play " + play)
	l.command("record " + l.record)
	l.command("help record") // answered when all before is done
	l.wait(5*time.Second, `'record <`, 1)
	return l
}

func startsLinphone(t testing.TB, play string) peer { return startLinphone(t, play, "none") }

func (l *linphone) address() string { return fmt.Sprintf("sip:lin@127.0.0.1:%d", l.port) }

func (l *linphone) command(command string) {
	l.t.Helper()
	_, err := io.WriteString(l.stdin, command+"\n")
	require.NoError(l.t, err)
}

// said is all that linphonec has printed.
func (l *linphone) said() string {
	raw, _ := os.ReadFile(l.output)
	return string(raw)
}

// wait waits until what linphonec prints matches so often.
func (l *linphone) wait(limit time.Duration, pattern string, times int) {
	l.t.Helper()
	re := regexp.MustCompile(pattern)
	eventually(l.t, limit, func() bool { return len(re.FindAllString(l.said(), -1)) >= times },
		"linphonec does not say %s %d times", pattern, times)
}

func (l *linphone) streams() int { return strings.Count(l.said(), "Media streams established") }

func (l *linphone) dial(uri string) {
	l.t.Helper()
	n := l.streams()
	l.command("call " + uri)
	l.wait(10*time.Second, `Media streams established`, n+1)
}

func (l *linphone) hold() {
	l.t.Helper()
	l.command("pause")
	l.wait(5*time.Second, `is now paused`, 1)
}

func (l *linphone) resume() {
	l.t.Helper()
	n := l.streams()
	l.command("resume")
	l.wait(5*time.Second, `Media streams established`, n+1)
}

func (l *linphone) transfer(uri string) { l.command("transfer " + uri) }

func (l *linphone) press(digits string) {
	for _, d := range digits {
		l.command(string(d))
	}
}

func (l *linphone) waitPressed(digits string) {
	l.t.Helper()
	for i, d := range digits {
		l.wait(10*time.Second, `Receiving tone `+regexp.QuoteMeta(string(d))+` from`, 1+strings.Count(digits[:i], string(d)))
	}
}

func (l *linphone) hangup() { l.command("terminate") }

func (l *linphone) recordsOn() bool { return true }

func (l *linphone) heard() []int16 {
	l.t.Helper()
	l.wait(10*time.Second, `Call 1 with .* ended`, 1)
	l.command("quit") // then the file is whole
	select {
	case <-l.ended:
	case <-time.After(10 * time.Second):
		require.FailNow(l.t, "linphonec does not quit")
	}
	return readWAV(l.t, l.record)
}
