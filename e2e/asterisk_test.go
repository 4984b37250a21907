package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pbx is Asterisk in a container of its own, run from docker-compose.yml.
type pbx struct {
	compose []string
	project string
	port    int // TLS is at the next one
	ws      int // secure WebSocket is at the next one
	rtp     int
	id      string // of the container
}

const rtpPorts = 400

func composeCommand() ([]string, error) {
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}, nil
	}
	if findProgram("docker-compose") == nil {
		return []string{"docker-compose"}, nil
	}
	return nil, errors.New("neither docker compose nor docker-compose is there")
}

func findAsterisk() error {
	if err := findProgram("docker"); err != nil {
		return err
	}
	if exec.Command("docker", "info").Run() != nil {
		return errors.New("no Docker daemon answers")
	}
	_, err := composeCommand()
	return err
}

// startPBX makes the image if there is none, starts the container and waits
// until Asterisk answers.
func startPBX() (*pbx, error) {
	image := exec.Command(filepath.Join(root, "scripts", "asterisk-image.sh"), "--if-missing")
	if out, err := image.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making Asterisk's image: %w\n%s", err, out)
	}
	compose, err := composeCommand()
	if err != nil {
		return nil, err
	}
	p := &pbx{compose: compose, port: ports.one(), ws: ports.one(), rtp: ports.block(rtpPorts)}
	p.project = fmt.Sprintf("softphone-e2e-%d-%d", os.Getpid(), p.port)
	if out, err := p.run("up", "-d", "--no-build"); err != nil {
		p.remove()
		return nil, fmt.Errorf("starting Asterisk: %w\n%s", err, out)
	}
	out, err := p.run("ps", "-q", "asterisk")
	if err != nil {
		p.remove()
		return nil, fmt.Errorf("finding Asterisk's container: %w\n%s", err, out)
	}
	lines := strings.Fields(out)
	if len(lines) == 0 {
		p.remove()
		return nil, errors.New("docker compose started no container for Asterisk")
	}
	p.id = lines[len(lines)-1]
	if err := p.waitBooted(); err != nil {
		err = fmt.Errorf("%w\n%s", err, p.log())
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *pbx) run(args ...string) (string, error) {
	all := append(append([]string{}, p.compose[1:]...), "-p", p.project, "-f", filepath.Join(root, "docker-compose.yml"))
	cmd := exec.Command(p.compose[0], append(all, args...)...)
	cmd.Env = append(os.Environ(),
		fmt.Sprintf("SIP_PORT=%d", p.port), fmt.Sprintf("TLS_PORT=%d", p.port+1),
		fmt.Sprintf("WS_PORT=%d", p.ws), fmt.Sprintf("WSS_PORT=%d", p.ws+1),
		"TLS_CERT="+base64.StdEncoding.EncodeToString(certificates.cert), "TLS_KEY="+base64.StdEncoding.EncodeToString(certificates.key),
		fmt.Sprintf("RTP_MIN=%d", p.rtp), fmt.Sprintf("RTP_MAX=%d", p.rtp+rtpPorts-1))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return stderr.String() + string(out), err
	}
	return string(out), nil
}

func (p *pbx) waitBooted() error {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		out, err := exec.CommandContext(ctx, "docker", "exec", p.id, "asterisk", "-rx", "core waitfullybooted").CombinedOutput()
		cancel()
		if err == nil && strings.Contains(string(out), "fully booted") {
			return nil
		}
		<-time.After(100 * time.Millisecond)
	}
	return errors.New("Asterisk did not come up within 20 s")
}

func (p *pbx) remove() {
	_, _ = p.run("down", "-t", "1")
}

func (p *pbx) addr() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

func (p *pbx) uri(user string) string { return fmt.Sprintf("sip:%s@%s", user, p.addr()) }

func (p *pbx) version() string {
	out, err := exec.Command("docker", "exec", p.id, "asterisk", "-V").CombinedOutput()
	if err != nil {
		return "Asterisk of unknown version"
	}
	return strings.TrimSpace(string(out))
}

// log is all that Asterisk has said.
func (p *pbx) log() string {
	out, _ := exec.Command("docker", "logs", p.id).CombinedOutput()
	return string(out)
}

// rx runs a command at Asterisk's console.
func (p *pbx) rx(t testing.TB, command string) string {
	t.Helper()
	out, err := exec.Command("docker", "exec", p.id, "asterisk", "-rx", command).CombinedOutput()
	require.NoError(t, err, "asterisk -rx %q: %s", command, out)
	return string(out)
}

// stop ends Asterisk as a power cut would; start brings it back, knowing
// nothing of former registrations.
func (p *pbx) stop(t testing.TB) {
	t.Helper()
	out, err := exec.Command("docker", "kill", p.id).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func (p *pbx) start(t testing.TB) {
	t.Helper()
	out, err := exec.Command("docker", "start", p.id).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, p.waitBooted())
}

// registered tells whether Asterisk has a contact for a user.
func (p *pbx) registered(t testing.TB, user string) bool {
	t.Helper()
	return regexp.MustCompile(`Contact:\s+` + user + `/`).MatchString(p.rx(t, "pjsip show contacts"))
}

func (p *pbx) waitRegistered(t testing.TB, user string, want bool) {
	t.Helper()
	eventually(t, 10*time.Second, func() bool { return p.registered(t, user) == want },
		"Asterisk's contact of %s: want registered %v", user, want)
}

// waitLog waits until a line of Asterisk's log matches, and returns it.
func (p *pbx) waitLog(t testing.TB, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var line string
	eventually(t, 10*time.Second, func() bool { line = re.FindString(p.log()); return line != "" },
		"no line of Asterisk's log matches %s", pattern)
	return line
}

// waitIdle waits until no channel of Asterisk belongs to the user.
func (p *pbx) waitIdle(t testing.TB, user string) {
	t.Helper()
	eventually(t, 10*time.Second, func() bool {
		return !strings.Contains(p.rx(t, "core show channels concise"), "PJSIP/"+user+"-")
	}, "Asterisk still holds a channel of %s", user)
}

// eventually polls, since another process's progress can only be looked at.
func eventually(t testing.TB, limit time.Duration, ok func() bool, format string, args ...any) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			require.FailNow(t, fmt.Sprintf(format, args...), "waited %s", limit)
		}
		<-time.After(100 * time.Millisecond)
	}
}
