package main

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/capture/capturetest"
	"github.com/softphone-go/softphone/internal/exchange"
)

// Two phones speak SRTP through an exchange that has no keys, packets end to end or
// handed on by it; neither the trace nor the capture shows a key.
func TestSRTP_TwoCommandsTalk(t *testing.T) {
	for name, relayed := range map[string]bool{"end to end": false, "relayed": true} {
		t.Run(name, func(t *testing.T) {
			ex := newExchange(t, func(c *exchange.Config) { c.RelayRTP = relayed })
			dir := t.TempDir()
			capture := filepath.Join(dir, "call.pcap")
			keys := []string{"--srtp", "required", "--srtp-keys-without-tls"}
			bob := answers(t, ex, "bob", append(keys, "--echo", "--count", "1")...)
			alice := as(t, ex, "alice", "call", append(keys, "bob", "--play", speechFile(t), "--record", filepath.Join(dir, "alice.wav"),
				"--hold", "500ms,500ms", "--tail", "1s", "--sip-trace", "--pcap", capture)...)
			a := alice.result()
			require.Equal(t, "completed", a["cause"])
			assert.Equal(t, "AEAD_AES_256_GCM", a["srtp"])
			assert.NotContains(t, a, "srtp_unauthenticated")
			assert.NotContains(t, a, "srtp_replayed")
			assert.EqualValues(t, 1, bob.result()["answered"])
			requireHeard(t, filepath.Join(dir, "alice.wav"))
			for _, text := range []string{alice.stderr.String(), capturetest.Payloads(t, capture)} {
				found := regexp.MustCompile(`inline:(\S+)`).FindAllStringSubmatch(text, -1)
				require.NotEmpty(t, found)
				for _, f := range found {
					require.Regexp(t, `^\*+$`, f[1])
				}
			}
		})
	}
}

func TestSRTP_Policy(t *testing.T) {
	t.Parallel()
	ex := newExchange(t) // its extensions speak no SRTP
	for name, c := range map[string]struct {
		args []string
		exit int
		says string
	}{
		"offered":           {[]string{"--srtp", "offered", "--srtp-keys-without-tls"}, exitDone, ""},
		"required":          {[]string{"--srtp", "required", "--srtp-keys-without-tls"}, exitMedia, "488"},
		"keys in the clear": {[]string{"--srtp", "offered"}, exitMedia, "srtp_keys_without_tls"},
	} {
		p := as(t, ex, "alice", "call", append(c.args, "600", "--duration", "300ms")...)
		r := p.result()
		assert.Equal(t, c.exit, p.code, name)
		assert.NotContains(t, r, "srtp", name)
		if c.exit != exitDone {
			assert.Equal(t, "media-failed", r["cause"], name)
			assert.Contains(t, r["error"], c.says, name)
		}
	}
}
