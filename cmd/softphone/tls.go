package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/config"
)

// addTLS adds the flags of TLS, WebSocket and proxies.
func (f *flags) addTLS(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.tls.CA, "tls-ca", "", "PEM `FILE` of who may sign the server's certificate (default the system's authorities)")
	fs.StringVar(&f.tls.Cert, "tls-cert", "", "PEM `FILE` of a certificate to show, if the server wants one")
	fs.StringVar(&f.tls.Key, "tls-key", "", "PEM `FILE` of its key; nobody else may read it")
	fs.StringVar(&f.tls.ServerName, "tls-server-name", "", "`NAME` in the server's certificate, if it is not the server's host")
	fs.BoolVar(&f.tls.AcceptAnyCertificate, "tls-insecure-any-cert", false,
		"DANGEROUS: do not verify the server's certificate: anybody on the way can listen in")
	fs.StringVar(&f.proxy, "proxy", "", "`HOST[:PORT]` of an outbound proxy that all calls and registrations go through")
	fs.StringVar(&f.wsPath, "ws-path", "", "`PATH` of the server's WebSocket (default /ws)")
}

// reach has the flags of the way to the PBX win over what the file says of its
// accounts.
func (f *flags) reach(accounts []config.Account) {
	for i := range accounts {
		a := &accounts[i]
		a.Transport, a.Proxy, a.WSPath = cmp.Or(f.transport, a.Transport), cmp.Or(f.proxy, a.Proxy), cmp.Or(f.wsPath, a.WSPath)
		a.MessageWaiting = a.MessageWaiting || f.messages
	}
}

// certify has the flags of TLS win over all that the file says.
func (f *flags) certify(c *config.File) {
	if f.tls == (config.TLS{}) {
		return
	}
	c.SIP.TLS = f.tls
	for i := range c.Accounts {
		c.Accounts[i].TLS = config.TLS{}
	}
}
