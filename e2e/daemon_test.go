package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// direct writes a PhoneCall directive to a daemon's standard input.
func (p *phone) direct(name string, payload map[string]any) {
	p.t.Helper()
	id := fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	raw, err := json.Marshal(map[string]any{
		"header":  map[string]any{"namespace": "PhoneCall", "name": name, "messageId": id, "dialogRequestId": id, "version": "1.3"},
		"payload": payload,
	})
	require.NoError(p.t, err)
	_, err = p.stdin.Write(append(raw, '\n'))
	require.NoError(p.t, err)
}

// waitPhoneCall waits for an event of the PhoneCall interface.
func (p *phone) waitPhoneCall(limit time.Duration, name string) line {
	p.t.Helper()
	return p.waitFor(limit, "event "+name, func(l line) bool {
		event, _ := l["event"].(map[string]any)
		header, _ := event["header"].(map[string]any)
		return header["name"] == name
	})
}

// Two daemons talk through Asterisk, directed as a device directs them.
func TestAsterisk_DaemonsUnderDirectives(t *testing.T) {
	t.Parallel()
	users.borrow(t, "alice", "bob")
	dir := t.TempDir()
	a, b := makeSaid(t, "early.wav"), makeSaid(t, "speech-b.wav")
	heardByA, heardByB := filepath.Join(dir, "a.wav"), filepath.Join(dir, "b.wav")
	caller := softphone(t, append([]string{"run", "--play", a.path, "--record", heardByA}, account(asterPB, "alice")...)...)
	callee := softphone(t, append([]string{"run", "--play", b.path, "--record", heardByB}, account(asterPB, "bob")...)...)
	asterPB.waitRegistered(t, "alice", true)
	asterPB.waitRegistered(t, "bob", true)

	caller.direct("MakeCall", map[string]any{
		"playServiceId": "test", "callType": "NORMAL",
		"recipient": map[string]any{"name": "Bob", "type": "CONTACT", "contacts": []any{map[string]any{"label": "MOBILE", "number": "010-5550-1002"}}},
	})
	caller.waitPhoneCall(10*time.Second, "MakeCallSucceeded")
	callee.waitPhoneCall(10*time.Second, "CallArrived")
	callee.direct("AcceptCall", map[string]any{"playServiceId": "test", "speakerPhone": false})
	caller.waitPhoneCall(10*time.Second, "CallEstablished")
	callee.waitPhoneCall(10*time.Second, "CallEstablished")
	<-time.After(b.length() + time.Second)
	caller.direct("EndCall", map[string]any{"playServiceId": "test"})
	caller.waitPhoneCall(10*time.Second, "CallEnded")
	callee.waitPhoneCall(10*time.Second, "CallEnded")
	for _, p := range []*phone{caller, callee} {
		p.terminate()
		require.Equal(t, exitDone, p.wait(10*time.Second))
	}
	asterPB.waitRegistered(t, "alice", false)
	asterPB.waitRegistered(t, "bob", false)
	checkHeard(t, "what the caller hears", b.samples, readWAV(t, heardByA))
	checkHeard(t, "what the callee hears", a.samples, readWAV(t, heardByB))
}
