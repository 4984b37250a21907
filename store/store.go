package store

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	defaultBusy  = 5 * time.Second
	defaultQueue = 100_000
)

// Options configure a Store; the zero value is ready to use.
type Options struct {
	Logger      *slog.Logger  // nil: silent
	BusyTimeout time.Duration // wait for another process that writes; 0: 5 s
	QueueLimit  int           // events waiting to be written; 0: 100,000
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct {
	path      string
	instance  string // this opening of the store, owner of its open calls
	files     *files
	log       *slog.Logger
	limit     int
	recovered *Recovery

	wake         chan struct{} // one token: the queue is not empty, or closing
	written      chan struct{} // closed when the writer is done
	stop         chan struct{} // closed by Close, for the cursors
	identityMu   sync.Mutex
	identity     string    // see Identity; empty: nobody has asked
	identityLock *fileLock // others are kept from it

	alive *fileLock // owned by the writer: marks the owner of open calls

	mu      sync.Mutex
	queue   []pending
	closing bool
	changed chan struct{} // closed and made anew after each commit

	closeOnce sync.Once
	closeErr  error
}

// Open opens or creates the store at path; ":memory:" is one that ends with
// Close. It checks the whole file first. A damaged one is moved aside and a new
// one takes its place: see Recovered. A store of a newer program fails with
// *VersionError, another program's database with *ForeignError, a damaged store
// that another process has open with *BusyError.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = defaultBusy
	}
	if o.QueueLimit <= 0 {
		o.QueueLimit = defaultQueue
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f, recovered, err := openFiles(ctx, path, o.BusyTimeout)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: path, instance: uuid.NewString(), files: f, log: o.Logger, limit: o.QueueLimit, recovered: recovered,
		wake: make(chan struct{}, 1), written: make(chan struct{}), stop: make(chan struct{}), changed: make(chan struct{}),
	}
	if recovered != nil {
		s.log.Error(recovered.String())
	}
	go s.write()
	return s, nil
}

// Recovered reports whether Open found a damaged file, and where it is now.
func (s *Store) Recovered() (Recovery, bool) {
	if s.recovered == nil {
		return Recovery{}, false
	}
	return *s.recovered, true
}

// Close writes what is queued, calls the done functions, and closes the file.
// It is idempotent, and must not be called from a done function.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.mu.Lock()
		s.closing = true
		s.mu.Unlock()
		s.signal()
		<-s.written
		close(s.stop)
		s.dropIdentity()
		s.closeErr = s.files.close()
	})
	return s.closeErr
}

func (s *Store) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// closed turns the errors that queries meet after Close into ErrClosed.
func (s *Store) closed(err error) error {
	if err != nil && s.isClosing() {
		return ErrClosed
	}
	return err
}

// nanos is how times are kept; the zero time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
