package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// The range of ports when none is given.
const (
	DefaultMinPort = 16384
	DefaultMaxPort = 32767
)

// PortRange is the ports that media may use, both ends included. The zero value
// stands for DefaultMinPort to DefaultMaxPort.
type PortRange struct{ Min, Max uint16 }

// String is "min-max".
func (r PortRange) String() string {
	return strconv.Itoa(int(r.Min)) + "-" + strconv.Itoa(int(r.Max))
}

// pairs is the first even port and the number of even/odd pairs of the range.
func (r PortRange) pairs() (first, count int) {
	first = int(r.Min) + int(r.Min)%2
	if r.Min == 0 {
		first = 2 // port 0 would mean any port
	}
	return first, max(0, (int(r.Max)-first+1)/2)
}

// DSCP code points by name.
const (
	BestEffort = -1 // no mark
	Expedited  = 46 // EF, RFC 3246
)

// PortsConfig sets up Ports.
type PortsConfig struct {
	Range PortRange

	// DSCP marks RTP and RTCP for the network (RFC 2474): 1 to 63, in the IPv4
	// TOS octet and the IPv6 traffic class. 0 stands for 46, expedited forwarding
	// (RFC 3246); BestEffort for no mark.
	DSCP int

	// ListenPacket opens a socket. nil: the operating system's.
	ListenPacket func(ctx context.Context, network, addr string) (net.PacketConn, error)

	Logger *slog.Logger // nil: silent
}

// Ports opens pairs of ports for Sessions. It keeps no list of what is open:
// the operating system knows. All methods may be called from any goroutine.
type Ports struct {
	cfg PortsConfig
	log *slog.Logger
}

// NewPorts returns Ports over the range of cfg.
func NewPorts(cfg PortsConfig) *Ports {
	if cfg.Range == (PortRange{}) {
		cfg.Range = PortRange{DefaultMinPort, DefaultMaxPort}
	}
	switch {
	case cfg.DSCP == 0:
		cfg.DSCP = Expedited
	case cfg.DSCP < 0 || cfg.DSCP > maxDSCP:
		cfg.DSCP = 0
	}
	if cfg.ListenPacket == nil {
		cfg.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	return &Ports{cfg: cfg, log: orSilent(cfg.Logger)}
}

func orSilent(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))
	}
	return l
}

// Open opens a pair of ports on local: RTP on an even port and RTCP on the odd
// one above it (RFC 3550 §11). The search begins at a random pair, so that a
// port just given back is not the next one given out, where packets of the call
// before may still come in. When every pair is taken the error is ErrNoPort, and
// names the range. Open may take a few milliseconds when many ports are taken.
func (p *Ports) Open(local netip.Addr) (*Socket, error) {
	local = local.Unmap()
	network := "udp4"
	if local.Is6() {
		network = "udp6"
	}
	first, count := p.cfg.Range.pairs()
	if !local.IsValid() || count == 0 {
		return nil, fmt.Errorf("media: cannot open a pair of ports on %v in range %v: %w; give a valid address and a range that holds an even port and the next one",
			local, p.cfg.Range, ErrNoPort)
	}
	var last error
	start := rand.IntN(count)
	for i := range count {
		port := first + 2*((start+i)%count)
		s, err := p.openPair(network, netip.AddrPortFrom(local, uint16(port)))
		if err == nil {
			p.opened(s)
			return s, nil
		}
		last = err
		if hopeless(err) {
			return nil, fmt.Errorf("media: cannot open ports on %v: %w", local, err)
		}
	}
	return nil, fmt.Errorf("media: %w: all %d pairs of range %v on %v are taken (%w); end calls or widen the range",
		ErrNoPort, count, p.cfg.Range, local, last)
}

// opened logs what a Socket became: systems grant less than was asked for.
func (p *Ports) opened(s *Socket) {
	o, err := s.Options()
	if err != nil { // a network of another kind, or another system
		p.log.Debug("media ports opened", "rtp", s.RTP(), "rtcp", s.RTCP())
		return
	}
	p.log.Debug("media ports opened", "rtp", s.RTP(), "rtcp", s.RTCP(),
		"dscp", o.DSCP, "receive_buffer", o.ReceiveBuffer, "send_buffer", o.SendBuffer)
}

// hopeless says that no other port would do better.
func hopeless(err error) bool {
	for _, e := range []error{syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.EAFNOSUPPORT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (p *Ports) openPair(network string, rtp netip.AddrPort) (*Socket, error) {
	rtcp := netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	a, err := p.cfg.ListenPacket(context.Background(), network, rtp.String())
	if err != nil {
		return nil, err
	}
	b, err := p.cfg.ListenPacket(context.Background(), network, rtcp.String())
	if err != nil {
		_ = a.Close()
		return nil, err
	}
	return newSocket(a, b, rtp, rtcp, p.cfg.DSCP, p.log), nil
}
