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

// The transports. WS and WSS are WebSockets (RFC 7118), WSS over TLS.
const (
	Any Transport = iota
	UDP
	TCP
	TLS
	WS
	WSS
)

// String returns "any", "udp", "tcp", "tls", "ws" or "wss".
func (t Transport) String() string {
	names := [...]string{"any", "udp", "tcp", "tls", "ws", "wss"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("transport(%d)", int(t))
	}
	return names[t]
}

// Secure says whether what is sent over t can be read by the next hop only, which is
// what keys in a session description need (RFC 4568 §8.3). TLS and WSS are.
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// stream says whether t runs over connections.
func (t Transport) stream() bool { return t >= TCP }

// webSocket says whether t is WS or WSS.
func (t Transport) webSocket() bool { return t == WS || t == WSS }

// port is where t is served when nothing else is said (RFC 3261 §19.1.2, RFC 7118 §7).
func (t Transport) port() uint16 {
	switch t {
	case TLS:
		return 5061
	case WS:
		return 80
	case WSS:
		return 443
	case Any, UDP, TCP:
	}
	return 5060
}

// param is the name as a URI writes it: secure WebSocket is "ws" there (RFC 7118 §5.1).
func (t Transport) param() string {
	if t == WSS {
		t = WS
	}
	return t.String()
}

// upper is the name as the Via header writes it.
func (t Transport) upper() string { return strings.ToUpper(t.String()) }

// ParseTransport reads "udp", "tcp", "tls", "ws", "wss", "any" or the empty string
// (Any), in any letter case.
func ParseTransport(s string) (Transport, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" {
		return Any, nil
	}
	for t := Any; t <= WSS; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return Any, fmt.Errorf("transport %q is not known: use udp, tcp, tls, ws or wss", s)
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
	// LookupNAPTR gives the records of a domain; nil means none where LookupSRV is set.
	LookupNAPTR func(ctx context.Context, domain string) ([]NAPTR, error)
}

// Listen is one address to listen on. Port 0 lets the system choose; an
// unspecified address (0.0.0.0 or ::) listens on all of that family.
type Listen struct {
	Transport Transport // UDP, TCP or TLS; TLS wants Config.TLS with a certificate
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
	// MaxStreams bounds accepted connections; the one idle longest makes
	// way for a new one. Default 256.
	MaxStreams int
	// TLS holds the certificate of TLS listeners. What accounts need to connect stands
	// in Account.TLS.
	TLS *TLSConfig
	// KeepAlive is how often a connection that we made, and the way to a registrar
	// over UDP, is kept open (RFC 5626 §3.5): CRLF CRLF, or a ping of WebSocket. Each
	// wait is 80 to 100 % of it. Default 29 s; negative: never.
	KeepAlive time.Duration
	// Instance is the URN of this user agent, "urn:uuid:" and a UUID in small letters,
	// the same after every start and nobody else's (RFC 5626 §4.1). With it, registrars
	// are offered RFC 5626: those that have it send us all over the flow that we keep
	// alive. Empty: they are not.
	Instance string
	// Messages is told how many messages wait for an account (RFC 3842): what a
	// subscription brings (SubscribeMessages), and what its registrar sends unasked.
	// It must not block. Nil: nobody is told.
	Messages func(accountID string, m MessageSummary)
	// AddressCheck is how often our own addresses are looked at. When the one that
	// leads to a registrar or a peer has changed, connections from the old one are
	// closed, accounts are registered anew at once, and calls get AddressChanged.
	// Default 250 ms; negative: never. Listeners bound to one address stay there.
	AddressCheck time.Duration
	// Public is our address outside a NAT that leads to us. It stands in Contact and in
	// Path towards peers that have no private address; what a registrar sees of us
	// (RFC 3581) goes before it.
	Public netip.Addr
	// STUN is the server that is asked where our UDP ports are seen outside a NAT, as
	// "host[:port]" (RFC 8489); without a port, its SRV records count, then 3478. What it
	// says stands where Public would, with the port. Without an answer our own
	// address stands there. Empty, or with Public: nobody is asked.
	STUN string
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
	// MaxWait bounds how long new calls wait until they are served, that is until
	// their handler has answered or returned. When several wait longer, for want
	// of processor time, further ones are refused with 503 and Retry-After, so that
	// those that are taken are taken in time (RFC 3261 §21.5.4). Default 500 ms;
	// negative: none is refused for that.
	MaxWait time.Duration
	// RetryMin and RetryMax bound the back-off between failed registrations.
	// Defaults 1 s and 60 s.
	RetryMin time.Duration
	RetryMax time.Duration
	// SessionTimers keeps calls from staying up with nobody there.
	SessionTimers SessionTimers
	// Reliable says when provisional responses are sent reliably.
	Reliable Reliable
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
	if c.MaxWait == 0 {
		c.MaxWait = 500 * time.Millisecond
	}
	if c.AddressCheck == 0 {
		c.AddressCheck = 250 * time.Millisecond
	}
	if c.KeepAlive == 0 {
		c.KeepAlive = 29 * time.Second
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
	c.Network = c.Network.WithSystem()
	return c
}
