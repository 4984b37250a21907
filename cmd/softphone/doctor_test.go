package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checks reads what `doctor --json` printed.
func checks(t *testing.T, p *process) (by map[string]checkLine, result doctorResult) {
	t.Helper()
	by = map[string]checkLine{}
	for l := range strings.Lines(p.stdout.String()) {
		var c checkLine
		require.NoError(t, json.Unmarshal([]byte(l), &c), l)
		if c.Type == "check" {
			by[c.Name] = c
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(l), &result), l)
	}
	require.Equal(t, "result", result.Type)
	return by, result
}

func TestDoctor_AllIsWell(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "doctor", "--echo", "600", "--json")
	require.Equal(t, exitDone, p.wait())
	by, result := checks(t, p)
	assert.True(t, result.Healthy)
	assert.Empty(t, result.Failed)
	for _, name := range []string{"configuration", "names", "reach udp", "reach tcp", "registration", "nat", "echo"} {
		assert.EqualValues(t, "ok", by[name].Status, name)
	}
	p = world{env: map[string]string{"SOFTPHONE_PASSWORD": passwords["bob"]}}.start(t,
		"doctor", "--data-dir", t.TempDir(), "--server", ex.Addr(), "--user", "bob")
	require.Equal(t, exitDone, p.wait())
	assert.Contains(t, p.stdout.String(), "no call was made")
	assert.Contains(t, p.stdout.String(), "nothing is wrong")
}

func TestDoctor_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	server := ex.Addr()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		exit int
		says string
	}{
		"password": {[]string{"--server", server, "--user", "alice"}, map[string]string{"SOFTPHONE_PASSWORD": "wrong"},
			exitRegistration, "does not accept account alice"},
		"no account": {nil, nil, exitUsage, "there is no account"},
		"bad value":  {[]string{"--server", server, "--user", "alice", "--rtp-ports", "9-5"}, map[string]string{"SOFTPHONE_PASSWORD": "x"}, exitUsage, "9-5"},
		"nobody there": {[]string{"--server", "127.0.0.1:9", "--user", "alice"}, map[string]string{"SOFTPHONE_PASSWORD": "x"},
			exitUnreachable, "nobody listens for udp at 127.0.0.1:9"},
		"no echo": {[]string{"--server", server, "--user", "bob", "--echo", "699"}, map[string]string{"SOFTPHONE_PASSWORD": passwords["bob"]},
			exitMedia, "the PBX has nothing at 699"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := world{env: c.env}.start(t, append([]string{"doctor", "--data-dir", t.TempDir()}, c.args...)...)
			assert.Equal(t, c.exit, p.wait())
			assert.Contains(t, p.stdout.String(), c.says)
			assert.Contains(t, p.stdout.String(), "-> ", "what to do")
			assert.Contains(t, p.stdout.String(), "checks failed; begin with")
			assert.Empty(t, p.stderr.String(), "all is told on standard output")
		})
	}
}
