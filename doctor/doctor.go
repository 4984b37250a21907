package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/sip"
)

// Status is how a check went.
type Status string

// How a check can go.
const (
	OK      Status = "ok"
	Note    Status = "note"    // it works, and this is worth knowing
	Failed  Status = "failed"  // it does not work, or will not
	Skipped Status = "skipped" // it could not be tried
)

// The names of the checks, in their order. A reach check is named for its
// transport: "reach udp".
const (
	Configuration = "configuration"
	Names         = "names"
	Reach         = "reach"
	Certificate   = "certificate"
	Registration  = "registration"
	NAT           = "nat"
	Echo          = "echo"
)

// Check is what one check found.
type Check struct {
	Name    string        `json:"name"`
	Status  Status        `json:"status"`
	Finding string        `json:"finding"`          // a sentence
	Advice  string        `json:"advice,omitempty"` // what to do about it, a sentence
	Took    time.Duration `json:"-"`
}

// Config is what Run needs. Only File is mandatory.
type Config struct {
	File    config.File // checked already, with secrets filled in
	Account string      // its name; empty: the first one
	Echo    string      // what to call for the echo of the PBX; empty: no call is made

	// Patience is how long the server may take for one answer. 0: 5 s.
	Patience time.Duration
	// The network. Zero: the operating system's.
	Network        sip.Network
	ListenMedia    func(ctx context.Context, network, addr string) (net.PacketConn, error)
	LocalAddresses func() ([]netip.Addr, error)

	Logger *slog.Logger // nil: silent
}

const defaultPatience = 5 * time.Second

// examination is one run of the checks.
type examination struct {
	cfg     Config
	account config.Account
	sip     sip.Account // the same, as package sip has it
	server  server
	onlyV6  bool // it has IPv6 addresses only
	tell    func(Check)
	checks  []Check
	answers map[sip.Transport]bool // over which transports the server answers
}

// server is where the account's requests go: to its server, or its proxy.
type server struct {
	host string // name or address
	port int    // 0: none is given
	name bool   // host is a name
}

// Run makes all checks and hands each to tell as it is done; tell may be nil.
// It returns them all, in order. It takes as long as what does not answer: up
// to about ten times Patience. When ctx ends, what is left is skipped.
func Run(ctx context.Context, cfg Config, tell func(Check)) []Check {
	if cfg.Patience <= 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.LocalAddresses == nil {
		cfg.LocalAddresses = localAddresses
	}
	cfg.Network = cfg.Network.WithSystem()
	x := &examination{cfg: cfg, tell: tell, answers: make(map[sip.Transport]bool)}
	well := x.check(ctx, Configuration, true, x.configuration)
	well = x.check(ctx, Names, well, x.names)
	x.reach(ctx, well)
	x.check(ctx, Certificate, well, x.certificate)
	x.phone(ctx, well && x.reachable())
	return x.checks
}

// Healthy reports whether no check failed.
func Healthy(checks []Check) bool {
	_, sick := First(checks)
	return !sick
}

// First returns the first check that failed: what comes after it often fails
// for the same reason.
func First(checks []Check) (Check, bool) {
	for _, c := range checks {
		if c.Status == Failed {
			return c, true
		}
	}
	return Check{}, false
}

// check runs one check unless it makes no sense any more, and reports whether
// those after it do.
func (x *examination) check(ctx context.Context, name string, sensible bool, f func(context.Context) Check) bool {
	var c Check
	begun := time.Now()
	switch {
	case ctx.Err() != nil:
		c = Check{Status: Skipped, Finding: "interrupted"}
	case !sensible:
		c = Check{Status: Skipped, Finding: "not tried: see what failed above"}
	default:
		c = f(ctx)
	}
	c.Name, c.Took = name, time.Since(begun)
	x.checks = append(x.checks, c)
	if x.tell != nil {
		x.tell(c)
	}
	return c.Status == OK || c.Status == Note
}

func ok(format string, args ...any) Check {
	return Check{Status: OK, Finding: fmt.Sprintf(format, args...)}
}

func note(advice, format string, args ...any) Check {
	return Check{Status: Note, Finding: fmt.Sprintf(format, args...), Advice: advice}
}

func failed(advice, format string, args ...any) Check {
	return Check{Status: Failed, Finding: fmt.Sprintf(format, args...), Advice: advice}
}

func skipped(format string, args ...any) Check {
	return Check{Status: Skipped, Finding: fmt.Sprintf(format, args...)}
}
