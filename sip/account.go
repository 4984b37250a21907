package sip

import (
	"fmt"
	"log/slog"
	"time"
)

// Account is one address of record and how to register it. It is a value:
// change a copy and hand it to Registration.Update.
type Account struct {
	// ID names the account to the program. Empty means User@Domain.
	ID     string
	User   string
	Domain string // empty means the host of Server
	// DisplayName goes into From.
	DisplayName string
	AuthUser    string // empty means User
	Password    string
	// Server is "host[:port]" of the registrar and outbound proxy. Empty means
	// Domain, resolved as RFC 3263 says.
	Server string
	// Proxy is an outbound proxy that all requests outside dialogs go through, as
	// "host[:port]" or a sip or sips URI; empty: none but Server. Transport holds for it.
	Proxy string
	// Transport, when not Any, is the only one used.
	Transport Transport
	// TLS secures connections over TLS and WSS; nil: the zero TLSConfig.
	TLS *TLSConfig
	// WebSocketPath is that of the server's WebSocket URI. Empty means "/ws".
	WebSocketPath string
	// Expires is the registration time asked for. Zero means one hour.
	Expires time.Duration
	// Aliases are further user names that calls to this account may carry.
	Aliases []string
}

// String names the account without any secret.
func (a Account) String() string {
	s := a.User + "@" + a.domain()
	if a.Server != "" && a.Server != a.domain() {
		s += " at " + a.Server
	}
	return s
}

// GoString keeps the password out of %#v too.
func (a Account) GoString() string { return fmt.Sprintf("sip.Account(%q)", a.String()) }

// LogValue keeps the password and the user name out of logs.
func (a Account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", a.id()), slog.String("server", a.server()),
		slog.String("transport", a.Transport.String()))
}

func (a Account) id() string {
	if a.ID != "" {
		return a.ID
	}
	return a.User + "@" + a.domain()
}

func (a Account) domain() string {
	if a.Domain != "" {
		return a.Domain
	}
	host, _, _ := splitHostPort(a.Server)
	return host
}

func (a Account) server() string {
	if a.Server != "" {
		return a.Server
	}
	return a.Domain
}

func (a Account) authUser() string {
	if a.AuthUser != "" {
		return a.AuthUser
	}
	return a.User
}

func (a Account) expires() time.Duration {
	if a.Expires <= 0 {
		return time.Hour
	}
	return max(a.Expires, time.Second)
}

func (a Account) validate() error {
	switch {
	case a.User == "":
		return fmt.Errorf("account %q has no user name: set the user", a.ID)
	case a.domain() == "":
		return fmt.Errorf("account %q has neither server nor domain: set the server", a.User)
	case hasControl(a.User) || hasControl(a.Domain) || hasControl(a.Server) || hasControl(a.DisplayName) || hasControl(a.AuthUser) || hasControl(a.WebSocketPath):
		return fmt.Errorf("account %q holds a control character: remove it", a.User)
	}
	if _, err := a.proxyRoute(); err != nil {
		return err
	}
	if _, _, err := splitHostPort(a.server()); err != nil {
		return fmt.Errorf("account %s: server %q is not host[:port]: %w", a.User, a.Server, err)
	}
	return nil
}
