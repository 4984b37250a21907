package sip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/stretchr/testify/require"
)

// streamPeer is a SIP server over connections that says what the test tells it to. It
// takes one connection at a time.
type streamPeer struct {
	t        *testing.T
	listener net.Listener
	conns    chan net.Conn
	conn     net.Conn // the present one
	reader   *bufio.Reader
	wg       sync.WaitGroup
}

// newStreamPeer listens; secure, when not nil, speaks TLS.
func newStreamPeer(t *testing.T, n *memnet.Network, port uint16, secure *tls.Config) *streamPeer {
	at := netip.AddrPortFrom(netip.MustParseAddr(peerAddr), port).String()
	l, err := n.Host(netip.MustParseAddr(peerAddr)).Listen(context.Background(), "tcp4", at)
	require.NoError(t, err)
	p := &streamPeer{t: t, listener: l, conns: make(chan net.Conn, 10)}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if secure != nil {
				c = tls.Server(c, secure)
			}
			p.conns <- c
		}
	})
	return p
}

func (p *streamPeer) close() {
	_ = p.listener.Close()
	p.wg.Wait()
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

// accept waits for the next connection.
func (p *streamPeer) accept() {
	p.t.Helper()
	select {
	case p.conn = <-p.conns:
		p.reader = bufio.NewReader(p.conn)
	case <-time.After(10 * time.Minute):
		p.t.Fatal("nobody connected")
	}
}

// next reads the next message, line ends before it left out.
func (p *streamPeer) next() *message {
	p.t.Helper()
	var head strings.Builder
	length := 0
	for {
		line, err := p.reader.ReadString('\n')
		require.NoError(p.t, err)
		if line == "\r\n" && head.Len() == 0 {
			continue
		}
		head.WriteString(line)
		if line == "\r\n" {
			break
		}
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(p.reader, body)
	require.NoError(p.t, err)
	return readMessage(p.t, append([]byte(head.String()), body...), addrPortOf(p.conn.RemoteAddr()))
}

func (p *streamPeer) request(method string) *message {
	p.t.Helper()
	m := p.next()
	require.True(p.t, m.isRequest(), m.start)
	require.Equal(p.t, method, m.method())
	return m
}

func (p *streamPeer) write(text string) {
	p.t.Helper()
	_, err := p.conn.Write([]byte(text))
	require.NoError(p.t, err)
}

func (p *streamPeer) reply(m *message, code int, reason string, extra ...string) {
	p.t.Helper()
	p.write(replyText(addrPortOf(p.conn.LocalAddr()), m, code, reason, "tag", "", extra...))
}

// bytes reads exactly those bytes.
func (p *streamPeer) bytes(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(p.reader, got)
	require.NoError(p.t, err)
	require.Equal(p.t, want, string(got))
}

// authority signs throw-away certificates, valid at any time a test may think it is.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{t, cert, key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue makes a certificate for names and addresses.
func (a *authority) issue(names ...string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if u, err := url.Parse(n); err == nil && u.Scheme != "" {
			template.URIs = append(template.URIs, u)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// lookUp resolves names for a test.
func lookUp(names map[string]string) func(context.Context, string) ([]netip.Addr, error) {
	return func(_ context.Context, host string) ([]netip.Addr, error) {
		if a, ok := names[host]; ok {
			return []netip.Addr{netip.MustParseAddr(a)}, nil
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
}

// noSRV is a DNS without SRV records.
func noSRV(_ context.Context, name string) ([]*net.SRV, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func crlfs(n int) string { return string(bytes.Repeat([]byte("\r\n"), n)) }
