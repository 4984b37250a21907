package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// over is the account of a user at the PBX over a transport that wants certificates.
func over(p *pbx, user, transport string) []string {
	port := map[string]int{"tls": p.port + 1, "ws": p.ws, "wss": p.ws + 1}[transport]
	args := []string{"--server", fmt.Sprintf("127.0.0.1:%d", port), "--user", user, "--transport", transport}
	if transport != "ws" {
		args = append(args, "--tls-ca", certificates.ca)
	}
	return args
}

// by is the account of a user at the shared PBX over any transport, with the arguments of
// its sound: over TLS and secure WebSocket it is encrypted.
func by(transport, user string) []string {
	switch transport {
	case "tls", "wss":
		return append(over(asterPB, user, transport), "--srtp", "required")
	case "ws":
		return over(asterPB, user, transport)
	}
	return append(account(asterPB, user), "--transport", transport)
}

// answeringBy is answering over any transport.
func answeringBy(t *testing.T, transport, user string, args ...string) *phone {
	t.Helper()
	p := softphone(t, append(append([]string{"answer", "--json"}, by(transport, user)...), args...)...)
	p.waitRegistered(5 * time.Second)
	return p
}

// checkTransport wants the call that a result sums up encrypted where by asked for it.
func checkTransport(t *testing.T, transport string, r line) {
	t.Helper()
	if transport == "tls" || transport == "wss" {
		checkSecured(t, r, "AES_CM_128_HMAC_SHA1_80")
	}
}

// Over TLS and secure WebSocket the keys of SRTP need no leave to travel. heidi's
// Asterisk takes encrypted sound only.
func TestAsterisk_TLSAndSRTP(t *testing.T) {
	t.Parallel()
	for transport, user := range map[string]string{"tls": "heidi", "wss": "kate"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel() // with one another
			users.borrow(t, user)
			s := makeSaid(t, "speech-a.wav")
			heard := filepath.Join(t.TempDir(), "heard.wav")
			args := append([]string{"call", "600", "--json", "--register", "--srtp", "required", "--play", s.path, "--record", heard, "--sip-trace"}, over(asterPB, user, transport)...)
			p := softphone(t, args...)
			r := p.done(s.length() + 15*time.Second)
			checkQuality(t, r)
			checkSecured(t, r, "AES_CM_128_HMAC_SHA1_80")
			checkHeard(t, "echo", s.samples, readWAV(t, heard))
			require.Contains(t, p.errors(), "Via: SIP/2.0/"+strings.ToUpper(transport)+" ")
			checkMasked(t, "--sip-trace", p.errors())
		})
	}
}

// Both sides on TLS: the PBX finds the callee on the connection it registered over.
func TestAsterisk_TLSBothSides(t *testing.T) {
	t.Parallel()
	users.borrow(t, "heidi", "ivan")
	k := makeSaid(t, "speech-b.wav")
	heard := filepath.Join(t.TempDir(), "heard.wav")
	callee := softphone(t, append([]string{"answer", "--json", "--srtp", "required", "--count", "1", "--echo"}, over(asterPB, "ivan", "wss")...)...)
	callee.waitRegistered(5 * time.Second)
	caller := softphone(t, append([]string{"call", "ivan", "--json", "--srtp", "required", "--play", k.path, "--record", heard, "--hold", "1s,1s"}, over(asterPB, "heidi", "tls")...)...)
	r := caller.done(k.length() + 15*time.Second)
	checkSecured(t, r, "AES_CM_128_HMAC_SHA1_80")
	require.Equal(t, exitDone, callee.wait(10*time.Second))
}

func TestAsterisk_RegisterOverWebSocket_RFC7118(t *testing.T) {
	t.Parallel()
	users.borrow(t, "alice")
	p := softphone(t, append([]string{"register", "--json", "--duration", "30s"}, over(asterPB, "alice", "ws")...)...)
	p.waitRegistered(5 * time.Second)
	asterPB.waitRegistered(t, "alice", true)
	require.Contains(t, strings.ToLower(asterPB.rx(t, "pjsip show contacts")), "transport=ws")
	p.interrupt()
	require.Equal(t, exitDone, p.wait(5*time.Second))
	asterPB.waitRegistered(t, "alice", false)
}

// A PBX whose authority is not known gets no password, and the user is told what to do.
func TestAsterisk_TLSUntrusted(t *testing.T) {
	t.Parallel()
	args := over(asterPB, "alice", "tls")
	p := softphone(t, append([]string{"register", "--json", "--sip-trace", "--timeout", "3s"}, args[:6]...)...)
	require.Equal(t, exitUnreachable, p.wait(10*time.Second))
	require.Contains(t, p.errors(), "tls_ca")
	require.NotContains(t, p.errors(), "REGISTER sip:")
	p = softphone(t, append([]string{"register", "--json", "--timeout", "3s", "--tls-server-name", "other.example.com"}, args...)...)
	require.Equal(t, exitUnreachable, p.wait(10*time.Second))
	require.Contains(t, p.errors(), "tls_server_name")
}

// The PBX is killed: the connection's end is noticed at once, and it is found again.
func TestAsterisk_TLSAgainAfterRestart(t *testing.T) {
	t.Parallel()
	own, err := startPBX()
	require.NoError(t, err)
	defer own.remove()
	for _, c := range []struct{ user, transport string }{{"alice", "tls"}, {"bob", "wss"}, {"grace", "ws"}} {
		p := softphone(t, append([]string{"register", "--json", "--duration", "5m"}, over(own, c.user, c.transport)...)...)
		p.waitRegistered(5 * time.Second)
		defer func() { p.terminate(); p.wait(10 * time.Second) }()
	}
	own.stop(t)
	own.start(t)
	for _, user := range []string{"alice", "bob", "grace"} {
		eventually(t, 60*time.Second, func() bool { return own.registered(t, user) }, "%s did not register again by itself", user)
	}
}
