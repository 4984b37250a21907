package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/store"
)

const (
	headerTime    = 5 * time.Second
	requestTime   = 30 * time.Second // reading a body
	answerTime    = 3 * requestTime  // reading an import, and answering
	idleTime      = 2 * time.Minute
	maxHeader     = 16 << 10
	defaultWrite  = 10 * time.Second
	defaultPing   = 15 * time.Second
	defaultStream = 64
)

// Directives is the directive layer; *agent.Agent is one.
type Directives interface {
	// Submit takes one delivery. What it returns waits for the answer, whose error
	// joins an *agent.RefusedError for each directive that was refused;
	// agent.ErrClosed says that the phone stops.
	Submit(ctx context.Context, message []byte) (answer func() error)
	// Context returns {"PhoneCall": {...}}.
	Context(ctx context.Context) ([]byte, error)
	// HideCandidates says that the listed people are shown no longer.
	HideCandidates() error
	// ReleaseTemplate says that their dialogue is over.
	ReleaseTemplate() error
}

// Journal is the journal of events; *store.Store is one.
type Journal interface {
	Cursor(since uint64) *store.Cursor
	LastSeq(ctx context.Context) (uint64, error)
}

// Rules is the block rules; *blocklist.List is one.
type Rules interface {
	Rules() []blocklist.Rule
	Import(ctx context.Context, entries []blocklist.Entry, by string) ([]blocklist.Rule, error)
	Find(t blocklist.Type, pattern string) (blocklist.Rule, bool, error)
	Remove(ctx context.Context, id int64) error
	Explain(n number.Number, withheld bool) blocklist.Explanation
	Len() int
	Blockable() bool
}

// History is the calls that were; *store.Store is one.
type History interface {
	History(ctx context.Context, f store.HistoryFilter) ([]store.HistoryRow, error)
}

// Config is what a Server needs. Address and TokenFile are mandatory; what is
// nil of the things it serves is not served.
type Config struct {
	Address   string // "127.0.0.1:8780", "[::1]:0" or "unix:PATH"
	TokenFile string // made when absent: see OpenToken
	// DataDir takes the discovery file, by which other commands find the phone
	// (api.DiscoveryFile). Empty: none is written.
	DataDir string
	Device  string // the phone's name in events; empty: the host's
	Version string // of the program, in the OpenAPI document

	Directives Directives
	Journal    Journal
	Rules      Rules
	Contacts   Contacts
	History    History
	Numbers    *number.Plan // mandatory with Rules, Contacts and History
	// Metrics answers GET /metrics. Nil: there is no such path. OpenMetrics
	// answers it without the token too.
	Metrics     http.Handler
	OpenMetrics bool
	// Ready tells why the phone is not ready yet. Nil: it is.
	Ready func() error

	MaxStreams   int           // event streams at once; 0: 64
	WriteTimeout time.Duration // for one event to be taken; 0: 10 s
	PingEvery    time.Duration // sign of life on a quiet stream; 0: 15 s

	// Listen opens the TCP listener. Nil: the operating system's.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
	Logger *slog.Logger // nil: silent
}

// Server is a control API that listens. All methods are safe for concurrent use.
type Server struct {
	cfg       Config
	log       *slog.Logger
	token     string
	listener  net.Listener
	local     netip.AddrPort // zero for a Unix socket
	http      *http.Server
	source    string // of events
	discovery api.Discovery

	base    context.Context // of streams: ends when Close gives up on them
	abandon context.CancelFunc
	drain   chan struct{}   // closed by Drain
	open    context.Context // ends with Close: streams finish
	shut    context.CancelFunc
	served  chan struct{} // closed when the accept loop is over
	err     error         // of the accept loop

	draining sync.Once
	closing  sync.Once
	closed   error

	mu      sync.Mutex
	streams int
	ended   bool           // no stream may begin
	last    uint64         // the last event that streams deliver once open has ended
	wait    sync.WaitGroup // streams
}

// New opens the token file and the address, and serves until Close. The error
// says what is wrong with what was given and how to mend it.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if (cfg.Rules != nil || cfg.Contacts != nil || cfg.History != nil) && cfg.Numbers == nil {
		return nil, errors.New("control: Config.Rules, Contacts and History need Config.Numbers")
	}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	token, err := OpenToken(cfg.TokenFile)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, token: token, source: sourceOf(cfg.Device),
		drain: make(chan struct{}), served: make(chan struct{}),
	}
	address := ""
	if s.listener, address, err = cfg.listen(ctx); err != nil {
		return nil, err
	}
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok {
		s.local = tcp.AddrPort()
	}
	s.discovery = discoveryOf(address, cfg.TokenFile)
	s.base, s.abandon = context.WithCancel(context.WithoutCancel(ctx))
	s.open, s.shut = context.WithCancel(s.base)
	s.http = &http.Server{
		Handler: s.gate(s.routes()), BaseContext: func(net.Listener) context.Context { return s.base },
		ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	if cfg.DataDir != "" {
		if err := announce(cfg.DataDir, s.discovery); err != nil {
			s.shut()
			s.abandon()
			return nil, errors.Join(err, s.listener.Close())
		}
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("the control API stopped: %w", err)
			s.log.Error("the control API stopped", "error", err)
		}
	}()
	return s, nil
}

// complete fills in what was left out.
func (c *Config) complete() error {
	if err := CheckAddress(c.Address); err != nil {
		return err
	}
	var err error
	if path, ok := strings.CutPrefix(c.Address, unixScheme); ok { // commands in other folders are told
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		c.Address = unixScheme + path
	}
	if c.TokenFile == "" {
		return errors.New("control: Config.TokenFile is empty; name the file of the bearer token")
	}
	if c.TokenFile, err = filepath.Abs(c.TokenFile); err != nil {
		return err
	}
	if c.Device == "" {
		if c.Device, err = os.Hostname(); err != nil || c.Device == "" {
			c.Device = "softphone"
		}
	}
	if c.MaxStreams <= 0 {
		c.MaxStreams = defaultStream
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = defaultWrite
	}
	if c.PingEvery <= 0 {
		c.PingEvery = defaultPing
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Address returns where the server listens: "http://127.0.0.1:8780" or
// "unix:/path".
func (s *Server) Address() string { return s.discovery.Address }

// Done is closed when the server no longer serves; Close tells why.
func (s *Server) Done() <-chan struct{} { return s.served }

// Drain refuses directives from now on (503) while all else goes on: the phone
// is about to stop. It is idempotent.
func (s *Server) Drain() { s.draining.Do(func() { close(s.drain) }) }

func (s *Server) isDraining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}

// Close ends the server: event streams get what is in the journal by now and
// are closed, requests under way are finished. When ctx ends first, both are cut
// off. It waits for all goroutines, and is idempotent.
func (s *Server) Close(ctx context.Context) error {
	s.closing.Do(func() { s.closed = s.close(ctx) })
	return s.closed
}

func (s *Server) close(ctx context.Context) error {
	s.Drain()
	if s.cfg.DataDir != "" {
		withdraw(s.cfg.DataDir, s.discovery)
	}
	// Without a last event, streams go on until ctx ends: none may say that it
	// delivered all there is.
	last := uint64(math.MaxUint64)
	if s.cfg.Journal != nil {
		if n, err := s.cfg.Journal.LastSeq(context.WithoutCancel(ctx)); err == nil {
			last = n
		} else {
			s.log.Warn("event streams are cut off: the journal cannot be read", "error", err)
		}
	}
	s.mu.Lock()
	s.ended, s.last = true, last
	s.mu.Unlock()
	s.shut()
	stop := context.AfterFunc(ctx, s.abandon)
	defer stop()
	err := s.http.Shutdown(ctx) // waits for server-sent events too
	if err != nil {
		s.abandon()
		_ = s.http.Close()
		err = fmt.Errorf("the control API was cut off while it served: %w", err)
	}
	s.wait.Wait()
	s.abandon()
	<-s.served
	return errors.Join(err, s.err)
}
