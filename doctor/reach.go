package doctor

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/softphone-go/softphone/sip"
)

// reach asks the server over UDP and TCP, and the account's transport where that
// is another, what it can do (RFC 3261 §11). Any
// response will do: it came from a SIP server.
func (x *examination) reach(ctx context.Context, sensible bool) {
	transports := []sip.Transport{sip.UDP, sip.TCP}
	if t := x.sip.Transport; t != sip.Any && t != sip.UDP && t != sip.TCP {
		transports = append(transports, t)
	}
	for _, t := range transports {
		x.check(ctx, Reach+" "+t.String(), sensible, func(ctx context.Context) Check { return x.ask(ctx, t) })
	}
}

// reachable reports whether the account has a transport over which the server
// answers.
func (x *examination) reachable() bool {
	if x.sip.Transport == sip.Any {
		return x.answers[sip.UDP] || x.answers[sip.TCP]
	}
	return x.answers[x.sip.Transport]
}

func (x *examination) ask(ctx context.Context, t sip.Transport) Check {
	ua, err := sip.New(sip.Config{Listen: x.anyPort(t), Network: x.cfg.Network, Logger: x.cfg.Logger})
	if err != nil {
		return failed("look at this machine's network", "no %s port can be had: %v", t, err)
	}
	defer func() { _ = ua.Close() }()
	release, err := ua.Handle(func(in *sip.Invitation) { _ = in.Reject(480, "") })
	if err == nil {
		defer release()
	}
	target, err := sip.ParseURI(x.over(t).uri(t))
	if err != nil {
		return failed("correct the account's server", "%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Patience)
	defer cancel()
	does, err := ua.OptionsAs(ctx, sip.Account{Transport: t, TLS: x.sip.TLS, WebSocketPath: x.sip.WebSocketPath}, target)
	var status *sip.StatusError
	if err == nil || errors.As(err, &status) {
		x.answers[t] = true
		who := ""
		if does.Server != "" {
			who = ", " + does.Server
		}
		return ok("the server answers after %s (%d)%s", does.RoundTrip.Round(100*time.Microsecond), does.Code, who)
	}
	return x.silent(t, err)
}

// silent says what it means that nobody answered: only what the account uses
// must answer.
func (x *examination) silent(t sip.Transport, err error) Check {
	what := "the server does not answer within " + x.cfg.Patience.String()
	advice := "see whether the server runs and serves " + t.String() + ", and let " + t.String() + " to " + x.over(t).String() + " through the firewalls"
	if isRefused(err) {
		what = "nobody listens for " + t.String() + " at " + x.over(t).String()
		advice = "see whether the server runs, and at which port; --server takes HOST:PORT"
	} else if errors.Is(err, sip.ErrUntrusted) {
		what, advice = "the server is not trusted", "see the check of its certificate"
	} else if !errors.Is(err, context.DeadlineExceeded) {
		what = "the server cannot be asked: " + err.Error()
	}
	if other := x.sip.Transport; other != sip.Any && other != t {
		return note("", "%s; the account uses %s, so this does not matter", what, other)
	}
	if x.sip.Transport == sip.Any && x.answers[sip.UDP] {
		return note("requests over 1300 bytes will not get through: let the PBX serve tcp too", "%s; udp will be used", what)
	}
	return failed(advice, "%s", what)
}

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "refused")
}

// anyPort listens at a port that is free, since a phone may run beside: for
// the server's kind of address, over UDP or TCP or, for any other, over both.
func (x *examination) anyPort(t sip.Transport) []sip.Listen {
	addr := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if x.onlyV6 {
		addr = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	if server, err := netip.ParseAddr(x.server.host); err == nil && server.IsLoopback() {
		addr = netip.AddrPortFrom(server, 0) // nobody else need reach us
	}
	if t == sip.UDP || t == sip.TCP {
		return []sip.Listen{{Transport: t, Addr: addr}}
	}
	return []sip.Listen{{Transport: sip.UDP, Addr: addr}, {Transport: sip.TCP, Addr: addr}}
}
