package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/softphone-go/softphone/internal/stun"
)

// Where we are seen beyond a NAT, asked of the server in Config.STUN from each UDP
// port (RFC 8489):
//
//	asked     at once, then every Config.KeepAlive, and when our address has changed
//	answered  -> Contact; media asks too (Path.STUN)
//	silent    -> our own address, or what was said last, and a warning; requests wait
//	             for the first question only, mappingPatience at the longest
//	changed   -> REGISTER with the new Contact, AddressChanged to calls

// mappingPatience is how long the server has for one question.
const mappingPatience = 2 * time.Second

// Mapping is where one of our UDP ports is seen from outside (Config.STUN).
type Mapping struct {
	Local  netip.AddrPort // ours
	Public netip.AddrPort // as the server saw it; invalid: it did not say
	Server netip.AddrPort // that was asked; invalid: its name has no address
	Err    error          // why it was not answered last time
}

// mapping is what one UDP port knows of it.
type mapping struct {
	wake chan struct{} // holds one token

	mu    sync.Mutex
	known chan struct{} // closed once the first question has its outcome; nil: nobody asks
	begun bool          // known is closed
	told  bool          // that the server does not answer
	turn  int           // of the server's addresses
	from  netip.Addr    // our address on the way there
	Mapping
}

// startMappings has each UDP port ask. The error says what is wrong with Config.STUN.
func (ua *UserAgent) startMappings() error {
	if ua.cfg.STUN == "" || ua.cfg.Public.IsValid() {
		return nil
	}
	if host, _, err := splitHostPort(ua.cfg.STUN); err != nil || host == "" {
		return fmt.Errorf("sip: STUN server %q is not host[:port]", ua.cfg.STUN)
	}
	if len(ua.packets) == 0 {
		return errors.New("sip: a STUN server is asked over UDP, and we listen on none: add a UDP address to listen on")
	}
	for _, c := range ua.packets {
		c.mapping.wake, c.mapping.known = make(chan struct{}, 1), make(chan struct{})
		ua.start(func() { ua.watchMapping(c) })
	}
	return nil
}

// watchMapping asks until the user agent closes.
func (ua *UserAgent) watchMapping(c *packetConn) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ua.closing:
			return
		case <-c.mapping.wake:
		case <-again.C:
		}
		if ua.askMapping(c) {
			ua.remapped(c)
		}
		if ua.cfg.KeepAlive > 0 {
			again.Reset(spread(ua.cfg.KeepAlive))
		}
	}
}

// askMapping asks once and reports whether the answer is another than before.
func (ua *UserAgent) askMapping(c *packetConn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), mappingPatience)
	defer cancel()
	if !ua.start(func() {
		select {
		case <-ua.closing:
			cancel()
		case <-ctx.Done():
		}
	}) {
		return false
	}
	var seen netip.AddrPort
	server, err := ua.stunServer(ctx, c)
	if err == nil {
		seen, err = c.bind(ctx, server)
	}
	if ua.isClosing() {
		return false
	}
	return ua.noteMapping(c, server, seen, err)
}

// noteMapping keeps an outcome; what was said last stays when the server is lost.
func (ua *UserAgent) noteMapping(c *packetConn, server, seen netip.AddrPort, err error) (changed bool) {
	m := &c.mapping
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Local, m.Server, m.Err = c.local, server, err
	if err != nil {
		m.turn++
		if !m.told {
			ua.log.Warn("sip: the STUN server does not say where we are seen, going on without", "server", ua.cfg.STUN,
				"listener", c.local, "known", m.Public, "err", err)
		}
		m.told = true
	} else {
		m.told = false
		m.Local = ua.advertised(c.local, server.Addr())
		m.from = m.Local.Addr()
		if changed = m.begun && m.Public != seen; m.Public != seen {
			ua.log.Info("sip: this is where we are seen from outside", "listener", c.local, "public", seen, "was", m.Public)
		}
		m.Public = seen
	}
	if !m.begun {
		m.begun = true
		close(m.known)
	}
	return changed
}

// stunServer finds an address of the server that the port can send to: by SRV where no
// port is given (RFC 8489 §8), else by the name's addresses.
func (ua *UserAgent) stunServer(ctx context.Context, c *packetConn) (netip.AddrPort, error) {
	host, port, err := splitHostPort(ua.cfg.STUN)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if port == 0 {
		port = stun.DefaultPort
		if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ".") {
			if records, err := ua.cfg.Network.LookupSRV(ctx, "_stun._udp."+host); err == nil && len(records) > 0 && records[0].Target != "." {
				host, port = strings.TrimSuffix(records[0].Target, "."), int(records[0].Port)
			}
		}
	}
	var addrs []netip.Addr
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{addr}
	} else if addrs, err = ua.cfg.Network.LookupAddr(ctx, host); err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking up %s: %w", host, err)
	}
	var usable []netip.Addr
	for _, a := range addrs {
		if a.Unmap().Is4() == c.local.Addr().Is4() {
			usable = append(usable, a.Unmap())
		}
	}
	if len(usable) == 0 {
		return netip.AddrPort{}, fmt.Errorf("%s has no address that %s can send to", host, c.local)
	}
	c.mapping.mu.Lock()
	defer c.mapping.mu.Unlock()
	return netip.AddrPortFrom(usable[c.mapping.turn%len(usable)], uint16(port)), nil
}

// awaitMapping waits for the outcome of the first question, where a peer at remote is
// beyond the NAT.
func (ua *UserAgent) awaitMapping(ctx context.Context, remote netip.Addr) {
	c := ua.mappedPort(remote)
	if c == nil {
		return
	}
	c.mapping.mu.Lock()
	known := c.mapping.known
	c.mapping.mu.Unlock()
	select {
	case <-known:
	case <-ctx.Done():
	case <-ua.closing:
	}
}

// mappedPort is the UDP port whose mapping counts for a peer at remote; nil when none does.
func (ua *UserAgent) mappedPort(remote netip.Addr) *packetConn {
	if ua.cfg.STUN == "" || ua.cfg.Public.IsValid() || !beyond(remote) {
		return nil
	}
	return ua.packetFor(remote)
}

// mappedFor is where a peer at remote sees our UDP port, and the server that said so:
// both invalid when it is not known, or when no NAT is between.
func (ua *UserAgent) mappedFor(remote netip.Addr) (public, server netip.AddrPort) {
	c := ua.mappedPort(remote)
	if c == nil {
		return public, server
	}
	m := &c.mapping
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Public == m.Local {
		return public, server
	}
	if m.Err == nil {
		server = m.Server
	}
	return m.Public, server
}

// Mappings tells where our UDP ports are seen from outside, once it is known or ctx
// ends. It is empty without Config.STUN.
func (ua *UserAgent) Mappings(ctx context.Context) []Mapping {
	var out []Mapping
	for _, c := range ua.packets {
		c.mapping.mu.Lock()
		known := c.mapping.known
		c.mapping.mu.Unlock()
		if known == nil {
			continue
		}
		select {
		case <-known:
		case <-ctx.Done():
		case <-ua.closing:
		}
		c.mapping.mu.Lock()
		out = append(out, c.mapping.Mapping)
		c.mapping.mu.Unlock()
	}
	return out
}

// remapped tells registrations and calls that a port is seen elsewhere now.
func (ua *UserAgent) remapped(c *packetConn) {
	regs, dialogs, _ := ua.living()
	for _, r := range regs {
		r.remapped(c)
	}
	for _, d := range dialogs {
		d.remapped(c)
	}
}

// remapped registers anew, without any pause.
func (r *Registration) remapped(c *packetConn) {
	r.mu.Lock()
	mine := r.flow.transport == UDP && r.state.Phase < Rejected && r.ua.mappedPort(r.flow.addr.Addr()) == c
	if mine {
		r.public, r.moved = netip.AddrPort{}, true
		if r.abort != nil {
			r.abort()
		}
	}
	r.mu.Unlock()
	if mine {
		r.poke()
	}
}

// remapped moves an established dialog, whose sound is seen elsewhere too.
func (d *Dialog) remapped(c *packetConn) {
	if d.ua.mappedPort(d.peer.addr.Addr()) != c {
		return
	}
	d.mu.Lock()
	up, local := d.state == confirmed, d.local
	d.mu.Unlock()
	if up {
		d.readdress(local)
	}
}

// forgetMappings asks anew where our address on the way to the server has changed.
func (ua *UserAgent) forgetMappings() {
	for _, c := range ua.packets {
		m := &c.mapping
		m.mu.Lock()
		if m.begun && m.from.IsValid() {
			if now := ua.advertised(c.local, m.Server.Addr()).Addr(); now != m.from {
				m.begun, m.known, m.Public, m.from = false, make(chan struct{}), netip.AddrPort{}, netip.Addr{}
				select {
				case m.wake <- struct{}{}:
				default:
				}
			}
		}
		m.mu.Unlock()
	}
}
