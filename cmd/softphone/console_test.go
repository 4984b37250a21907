package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waiting is a phone that waits for calls, and where it is.
func waiting(t *testing.T, name string, args ...string) (p *process, uri string) {
	t.Helper()
	p = start(t, append(append(local(t, "answer"), "--json"), args...)...)
	at := p.event("listening")
	require.Equal(t, "udp", at["transport"])
	return p, fmt.Sprintf("sip:%s@%s", name, at["addr"])
}

// typist starts a command whose standard input the test types.
func typist(t *testing.T, args ...string) (*process, func(string, ...any)) {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	p := world{stdin: r}.start(t, args...)
	return p, func(format string, args ...any) {
		t.Helper()
		_, err := fmt.Fprintf(w, format+"\n", args...)
		require.NoError(t, err)
	}
}

// many waits until a line of that type was printed n times.
func (p *process) many(kind string, n int) {
	p.t.Helper()
	p.sees(p.stdout, fmt.Sprintf("%d times %s", n, kind), func(all string) bool {
		return strings.Count(all, fmt.Sprintf(`{"type":%q`, kind)) >= n
	})
}

func TestKeys_TwoLinesAreJoined(t *testing.T) {
	t.Parallel()
	bob, toBob := waiting(t, "bob", "--accept-transfers")
	carol, toCarol := waiting(t, "carol")
	alice, types := typist(t, append(local(t, "call"), "--json", "--keys", toBob)...)
	alice.event("call.answered")
	types("fly")
	types("dial %s", toCarol)
	alice.many("call.answered", 2)
	types("lines")
	alice.many("command", 3)
	types("1")
	alice.many("call.resumed", 1)
	types("j 2")
	bob.event("call.replaced")
	carol.event("call.replaced")
	r := alice.result()
	assert.Zero(t, alice.code)
	assert.Equal(t, "completed", r["cause"])
	var said []string
	for _, l := range jsonLines(t, alice.stdout.String()) {
		if l["type"] == "command" {
			said = append(said, fmt.Sprint(l["error"], l["text"]))
		}
	}
	require.GreaterOrEqual(t, len(said), 3)
	assert.Contains(t, said[0], "type help")
	assert.Contains(t, said[2], "  1  held ")
	assert.Contains(t, said[2], "* 2  established")
	bob.interrupt()
	assert.Equal(t, "remote", carol.event("call.ended")["ended"].(map[string]any)["ended_by"])
}

func TestKeys_CallsWaitUntilAccepted(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer w.Close()
	bob := world{stdin: r}.start(t, append(local(t, "answer"), "--json", "--keys")...)
	uri := fmt.Sprintf("sip:bob@%s", bob.event("listening")["addr"])
	one := start(t, append(local(t, "call"), "--json", uri)...)
	bob.event("call.incoming")
	fmt.Fprintln(w, "accept")
	one.event("call.answered")
	two := start(t, append(local(t, "call"), "--json", uri)...)
	bob.many("call.incoming", 2)
	fmt.Fprintln(w, "reject")
	assert.Equal(t, exitDeclined, two.wait())
	three := start(t, append(local(t, "call"), "--json", uri)...)
	bob.many("call.incoming", 3)
	fmt.Fprintln(w, "accept")
	three.event("call.answered")
	one.event("call.held")
	fmt.Fprintln(w, "mute\nunmute\npress 12\nhold\nresume\nend")
	assert.Equal(t, exitDone, three.wait())
	fmt.Fprintln(w, "quit")
	assert.Equal(t, exitDone, one.wait())
	assert.Zero(t, bob.wait())
}

func TestTransfer_Flags(t *testing.T) {
	t.Parallel()
	for name, attended := range map[string][]string{"blind": nil, "attended": {"--attended"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bob, toBob := waiting(t, "bob", "--accept-transfers")
			carol, toCarol := waiting(t, "carol")
			alice := start(t, append(append(local(t, "call"), "--json", toBob, "--transfer", toCarol), attended...)...)
			assert.Equal(t, "transferred", alice.result()["sip_reason"])
			assert.Zero(t, alice.code)
			bob.event("call.replaced")
			carol.event("call.answered")
		})
	}
	_, toCarol := waiting(t, "carol")
	_, toBob := waiting(t, "bob", "--accept-transfers")
	late := start(t, append(local(t, "call"), "--json", toBob, "--dtmf", "1", "--tail", "0s", "--transfer", toCarol, "--transfer-after", "2s")...)
	assert.Equal(t, "transferred", late.result()["sip_reason"], "the call is not over when the keys are pressed")
	_, toBob = waiting(t, "bob")
	refused := start(t, append(local(t, "call"), "--json", toBob, "--transfer", "sip:carol@127.0.0.1:9")...)
	assert.Equal(t, exitDeclined, refused.wait(), "bob does not accept transfers")
	assert.Contains(t, oneSentence(t, refused), "could not be handed on")
	assert.Contains(t, refused.result()["error"], "could not be handed on", "programs read the result")
}
