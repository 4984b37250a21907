package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// ErrUntrusted reports a TLS peer whose certificate was not accepted. Such a peer is
// ErrUnreachable too.
var ErrUntrusted = errors.New("certificate not accepted")

// TLSConfig is how connections over TLS and WSS are secured (RFC 3261 §26.3). The
// zero value and nil trust the system's authorities, show no certificate, and expect
// the name that the account or the URI gives for the server, before any look-up in
// the DNS (RFC 5922 §4), see VerifyCertificate. It must not be changed once it is in use: connections are
// shared by accounts that have the same pointer.
type TLSConfig struct {
	// Roots are the authorities that may sign the peer's certificate; nil: the system's.
	Roots *x509.CertPool
	// Certificate is shown to the peer: by a listener always, by a client when asked.
	Certificate *tls.Certificate
	// ServerName is expected in the certificate instead of the server's name, and
	// sent as SNI (RFC 6066 §3).
	ServerName string
	// AcceptAnyCertificate leaves the peer's certificate unverified: whoever stands in
	// between can then read and change everything, passwords and SRTP keys included.
	AcceptAnyCertificate bool
}

// TLSFiles names PEM files for LoadTLS.
type TLSFiles struct {
	CA         string // authorities to trust instead of the system's
	Cert, Key  string // our certificate with its chain, and its key; both or none
	ServerName string
	// AcceptAnyCertificate is that of TLSConfig.
	AcceptAnyCertificate bool
}

// LoadTLS reads the files. It returns nil for the zero value; the error names the file
// and says what is wrong with it.
func LoadTLS(f TLSFiles) (*TLSConfig, error) {
	if f == (TLSFiles{}) {
		return nil, nil
	}
	c := &TLSConfig{ServerName: f.ServerName, AcceptAnyCertificate: f.AcceptAnyCertificate}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("authorities for TLS: %w", err)
		}
		c.Roots = x509.NewCertPool()
		if !c.Roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authorities for TLS: %s holds no certificate in PEM form", f.CA)
		}
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, errors.New("a certificate for TLS needs its key, and a key its certificate: give both files")
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
		}
		c.Certificate = &pair
	}
	return c, nil
}

// client secures a connection that we made to the server of that name.
func (c *TLSConfig) client(ctx context.Context, conn net.Conn, name string) (net.Conn, error) {
	conf := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if c != nil {
		conf.RootCAs = c.Roots
		conf.InsecureSkipVerify = c.AcceptAnyCertificate
		if c.ServerName != "" {
			conf.ServerName = c.ServerName
		}
		if c.Certificate != nil {
			conf.Certificates = []tls.Certificate{*c.Certificate}
		}
	}
	if !conf.InsecureSkipVerify {
		verifyAs(conf, conf.ServerName)
	}
	secured := tls.Client(conn, conf)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, explainTLS(conf.ServerName, err)
	}
	return secured, nil
}

// server secures an accepted connection; the handshake comes with the first read.
func (c *TLSConfig) server(conn net.Conn) net.Conn {
	return tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*c.Certificate}})
}

// explainTLS says in words what is wrong with a handshake.
func explainTLS(name string, err error) error {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var refused tls.AlertError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w: no authority trusted here has signed the certificate of %s; name the one that did in tls_ca: %w", ErrUntrusted, name, err)
	case errors.As(err, &host):
		return fmt.Errorf("%w: the certificate is not one of %s but of %s; use that name for the server, or set tls_server_name: %w",
			ErrUntrusted, name, namesIn(host.Certificate), err)
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: the certificate of %s: %w", ErrUntrusted, name, err)
	case errors.As(err, &record):
		return fmt.Errorf("%s does not speak TLS on that port: %w", name, err)
	case errors.As(err, &refused):
		return fmt.Errorf("%s ended the TLS handshake; it may want a certificate of ours (tls_cert, tls_key): %w", name, err)
	}
	return fmt.Errorf("TLS with %s: %w", name, err)
}

// namesIn lists whom a certificate is for, a few of them.
func namesIn(c *x509.Certificate) string {
	names := sipDomains(c)
	if len(names) == 0 {
		names = append(names, c.DNSNames...)
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "nobody"
	}
	if len(names) > 5 {
		names = append(names[:5], "others")
	}
	return cleanPhrase(strings.Join(names, ", "))
}
