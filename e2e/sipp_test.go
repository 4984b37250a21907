package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sippMedia is where Debian keeps the packets that SIPp's scenarios play.
const sippMedia = "/usr/share/sip-tester"

func findSIPp() error {
	if err := findProgram("sipp"); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(sippMedia, "g711a.pcap")); err != nil {
		return errors.New("SIPp's packets are not found")
	}
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	return nil
}

// sipp is a running SIPp. It ends by itself, with 0 when every call went as
// its scenario says.
type sipp struct {
	t     testing.TB
	port  int
	ended chan error
}

// startSIPp runs a scenario: one of SIPp's own, or NAME.xml of testdata/sipp.
func startSIPp(t testing.TB, scenario string, args ...string) *sipp {
	t.Helper()
	from := []string{"-sn", scenario}
	if strings.HasSuffix(scenario, ".xml") {
		from = []string{"-sf", filepath.Join(root, "testdata", "sipp", scenario), "-m", "1"}
	}
	s := &sipp{t: t, port: ports.one(), ended: make(chan error, 1)}
	dir := t.TempDir()
	require.NoError(t, os.Symlink(sippMedia, filepath.Join(dir, "pcap"))) // scenarios name pcap/g711a.pcap
	output, err := os.Create(filepath.Join(dir, "output"))
	require.NoError(t, err)
	all := append(append(from, "-i", "127.0.0.1", "-p", strconv.Itoa(s.port), "-mi", "127.0.0.1",
		"-mp", strconv.Itoa(ports.block(8)), "-nostdin", "-timeout", "60s", "-timeout_error", "-trace_err",
		"-error_file", filepath.Join(dir, "errors")), args...)
	cmd := exec.Command("sipp", all...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	cmd.Env = append(os.Environ(), "TERM=dumb")
	require.NoError(t, cmd.Start())
	gone := make(chan struct{})
	go func() { s.ended <- cmd.Wait(); close(gone) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-gone
		_ = output.Close()
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "errors"))
			screen, _ := os.ReadFile(output.Name())
			t.Logf("SIPp's errors:\n%s\nits screen:\n%s", text, tail(screen, 3000))
		}
	})
	return s
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// passed waits until SIPp is content.
func (s *sipp) passed(limit time.Duration) {
	s.t.Helper()
	select {
	case err := <-s.ended:
		require.NoError(s.t, err, "SIPp saw calls fail")
	case <-time.After(limit):
		require.FailNow(s.t, "SIPp did not end within "+limit.String())
	}
}

// SIPp calls us 50 times on ports for 8 calls: a port that leaks ends it.
func TestSIPp_UACCallsUs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, transport string }{{"udp", "u1"}, {"tcp", "t1"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port, rtp := ports.one(), ports.block(16)
			p := softphone(t, "answer", "--json", "--listen", loopback(port).String(), "--echo",
				"--rtp-ports", fmt.Sprintf("%d-%d", rtp, rtp+15))
			p.waitEvent(5*time.Second, "listening")
			target := loopback(port).String()
			startSIPp(t, "uac", target, "-t", c.transport, "-m", "2", "-r", "4", "-d", "300").passed(30 * time.Second)
			before := p.openFiles()
			startSIPp(t, "uac", target, "-t", c.transport, "-m", "50", "-r", "5", "-d", "300", "-l", "4").passed(60 * time.Second)
			require.Eventually(t, func() bool { return len(p.all("call.ended")) == 52 }, 10*time.Second, 100*time.Millisecond,
				"every call ends once")
			after := before
			for range 100 {
				if after = p.openFiles(); len(after) <= len(before) {
					break
				}
				<-time.After(100 * time.Millisecond)
			}
			require.LessOrEqual(t, len(after), len(before), "files leaked in 50 calls: before %q, after %q", before, after)
			p.interrupt()
			require.Equal(t, exitDone, p.wait(10*time.Second))
		})
	}
}

func TestSIPp_UASIsCalledByUs(t *testing.T) {
	t.Parallel()
	s := startSIPp(t, "uas", "-m", "3", "-rtp_echo")
	said := makeSaid(t, "early.wav")
	heard := filepath.Join(t.TempDir(), "heard.wav")
	target := fmt.Sprintf("sip:service@127.0.0.1:%d", s.port)
	p := softphone(t, "call", target, "--json", "--play", said.path, "--record", heard)
	checkQuality(t, p.done(30*time.Second))
	checkMarker(t, "echo of SIPp", said, readWAV(t, heard))
	checkHeard(t, "echo of SIPp", said.samples, readWAV(t, heard))
	for range 2 {
		r := softphone(t, "call", target, "--json", "--duration", "500ms").done(15 * time.Second)
		require.Equal(t, "completed", r.text("cause"))
	}
	s.passed(30 * time.Second)
}

// SIPp plays 7 s of A-law speech in packets of 30 ms, then the digit 1.
func TestSIPp_UACWithSpeechAndDigit(t *testing.T) {
	t.Parallel()
	port := ports.one()
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p := softphone(t, "answer", "--json", "--listen", loopback(port).String(), "--record", heard, "--count", "1")
	p.waitEvent(5*time.Second, "listening")
	startSIPp(t, "uac_pcap", loopback(port).String(), "-m", "1").passed(40 * time.Second)
	r := p.done(10 * time.Second)
	require.Positive(t, r.number("packets_received"))
	require.Zero(t, r.number("packets_lost"))
	digits := p.all("call.dtmf")
	require.Len(t, digits, 1)
	require.Equal(t, "1", digits[0].text("digit"))
	checkHeard(t, "SIPp's speech", capturedALaw(t, filepath.Join(sippMedia, "g711a.pcap")), readWAV(t, heard))
}
