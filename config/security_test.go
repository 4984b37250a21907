package config

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoad_Security(t *testing.T) {
	f, err := Load(write(t, 0o644, `
[media]
srtp = "offered"
srtp_suites = ["AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"]
[[account]]
server = "h"
user = "general"
[[account]]
server = "h"
user = "own"
srtp = "required"
srtp_suites = ["AEAD_AES_256_GCM"]
srtp_keys_without_tls = true
`), noEnv)
	require.NoError(t, err)
	general := Security{SRTP: "offered", Suites: []string{"AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"}}
	own := Security{SRTP: "required", Suites: []string{"AEAD_AES_256_GCM"}, KeysWithoutTLS: true}
	require.Equal(t, general, f.Media.Security)
	require.Equal(t, general, f.Accounts[0].Over(f.Media.Security))
	require.Equal(t, own, f.Accounts[1].Over(f.Media.Security))
	require.Zero(t, Default().Media.Security, "off, and nothing allowed")

	for text, says := range map[string]string{
		"[media]\nsrtp=\"yes\"\n":                                                           "media.srtp:",
		"[media]\nsrtp_suites=[\"AES\"]\n":                                                  "media.srtp_suites[0]",
		"[[account]]\nserver=\"h\"\nuser=\"u\"\nsrtp=\"on\"\n":                              "account[1].srtp:",
		"[[account]]\nserver=\"h\"\nuser=\"u\"\nsrtp_suites=[\"AEAD_AES_128_GCM\",\"X\"]\n": "account[1].srtp_suites[1]",
		"[[account]]\nserver=\"h\"\nuser=\"u\"\nsrtp_keys=true\n":                           "unknown key account.srtp_keys",
	} {
		_, err := Load(write(t, 0o644, text), noEnv)
		require.ErrorContains(t, err, says)
	}
}

func TestLoad_TLS(t *testing.T) {
	path := write(t, 0o644, `
[sip]
tls_ca = "ca.pem"
[[account]]
server = "h"
user = "general"
transport = "tls"
[[account]]
server = "h"
user = "own"
transport = "wss"
ws_path = "/sip"
tls_ca = "/etc/other.pem"
tls_server_name = "pbx"
`)
	f, err := Load(path, noEnv)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(path), "ca.pem"), f.SIP.CA)
	require.Zero(t, f.Accounts[0].TLS)
	require.Equal(t, TLS{CA: "/etc/other.pem", ServerName: "pbx"}, f.Accounts[1].TLS)
	require.False(t, Default().SIP.AcceptAnyCertificate)

	account := "[[account]]\nserver=\"h\"\nuser=\"u\"\n"
	for text, says := range map[string]string{
		account + "transport=\"sctp\"\n":                             "account[1].transport: is \"sctp\"; there are udp, tcp, tls, ws, wss",
		"[sip]\npublic_address=\"127.0.0.1\"\n":                      "sip.public_address",
		"[sip]\noutbound=\"on\"\n":                                   "sip.outbound",
		"[sip]\nstun_server=\"a b\"\n":                               "sip.stun_server",
		"[sip]\nstun_server=\"a\"\npublic_address=\"203.0.113.5\"\n": "sip.stun_server",
		"[sip]\nstun_server=\"a\"\nlisten=[\"tcp:0.0.0.0:0\"]\n":     "sip.stun_server",
		account + "proxy=\"a b\"\n":                                  "account[1].proxy",
		account + "ws_path=\"ws\"\n":                                 "account[1].ws_path",
		account + "tls_cert=\"x\"\n":                                 "account[1].tls_key: is missing",
		"[sip]\ntls_key=\"none.pem\"\ntls_cert=\"x\"\n":              "sip.tls_key",
		"[sip]\ntls_server_name=\"a b\"\n":                           "sip.tls_server_name",
		account + "tls_insecure=true\n":                              "unknown key account.tls_insecure",
	} {
		_, err := Load(write(t, 0o644, text), noEnv)
		require.ErrorContains(t, err, says)
	}
}
