package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

// baresip is a running baresip: it plays a file to whomever it talks to and
// records both ways.
type baresip struct {
	t       testing.TB
	port    int
	dir     string
	control net.Conn

	mu     sync.Mutex
	events []line
	more   chan struct{}
}

// baresipModules is where distributions put baresip's modules.
func baresipModules() (string, error) {
	for _, pattern := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules", "/usr/local/lib/baresip/modules"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", errors.New("baresip's modules are not found")
}

func findBaresip() error {
	if err := findProgram("baresip"); err != nil {
		return err
	}
	_, err := baresipModules()
	return err
}

// startBaresip runs baresip with an account of the PBX, or of none when via is
// nil. It answers calls by itself and says what play holds. params are more
// parameters of its account.
func startBaresip(t testing.TB, via *pbx, user, play string, params ...string) *baresip {
	t.Helper()
	modules, err := baresipModules()
	require.NoError(t, err)
	b := &baresip{t: t, port: ports.block(2), dir: t.TempDir(), more: make(chan struct{})} // its TLS takes the port after
	account := fmt.Sprintf("<sip:%s@127.0.0.1>;regint=0;answermode=auto", user)
	if via != nil {
		account = fmt.Sprintf("<sip:%s@%s>;auth_pass=%s-secret;regint=60;answermode=auto", user, via.addr(), user)
	}
	account = strings.Join(append([]string{account}, params...), ";")
	rtp, control := ports.block(20), ports.one()
	values := map[string]any{
		"SIPPort": b.port, "RTPMin": rtp, "RTPMax": rtp + 19, "ControlPort": control,
		"Modules": modules, "Play": play, "Record": b.dir, "Account": account,
	}
	for _, name := range []string{"config", "accounts"} {
		tmpl, err := template.ParseFiles(filepath.Join(root, "testdata", "baresip", name))
		require.NoError(t, err)
		out, err := os.Create(filepath.Join(b.dir, name))
		require.NoError(t, err)
		require.NoError(t, tmpl.Execute(out, values))
		require.NoError(t, out.Close())
	}
	output, err := os.Create(filepath.Join(b.dir, "output"))
	require.NoError(t, err)
	cmd := exec.Command("baresip", "-f", b.dir, "-v")
	cmd.Stdout, cmd.Stderr = output, output
	stdin, err := cmd.StdinPipe() // it ends when its standard input does
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if b.control != nil {
			b.command("quit", "")
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		_ = stdin.Close()
		_ = output.Close()
		if b.control != nil {
			_ = b.control.Close()
		}
		if t.Failed() {
			text, _ := os.ReadFile(output.Name())
			t.Logf("baresip:\n%s", strings.ReplaceAll(string(text), "\r", "\n"))
		}
	})
	eventually(t, 10*time.Second, func() bool {
		b.control, err = net.DialTimeout("tcp", loopback(control).String(), time.Second)
		return err == nil
	}, "baresip does not take commands")
	go b.read()
	if via != nil {
		via.waitRegistered(t, user, true)
	}
	return b
}

func (b *baresip) uri(user string) string { return fmt.Sprintf("sip:%s@127.0.0.1:%d", user, b.port) }

// command sends one as a netstring that holds JSON.
func (b *baresip) command(command, params string) {
	b.t.Helper()
	raw, err := json.Marshal(map[string]string{"command": command, "params": params})
	require.NoError(b.t, err)
	_, err = fmt.Fprintf(b.control, "%d:%s,", len(raw), raw)
	require.NoError(b.t, err)
}

func (b *baresip) read() {
	r := bufio.NewReader(b.control)
	for {
		text, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(text, ":"))
		if err != nil || n > 1<<20 {
			return
		}
		raw := make([]byte, n+1) // and the comma
		if _, err := io.ReadFull(r, raw); err != nil {
			return
		}
		var l line
		if json.Unmarshal(raw[:n], &l) != nil {
			continue
		}
		b.mu.Lock()
		b.events = append(b.events, l)
		close(b.more)
		b.more = make(chan struct{})
		b.mu.Unlock()
	}
}

func (b *baresip) waitEvent(limit time.Duration, kind string) line {
	b.t.Helper()
	timeout := time.After(limit)
	for {
		b.mu.Lock()
		for _, e := range b.events {
			if e.kind() == kind {
				b.mu.Unlock()
				return e
			}
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-timeout:
			require.FailNow(b.t, "baresip: no "+kind+" within "+limit.String())
		}
	}
}

func startsBaresip(t testing.TB, play string) peer { return startBaresip(t, nil, "bert", play) }

func (b *baresip) address() string { return b.uri("bert") }

func (b *baresip) dial(uri string) {
	b.t.Helper()
	b.command("dial", uri)
	b.waitEvent(10*time.Second, "CALL_ESTABLISHED")
}

func (b *baresip) hold()   { b.command("hold", "") }
func (b *baresip) resume() { b.command("resume", "") }

func (b *baresip) transfer(uri string) { b.command("transfer", uri) }

func (b *baresip) press(digits string) {
	for _, d := range digits {
		b.command("sndcode", string(d))
	}
}

func (b *baresip) waitPressed(digits string) {
	b.t.Helper()
	eventually(b.t, 10*time.Second, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		pressed := ""
		for _, e := range b.events {
			if e.kind() == "CALL_DTMF_START" {
				pressed += e.text("param")
			}
		}
		return pressed == digits
	}, "baresip does not hear the keys %s", digits)
}

func (b *baresip) hangup() { b.command("hangup", "") }

// Its recorder stops at the first re-INVITE, also in a call with another baresip.
func (b *baresip) recordsOn() bool { return false }

// heard is what baresip decoded of its one call, which must be over.
func (b *baresip) heard() []int16 {
	b.t.Helper()
	b.waitEvent(10*time.Second, "CALL_CLOSED")
	var found []string
	eventually(b.t, 5*time.Second, func() bool {
		found, _ = filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
		return len(found) == 1
	}, "baresip has recorded nothing")
	return readWAV(b.t, found[0])
}

// talk is what baresip and a phone of ours say to each other.
type talk struct {
	ours, theirs said
	heardByUs    string
}

func makeTalk(t *testing.T) talk {
	return talk{makeSaid(t, "speech-a.wav"), makeSaid(t, "speech-b.wav"), filepath.Join(t.TempDir(), "heard.wav")}
}

func (k talk) check(t *testing.T, b *baresip) {
	t.Helper()
	ours := readWAV(t, k.heardByUs)
	checkMarker(t, "what we hear of baresip", k.theirs, ours)
	checkHeard(t, "what we hear of baresip", k.theirs.samples, ours)
	theirs := b.heard()
	checkMarker(t, "what baresip hears of us", k.ours, theirs)
	checkHeard(t, "what baresip hears of us", k.ours.samples, theirs)
}

func TestBaresip_WeCall(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel() // with one another
			k := makeTalk(t)
			b := startBaresip(t, nil, "bert", k.theirs.path)
			p := softphone(t, "call", b.uri("bert")+";transport="+transport, "--json", "--play", k.ours.path, "--record", k.heardByUs, "--tail", "2s")
			checkQuality(t, p.done(k.ours.length()+15*time.Second))
			k.check(t, b)
		})
	}
}

func TestBaresip_CallsUs(t *testing.T) {
	t.Parallel()
	k := makeTalk(t)
	b := startBaresip(t, nil, "bert", k.theirs.path)
	port := ports.one()
	p := softphone(t, "answer", "--json", "--listen", loopback(port).String(), "--count", "1", "--duration", "1m", "--play", k.ours.path, "--record", k.heardByUs)
	p.waitEvent(5*time.Second, "listening")
	b.command("dial", fmt.Sprintf("sip:us@127.0.0.1:%d", port))
	b.waitEvent(10*time.Second, "CALL_ESTABLISHED")
	<-time.After(k.ours.length() + time.Second)
	b.command("hangup", "")
	r := p.done(10 * time.Second)
	checkQuality(t, r)
	k.check(t, b)
}

func TestBaresipAsterisk_WeCall(t *testing.T) {
	t.Parallel()
	users.borrow(t, "grace")
	k := makeTalk(t)
	b := startBaresip(t, asterPB, "grace", k.theirs.path)
	p := softphone(t, append([]string{"call", "grace", "--json", "--play", k.ours.path, "--record", k.heardByUs, "--tail", "2s"}, account(asterPB, "alice")...)...)
	checkQuality(t, p.done(k.ours.length()+15*time.Second))
	k.check(t, b)
}

func TestBaresipAsterisk_CallsUs(t *testing.T) {
	t.Parallel()
	users.borrow(t, "grace", "alice")
	k := makeTalk(t)
	b := startBaresip(t, asterPB, "grace", k.theirs.path)
	p := answering(t, "alice", "--count", "1", "--duration", "1m", "--play", k.ours.path, "--record", k.heardByUs)
	b.command("dial", asterPB.uri("alice"))
	b.waitEvent(10*time.Second, "CALL_ESTABLISHED")
	<-time.After(k.ours.length() + time.Second)
	b.command("hangup", "")
	checkQuality(t, p.done(10*time.Second))
	k.check(t, b)
}

func TestBaresip_Hold_RFC3264_8_4(t *testing.T) { checkHolds(t, startsBaresip) }

func TestBaresip_DTMF_RFC4733(t *testing.T) { checkDigits(t, startsBaresip) }

func TestBaresip_BlindTransfer_RFC5589_6(t *testing.T) { checkBlindTransfer(t, startsBaresip) }
