package sip

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secureWorld is a world with names but without listeners for connections.
func secureWorld(t *testing.T, f func(w *world)) {
	inBubble(t, func(c *Config) {
		c.Listen = []Listen{{UDP, us()}}
		c.Network.LookupAddr = lookUp(map[string]string{"pbx.example.com": peerAddr, "other.example.com": peerAddr})
		c.Network.LookupSRV = noSRV
	}, f)
}

func tlsAccount(conf *TLSConfig) Account {
	return Account{User: "alice", Server: "pbx.example.com", Transport: TLS, TLS: conf, Password: "secret"}
}

// Registration, a call in and a call out share one connection, whose server has proved
// its name; Via and Contact name the transport.
func TestTLS_RegisterAndCall_RFC3261_26_3_2_1(t *testing.T) {
	ca := newAuthority(t)
	secureWorld(t, func(w *world) {
		p := newStreamPeer(t, w.net, 5061, &tls.Config{Certificates: []tls.Certificate{*ca.issue("pbx.example.com")}})
		defer p.close()
		a := tlsAccount(&TLSConfig{Roots: ca.pool()})
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		p.accept()
		reg := p.request("REGISTER")
		assert.Equal(t, "pbx.example.com", p.conn.(*tls.Conn).ConnectionState().ServerName, "SNI (RFC 6066)")
		assert.Contains(t, reg.get("Via"), "SIP/2.0/TLS "+ourAddr+":")
		assert.Contains(t, reg.get("Contact"), ";transport=tls>")
		p.reply(reg, 200, "OK", "Expires: 600")
		require.NoError(t, r.Wait(context.Background()))

		got := make(chan *Invitation, 1)
		release, err := w.ua.Handle(func(i *Invitation) { got <- i })
		require.NoError(t, err)
		defer release()
		p.write(strings.ReplaceAll("INVITE "+reg.contact()+" SIP/2.0\nVia: SIP/2.0/TLS pbx.example.com;branch=z9hG4bK1\nMax-Forwards: 70\n"+
			"From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: 1\nCSeq: 1 INVITE\nContact: <sip:"+peerAddr+":5061;transport=tls>\nContent-Length: 0\n\n", "\n", "\r\n"))
		i := <-got
		assert.Equal(t, TLS, i.Path().Transport)
		assert.True(t, i.Path().Transport.Secure(), "keys may travel (RFC 4568 §8.3)")
		require.Equal(t, 100, p.next().code())
		d, err := i.Accept([]byte("answer"))
		require.NoError(t, err)
		ok := p.next()
		require.Equal(t, 200, ok.code())
		assert.Contains(t, ok.get("Contact"), ";transport=tls>")
		p.write(strings.ReplaceAll("ACK "+ok.contact()+" SIP/2.0\nVia: SIP/2.0/TLS pbx.example.com;branch=z9hG4bK2\nMax-Forwards: 70\n"+
			"From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>;tag="+ok.tag("To")+"\nCall-ID: 1\nCSeq: 1 ACK\nContent-Length: 0\n\n", "\n", "\r\n"))
		event[Confirmed](t, watch(d))
		done := make(chan error)
		go func() { done <- d.Bye(context.Background(), "") }()
		p.reply(p.request("BYE"), 200, "OK")
		require.NoError(t, <-done)

		path := make(chan Path, 1)
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{User: "bob"},
			Offer: func(p Path) ([]byte, error) { path <- p; return []byte("offer"), nil }})
		assert.Equal(t, TLS, (<-path).Transport)
		inv := p.request("INVITE")
		p.reply(inv, 486, "Busy Here")
		p.request("ACK")
		next[Sent](t, c)
		assert.Equal(t, 486, next[Final](t, c).Code)
		assert.Empty(t, p.conns, "one connection for all")
		go func() { done <- r.Close(context.Background()) }()
		p.reply(p.request("REGISTER"), 200, "OK")
		require.NoError(t, <-done)
	})
}

// A certificate that does not prove the server's name is refused before anything is
// said, and the error says what to do.
func TestTLS_CertificateIsVerified_RFC5922_7(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	for _, c := range []struct {
		name string
		cert *tls.Certificate
		conf *TLSConfig
		says string
	}{
		{"unknown authority", stranger.issue("pbx.example.com"), &TLSConfig{Roots: ca.pool()}, "tls_ca"},
		{"another name", ca.issue("mail.example.com"), &TLSConfig{Roots: ca.pool()}, "mail.example.com"},
		{"the system does not know it", ca.issue("pbx.example.com"), nil, "tls_ca"},
		{"own name wanted", ca.issue("pbx.example.com"), &TLSConfig{Roots: ca.pool(), ServerName: "secret.example.com"}, "secret.example.com"},
		{"right", ca.issue("pbx.example.com"), &TLSConfig{Roots: ca.pool()}, ""},
		{"right under another name", ca.issue("mail.example.com"), &TLSConfig{Roots: ca.pool(), ServerName: "mail.example.com"}, ""},
		{"its SIP domain", ca.issue("sip:PBX.example.com", "mail.example.com"), &TLSConfig{Roots: ca.pool()}, ""},
		{"its second SIP domain, with a port", ca.issue("sip:example.org", "sip:pbx.example.com:5061"), &TLSConfig{Roots: ca.pool()}, ""},
		{"a SIP domain goes before DNS names", ca.issue("sip:example.org", "pbx.example.com"), &TLSConfig{Roots: ca.pool()}, "of example.org;"},
		{"a SIP domain has no wildcard", ca.issue("sip:*.example.com", "pbx.example.com"), &TLSConfig{Roots: ca.pool()}, "certificate"},
		{"a user is no domain", ca.issue("sip:bob@example.org", "pbx.example.com"), &TLSConfig{Roots: ca.pool()}, ""},
		{"sips and https name no SIP domain", ca.issue("sips:example.org", "https://example.org", "pbx.example.com"), &TLSConfig{Roots: ca.pool()}, ""},
		{"a SIP domain of an unknown authority", stranger.issue("sip:pbx.example.com"), &TLSConfig{Roots: ca.pool()}, "tls_ca"},
		{"anything goes", stranger.issue("x"), &TLSConfig{AcceptAnyCertificate: true}, ""},
	} {
		secureWorld(t, func(w *world) {
			p := newStreamPeer(t, w.net, 5061, &tls.Config{Certificates: []tls.Certificate{*c.cert}})
			defer p.close()
			states := make(chan RegistrationState, 10)
			_, err := w.ua.Register(tlsAccount(c.conf), func(s RegistrationState) { states <- s })
			require.NoError(t, err)
			p.accept()
			if c.says == "" {
				p.reply(p.request("REGISTER"), 200, "OK", "Expires: 600")
				require.Equal(t, Registering, (<-states).Phase, c.name)
				require.Equal(t, Registered, (<-states).Phase, c.name)
				return
			}
			require.Error(t, p.conn.(*tls.Conn).Handshake(), c.name)
			require.Equal(t, Registering, (<-states).Phase)
			s := <-states
			require.Equal(t, Retrying, s.Phase, c.name)
			require.ErrorIs(t, s.Err, ErrUntrusted, c.name)
			require.ErrorIs(t, s.Err, ErrUnreachable, c.name)
			assert.ErrorContains(t, s.Err, c.says, c.name)
		})
	}
}

// The server may want a certificate of ours.
func TestTLS_ClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	secureWorld(t, func(w *world) {
		p := newStreamPeer(t, w.net, 5061, &tls.Config{Certificates: []tls.Certificate{*ca.issue("pbx.example.com")},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool()})
		defer p.close()
		_, err := w.ua.Register(tlsAccount(&TLSConfig{Roots: ca.pool(), Certificate: ca.issue("alice")}), nil)
		require.NoError(t, err)
		p.accept()
		p.reply(p.request("REGISTER"), 200, "OK", "Expires: 600")
		assert.Equal(t, []string{"alice"}, p.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames)
	})
}

// A sips target goes over TLS only, with a sips Contact, and is redirected to sips only.
func TestSIPS_TLSAllTheWay_RFC3261_26_2_2(t *testing.T) {
	ca := newAuthority(t)
	secureWorld(t, func(w *world) {
		p := newStreamPeer(t, w.net, 5061, &tls.Config{Certificates: []tls.Certificate{*ca.issue("other.example.com")}})
		defer p.close()
		a := tlsAccount(&TLSConfig{Roots: ca.pool()})
		a.Transport = Any
		c := w.ua.Invite(context.Background(), InviteRequest{Account: a, Target: URI{Scheme: "sips", User: "bob", Host: "other.example.com"}, Offer: offerText("offer")})
		p.accept()
		inv := p.request("INVITE")
		assert.Equal(t, "sips:bob@other.example.com", inv.uri())
		assert.True(t, strings.HasPrefix(inv.contact(), "sips:alice@"), inv.contact())
		assert.NotContains(t, inv.contact(), "transport=tls", "deprecated with sips (RFC 5630 §3.1.3)")
		p.reply(inv, 302, "Moved", "Contact: <sip:bob@"+peerAddr+":5060>")
		p.request("ACK")
		next[Sent](t, c)
		require.Equal(t, 302, next[Final](t, c).Code)
		w.p.silence(time.Second)
		// A request for a sips URI that came over UDP is refused.
		w.p.write(us(), strings.ReplaceAll("OPTIONS sips:alice@"+ourAddr+" SIP/2.0\nVia: SIP/2.0/UDP "+w.p.addr.String()+";branch=z9hG4bK9;rport\nMax-Forwards: 70\n"+
			"From: <sip:b@x>;tag=b\nTo: <sips:alice@example.com>\nCall-ID: 9\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n", "\n", "\r\n"))
		w.p.response(416)
	})
}

// Two user agents, one of which listens on TLS.
func TestTLS_Listener(t *testing.T) {
	ca := newAuthority(t)
	at := netip.MustParseAddrPort("127.0.0.1:0")
	_, err := New(Config{Listen: []Listen{{TLS, at}}})
	require.ErrorContains(t, err, "tls_cert")
	a, err := New(Config{Listen: []Listen{{UDP, at}}, TLS: &TLSConfig{Roots: ca.pool()}})
	require.NoError(t, err)
	defer a.Close()
	b, err := New(Config{Listen: []Listen{{TLS, at}}, TLS: &TLSConfig{Certificate: ca.issue("127.0.0.1")}, AcceptAny: true})
	require.NoError(t, err)
	defer b.Close()
	port := int(b.Listening()[0].Addr.Port())
	got, err := a.Options(context.Background(), URI{Scheme: "sips", User: "b", Host: "127.0.0.1", Port: port})
	require.NoError(t, err)
	assert.Equal(t, 200, got.Code)
	_, err = a.OptionsAs(context.Background(), Account{}, URI{Scheme: "sips", User: "b", Host: "127.0.0.1", Port: port})
	require.ErrorIs(t, err, ErrUntrusted)
}

func TestLoadTLS(t *testing.T) {
	none, err := LoadTLS(TLSFiles{})
	require.NoError(t, err)
	assert.Nil(t, none)
	ca, dir := newAuthority(t), t.TempDir()
	good, bad := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "bad.pem")
	require.NoError(t, os.WriteFile(good, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), 0o600))
	require.NoError(t, os.WriteFile(bad, []byte("nothing"), 0o600))
	c, err := LoadTLS(TLSFiles{CA: good, ServerName: "x"})
	require.NoError(t, err)
	assert.Equal(t, "x", c.ServerName)
	for _, f := range []TLSFiles{{CA: bad}, {CA: "none.pem"}, {Cert: good}, {Key: good}, {Cert: good, Key: bad}} {
		_, err := LoadTLS(f)
		assert.Error(t, err, f)
	}
}
