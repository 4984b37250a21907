package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
)

// configuration looks at what the file and the flags say together: that each
// value can be had has been checked by package config.
func (x *examination) configuration(context.Context) Check {
	file := x.cfg.File
	if err := file.Check(); err != nil {
		return failed("correct the value that is named", "%s", err)
	}
	account, found := x.pick()
	if !found && x.cfg.Account != "" {
		return failed("give one of the accounts of the file", "there is no account %q", x.cfg.Account)
	}
	if !found {
		return failed("give --server and --user, or a file with an [[account]]", "there is no account")
	}
	x.account, x.server = account, nextHop(account)
	if err := x.translate(); err != nil {
		return failed("correct what is named", "%v", err)
	}
	if account.Password == "" {
		return failed("set SOFTPHONE_PASSWORD, or password_file in the account", "account %s has no password", account.Name())
	}
	if c, bad := x.listening(); bad {
		return c
	}
	security := account.Security.Over(file.Media.Security)
	if security.SRTP == "required" && !security.KeysWithoutTLS && !x.sip.Transport.Secure() {
		return failed(`set transport = "tls", or srtp_keys_without_tls if the way to the PBX is your own`,
			"account %s wants SRTP for every call, and its keys may not travel over %s", account.Name(), transportOf(account))
	}
	through := ""
	if account.Proxy != "" {
		through = ", through the proxy " + x.server.String()
	}
	return ok("account %s at %s, over %s%s", account.Name(), account.Server, transportOf(account), through)
}

// translate reads the files that the account names; what it does not say of TLS
// is as in [sip].
func (x *examination) translate() error {
	var err error
	if x.sip, err = phone.SIPAccount(x.account); err != nil || x.sip.TLS != nil {
		return err
	}
	t := x.cfg.File.SIP.TLS
	x.sip.TLS, err = sip.LoadTLS(sip.TLSFiles{
		CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName, AcceptAnyCertificate: t.AcceptAnyCertificate,
	})
	return err
}

func (x *examination) pick() (config.Account, bool) {
	for _, a := range x.cfg.File.Accounts {
		if x.cfg.Account == "" || a.Name() == x.cfg.Account {
			return a, true
		}
	}
	return config.Account{}, false
}

// listening finds addresses that no packet of the server can reach.
func (x *examination) listening() (Check, bool) {
	remote, err := netip.ParseAddr(x.server.host)
	if err != nil || remote.IsLoopback() {
		return Check{}, false
	}
	for _, l := range x.cfg.File.SIP.Listen {
		_, addr, err := config.ParseListen(l)
		if err != nil || !addr.Addr().IsLoopback() {
			return Check{}, false
		}
	}
	return failed("leave sip.listen (--sip-listen) out, or give 0.0.0.0", "SIP listens on this machine only (%s), and the server is %s",
		strings.Join(x.cfg.File.SIP.Listen, ", "), remote), true
}

func transportOf(a config.Account) string {
	if a.Transport == "" {
		return "udp or tcp"
	}
	return a.Transport
}

// nextHop is where the account's requests go first: its proxy, else its server.
func nextHop(a config.Account) server {
	if a.Proxy == "" {
		return serverOf(a.Server)
	}
	if u, err := sip.ParseURI(a.Proxy); err == nil && u.Host != "" {
		s := serverOf(u.Host)
		s.port = u.Port
		return s
	}
	return serverOf(a.Proxy)
}

// serverOf reads HOST[:PORT] of an account.
func serverOf(s string) server {
	v := server{host: s}
	if host, port, err := net.SplitHostPort(s); err == nil {
		v.host = host
		v.port, _ = strconv.Atoi(port)
	}
	v.host = strings.TrimSuffix(strings.TrimPrefix(v.host, "["), "]")
	_, err := netip.ParseAddr(v.host)
	v.name = err != nil
	return v
}

// over is the server as it is asked over t. The port that is given is that of the
// account's own transport, when it has one; others have theirs, but for UDP and
// TCP, which share one.
func (x *examination) over(t sip.Transport) server {
	s := x.server
	own := x.sip.Transport
	shared := (own == sip.UDP || own == sip.TCP) && (t == sip.UDP || t == sip.TCP)
	if own != sip.Any && own != t && !shared {
		s.port = 0
	}
	return s
}

// uri is the server itself as a SIP URI.
func (s server) uri(t sip.Transport) string {
	host := s.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.port > 0 {
		host = fmt.Sprintf("%s:%d", host, s.port)
	}
	return "sip:" + host + ";transport=" + t.String()
}

func (s server) String() string {
	if s.port > 0 {
		return net.JoinHostPort(s.host, strconv.Itoa(s.port))
	}
	return s.host
}
