package phone

import (
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/sip"
)

// tlsOf reads the files that t names; nil where it says nothing.
func tlsOf(t config.TLS) (*sip.TLSConfig, error) {
	return sip.LoadTLS(sip.TLSFiles{CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName, AcceptAnyCertificate: t.AcceptAnyCertificate})
}

// sipAccount is SIPAccount with the TLS of [sip] where the account says nothing of it:
// one value, so that the accounts share connections.
func (p *Phone) sipAccount(a config.Account) (sip.Account, error) {
	s, err := SIPAccount(a)
	if s.TLS == nil {
		s.TLS = p.tls
	}
	if s.TLS != nil && s.TLS.AcceptAnyCertificate {
		p.log.Warn("tls_insecure_accept_any_certificate is set: whoever is on the way can read and change all signalling, passwords and SRTP keys included",
			"account", a.Name())
	}
	return s, err
}
