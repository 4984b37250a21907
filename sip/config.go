package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Transport names how SIP messages travel. The zero value, Any, lets the user
// agent choose: UDP first, TCP when a request is too large for UDP
// (RFC 3261 §18.1.1) or when only TCP is available.
type Transport int

// The transports. TLS and WebSocket are not offered yet.
const (
	Any Transport = iota
	UDP
	TCP
)

// String returns "any", "udp" or "tcp".
func (t Transport) String() string {
	switch t {
	case Any:
		return "any"
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return fmt.Sprintf("transport(%d)", int(t))
}

// Secure says whether what is sent over t can be read by the next hop only, which is
// what keys in a session description need (RFC 4568 §8.3). Neither UDP nor TCP is.
func (t Transport) Secure() bool {
	switch t {
	case Any, UDP, TCP:
		return false
	}
	return false
}

// upper is the name as the Via header writes it.
func (t Transport) upper() string { return strings.ToUpper(t.String()) }

// ParseTransport reads "udp", "tcp", "any" or the empty string (Any), in any
// letter case.
func ParseTransport(s string) (Transport, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "any":
		return Any, nil
	case "udp":
		return UDP, nil
	case "tcp":
		return TCP, nil
	}
	return Any, fmt.Errorf("transport %q is not known: use udp or tcp", s)
}

// Network is how the user agent reaches the world. A nil function means the
// operating system's.
type Network struct {
	ListenPacket func(ctx context.Context, network, addr string) (net.PacketConn, error)
	Listen       func(ctx context.Context, network, addr string) (net.Listener, error)
	Dial         func(ctx context.Context, network, laddr, raddr string) (net.Conn, error)
	// LocalFor returns the source address that packets to remote would carry.
	LocalFor func(remote netip.Addr) (netip.Addr, error)
	// LookupAddr and LookupSRV resolve names (RFC 3263). LookupSRV gets the
	// service name in full, such as "_sip._udp.example.com".
	LookupAddr func(ctx context.Context, host string) ([]netip.Addr, error)
	LookupSRV  func(ctx context.Context, name string) ([]*net.SRV, error)
}

// Listen is one address to listen on. Port 0 lets the system choose; an
// unspecified address (0.0.0.0 or ::) listens on all of that family.
type Listen struct {
	Transport Transport // UDP or TCP
	Addr      netip.AddrPort
}

// String returns for example "udp 127.0.0.1:5060".
func (l Listen) String() string { return l.Transport.String() + " " + l.Addr.String() }

// TapMessage is one SIP message as it was sent or received, credentials
// included: mask it (capture.Mask) before showing it to anyone.
type TapMessage struct {
	Time      time.Time
	Sent      bool
	Transport Transport
	Local     netip.AddrPort
	Remote    netip.AddrPort
	Data      []byte // valid during the call only
}

// Config is what New needs. The zero value listens on UDP and TCP, all IPv4
// addresses, a port chosen by the system.
type Config struct {
	// Listen defaults to one UDP and one TCP listener on 0.0.0.0:0.
	Listen  []Listen
	Network Network
	// Tap sees every message, also those that are refused. It is called from
	// the sending and receiving goroutines and must not block.
	Tap    func(TapMessage)
	Logger *slog.Logger // nil discards
	// UserAgent is the User-Agent and Server header. Default "softphone".
	UserAgent string
	// MaxMessage is the largest message accepted, in bytes. Default 65535.
	MaxMessage int
	// MaxDialogs bounds calls in progress, both directions together; an INVITE
	// beyond it is answered 486. Default 1000.
	MaxDialogs int
	// MaxStreams bounds accepted TCP connections; the one idle longest makes
	// way for a new one. Default 256.
	MaxStreams int
	// AcceptAny accepts requests for any user while no account is registered.
	AcceptAny bool
	// Allow lists the networks whose requests are answered, besides those of
	// the registrars. Everybody else gets no answer at all, except within calls
	// that are up. Nil is everybody, for programs behind a filter of their own;
	// package phone allows this machine by default.
	Allow []netip.Prefix
	// MaxRate bounds the requests outside calls that one address of Allow may
	// send, a second; twice as many may come in one burst. What is beyond gets
	// no answer. Default 300. Registrars have no such limit.
	MaxRate int
	// RetryMin and RetryMax bound the back-off between failed registrations.
	// Defaults 1 s and 60 s.
	RetryMin time.Duration
	RetryMax time.Duration
	// SessionTimers keeps calls from staying up with nobody there.
	SessionTimers SessionTimers
	// CloseTimeout bounds how long Close waits for BYE and un-REGISTER to be
	// answered. Default 2 s.
	CloseTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if len(c.Listen) == 0 {
		anyV4 := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
		c.Listen = []Listen{{UDP, anyV4}, {TCP, anyV4}}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.UserAgent == "" {
		c.UserAgent = "softphone"
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = 65535
	}
	if c.MaxDialogs <= 0 {
		c.MaxDialogs = 1000
	}
	if c.MaxStreams <= 0 {
		c.MaxStreams = 256
	}
	if c.MaxRate <= 0 {
		c.MaxRate = 300
	}
	if c.RetryMin <= 0 {
		c.RetryMin = time.Second
	}
	if c.RetryMax < c.RetryMin {
		c.RetryMax = max(60*time.Second, c.RetryMin)
	}
	if c.CloseTimeout <= 0 {
		c.CloseTimeout = 2 * time.Second
	}
	c.SessionTimers = c.SessionTimers.withDefaults()
	c.Network = c.Network.withDefaults()
	return c
}
