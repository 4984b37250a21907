package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A call straight to a URI goes through the proxy that is given, too.
func TestCall_StraightThroughAProxy_RFC3261_8_1_2(t *testing.T) {
	t.Parallel()
	bob, at := waiting(t, "bob")
	_, addr, _ := strings.Cut(at, "@")
	p := runs(t, append(local(t, "call"), "--json", "sip:bob@nowhere.invalid", "--proxy", addr, "--duration", "100ms")...)
	assert.Equal(t, exitDone, p.code)
	bob.event("call.answered")
}

// Flags win over what the file says of its accounts.
func TestFlags_OfTheWayWinOverTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "softphone.toml")
	require.NoError(t, os.WriteFile(path, []byte("[[account]]\nserver = \"pbx.test\"\nuser = \"alice\"\nproxy = \"old.test\"\n"), 0o600))
	env := &environment{getenv: func(string) string { return "" }, stdin: strings.NewReader("")}
	f := flags{file: path, dataDir: t.TempDir(), dscp: notGiven, mediaTimeout: notGiven, sessionTime: notGiven}
	file, err := f.load(env)
	require.NoError(t, err)
	assert.Equal(t, "old.test", file.Accounts[0].Proxy)
	f.proxy, f.wsPath, f.transport, f.messages = "edge.test", "/sip", "WSS", true
	file, err = f.load(env)
	require.NoError(t, err)
	a := file.Accounts[0]
	assert.Equal(t, "edge.test", a.Proxy)
	assert.Equal(t, "/sip", a.WSPath)
	assert.Equal(t, "wss", a.Transport)
	assert.True(t, a.MessageWaiting)
}
