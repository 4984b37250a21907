package store

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Options configure a Store; the zero value is ready to use.
type Options struct {
	Logger      *slog.Logger
	BusyTimeout time.Duration
	QueueLimit  int
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct{}

// Event is one entry of the journal.
type Event struct {
	Seq     uint64
	ID      string
	Type    string
	Subject string
	Time    time.Time
	Data    json.RawMessage
}

// Open opens or creates the store; ":memory:" is an ephemeral one.
func Open(ctx context.Context, path string, o Options) (*Store, error) { return &Store{}, nil }

// Close writes what is queued and closes the file. It is idempotent.
func (s *Store) Close() error { return nil }

// Recovery tells of a damaged file that was moved aside.
type Recovery struct {
	Path    string // the store
	MovedTo string // where the damaged file is now
	Reason  string // what was wrong with it
}

// Recovered reports whether Open found a damaged file, and where it is now.
func (s *Store) Recovered() (Recovery, bool) { return Recovery{}, false }

// Append queues an event; done is called after its commit.
func (s *Store) Append(ev Event, row *HistoryRow, done func(seq uint64, err error)) {}

// AppendWait appends an event and waits for its commit.
func (s *Store) AppendWait(ctx context.Context, ev Event, row *HistoryRow) (uint64, error) {
	return 0, nil
}

// Events returns up to limit events after since, oldest first.
func (s *Store) Events(ctx context.Context, since uint64, limit int) ([]Event, error) {
	return nil, nil
}

// LastSeq returns the sequence number of the newest event.
func (s *Store) LastSeq(ctx context.Context) (uint64, error) { return 0, nil }

// Prune deletes all but the newest keep events.
func (s *Store) Prune(ctx context.Context, keep uint64) error { return nil }

// Cursor follows the journal after since.
func (s *Store) Cursor(since uint64) *Cursor { return &Cursor{} }

// Cursor reads the journal in order.
type Cursor struct{}

// Next returns the next event, waiting for it until ctx ends.
func (c *Cursor) Next(ctx context.Context) (Event, error) { return Event{}, nil }

// HistoryType is the type of a history row (PhoneCall 1.3, history.type).
type HistoryType string

// The history types of PhoneCall 1.3.
const (
	HistoryOut          HistoryType = "OUT"
	HistoryOutCanceled  HistoryType = "OUT_CANCELED"
	HistoryIn           HistoryType = "IN"
	HistoryRejected     HistoryType = "REJECTED"
	HistoryMissed       HistoryType = "MISSED"
	HistoryVoiceMessage HistoryType = "VOICE_MESSAGE"
	HistoryBlocked      HistoryType = "BLOCKED"
)

// HistoryRow is one call in the history. A row whose Ended is zero belongs to a
// call still under way: it is kept aside, and becomes history when a row of the
// same CallID with Ended set is appended, or through RecoverOpenCalls.
type HistoryRow struct {
	ID        int64
	CallID    string
	Direction string // "in" or "out"
	Type      HistoryType
	Number    string // canonical
	RawNumber string // as it came
	Name      string
	AccountID string
	CallType  string // NORMAL...
	Cause     string
	Started   time.Time
	Answered  time.Time // zero: never
	Ended     time.Time
	Ring      time.Duration
	Talk      time.Duration
	SIPCode   int
}

// HistoryFilter selects history rows; zero fields select all.
type HistoryFilter struct {
	Number    string
	Types     []HistoryType
	Direction string
	AccountID string
	Since     time.Time // started at or after
	Until     time.Time // started before
	BeforeID  int64     // for paging: rows older than this one
	Limit     int       // 0: 100
}

// History returns the rows selected, newest first.
func (s *Store) History(ctx context.Context, f HistoryFilter) ([]HistoryRow, error) { return nil, nil }

// LastIncoming returns the newest incoming row of the number, BLOCKED ones left out.
func (s *Store) LastIncoming(ctx context.Context, number string) (HistoryRow, bool, error) {
	return HistoryRow{}, false, nil
}

// LastOutgoing returns the newest outgoing row of any number.
func (s *Store) LastOutgoing(ctx context.Context) (HistoryRow, bool, error) {
	return HistoryRow{}, false, nil
}

// CountOutgoing counts the outgoing rows of the number.
func (s *Store) CountOutgoing(ctx context.Context, number string) (int, error) { return 0, nil }

// IsRecentMissed reports whether the newest incoming row of the number is MISSED.
func (s *Store) IsRecentMissed(ctx context.Context, number string) (bool, error) { return false, nil }

// OpenCall is a call that the journal saw begin and not end.
type OpenCall struct {
	CallID  string
	Subject string
	Row     HistoryRow // as last appended, Ended zero
}

// RecoverOpenCalls ends the calls that a process which is gone left open.
func (s *Store) RecoverOpenCalls(ctx context.Context, event func(OpenCall) Event) ([]OpenCall, error) {
	return nil, nil
}

// Setting returns the value kept under key.
func (s *Store) Setting(ctx context.Context, key string) (string, bool, error) { return "", false, nil }

// SetSetting keeps value under key.
func (s *Store) SetSetting(ctx context.Context, key, value string) error { return nil }
