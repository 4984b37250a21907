package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDirective_Session is a whole conversation by commands: found by name,
// called, in the context, hung up.
func TestDirective_Session(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	phone, _, data := controlled(t, ex, "alice")
	x := &transcript{t: t, data: data}
	dir := t.TempDir()
	x.mask = []string{dir, "DIR"}
	words := map[string]string{"$DIR": dir}
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	header := func(name, id string) string {
		return `{"header":{"namespace":"PhoneCall","name":"` + name + `","messageId":"` + id + `","dialogRequestId":"d-` + id + `","version":"1.3"},"payload":`
	}
	call := `{"callType":"NORMAL","recipient":{"name":"Echo","type":"CONTACT","contacts":[{"number":"600"}]}}}`
	write("find.json", header("SendCandidates", "m1")+`{"intent":"CALL","recipientIntended":{"name":"echo"}}}`)
	write("call.json", header("MakeCall", "m2")+call)
	write("again.json", header("MakeCall", "m3")+call)
	write("end.json", header("EndCall", "m4")+"{}}")
	write("video.json", header("MakeCall", "m5")+strings.Replace(call, "NORMAL", "VIDEO", 1))
	write("block.json", `{"directive":`+header("BlockNumber", "m6")+`{"number":"+82 70","blockType":"PREFIX"}}}`)
	write("several.jsonl", "\n["+header("MakeCall", "m7")+call+","+header("EndCall", "m8")+"{}}]\n"+header("EndCall", "m9")+"{}}\n")
	write("bad.json", `{"directives":[`+header("EndCall", "m10")+`{}},`+header("MakeCall", "m11")+`{"callType":"NORMAL"}}]}`+"\n"+header("OpenDoor", "m12")+"{}}\n")

	x.run(0, "context", nil)
	x.run(0, "contacts add Echo 600", nil)
	x.run(0, "directive $DIR/find.json", words)
	x.run(0, "context", nil)
	x.run(0, "directive --check $DIR/call.json", words)
	x.run(0, "directive $DIR/call.json", words)
	phone.phoneEvent("CallEstablished", 1)
	x.run(0, "context", nil)
	x.run(exitUsage, "directive $DIR/again.json", words)
	x.run(exitUsage, "directive $DIR/again.json --json", words)
	x.run(0, "directive $DIR/end.json", words)
	phone.phoneEvent("CallEnded", 1)
	x.run(exitRejected, "directive $DIR/video.json", words)
	x.run(0, "directive $DIR/block.json --wait 0s", words)
	x.run(exitUsage, "directive $DIR/bad.json", words)
	x.run(exitUsage, "directive $DIR/bad.json --json", words)
	x.run(exitNoAnswer, "directive $DIR/call.json --wait 200ms", words)
	x.feed(exitUsage, "directive -", nil, strings.NewReader("{\n"))
	x.run(0, "block list", nil)
	x.check("directive")

	several := x.run(0, "directive $DIR/several.jsonl", words).stdout.String() // whether the INVITE leaves first is chance
	assert.True(t, strings.HasPrefix(several, "MakeCall accepted\nEndCall accepted\nEndCall accepted\n"), several)
	assert.Contains(t, several, "CallEnded (now IDLE)")
}

// With --json events come as the phone writes them, the result last.
func TestDirective_JSON(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	_, _, data := controlled(t, ex, "alice")
	w := world{stdin: strings.NewReader(makeCallLine("600"))}
	p := w.start(t, "directive", "-", "--json", "--data-dir", data)
	require.Zero(t, p.wait())
	assert.Equal(t, []string{"accepted", "", "result"}, p.types())
	assert.Equal(t, "MakeCallSucceeded", eventName(jsonLines(t, p.stdout.String())[1]))
	r := p.result()
	assert.EqualValues(t, 1, r["accepted"])
	assert.EqualValues(t, 1, r["events"])
	assert.Equal(t, []any{}, r["missing"])
	c := runs(t, "context", "--json", "--data-dir", data).result()
	assert.NotEmpty(t, c["PhoneCall"].(map[string]any)["state"])
}

// An incoming call, accepted and ended by commands, while another one follows.
func TestDirective_FollowsAnIncomingCall(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	phone, _, data := controlled(t, ex, "bob")
	send := func(name, payload string) *process {
		t.Helper()
		p := world{stdin: strings.NewReader(directiveLine(name, payload))}.start(t, "directive", "-", "--data-dir", data)
		require.Zero(t, p.wait(), "%s %s", name, p.stderr)
		return p
	}
	assert.NotContains(t, send("EndCall", "{}").stdout.String(), "now", "nothing is expected, so nothing is waited for")
	follower := world{stdin: strings.NewReader(directiveLine("EndCall", "{}"))}.start(t, "directive", "-", "--follow", "--data-dir", data)
	follower.says("EndCall accepted")
	caller := as(t, ex, "alice", "call", "bob")
	phone.phoneEvent("CallArrived", 1)
	assert.Contains(t, runs(t, "context", "--data-dir", data).stdout.String(), "state      INCOMING\nwith       ")
	assert.Contains(t, send("AcceptCall", accept).stdout.String(), "CallEstablished")
	assert.Contains(t, send("EndCall", "{}").stdout.String(), "CallEnded")
	caller.wait()
	follower.says("CallEnded")
	follower.interrupt()
	assert.Zero(t, follower.wait())
	for _, name := range []string{"CallArrived", "CallEstablished", "CallEnded"} {
		assert.Contains(t, follower.stdout.String(), name)
	}
}

func TestDirective_WithoutAPhone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := world{stdin: strings.NewReader(makeCallLine("600"))}.start(t, "directive", "-", "--data-dir", data)
	assert.Equal(t, exitUnreachable, p.wait())
	assert.Contains(t, oneSentence(t, p), "softphone run")
	p = runs(t, "context", "--data-dir", data)
	assert.Equal(t, exitUnreachable, p.code)
	assert.Contains(t, oneSentence(t, p), data)
	// What a killed phone left behind is no phone.
	gone := freeAddr(t)
	require.NoError(t, os.WriteFile(filepath.Join(data, "control.token"), []byte(strings.Repeat("t", 43)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(data, "control.json"),
		[]byte(`{"address":"http://`+gone+`","token_file":"`+filepath.ToSlash(filepath.Join(data, "control.token"))+`","pid":1}`), 0o600))
	assert.Equal(t, exitUnreachable, runs(t, "context", "--data-dir", data).code)
	assert.Zero(t, runs(t, "block", "list", "--data-dir", data).code, "the data is there all the same")
}

func FuzzMessagesIn(f *testing.F) {
	for _, s := range []string{"", "{}", "[{}]\n{}", "{\n", "\xef\xbb\xbf{}", "[]", "1 2 3", "\"a\"null", "{}}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		messages, err := messagesIn(data)
		if err != nil {
			return
		}
		last := 1
		for _, m := range messages {
			if m.line < last || len(m.raw) == 0 {
				t.Fatalf("%q: line %d after %d: %q", data, m.line, last, m.raw)
			}
			last = m.line
		}
	})
}
