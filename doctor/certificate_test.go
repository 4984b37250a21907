package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/doctor"
)

// certified makes a certificate for names, good until a time, signed by an
// authority or, without one, by itself.
func certified(t *testing.T, name string, until time.Time, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-1000 * 24 * time.Hour), NotAfter: until,
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serve shows a certificate to whoever comes to 10.0.0.1:5061.
func (w *world) serve(c tls.Certificate) {
	w.t.Helper()
	l, err := w.pbx.Listen(w.t.Context(), "tcp", "10.0.0.1:5061")
	require.NoError(w.t, err)
	secure := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := secure.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).HandshakeContext(w.t.Context())
			_ = conn.Close()
		}
	}()
	w.stop = func() { _ = secure.Close(); <-done }
}

// The port of SIP over TCP takes a connection and knows nothing of TLS.
func TestCertificate_PortOfTCP(t *testing.T) {
	inWorld(t, func(w *world) {
		l, err := w.pbx.Listen(t.Context(), "tcp", "10.0.0.1:5070")
		require.NoError(t, err)
		var open []net.Conn
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				open = append(open, conn) // and says nothing
			}
		}()
		w.cfg.File.Accounts[0].Server, w.cfg.File.Accounts[0].Transport = "pbx.test:5070", "tls"
		got := w.run()["certificate"]
		_ = l.Close()
		<-done
		for _, conn := range open {
			_ = conn.Close()
		}
		assert.Equal(t, doctor.Failed, got.Status)
		assert.Contains(t, got.Finding, "pbx.test:5070 takes connections, but no TLS")
		assert.Contains(t, got.Advice, "usually at port 5061")
	})
}

func TestCertificate_RFC5922_7(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		name    string
		left    time.Duration
		trusted bool
		used    bool // by the account
		status  doctor.Status
		says    string
	}{
		"good":          {"pbx.test", 100 * day, true, false, doctor.OK, "from office CA, good until"},
		"soon":          {"pbx.test", 3*day + time.Hour, true, false, doctor.Note, "runs out on 2000-01-04"},
		"expired":       {"pbx.test", -day, true, false, doctor.Note, "this machine's clock says"},
		"not trusted":   {"pbx.test", 100 * day, false, false, doctor.Note, "comes from office CA, whom this machine does not trust"},
		"expired, used": {"pbx.test", -day, true, true, doctor.Failed, "this machine's clock says"},
		"another name":  {"other.test", 100 * day, true, false, doctor.Note, "is for other.test, and not for pbx.test"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				authority := certified(t, "office CA", time.Now().Add(1000*day), nil)
				w.serve(certified(t, c.name, time.Now().Add(c.left), &authority))
				defer w.stop()
				known := authority
				if !c.trusted {
					known = certified(t, "other CA", time.Now().Add(1000*day), nil)
				}
				path := filepath.Join(t.TempDir(), "ca.pem")
				require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: known.Certificate[0]}), 0o600))
				w.cfg.File.SIP.CA, w.cfg.Echo = path, ""
				w.cfg.File.Accounts[0].Server = "pbx.test"
				if c.used {
					w.cfg.File.Accounts[0].Transport = "tls"
				}
				got := w.run()["certificate"]
				assert.Equal(t, c.status, got.Status)
				assert.Contains(t, got.Finding, c.says)
			})
		})
	}
}
