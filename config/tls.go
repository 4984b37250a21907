package config

import (
	"path/filepath"
	"slices"
	"strings"
)

// Transports lists what Account.Transport may name, besides nothing.
func Transports() []string { return []string{"udp", "tcp", "tls", "ws", "wss"} }

// checkTransport finds what is wrong with a transport.
func checkTransport(key, transport string, bad func(key, format string, args ...any)) {
	if transport != "" && !slices.Contains(Transports(), transport) {
		bad(key, "is %q; there are %s", transport, strings.Join(Transports(), ", "))
	}
}

// checkProxy checks "host[:port]" or a sip URI of it.
func checkProxy(proxy string) error {
	for _, scheme := range []string{"sip:", "sips:"} {
		proxy = strings.TrimPrefix(proxy, scheme)
	}
	host, _, _ := strings.Cut(proxy, ";")
	return CheckServer(host)
}

// TLS says whom to trust in TLS and secure WebSocket, and who we are. Paths in a file
// are relative to it.
type TLS struct {
	CA         string `toml:"tls_ca"`          // PEM file of authorities; empty: the system's
	Cert       string `toml:"tls_cert"`        // PEM file of our certificate and its chain
	Key        string `toml:"tls_key"`         // PEM file of its key, that nobody else can read
	ServerName string `toml:"tls_server_name"` // in the server's certificate; empty: its host in `server`

	// AcceptAnyCertificate takes any certificate, of anybody.
	AcceptAnyCertificate bool `toml:"tls_insecure_accept_any_certificate"`
}

// in makes the paths relative to a folder.
func (t *TLS) in(dir string) {
	for _, p := range []*string{&t.CA, &t.Cert, &t.Key} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// check finds what is wrong with t, which stands in the table of that name.
func (t TLS) check(table string, bad func(key, format string, args ...any)) {
	switch {
	case t.Cert != "" && t.Key == "":
		bad(table+".tls_key", "is missing; tls_cert needs its key")
	case t.Key != "" && t.Cert == "":
		bad(table+".tls_cert", "is missing; tls_key needs its certificate")
	}
	if t.Key != "" {
		if err := private(t.Key); err != nil {
			bad(table+".tls_key", "%s: %v", t.Key, err)
		}
	}
	if strings.ContainsAny(t.ServerName, " /:@") {
		bad(table+".tls_server_name", "%q is not a host name", t.ServerName)
	}
}
