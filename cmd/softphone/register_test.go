package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	nobody := freeAddr(t)
	deaf, err := net.ListenPacket("udp4", "127.0.0.1:0") // takes everything and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = deaf.Close() })
	silent := deaf.LocalAddr().String()
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte(passwords["alice"]+"\n"), 0o600))

	for name, c := range map[string]struct {
		password string
		args     []string
		code     int
		says     []string // on standard error
		phase    string   // of some registration line
	}{
		"right password":         {passwords["alice"], []string{"--server", ex.Addr(), "--duration", "10ms"}, 0, nil, "registered"},
		"over TCP":               {passwords["alice"], []string{"--server", ex.Addr(), "--transport", "tcp", "--duration", "10ms"}, 0, nil, "registered"},
		"password from a file":   {"", []string{"--server", ex.Addr(), "--password-file", secret, "--duration", "10ms"}, 0, nil, "registered"},
		"wrong password":         {"wrong", []string{"--server", ex.Addr()}, 3, []string{"403", "password", ex.Addr()}, "rejected"},
		"no password":            {"", []string{"--server", ex.Addr()}, 3, []string{"password"}, "rejected"},
		"nobody there, over UDP": {"x", []string{"--server", nobody, "--transport", "udp", "--timeout", "1500ms"}, 7, []string{nobody, "--server"}, "registering"},
		"no answer, over UDP":    {"x", []string{"--server", silent, "--transport", "udp", "--timeout", "1500ms"}, 7, []string{silent, "--server", "no answer within 1.5s"}, "registering"},
		"nobody there, over TCP": {"x", []string{"--server", nobody, "--transport", "tcp", "--timeout", "1500ms"}, 7, []string{nobody, "--server"}, "retrying"},
		"no such host":           {"x", []string{"--server", "pbx.invalid", "--timeout", "1s"}, 7, []string{"pbx.invalid"}, "registering"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{env: map[string]string{"SOFTPHONE_PASSWORD": c.password}}
			args := append(local(t, "register"), "--user", "alice", "--json")
			p := w.start(t, append(args, c.args...)...)
			r := p.result()
			assert.Equal(t, c.code, p.code)
			assert.EqualValues(t, c.code, r["exit_code"])
			phases := map[any]bool{}
			for _, l := range jsonLines(t, p.stdout.String()) {
				if l["type"] == "registration" {
					phases[l["phase"]] = true
				}
			}
			assert.True(t, phases[c.phase], "%v", phases)
			if c.code == 0 {
				assert.Equal(t, "done", r["cause"])
				assert.Empty(t, p.stderr.String())
				return
			}
			assert.Equal(t, "failed", r["cause"])
			said := oneSentence(t, p)
			for _, s := range c.says {
				assert.Contains(t, said, s)
			}
			assert.NotContains(t, p.stdout.String()+said, "wrong\"")
		})
	}
}

func TestRegister_StaysUntilInterruptedAndTakesItBack(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "register")
	p.says(`"phase":"registered"`)
	assert.True(t, ex.Registered("alice"))
	p.interrupt()
	assert.Equal(t, "done", p.result()["cause"])
	assert.Zero(t, p.code)
	assert.False(t, ex.Registered("alice"))
	assert.Contains(t, p.stdout.String(), `"phase":"unregistered"`)
}

func TestRegister_InWords(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	args := append(local(t, "register"), "--server", ex.Addr(), "--user", "alice", "--duration", "1ms")
	p := withPassword("alice").start(t, args...)
	require.Zero(t, p.wait())
	assert.Regexp(t, `(?m)^\d\d:\d\d:\d\d\.\d{3}  alice@\S+ registered for 1h0m0s as .*127\.0\.0\.1`, p.stdout.String())
	assert.Contains(t, p.stdout.String(), "registration taken back")
}

func TestRegister_InterruptedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	p := start(t, append(local(t, "register"), "--server", freeAddr(t), "--user", "alice", "--json")...)
	p.says(`"phase":"registering"`)
	p.interrupt()
	assert.Equal(t, exitCancelled, p.wait())
	assert.Contains(t, oneSentence(t, p), "interrupted")
	assert.Equal(t, "failed", p.result()["cause"])
}
