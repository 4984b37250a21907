package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/exchange"
)

// answers starts `softphone answer` and waits until it can be called.
func answers(t *testing.T, ex *exchange.Exchange, user string, args ...string) *process {
	t.Helper()
	p := as(t, ex, user, "answer", args...)
	p.says(`"listening"`)
	require.True(t, ex.Registered(user))
	return p
}

func TestAnswer_TwoCommandsTalk(t *testing.T) {
	ex := newExchange(t)
	dir := t.TempDir()
	bob := answers(t, ex, "bob", "--play", speechFile(t), "--record", filepath.Join(dir, "bob.wav"), "--count", "1", "--after", "200ms")
	alice := as(t, ex, "alice", "call", "bob", "--play", speechFile(t), "--record", filepath.Join(dir, "alice.wav"), "--tail", "2s")
	a, b := alice.result(), bob.result()
	assert.Zero(t, alice.code)
	assert.Zero(t, bob.code)
	assert.Equal(t, "completed", a["cause"])
	assert.Equal(t, "done", b["cause"])
	assert.EqualValues(t, 1, b["calls"])
	assert.EqualValues(t, 1, b["answered"])
	assert.EqualValues(t, 0, b["blocked"])
	assert.Greater(t, a.number(t, "ring_ms"), 150.0)
	assert.InDelta(t, a.number(t, "packets_sent"), b.number(t, "packets_received"), 5)
	assert.InDelta(t, b.number(t, "packets_sent"), a.number(t, "packets_received"), 5)
	assert.Zero(t, b.number(t, "packets_lost"))
	requireHeard(t, filepath.Join(dir, "alice.wav"))
	requireHeard(t, filepath.Join(dir, "bob.wav"))

	in := bob.event("call.incoming")
	assert.Equal(t, "inbound", in["direction"])
	assert.Contains(t, in["remote"], "sip:alice@")
	assert.False(t, ex.Registered("bob"), "the registration is taken back")
}

func TestAnswer_WithoutAccount(t *testing.T) {
	dir := t.TempDir()
	bob := start(t, append(local(t, "answer"), "--echo", "--json", "--record", filepath.Join(dir, "bob.wav"))...)
	addr, _ := bob.event("listening")["addr"].(string)
	require.NotEmpty(t, addr)
	for i := range 2 {
		args := append(local(t, "call"), "sip:anyone@"+addr, "--json", "--transport", "udp", "--play", speechFile(t), "--tail", "300ms")
		alice := start(t, append(args, "--record", filepath.Join(dir, "alice.wav"))...)
		assert.Equal(t, "completed", alice.result()["cause"])
		requireHeard(t, filepath.Join(dir, "alice.wav"))
		requireHeard(t, filepath.Join(dir, []string{"bob.wav", "bob-2.wav"}[i]))
	}
	bob.interrupt()
	assert.EqualValues(t, 2, bob.result()["calls"])
	assert.Zero(t, bob.code)
}

func TestAnswer_MaxCalls(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	bob := answers(t, ex, "bob", "--echo", "--max-calls", "2")
	first, second := as(t, ex, "alice", "call", "bob"), as(t, ex, "alice", "call", "bob")
	first.says("call.answered")
	second.says("call.answered")
	third := as(t, ex, "alice", "call", "bob")
	assert.Equal(t, "busy", third.result()["cause"])
	assert.Equal(t, exitBusy, third.code)
	first.interrupt()
	require.Equal(t, "completed", first.result()["cause"])
	bob.sees(bob.stdout, "the end of the first call", func(all string) bool {
		return strings.Contains(all, `"disposition":"completed"`)
	})
	fourth := as(t, ex, "alice", "call", "bob", "--duration", "100ms")
	assert.Equal(t, "completed", fourth.result()["cause"], "there is room again")

	bob.interrupt()
	assert.Equal(t, "remote", second.result()["ended_by"], "the interrupt ends what is up")
	assert.EqualValues(t, 3, bob.result()["answered"])
	assert.Zero(t, ex.Calls())
}

func TestAnswer_Count(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	bob := answers(t, ex, "bob", "--count", "2", "--dtmf", "42#", "--duration", "2s")
	for range 2 {
		alice := as(t, ex, "alice", "call", "bob")
		r := alice.result()
		assert.Equal(t, "remote", r["ended_by"], "--duration hangs up")
		assert.Equal(t, "42#", r["digits_received"])
	}
	r := bob.result()
	assert.Zero(t, bob.code)
	assert.EqualValues(t, 2, r["calls"])
	assert.EqualValues(t, 2, r["answered"])
}

func TestAnswer_RegistrationFails(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	w := world{env: map[string]string{"SOFTPHONE_PASSWORD": "wrong"}}
	p := w.start(t, account(t, ex, "bob", "answer")...)
	assert.Equal(t, "failed", p.result()["cause"])
	assert.Equal(t, exitRegistration, p.code)
	assert.Contains(t, oneSentence(t, p), "password")
}

func TestAnswer_BlockedCaller(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	data := t.TempDir()
	require.Zero(t, runs(t, "block", "add", "070", "--prefix", "--data-dir", data).wait())

	bob := answers(t, ex, "bob", "--data-dir", data, "--count", "1")
	caller := as(t, ex, mallory, "call", "bob")
	r := caller.result()
	assert.Equal(t, exitDeclined, caller.code)
	assert.Equal(t, "declined", r["cause"])
	assert.EqualValues(t, 603, r["sip_code"])
	assert.Zero(t, r.number(t, "ring_ms"))
	assert.NotContains(t, caller.types(), "call.ringing")

	b := bob.result()
	assert.Zero(t, bob.code)
	assert.EqualValues(t, 1, b["blocked"])
	assert.EqualValues(t, 0, b["answered"])
	types := bob.types()
	assert.NotContains(t, types, "call.incoming", "nothing rings")
	assert.Contains(t, types, "call.blocked")
	assert.Contains(t, bob.event("call.blocked")["rule"], "070")
}

func TestAnswer_InWords(t *testing.T) {
	t.Parallel()
	bob := start(t, append(local(t, "answer"), "--echo")...)
	bob.says("waiting for calls on")
	bob.interrupt()
	assert.Zero(t, bob.wait())
	assert.Contains(t, bob.stdout.String(), "0 calls, 0 answered, 0 blocked")
}
