package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/exchange"
)

var messages atomic.Int64 // numbers the directives

func directiveLine(name, payload string) string {
	return fmt.Sprintf(`{"header":{"namespace":"PhoneCall","name":%q,"messageId":"m%d","dialogRequestId":"d","version":"1.3"},"payload":%s}`+"\n",
		name, messages.Add(1), payload)
}

func makeCallLine(number string) string {
	return directiveLine("MakeCall", `{"callType":"NORMAL","recipient":{"name":"who","type":"CONTACT","contacts":[{"number":"`+number+`"}]}}`)
}

const accept = `{"speakerPhone":false}`

// daemonOf starts `softphone run` with a pipe for directives.
func daemonOf(t *testing.T, ex *exchange.Exchange, user string, args ...string) (*process, *io.PipeWriter) {
	t.Helper()
	in, directives := io.Pipe()
	t.Cleanup(func() { _ = directives.Close() })
	w := withPassword(user)
	w.stdin = in
	return w.start(t, account(t, ex, user, "run", args...)...), directives
}

// phoneEvent waits for the nth PhoneCall event of that name, from 1.
func (p *process) phoneEvent(name string, nth int) line {
	p.t.Helper()
	var found line
	p.sees(p.stdout, name+" "+strconv.Itoa(nth), func(all string) bool {
		n := 0
		for _, l := range jsonLines(p.t, all) {
			if eventName(l) == name {
				if n++; n == nth {
					found = l
					return true
				}
			}
		}
		return false
	})
	return found
}

func eventName(l line) string {
	event, _ := l["event"].(map[string]any)
	header, _ := event["header"].(map[string]any)
	name, _ := header["name"].(string)
	return name
}

func (p *process) eventNames() string {
	var out []string
	for _, l := range jsonLines(p.t, p.stdout.String()) {
		out = append(out, eventName(l))
	}
	return strings.Join(out, " ")
}

func TestRun_CallsByDirective(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p, in := daemonOf(t, ex, "alice", "--play", speechFile(t), "--record", heard)
	_, err := io.WriteString(in, makeCallLine("600")) // at once: it waits for the registration
	require.NoError(t, err)
	established := p.phoneEvent("CallEstablished", 1)
	assert.Contains(t, fmt.Sprint(established["context"]), "ESTABLISHED")

	_, err = io.WriteString(in, "\n"+makeCallLine("601")+directiveLine("EndCall", `{}`))
	require.NoError(t, err)
	p.phoneEvent("CallEnded", 1)
	assert.Contains(t, p.stderr.String(), "line 3: directive refused: MakeCall: a call is already up")

	_, err = io.WriteString(in, makeCallLine("602"))
	require.NoError(t, err)
	p.phoneEvent("CallEnded", 2)
	assert.Equal(t, "MakeCallSucceeded CallEstablished CallEnded MakeCallSucceeded CallEnded", p.eventNames())

	p.interrupt()
	assert.Zero(t, p.wait())
	assert.False(t, ex.Registered("alice"))
	assert.FileExists(t, heard)
	assert.Equal(t, 1, strings.Count(p.stderr.String(), "line "))
}

func TestRun_AnswersByDirectiveAndEndsCallsWhenItStops(t *testing.T) {
	ex := newExchange(t)
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p, in := daemonOf(t, ex, "bob", "--record", heard)
	require.Eventually(t, func() bool { return ex.Registered("bob") }, soon, 1e6)
	caller := as(t, ex, "alice", "call", "bob", "--play", speechFile(t), "--loop")
	p.phoneEvent("CallArrived", 1)
	_, err := io.WriteString(in, directiveLine("AcceptCall", accept))
	require.NoError(t, err)
	p.phoneEvent("CallEstablished", 1)
	caller.says("call.answered")
	second := as(t, ex, mallory, "call", "bob")
	assert.Equal(t, "busy", second.result()["cause"], "a phone has one line")
	// Of the looped sound, each marker has passed once.
	require.Eventually(t, func() bool {
		info, err := os.Stat(heard)
		return err == nil && info.Size() > 44+2*24000
	}, soon, 1e7)

	p.interrupt()
	assert.Zero(t, p.wait())
	r := caller.result()
	assert.Equal(t, "remote", r["ended_by"])
	assert.Equal(t, "completed", r["cause"])
	assert.Equal(t, "CallArrived CallEstablished CallEnded", p.eventNames())
	assert.False(t, ex.Registered("bob"))
	assert.Zero(t, ex.Calls())
	requireHeard(t, heard)
}

func TestRun_EndOfInputIsNotTheEnd(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	w := withPassword("bob")
	w.stdin = strings.NewReader("no directive\n")
	p := w.start(t, account(t, ex, "bob", "run")...)
	p.sees(p.stderr, "a refusal", func(all string) bool { return strings.Contains(all, "line 1: ") })
	caller := as(t, ex, "alice", "call", "bob")
	p.phoneEvent("CallArrived", 1)
	caller.interrupt()
	assert.Equal(t, exitCancelled, caller.wait())
	p.phoneEvent("CallEnded", 1)
	p.interrupt()
	assert.Zero(t, p.wait())
}

func TestRun_RefusedDirectives(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	for name, c := range map[string]struct{ line, says string }{
		"no JSON":         {"MakeCall 600\n", "line 2: directive refused: the message is not a JSON object"},
		"unknown":         {directiveLine("OpenDoor", `{}`), "line 2: directive refused: OpenDoor: header.name: "},
		"no recipient":    {directiveLine("MakeCall", `{"callType":"NORMAL"}`), "line 2: directive refused: MakeCall: payload.recipient: is missing"},
		"no bool":         {directiveLine("AcceptCall", `{"speakerPhone":"false"}`), "line 2: directive refused: AcceptCall: payload.speakerPhone: must be true or false"},
		"other namespace": {strings.Replace(directiveLine("EndCall", `{}`), "PhoneCall", "Fax", 1), "line 2: directive refused: EndCall: header.namespace: "},
		"too long":        {`{"header":"` + strings.Repeat("x", 3<<20) + "\"}\n", "line 2: directive refused: the message has 1048577 bytes; at most 1048576 are read"},
		"several":         {`{"directives":[{},1]}` + "\n", "line 2: directive refused: header: is missing; directive refused: a directive must be a JSON object"},
		"without its end": {strings.TrimSpace(directiveLine("OpenDoor", `{}`)), "line 2: directive refused: OpenDoor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withPassword("alice")
			w.stdin = strings.NewReader("  \r\n" + c.line)
			p := w.start(t, account(t, ex, "alice", "run", "--log-level", "error")...)
			p.sees(p.stderr, "a refusal", func(all string) bool { return strings.HasSuffix(all, "\n") })
			p.interrupt()
			assert.Zero(t, p.wait())
			assert.Equal(t, 1, strings.Count(p.stderr.String(), "\n"))
			assert.Contains(t, p.stderr.String(), c.says)
			assert.Empty(t, p.stdout.String())
		})
	}
}

func TestRun_AccountsOfAFile(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "softphone.toml")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "alice.password"), []byte(passwords["alice"]), 0o600))
	require.NoError(t, os.WriteFile(file, []byte(`
data_dir = "`+dir+`"
[sip]
listen = ["127.0.0.1:0"]
[[account]]
server = "`+ex.Addr()+`"
user = "alice"
password_file = "alice.password"
[[account]]
id = "second"
server = "`+ex.Addr()+`"
user = "bob"
password_env = "BOB"
transport = "tcp"
mode = "automation"
`), 0o644))
	w := world{env: map[string]string{"BOB": passwords["bob"], "SOFTPHONE_CONFIG": file}}
	p := w.start(t, "run", "--log-level", "info")
	p.sees(p.stderr, "two registrations", func(all string) bool { return strings.Count(all, "msg=registered") == 2 })
	assert.True(t, ex.Registered("alice") && ex.Registered("bob"))
	p.interrupt()
	require.Zero(t, p.wait())
	assert.False(t, ex.Registered("alice") || ex.Registered("bob"))
	assert.FileExists(t, filepath.Join(dir, "softphone.db"))
}

// TestRun_GoesOnUnregistered is the daemon of a PBX that is away.
func TestRun_GoesOnUnregistered(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	ex.SetFailing(503)
	w := withPassword("alice")
	w.stdin = strings.NewReader(makeCallLine("600"))
	p := w.start(t, account(t, ex, "alice", "run")...)
	p.phoneEvent("MakeCallFailed", 1)
	assert.Contains(t, p.stderr.String(), "not registered")
	p.interrupt()
	assert.Zero(t, p.wait())
}
