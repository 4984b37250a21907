package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/softphone-go/softphone/sip"
)

const (
	sipsPort      = 5061 // RFC 3261 §19.1.2
	webSocketPort = 443  // RFC 6455 §3
	warnAhead     = 14 * 24 * time.Hour
)

// certificate looks at what the server shows in TLS, as a phone that verifies
// does. Whether it matters depends on the account's transport.
func (x *examination) certificate(ctx context.Context) Check {
	needed := x.sip.Transport.Secure()
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Patience)
	defer cancel()
	port := sipsPort
	switch {
	case needed && x.server.port > 0:
		port = x.server.port
	case x.sip.Transport == sip.WSS:
		port = webSocketPort
	}
	host, port := x.secureServer(ctx, port)
	at := net.JoinHostPort(host, strconv.Itoa(port))
	conn, err := x.dial(ctx, host, port)
	if err != nil {
		if !needed {
			return skipped("nobody serves TLS at %s, and the account does not use it", at)
		}
		return failed("see whether the server runs with TLS, and at which port", "no connection to %s: %v", at, err)
	}
	defer func() { _ = conn.Close() }()
	c := x.shake(ctx, conn, at)
	if !needed && c.Status == Failed {
		c.Status = Note
		c.Finding += "; the account does not use TLS"
	}
	return c
}

// secureServer is where TLS is served: what SRV says, else the server itself.
func (x *examination) secureServer(ctx context.Context, port int) (string, int) {
	if x.server.name && x.server.port == 0 {
		if records, err := x.cfg.Network.LookupSRV(ctx, "_sips._tcp."+x.server.host); err == nil && len(records) > 0 && records[0].Target != "." {
			return strings.TrimSuffix(records[0].Target, "."), int(records[0].Port)
		}
	}
	return x.server.host, port
}

func (x *examination) dial(ctx context.Context, host string, port int) (net.Conn, error) {
	addrs := []string{host}
	if serverOf(host).name {
		found, err := x.cfg.Network.LookupAddr(ctx, host)
		if err != nil {
			return nil, err
		}
		addrs = nil
		for _, a := range found {
			addrs = append(addrs, a.Unmap().String())
		}
	}
	err := errors.New("there is no address")
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = x.cfg.Network.Dial(ctx, "tcp", "", net.JoinHostPort(a, strconv.Itoa(port))); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// shake takes the certificates without judging them, so that it can say what is
// wrong, and judges them then as RFC 5922 §7 asks: by the name that the account
// gives, which an SRV record does not change.
func (x *examination) shake(ctx context.Context, conn net.Conn, at string) Check {
	name := x.server.host
	var ours sip.TLSConfig
	if x.sip.TLS != nil {
		ours = *x.sip.TLS
	}
	if ours.ServerName != "" {
		name = ours.ServerName
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name, InsecureSkipVerify: true} // verified below
	if ours.Certificate != nil {
		settings.Certificates = []tls.Certificate{*ours.Certificate}
	}
	client := tls.Client(conn, settings)
	if err := client.HandshakeContext(ctx); err != nil {
		return x.noTLS(at, err)
	}
	state := client.ConnectionState()
	leaf := state.PeerCertificates[0]
	err := sip.VerifyCertificate(state.PeerCertificates, ours.Roots, name)
	left := time.Until(leaf.NotAfter)
	switch {
	case err != nil && ours.AcceptAnyCertificate:
		c := distrusted(leaf, name, err)
		return note("set tls_ca and leave tls_insecure_accept_any_certificate out: whoever is on the way can read and change all",
			"%s; it is taken all the same", c.Finding)
	case err != nil:
		return distrusted(leaf, name, err)
	case left < warnAhead:
		return note("renew it on the server", "the certificate of %s is good, and runs out on %s", name, leaf.NotAfter.Format(time.DateOnly))
	}
	return ok("%s, certificate of %s from %s, good until %s", tls.VersionName(state.Version), name, issuer(leaf), leaf.NotAfter.Format(time.DateOnly))
}

// noTLS says what it means that a server takes a connection and no more.
func (x *examination) noTLS(at string, err error) Check {
	advice := "see whether " + at + " serves TLS 1.2 or newer, and whether it wants a certificate of ours"
	if x.sip.Transport == sip.TLS && x.server.port != sipsPort {
		advice += "; SIP over TLS is usually at port " + strconv.Itoa(sipsPort)
	}
	var plain tls.RecordHeaderError
	if errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &plain) {
		return failed(advice, "%s takes connections, but no TLS", at)
	}
	return failed(advice, "no TLS with %s: %v", at, err)
}

// distrusted says why a certificate cannot be trusted.
func distrusted(leaf *x509.Certificate, name string, err error) Check {
	var (
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &host):
		return failed("give as server a name that the certificate is for (or tls_server_name), or let the PBX have one for "+name,
			"the certificate is for %s, and not for %s", strings.Join(namesOf(leaf), ", "), name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failed("renew it on the server; if it is not that old, set this machine's clock",
			"the certificate of %s holds from %s to %s, and this machine's clock says %s", name,
			leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly), time.Now().Format(time.DateTime))
	case errors.As(err, &unknown):
		return failed("give the certificate of its authority with tls_ca, or let the PBX have one that this machine trusts, with its chain",
			"the certificate of %s comes from %s, whom this machine does not trust", name, issuer(leaf))
	}
	return failed("let the PBX have another certificate", "the certificate of %s cannot be trusted: %v", name, err)
}

func issuer(c *x509.Certificate) string {
	if c.Issuer.String() == c.Subject.String() {
		return "itself"
	}
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

func namesOf(c *x509.Certificate) []string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = append(names, "no name at all")
	}
	return names
}
