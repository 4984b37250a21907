package phone

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
)

// config knows the names only; they are those of the suites that there are.
func TestSecurity_SuitesOfTheFile(t *testing.T) {
	s, err := securityOf(config.Security{SRTP: "required", Suites: config.SRTPSuites(), KeysWithoutTLS: true})
	require.NoError(t, err)
	require.Equal(t, dialer.Security{Encryption: offer.Required, Suites: srtp.Suites(), KeysWithoutTLS: true}, s)
	_, err = securityOf(config.Security{Suites: []string{"ROT13"}})
	require.Error(t, err)
	_, err = securityOf(config.Security{SRTP: "perhaps"})
	require.ErrorContains(t, err, "perhaps")
}

func TestSecurity_OfAccounts(t *testing.T) {
	file := config.Default()
	file.DataDir = t.TempDir()
	file.SIP.Listen = []string{"udp:127.0.0.1:0"}
	file.Media.Security = config.Security{SRTP: "offered", KeysWithoutTLS: true}
	p, err := Open(t.Context(), Config{File: file, StorePath: Memory})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close(t.Context())) }()
	require.NoError(t, p.AddUnregistered(config.Account{ID: "general", User: "a", Server: "127.0.0.1"}))
	own := config.Account{ID: "own", User: "b", Server: "127.0.0.1", Security: config.Security{SRTP: "required", Suites: []string{"AEAD_AES_128_GCM"}}}
	require.NoError(t, p.AddUnregistered(own))
	general := dialer.Security{Encryption: offer.Offered, KeysWithoutTLS: true}
	require.Equal(t, general, p.security(""))
	require.Equal(t, general, p.security("general"))
	require.Equal(t, general, p.security("gone"))
	require.Equal(t, dialer.Security{Encryption: offer.Required, KeysWithoutTLS: true, Suites: []srtp.Suite{srtp.AEADAES128GCM}}, p.security("own"))
	own.SRTP = "off"
	require.NoError(t, p.UpdateAccount(own))
	require.Equal(t, offer.NoEncryption, p.security("own").Encryption)
	own.SRTP = "on"
	require.Error(t, p.UpdateAccount(own))
	require.Error(t, p.AddUnregistered(config.Account{ID: "x", User: "x", Server: "127.0.0.1", Security: config.Security{SRTP: "on"}}))
}
