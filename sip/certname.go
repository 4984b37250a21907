package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
)

// VerifyCertificate checks the certificates that a server showed, its own first: that
// one of roots (nil: the system's) stands behind them, and that they are of a server of
// that name (RFC 5922 §7). A certificate that names SIP domains (sip URIs) is for these
// and nothing else, letter for letter; only one that names none is for its DNS names. An
// address is looked for among the addresses. Errors are those of package x509.
func VerifyCertificate(shown []*x509.Certificate, roots *x509.CertPool, name string) error {
	if len(shown) == 0 {
		return errors.New("the server showed no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range shown[1:] {
		options.Intermediates.AddCert(c)
	}
	leaf := shown[0]
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	domains := sipDomains(leaf)
	if len(domains) == 0 || net.ParseIP(name) != nil {
		return leaf.VerifyHostname(name)
	}
	for _, d := range domains {
		if strings.EqualFold(d, strings.TrimSuffix(name, ".")) {
			return nil
		}
	}
	return x509.HostnameError{Certificate: leaf, Host: name}
}

// sipDomains are the SIP domains that a certificate names (RFC 5922 §7.1): the hosts of
// its sip URIs without a user.
func sipDomains(c *x509.Certificate) []string {
	var out []string
	for _, u := range c.URIs {
		if d := sipDomain(u); d != "" {
			out = append(out, d)
		}
	}
	return out
}

func sipDomain(u *url.URL) string {
	if !strings.EqualFold(u.Scheme, "sip") || u.Opaque == "" || strings.Contains(u.Opaque, "@") {
		return ""
	}
	text, _, _ := strings.Cut(u.Opaque, ";")
	host, _, err := splitHostPort(text)
	if err != nil {
		return text // such as a wildcard: it is a SIP domain, and no name is like it
	}
	return host
}

// verifyAs has a client of TLS check what it is shown as VerifyCertificate does.
func verifyAs(conf *tls.Config, name string) {
	roots := conf.RootCAs
	conf.InsecureSkipVerify = true // in favour of:
	conf.VerifyConnection = func(s tls.ConnectionState) error {
		return VerifyCertificate(s.PeerCertificates, roots, name)
	}
}
