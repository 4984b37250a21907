package sip

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

	sipmsg "github.com/emiago/sipgo/sip"
)

// Timers of RFC 3261 §17.1.1.1.
const (
	t1      = 500 * time.Millisecond
	t2      = 4 * time.Second
	timer64 = 64 * t1 // B, F, H, and how long a 2xx waits for its ACK
)

// UserAgent owns the listeners, registrations, dialogs and transactions. All
// methods may be called from any goroutine.
type UserAgent struct {
	cfg       Config
	log       *slog.Logger
	gate      *gate
	sources   *sources
	finals    *finals
	backlog   *backlog
	inboxes   *inboxes
	refused   *refused
	streams   *streamSet
	hops      *hopBook
	dialled   *dialListener
	packets   []*packetConn
	listeners []*streamListener // of connections
	secret    [32]byte          // of the To-tags we give
	nowhere   string            // our host where we cannot be reached: a name of .invalid

	reading     *meter        // messages of strangers
	requests    *meter        // new requests of allowed networks
	strangers   atomic.Uint64 // requests that were not answered
	strangerLog atomic.Int64  // Unix nanoseconds of the last line about them

	tpl     *sipmsg.TransportLayer
	txl     *sipmsg.TransactionLayer
	pathKey atomic.Uint64

	usages    *referUsages // subscriptions made by our REFERs
	lately    lateDialogs
	closing   chan struct{} // closed when transports go down
	closeOnce sync.Once
	closed    chan struct{} // closed when Close is done
	wg        sync.WaitGroup

	mu          sync.Mutex
	stopping    bool // no new calls or registrations
	down        bool // no new goroutines
	handler     func(*Invitation)
	serving     int // counts calls of Serve
	regs        map[*Registration]struct{}
	invites     map[string]*ClientInvite
	invitations map[string]*Invitation
	dialogs     map[string]*Dialog
	early       map[string]*Dialog // those of invitations
	subscribed  map[*Subscription]struct{}

	subscriptions map[string]*Subscription // by Call-ID and our tag
}

// New opens the listeners and starts to answer requests. The error names the
// address that could not be opened. Call Close when done.
func New(cfg Config) (*UserAgent, error) {
	if err := cfg.checkInstance(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	ua := &UserAgent{
		cfg: cfg, log: cfg.Logger, gate: newGate(cfg.MaxMessage), sources: newSources(), finals: newFinals(), backlog: newBacklog(cfg.MaxWait), inboxes: newInboxes(), refused: newRefused(), streams: newStreamSet(), hops: newHopBook(),
		usages: newReferUsages(), closing: make(chan struct{}), closed: make(chan struct{}),
		regs: make(map[*Registration]struct{}), invites: make(map[string]*ClientInvite),
		invitations: make(map[string]*Invitation), dialogs: make(map[string]*Dialog), early: make(map[string]*Dialog),
		subscribed: make(map[*Subscription]struct{}), subscriptions: make(map[string]*Subscription),
	}
	if _, err := rand.Read(ua.secret[:]); err != nil {
		return nil, fmt.Errorf("sip: no randomness: %w", err)
	}
	ua.reading = newMeter(strangerMessages, 2*strangerMessages)
	ua.requests = newMeter(float32(cfg.MaxRate), 2*float32(cfg.MaxRate))
	ua.nowhere = newTag() + ".invalid"
	ua.streams.onGone = ua.streamGone
	ua.dialled = &dialListener{ua: ua, conns: make(chan *streamConn)}
	ua.layers()
	if err := ua.listen(); err != nil {
		_ = ua.Close()
		return nil, err
	}
	ua.serveTransports()
	if err := ua.startMappings(); err != nil {
		_ = ua.Close()
		return nil, err
	}
	if cfg.AddressCheck > 0 {
		ua.start(ua.watchAddresses)
	}
	return ua, nil
}

// layers builds sipgo's transport and transaction layers. Our hook is put in
// front of the transaction layer, so that it sees messages in order.
func (ua *UserAgent) layers() {
	quiet := slog.New(quietHandler{next: ua.log.Handler()})
	ua.tpl = sipmsg.NewTransportLayer(net.DefaultResolver, ua.gate.parser, nil,
		sipmsg.WithTransportLayerLogger(quiet),
		sipmsg.WithTransportLayerTransports(sipmsg.TransportsConfig{
			// Connections are dialled by us and handed over; sipgo never dials.
			TCP: &sipmsg.TransportTCP{DialerCreate: func(net.Addr) net.Dialer {
				return net.Dialer{Timeout: time.Nanosecond}
			}},
		}))
	ua.tpl.OnMessage(ua.arrived)
	ua.txl = sipmsg.NewTransactionLayer(ua.tpl,
		sipmsg.WithTransactionLayerLogger(quiet),
		sipmsg.WithTransactionLayerUnhandledResponseHandler(ua.onStrayResponse),
		sipmsg.WithTransactionLayerTerminateOnConnClose())
	ua.txl.OnRequest(ua.dispatch)
}

func (ua *UserAgent) listen() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, l := range ua.cfg.Listen {
		suffix := "4"
		if !l.Addr.Addr().Unmap().Is4() {
			suffix = "6"
		}
		switch l.Transport {
		case UDP:
			c, err := ua.cfg.Network.ListenPacket(ctx, "udp"+suffix, l.Addr.String())
			if err != nil {
				return listenError(l, err)
			}
			ua.packets = append(ua.packets, newPacketConn(ua, c))
		case TCP, TLS:
			if l.Transport == TLS && (ua.cfg.TLS == nil || ua.cfg.TLS.Certificate == nil) {
				return fmt.Errorf("sip: cannot listen on %s without a certificate: set tls_cert and tls_key", l)
			}
			c, err := ua.cfg.Network.Listen(ctx, "tcp"+suffix, l.Addr.String())
			if err != nil {
				return listenError(l, err)
			}
			ua.listeners = append(ua.listeners, &streamListener{Listener: c, ua: ua, transport: l.Transport, local: addrPortOf(c.Addr())})
		default:
			return fmt.Errorf("sip: cannot listen on %s: choose udp, tcp or tls", l)
		}
	}
	return nil
}

func listenError(l Listen, err error) error {
	return fmt.Errorf("sip: cannot listen on %s: %w; free the address or choose another port", l, err)
}

func (ua *UserAgent) serveTransports() {
	for _, p := range ua.packets {
		ua.start(func() { _ = ua.tpl.ServeUDP(p) })
	}
	for _, l := range ua.listeners {
		ua.start(func() { _ = ua.tpl.ServeTCP(l) })
	}
	ua.start(func() { _ = ua.tpl.ServeTCP(ua.dialled) })
}

// Listening returns the addresses in use, with their real ports.
func (ua *UserAgent) Listening() []Listen {
	var all []Listen
	for _, p := range ua.packets {
		all = append(all, Listen{UDP, p.local})
	}
	for _, l := range ua.listeners {
		all = append(all, Listen{l.transport, l.local})
	}
	return all
}

// Handle hands every incoming call to h, in a goroutine of its own, from now on
// until release is called. Calls that arrive while nobody handles them are
// answered 480. A later Handle replaces an earlier one's handler. It returns
// ErrClosed after Close.
func (ua *UserAgent) Handle(h func(*Invitation)) (release func(), err error) {
	if h == nil {
		return nil, errors.New("sip: a nil function cannot handle calls")
	}
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if ua.stopping {
		return nil, ErrClosed
	}
	ua.handler = h
	ua.serving++
	mine := ua.serving
	return func() {
		ua.mu.Lock()
		defer ua.mu.Unlock()
		if ua.serving == mine { // no later one has taken over
			ua.handler = nil
		}
	}, nil
}

// Serve is Handle until ctx ends (then it returns nil) or the user agent is
// closed (ErrClosed).
func (ua *UserAgent) Serve(ctx context.Context, h func(*Invitation)) error {
	release, err := ua.Handle(h)
	if err != nil {
		return err
	}
	select {
	case <-ua.closing:
		return ErrClosed
	case <-ctx.Done():
	}
	release()
	return nil
}

// Close takes registrations back, ends calls with BYE, CANCEL or 480 (waiting
// at most Config.CloseTimeout for answers), closes all sockets and waits for
// every goroutine, including those running the Serve handler; so it must not
// be called from one. It is idempotent.
func (ua *UserAgent) Close() error {
	ua.closeOnce.Do(func() {
		ua.mu.Lock()
		ua.stopping = true
		ua.mu.Unlock()
		ua.farewell()
		ua.mu.Lock()
		ua.down = true
		ua.mu.Unlock()
		close(ua.closing)
		ua.txl.Close()
		for _, p := range ua.packets {
			_ = p.PacketConn.Close()
		}
		for _, l := range ua.listeners {
			_ = l.Listener.Close()
		}
		ua.streams.closeAll()
		// sipgo's transport layer is left alone: emptying its pool would make a
		// request in flight open a socket of its own. All it holds is closed.
		ua.endAll()
		ua.wg.Wait()
		close(ua.closed)
	})
	<-ua.closed
	return nil
}

// farewell ends everything politely and waits for it, for a bounded time.
func (ua *UserAgent) farewell() {
	ctx, cancel := context.WithTimeout(context.Background(), ua.cfg.CloseTimeout)
	defer cancel()
	var wg sync.WaitGroup
	ua.mu.Lock()
	for _, i := range ua.invitations {
		wg.Go(func() { _ = i.Reject(480, "Temporarily Unavailable") })
	}
	for _, c := range ua.invites {
		wg.Go(func() {
			c.Cancel("")
			select {
			case <-c.done:
			case <-ctx.Done():
			}
		})
	}
	for _, d := range ua.dialogs {
		if d.confirmable() {
			wg.Go(func() { _ = d.Bye(ctx, "") })
		}
	}
	for s := range ua.subscribed {
		wg.Go(func() { _ = s.Close(ctx) })
	}
	for r := range ua.regs {
		wg.Go(func() { _ = r.Close(ctx) })
	}
	ua.mu.Unlock()
	wg.Wait()
}

// endAll ends what farewell could not.
func (ua *UserAgent) endAll() {
	ua.mu.Lock()
	var dialogs []*Dialog
	for _, d := range ua.dialogs {
		dialogs = append(dialogs, d)
	}
	var invitations []*Invitation
	for _, i := range ua.invitations {
		invitations = append(invitations, i)
	}
	ua.mu.Unlock()
	for _, i := range invitations {
		i.finish(CancelCause{})
	}
	for _, d := range dialogs {
		d.end(Ended{Reason: "user agent closed", Err: ErrClosed})
	}
}

// start runs f in a goroutine that Close waits for. It reports false when the
// user agent is going down.
func (ua *UserAgent) start(f func()) bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if ua.down {
		return false
	}
	ua.wg.Go(f)
	return true
}

func (ua *UserAgent) isClosing() bool {
	select {
	case <-ua.closing:
		return true
	default:
		return false
	}
}

// pause waits; it reports false when the user agent closes meanwhile.
func (ua *UserAgent) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ua.closing:
		return false
	}
}

func (ua *UserAgent) tap(sent bool, t Transport, local, remote netip.AddrPort, data []byte) {
	if ua.cfg.Tap != nil {
		local = ua.advertised(local, remote.Addr()) // a wildcard tells nobody anything
		ua.cfg.Tap(TapMessage{Time: time.Now(), Sent: sent, Transport: t, Local: local, Remote: remote, Data: data})
	}
}

// streamGone tells transactions and registrations that a connection has ended. It is
// called under sipgo's locks, so the work is done elsewhere.
func (ua *UserAgent) streamGone(s *streamConn) {
	ua.start(func() {
		pool := ua.tpl.Pool("tcp")
		_ = pool.CloseAndDelete(s.path, s.addr.String())
		if other := ua.streams.from(s.addr); other != nil {
			pool.Add(s.addr.String(), other.path)
		}
		if s.starting.Load() == 0 { // else see started
			ua.txl.OnConnectionClose(s.path)
		}
		if s.moving.Load() {
			return // all were told before it was closed
		}
		regs, dialogs, subscriptions := ua.living()
		again := make(map[string]<-chan struct{}) // by account
		for _, r := range regs {
			again[r.current().id()] = r.streamGone(s.hop)
		}
		if s.dialled { // who connected to us can do so again
			for _, d := range dialogs {
				d.streamGone(s.hop, again[d.account.id()])
			}
		}
		for _, sub := range subscriptions {
			sub.streamGone(s.hop)
		}
	})
}

// callsLocked counts calls in progress.
func (ua *UserAgent) callsLocked() int {
	return len(ua.invites) + len(ua.invitations) + len(ua.dialogs)
}
