package e2e

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attemptsSettle is how long the figures are waited for: the last transactions
// live 64 s, after two idle minutes the program collects its garbage by itself,
// and some time later the system has the memory back.
const attemptsSettle = 4 * time.Minute

// SIPp calls `softphone answer` so many times a second for so long, and hangs up
// as soon as it is answered (`make bench-attempts`). What it cost is logged; a
// thousandth of the calls may fail, and nothing may be left of them.
func TestAttempts_ASecond(t *testing.T) {
	rate, err := strconv.Atoi(os.Getenv("ATTEMPTS"))
	require.NoError(t, err, "ATTEMPTS must be a number of calls a second")
	length, err := time.ParseDuration(os.Getenv("ATTEMPTTIME"))
	require.NoError(t, err, "ATTEMPTTIME must be a duration such as 60s")
	total := rate * int(length.Seconds())
	idle := anyCallsAnswered(t)
	attempts(t, idle, 1, 5)
	p := anyCallsAnswered(t)
	attempts(t, p, 1, 5)
	before := usageOf(t, p.cmd.Process.Pid)
	r := attempts(t, p, rate, total)
	peak := usageOf(t, p.cmd.Process.Pid)
	<-time.After(attemptsSettle)
	after := usageOf(t, p.cmd.Process.Pid)
	was, is := idle.goroutines(), p.goroutines()
	t.Logf("%d calls, %d a second: %d failed; SIPp repeated %d INVITEs", total, rate, r.failed, r.repeated)
	t.Logf("to 180: median %v, 99 %% %v (%d seen); to 200: median %v, 99 %% %v",
		r.ringing.at(0.5), r.ringing.at(0.99), len(r.ringing), r.answered.at(0.5), r.answered.at(0.99))
	t.Logf("resident memory: %d KiB before, %d KiB at the end of the load, %d KiB %v later; processor %v, or %v a call",
		before.rss, peak.rss, after.rss, attemptsSettle, peak.cpu-before.cpu, (peak.cpu-before.cpu)/time.Duration(total))
	t.Logf("goroutines: %d of a phone that had 5 calls, %d after the load", was, is)
	assert.LessOrEqual(t, r.failed, total/1000)
	assert.LessOrEqual(t, is, was+10, "goroutines are left")
}

// anyCallsAnswered is a phone that answers everybody on this machine.
func anyCallsAnswered(t *testing.T) *phone {
	p := softphone(t, "answer", "--listen", loopback(ports.one()).String(), "--max-calls", "2000")
	p.waitFor(5*time.Second, "an address to call", func(l line) bool { return strings.Contains(l.text("text"), "127.0.0.1") })
	return p
}

// times are how long calls took, in order.
type times []time.Duration

func (d times) at(part float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	return d[int(part*float64(len(d)-1))]
}

// attemptsResult is what SIPp saw.
type attemptsResult struct {
	failed, repeated  int
	ringing, answered times
}

// attempts runs SIPp's scenario against p.
func attempts(t *testing.T, p *phone, rate, total int) attemptsResult {
	t.Helper()
	target := valueOf(p.cmd.Args, "--listen")
	dir := t.TempDir()
	cmd := exec.Command("sipp", target, "-sf", filepath.Join(root, "testdata", "sipp", "attempts.xml"),
		"-i", "127.0.0.1", "-p", strconv.Itoa(ports.one()), "-mi", "127.0.0.1", "-r", strconv.Itoa(rate), "-m", strconv.Itoa(total),
		"-l", "2000", "-nostdin", "-trace_rtt", "-rtt_freq", "1", "-trace_stat", "-fd", "1", "-buff_size", "4194304",
		"-timeout", fmt.Sprintf("%ds", 60+2*total/rate))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TERM=dumb")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("SIPp: %v\n%s", err, tail(out, 1500))
	}
	var r attemptsResult
	for _, row := range rows(t, filepath.Join(dir, "attempts_*_rtt.csv"))[1:] {
		ms, err := strconv.ParseFloat(row[1], 64)
		require.NoError(t, err)
		d := time.Duration(ms * float64(time.Millisecond))
		if row[2] == "1" {
			r.ringing = append(r.ringing, d)
		} else {
			r.answered = append(r.answered, d)
		}
	}
	slices.Sort(r.ringing)
	slices.Sort(r.answered)
	stat := rows(t, filepath.Join(dir, "attempts_*_.csv"))
	last := stat[len(stat)-1]
	for i, name := range stat[0] {
		count := (*int)(nil)
		switch name {
		case "FailedCall(C)":
			count = &r.failed
		case "Retransmissions(C)":
			count = &r.repeated
		default:
			continue
		}
		*count, err = strconv.Atoi(last[i])
		require.NoError(t, err, name)
	}
	return r
}

// rows reads SIPp's file of that name.
func rows(t *testing.T, pattern string) [][]string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.Len(t, found, 1, pattern)
	f, err := os.Open(found[0])
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
	all, err := r.ReadAll()
	require.NoError(t, err)
	require.Greater(t, len(all), 1)
	return all
}

// goroutines ends the program by SIGQUIT and counts what it had.
func (p *phone) goroutines() int {
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGQUIT))
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		require.FailNow(p.t, "the program did not end by SIGQUIT")
	}
	return len(regexp.MustCompile(`(?m)^goroutine \d+ `).FindAllString(p.errors(), -1))
}
