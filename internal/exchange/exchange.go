package exchange

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
)

// User is somebody who may register and call.
type User struct {
	Name     string // user part of the address and digest user name
	Password string

	DisplayName string   // shown with calls made by this user
	Aliases     []string // further numbers that ring this user, and that the user may call from
}

// Config says what Start builds. Only Users is needed.
type Config struct {
	Addr string // "IP:port" of both UDP and TCP; "" is 127.0.0.1:0. No wildcard: the address goes into SIP and SDP.

	// ListenPacket and Listen make sockets; nil uses the operating system.
	// RTP sockets come from ListenPacket too.
	ListenPacket func(ctx context.Context, network, addr string) (net.PacketConn, error)
	Listen       func(ctx context.Context, network, addr string) (net.Listener, error)

	Users []User
	Realm string // "" is "exchange"

	Expires       time.Duration // longest registration granted; 0 is one hour
	MinExpires    time.Duration // shorter wishes are answered 423; 0 accepts all
	NonceLifetime time.Duration // older nonces are answered with stale=true; 0 is five minutes
	Algorithms    []string      // offered in this order; nil is SHA-256 and MD5
	WrongPassword int           // answer to a good nonce with a wrong digest; 0 is 403
	RingTimeout   time.Duration // unanswered calls between users end with 408; 0 is three minutes

	// CallerID replaces the number and name that the callee sees for a call of
	// an authenticated user who put fromUser into From; nil keeps the number
	// when it is the user's own or an alias, and else shows the user's name.
	CallerID func(user, fromUser string) (number, displayName string)

	Announcement []int16 // 8 kHz mono, for 601; nil is a short melody

	// RelayRTP carries the RTP between users through the exchange instead of
	// end to end. RTPFault implies it.
	RelayRTP bool
	// RTPFault sees each RTP packet that the exchange relays or originates. It
	// may change the packet in place or drop it. Safe for concurrent use, please.
	RTPFault func(packet []byte) (drop bool)

	Logger *slog.Logger // nil logs nothing
	// Trace gets one plain sentence for each SIP step, in order per call. It
	// must not block.
	Trace func(line string)
}

// Exchange is a running exchange. Its methods may be called from any goroutine.
type Exchange struct {
	cfg    Config
	local  netip.AddrPort
	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	log    *slog.Logger

	ua     *sipgo.UserAgent
	client *sipgo.Client
	packet net.PacketConn
	stream *streams

	auth    authenticator
	users   map[string]*User // by name and alias
	failing atomic.Int32

	wg sync.WaitGroup // serving goroutines, handlers, calls

	mu       sync.Mutex
	closed   bool
	bindings map[string][]*binding // by user name
	dialogs  map[dialogKey]*dialog
}

// Start opens the sockets and serves until Close. Errors are those of the
// sockets (address in use, not available) or of the configuration.
func Start(cfg Config) (*Exchange, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	e := &Exchange{
		cfg:      cfg,
		log:      cfg.Logger,
		users:    make(map[string]*User),
		bindings: make(map[string][]*binding),
		dialogs:  make(map[dialogKey]*dialog),
	}
	for i := range cfg.Users {
		u := &cfg.Users[i]
		for _, n := range append([]string{u.Name}, u.Aliases...) {
			if e.users[n] != nil || extensionOf(n) != nil {
				return nil, fmt.Errorf("exchange: the name %q is taken twice; give each user and alias its own", n)
			}
			e.users[n] = u
		}
	}
	e.auth.init(&e.cfg)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if err := e.open(); err != nil {
		e.cancel()
		return nil, err
	}
	if err := e.serve(); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// complete fills in the defaults.
func (c *Config) complete() error {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if a, err := netip.ParseAddrPort(c.Addr); err != nil || a.Addr().IsUnspecified() {
		return fmt.Errorf("exchange: the address %q is no IP:port; use one like 127.0.0.1:5060", c.Addr)
	}
	var lc net.ListenConfig
	if c.ListenPacket == nil {
		c.ListenPacket = lc.ListenPacket
	}
	if c.Listen == nil {
		c.Listen = lc.Listen
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Trace == nil {
		c.Trace = func(string) {}
	}
	if c.Realm == "" {
		c.Realm = "exchange"
	}
	if c.Algorithms == nil {
		c.Algorithms = []string{"SHA-256", "MD5"}
	}
	if c.Announcement == nil {
		c.Announcement = melody()
	}
	c.RelayRTP = c.RelayRTP || c.RTPFault != nil
	setDefault(&c.Expires, time.Hour)
	setDefault(&c.NonceLifetime, 5*time.Minute)
	setDefault(&c.RingTimeout, 3*time.Minute)
	setDefault(&c.WrongPassword, sipmsg.StatusForbidden)
	return nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// open binds UDP, and TCP on the same port. A port chosen by the system for UDP
// may be taken for TCP: then another is tried.
func (e *Exchange) open() error {
	want := netip.MustParseAddrPort(e.cfg.Addr)
	var last error
	for range 20 {
		pc, err := e.cfg.ListenPacket(e.ctx, "udp", want.String())
		if err != nil {
			return fmt.Errorf("exchange: cannot listen for UDP on %s: %w", want, err)
		}
		local, err := netip.ParseAddrPort(pc.LocalAddr().String())
		if err != nil {
			_ = pc.Close()
			return fmt.Errorf("exchange: odd local address: %w", err)
		}
		local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
		l, err := e.cfg.Listen(e.ctx, "tcp", local.String())
		if err == nil {
			e.packet, e.local = &datagrams{pc}, local
			e.stream = &streams{Listener: l, conns: make(map[*stream]struct{})}
			return nil
		}
		last = fmt.Errorf("exchange: cannot listen for TCP on %s: %w", local, err)
		_ = pc.Close()
		if want.Port() != 0 {
			break
		}
	}
	return last
}

// serve starts sipgo on the sockets. sipgo gets a logger that drops everything,
// since it writes whole messages, credentials included.
func (e *Exchange) serve() error {
	quiet := slog.New(slog.DiscardHandler)
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgent("exchange"),
		sipgo.WithUserAgentTransportLayerOptions(sipmsg.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(sipmsg.WithTransactionLayerLogger(quiet),
			sipmsg.WithTransactionLayerUnhandledResponseHandler(func(*sipmsg.Response) {})),
	)
	if err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	e.ua = ua
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	if e.client, err = sipgo.NewClient(ua, sipgo.WithClientLogger(quiet)); err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	e.routes(server)
	e.goDo(func() { _ = server.ServeUDP(e.packet) })
	e.goDo(func() { _ = server.ServeTCP(e.stream) })
	return nil
}

// goDo runs f in a goroutine that Close waits for.
func (e *Exchange) goDo(f func()) {
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		f()
	}()
}

// Addr is the "IP:port" that listens for UDP and TCP.
func (e *Exchange) Addr() string { return e.local.String() }

// Registered says whether the user has a contact that has not expired.
func (e *Exchange) Registered(user string) bool { return len(e.Contacts(user)) > 0 }

// SetFailing makes the exchange answer every REGISTER and every new call with
// code, as in an outage; 0 ends it. Calls that stand are left alone.
func (e *Exchange) SetFailing(code int) { e.failing.Store(int32(code)) }

// Calls is the number of call legs that stand or are being set up.
func (e *Exchange) Calls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.dialogs)
}

// Close says BYE on every call without waiting for answers, closes all sockets
// and waits for all goroutines. It is idempotent. The address can be used by
// another Start at once.
func (e *Exchange) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	standing := make([]*dialog, 0, len(e.dialogs))
	for _, d := range e.dialogs {
		standing = append(standing, d)
	}
	e.mu.Unlock()
	for _, d := range standing {
		d.sayGoodbye()
	}
	e.cancel()
	var err error
	if e.ua != nil {
		e.ua.TransactionLayer().Close()
	}
	err = errors.Join(e.packet.Close(), e.stream.Close())
	e.wg.Wait()
	if e.ua != nil {
		err = errors.Join(err, e.ua.TransportLayer().Close())
	}
	return err
}

func (e *Exchange) trace(format string, args ...any) {
	e.cfg.Trace(fmt.Sprintf(format, args...))
}

// token is a random string for tags, branches and nonces.
func token() string { return rand.Text() }
