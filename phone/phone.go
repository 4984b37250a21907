package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/capture"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/metrics"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// StoreName is the database in the data folder.
const StoreName = "softphone.db"

// Memory as Config.StorePath keeps everything in memory, for one run.
const Memory = ":memory:"

// Config is what a Phone needs beside the configuration file. The zero value
// of each field is a sensible default.
type Config struct {
	File config.File

	// StorePath is the database. Empty: softphone.db in File.DataDir.
	StorePath string

	// Network and ListenMedia reach the network. Zero: the operating system.
	Network     sip.Network
	ListenMedia func(ctx context.Context, network, addr string) (net.PacketConn, error)

	// Trace sees every SIP message, credentials included; it must not block.
	Trace func(sip.TapMessage)
	// Capture takes every SIP and RTP packet. The caller closes it after Close.
	Capture *capture.Writer

	// Media gives the two ends of the sound of a call that a directive makes or
	// answers. Nil: silence out, nothing kept.
	Media func(callID string) (audio.Source, audio.Sink)
	// Monitor, asked after Media, sees both sides of such a call; it may return
	// nil. Nil: nothing does.
	Monitor func(callID string) audio.Monitor

	// Calls sees every call event as it happens; it must not block. What must
	// not be missed is read from the journal instead.
	Calls func(dialer.Event)
	// Registrations sees every change of an account; it must not block.
	Registrations func(accountID string, s sip.RegistrationState)
	// Messages sees every change of what waits in an account's mailbox; it must not
	// block.
	Messages func(MessagesEvent)
	// What the device brings to the directive layer. Any of them may be nil.
	Focus        agent.Focus        // told when a call needs loudspeaker and microphone
	AudioRoute   agent.AudioRoute   // opens the loudspeaker
	Permission   agent.Permission   // whether the device allows calls out
	Display      agent.Display      // shows candidates
	Surroundings agent.Surroundings // the rest of the device's context

	// Metrics counts calls and registrations, and sees how running calls sound. Nil:
	// nothing does.
	Metrics *metrics.Metrics

	// AnyUser lets calls ring that are addressed to nobody in particular,
	// while no account is registered.
	AnyUser bool

	// Logger takes what happens. Nil: nothing is logged.
	Logger *slog.Logger
}

// Phone is a running phone. All methods are safe for use by several goroutines.
type Phone struct {
	cfg      Config
	log      *slog.Logger
	plan     *number.Plan
	store    *store.Store
	rules    *blocklist.List
	contacts *phonebook.Book
	ua       *sip.UserAgent
	tls      *sip.TLSConfig // of [sip]; nil: it says nothing
	pacer    *media.Pacer
	dialer   *dialer.Dialer
	agent    *agent.Agent

	accounts accounts
	general  dialer.Security // of calls without an account
	coming   *coming         // rules that hold and are not yet on disk
	callees  sync.Map        // agent.Callee of the calls that directives made, by id
	sentAway sync.Map        // store.HistoryType of ringing calls that the directive layer sends away, by id
	work     sync.WaitGroup  // upkeep, and short-lived requests of the directive layer
	asked    asked           // those requests, in order
	stop     context.CancelFunc
	run      context.Context
	release  func() // stops taking calls
	stopping sync.Once
	stopped  error
	closing  sync.Once
	closed   error

	instance string        // of this run, in every event's id
	events   atomic.Uint64 // appended by this run
	since    uint64        // the journal's end when this run began
}

// Open assembles and starts a phone. No account is registered yet. The error
// is a sentence that says what is wrong and how to mend it.
func Open(ctx context.Context, cfg Config) (_ *Phone, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Phone{cfg: cfg, log: cfg.Logger, instance: uuid.Must(uuid.NewV7()).String()}
	p.run, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	var undo []func()
	defer func() {
		if err != nil {
			p.stop()
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
		}
	}()
	if p.plan, err = number.New(cfg.File.Phone.Region); err != nil {
		return nil, err
	}
	if err = p.openStore(ctx); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = p.store.Close() })
	if p.rules, err = blocklist.New(p.plan, blocklist.Options{
		Store: p.store.Rules(), AnonymousBlocked: cfg.File.Block.Anonymous,
	}); err != nil {
		return nil, err
	}
	if p.coming, err = newComing(p.plan); err != nil {
		return nil, err
	}
	if p.contacts, err = phonebook.Open(ctx, p.plan, p.store.Contacts()); err != nil {
		return nil, err
	}
	if err = p.openSIP(); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = p.ua.Close() })
	if err = p.openCalls(); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = p.pacer.Close() })
	if cfg.Metrics != nil {
		cfg.Metrics.Watch(p.sounds)
	}
	if p.agent, err = agent.New(agent.Config{
		Telephone: (*telephone)(p), Emit: p.emitted, WhoIs: p.whoIs,
		Book: (*book)(p), History: (*history)(p), Rules: (*rules)(p), Canonical: p.canonical,
		Focus: cfg.Focus, AudioRoute: cfg.AudioRoute, Permission: cfg.Permission, Display: cfg.Display, Surroundings: cfg.Surroundings,
		SendNumbers: cfg.File.Phone.SendNumbers, PlayServiceID: cfg.File.Phone.PlayServiceID, Logger: cfg.Logger,
	}); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = p.agent.Close() })
	p.append(TypeStarted, "phone", time.Now(), struct{}{}, nil)
	if p.release, err = p.ua.Handle(p.dialer.Receive); err != nil {
		return nil, err
	}
	p.work.Go(p.upkeep)
	return p, nil
}

// DataDir is where a phone keeps its data when the file does not say: the
// user's state folder (XDG Base Directory Specification).
func DataDir(getenv func(string) string) (string, error) {
	if d := getenv("XDG_STATE_HOME"); d != "" {
		return filepath.Join(d, "softphone"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the phone's data: %w; give one with --data-dir", err)
	}
	return filepath.Join(home, ".local", "state", "softphone"), nil
}

func (p *Phone) openStore(ctx context.Context) (err error) {
	path := p.cfg.StorePath
	if path == "" {
		dir := p.cfg.File.DataDir
		if dir == "" {
			return errors.New("no folder for the phone's data is given; set data_dir or --data-dir")
		}
		path = filepath.Join(dir, StoreName)
	}
	if p.store, err = store.Open(ctx, path, store.Options{Logger: p.log}); err != nil {
		return err
	}
	if r, ok := p.store.Recovered(); ok {
		p.log.Error("the database was damaged; it was moved aside and the phone goes on with a new one",
			"path", r.Path, "moved_to", r.MovedTo, "reason", r.Reason)
	}
	left, err := p.store.RecoverOpenCalls(ctx, endedByRestart)
	if err == nil {
		p.since, err = p.store.LastSeq(ctx)
	}
	if err != nil {
		_ = p.store.Close()
		return fmt.Errorf("calls left open by the last run: %w", err)
	}
	if len(left) > 0 {
		p.log.Warn("calls were up when the phone stopped last time; they are entered as ended", "calls", len(left))
	}
	return nil
}

func (p *Phone) openSIP() error {
	var listen []sip.Listen
	for _, l := range p.cfg.File.SIP.Listen {
		network, addr, err := config.ParseListen(l)
		if err != nil {
			return err
		}
		switch network {
		case "udp":
			listen = append(listen, sip.Listen{Transport: sip.UDP, Addr: addr})
		case "tcp":
			listen = append(listen, sip.Listen{Transport: sip.TCP, Addr: addr})
		case "tls":
			listen = append(listen, sip.Listen{Transport: sip.TLS, Addr: addr})
		default:
			listen = append(listen, sip.Listen{Transport: sip.UDP, Addr: addr}, sip.Listen{Transport: sip.TCP, Addr: addr})
		}
	}
	allow, err := config.ParseNetworks(p.cfg.File.SIP.Allow)
	if err != nil {
		return fmt.Errorf("sip.allow: %w", err)
	}
	if p.tls, err = tlsOf(p.cfg.File.SIP.TLS); err != nil {
		return err
	}
	reliable, err := sip.ParseReliable(p.cfg.File.SIP.PRACK)
	if err != nil {
		return fmt.Errorf("sip.prack: %w", err)
	}
	var public netip.Addr
	if text := p.cfg.File.SIP.Public; text != "" {
		if public, err = netip.ParseAddr(text); err != nil {
			return fmt.Errorf("sip.public_address: %w", err)
		}
	}
	instance := ""
	if p.cfg.File.SIP.Outbound != "off" {
		id, err := p.store.Identity(p.run)
		if err != nil {
			return err
		}
		instance = "urn:uuid:" + id
	}
	p.ua, err = sip.New(sip.Config{
		Instance: instance,
		Public:   public, STUN: p.cfg.File.SIP.STUN, TLS: p.tls, KeepAlive: time.Duration(p.cfg.File.SIP.KeepAlive),
		Listen: listen, Network: p.cfg.Network, Tap: p.tap(), Logger: p.log,
		UserAgent: p.cfg.File.SIP.UserAgent, AcceptAny: p.cfg.AnyUser, Messages: p.messages,
		SessionTimers: sip.SessionTimers{
			Off:     p.cfg.File.SIP.SessionExpires == 0,
			Expires: time.Duration(p.cfg.File.SIP.SessionExpires), Min: time.Duration(p.cfg.File.SIP.SessionMin),
		},
		Reliable: reliable,
		Allow:    allow, MaxRate: p.cfg.File.SIP.MaxRate, MaxWait: time.Duration(p.cfg.File.SIP.MaxWait),
	})
	return err
}

// tap joins the two that may look at SIP messages; nil when neither does.
func (p *Phone) tap() func(sip.TapMessage) {
	trace, capt := p.cfg.Trace, p.cfg.Capture
	if trace == nil && capt == nil {
		return nil
	}
	return func(m sip.TapMessage) {
		if trace != nil {
			trace(m)
		}
		if capt != nil {
			capt.SIP(m.Time, m.Sent, m.Transport.String(), m.Local, m.Remote, m.Data)
		}
	}
}

func (p *Phone) openCalls() error {
	m := p.cfg.File.Media
	low, high, err := config.ParsePorts(m.RTPPorts)
	if err != nil {
		return err
	}
	var tap func(media.TapPacket)
	if capt := p.cfg.Capture; capt != nil {
		tap = func(t media.TapPacket) { capt.RTP(t.Time, t.Sent, t.Local, t.Remote, t.Data) }
	}
	codecs := make([]offer.Codec, 0, len(m.Codecs))
	for _, c := range m.Codecs {
		if c == "pcma" {
			codecs = append(codecs, offer.PCMA())
		} else {
			codecs = append(codecs, offer.PCMU())
		}
	}
	if p.general, err = securityOf(m.Security); err != nil {
		return err
	}
	digits := media.DigitsAuto
	if m.Digits != "" {
		if digits, err = media.ParseDigitMode(m.Digits); err != nil {
			return err
		}
	}
	p.pacer = media.NewPacer(media.PacerConfig{Logger: p.log, KernelTimer: p.cfg.ListenMedia == nil})
	p.dialer, err = dialer.New(dialer.Config{
		UA: p.ua, Pacer: p.pacer,
		Ports: media.NewPorts(media.PortsConfig{
			Range: media.PortRange{Min: low, Max: high}, DSCP: markOf(m.DSCP), ListenPacket: p.cfg.ListenMedia, Logger: p.log,
		}),
		Screen: p.screen, Busy: p.busy, Security: p.security, Transfer: p.mayTransfer,
		Redirect: p.mayRedirect(), AutoAnswer: p.autoAnswer, MaxCalls: p.cfg.File.SIP.MaxCalls,
		Codecs: codecs, PTime: time.Duration(m.PTime), DTX: m.DTX, Digits: digits,
		Jitter: jitter.Config{
			Target: time.Duration(m.Delay), Min: time.Duration(m.MinDelay), Max: time.Duration(m.MaxDelay), Fixed: m.Fixed,
		},
		RingTimeout: time.Duration(p.cfg.File.Phone.RingTimeout), MediaTimeout: time.Duration(m.Timeout),
		ExtendedReports: reportsOf(m.RTCPXR),
		Events:          p.happened, MediaTap: tap, Logger: p.log,
	})
	if err != nil {
		_ = p.pacer.Close()
	}
	return err
}

// markOf is media.dscp as media has it, where 0 stands for the default.
func markOf(dscp int) int {
	if dscp == 0 {
		return media.BestEffort
	}
	return dscp
}

// reportsOf is media.rtcp_xr as media has it.
func reportsOf(mode string) media.ExtendedReports {
	switch mode {
	case "always":
		return media.XRAlways
	case "off":
		return media.XROff
	default:
		return media.XRNegotiated
	}
}

// Stop hangs up what is up, takes the registrations back and waits for all of
// it, or until ctx ends. The last event in the journal is then phone.stopped.
// The store can still be read. It is idempotent.
func (p *Phone) Stop(ctx context.Context) error {
	p.stopping.Do(func() {
		err := p.endCalls(ctx)
		err = errors.Join(err, p.accounts.closeAll(ctx))
		p.stop()
		p.release()
		err = errors.Join(err, p.ua.Close())
		p.work.Wait()
		// Past here no call event can come; the agent works off those that came.
		err = errors.Join(err, p.agent.Close(), p.pacer.Close())
		p.append(TypeStopped, "phone", time.Now(), struct{}{}, nil)
		p.stopped = err
	})
	return p.stopped
}

// endCalls hangs up and waits for the answers, for half of the time there is: a
// peer that is gone must not keep us from taking the registrations back.
func (p *Phone) endCalls(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	return p.dialer.Close(ctx)
}

// Close stops the phone as Stop does and closes the store. It is idempotent.
func (p *Phone) Close(ctx context.Context) error {
	p.closing.Do(func() { p.closed = errors.Join(p.Stop(ctx), p.store.Close()) })
	return p.closed
}

// Listening returns the addresses the phone takes SIP on.
func (p *Phone) Listening() []sip.Listen { return p.ua.Listening() }

// Mappings tells where our UDP ports are seen outside a NAT, as sip.UserAgent.Mappings.
func (p *Phone) Mappings(ctx context.Context) []sip.Mapping { return p.ua.Mappings(ctx) }

// Store returns the phone's store: journal, history, rules.
func (p *Phone) Store() *store.Store { return p.store }

// Rules returns the block rules.
func (p *Phone) Rules() *blocklist.List { return p.rules }

// Contacts returns the phonebook.
func (p *Phone) Contacts() *phonebook.Book { return p.contacts }

// Agent returns the directive layer.
func (p *Phone) Agent() *agent.Agent { return p.agent }

// Numbers returns the numbering plan in use.
func (p *Phone) Numbers() *number.Plan { return p.plan }

// Calls returns the live calls, oldest first.
func (p *Phone) Calls() []*dialer.Call { return p.dialer.Calls() }

// Call returns the live call of that id.
func (p *Phone) Call(id string) (*dialer.Call, bool) { return p.dialer.Call(id) }

// Pacing returns how punctual the media ticks are.
func (p *Phone) Pacing() media.PacerStats { return p.pacer.Stats() }
