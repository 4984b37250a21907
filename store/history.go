package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

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
// call still under way: it is kept aside, the newest one of each CallID, and
// becomes history when a row of that CallID with Ended set is appended, or
// through RecoverOpenCalls after a crash.
type HistoryRow struct {
	ID        int64 // given by the store
	CallID    string
	Direction string // "in" or "out"
	Type      HistoryType
	Number    string // canonical
	RawNumber string // as it came
	Name      string
	// PersonType and Label are what a call out knew of the called one (PhoneCall
	// 1.3, Person.type and Contact.label); empty: nothing.
	PersonType string
	Label      string
	AccountID  string
	CallType   string // NORMAL...
	Cause      string
	Started    time.Time
	Answered   time.Time // zero: never
	Ended      time.Time
	Ring       time.Duration
	Talk       time.Duration
	SIPCode    int
}

const (
	historyColumns = `id, call_id, direction, type, number, raw_number, name, account_id, call_type, cause,
		started, answered, ended, ring, talk, sip_code, person_type, label`
	defaultHistory = 100
	maxHistory     = 10_000
)

func insertHistory(ctx context.Context, insert *sql.Stmt, event uint64, r *HistoryRow) error {
	_, err := insert.ExecContext(ctx,
		int64(event), r.CallID, r.Direction, string(r.Type), r.Number, r.RawNumber, r.Name, r.AccountID, r.CallType, r.Cause,
		nanos(r.Started), nanos(r.Answered), nanos(r.Ended), int64(r.Ring), int64(r.Talk), r.SIPCode, r.PersonType, r.Label)
	return err
}

// HistoryFilter selects history rows; zero fields select all.
type HistoryFilter struct {
	Number    string // canonical
	Types     []HistoryType
	Direction string
	AccountID string
	Since     time.Time // started at or after
	Until     time.Time // started before
	BeforeID  int64     // for paging: rows older than this one
	Limit     int       // 0: 100; at most 10,000
}

// where returns the condition and its arguments.
func (f HistoryFilter) where() (string, []any) {
	parts, args := []string{"1"}, []any{}
	and := func(part string, values ...any) {
		parts, args = append(parts, part), append(args, values...)
	}
	if f.Number != "" {
		and("number = ?", f.Number)
	}
	if len(f.Types) > 0 {
		types := make([]any, len(f.Types))
		for i, t := range f.Types {
			types[i] = string(t)
		}
		and("type IN (?"+strings.Repeat(", ?", len(types)-1)+")", types...)
	}
	if f.Direction != "" {
		and("direction = ?", f.Direction)
	}
	if f.AccountID != "" {
		and("account_id = ?", f.AccountID)
	}
	if !f.Since.IsZero() {
		and("started >= ?", nanos(f.Since))
	}
	if !f.Until.IsZero() {
		and("started < ?", nanos(f.Until))
	}
	if f.BeforeID > 0 {
		and("id < ?", f.BeforeID)
	}
	return strings.Join(parts, " AND "), args
}

// History returns the rows selected, newest first.
func (s *Store) History(ctx context.Context, f HistoryFilter) ([]HistoryRow, error) {
	if f.Limit <= 0 {
		f.Limit = defaultHistory
	}
	where, args := f.where()
	rows, err := s.history(ctx, where, append(args, min(f.Limit, maxHistory))...)
	if err != nil {
		return nil, s.closed(fmt.Errorf("store: the history cannot be read: %w", err))
	}
	return rows, nil
}

func (s *Store) history(ctx context.Context, where string, args ...any) (out []HistoryRow, err error) {
	rows, err := s.files.read.QueryContext(ctx,
		"SELECT "+historyColumns+" FROM history WHERE "+where+" ORDER BY id DESC LIMIT ?", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		r, err := scanHistory(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func scanHistory(row scanner) (r HistoryRow, err error) {
	var started, answered, ended int64
	err = row.Scan(&r.ID, &r.CallID, &r.Direction, &r.Type, &r.Number, &r.RawNumber, &r.Name, &r.AccountID, &r.CallType,
		&r.Cause, &started, &answered, &ended, &r.Ring, &r.Talk, &r.SIPCode, &r.PersonType, &r.Label)
	r.Started, r.Answered, r.Ended = timeOf(started), timeOf(answered), timeOf(ended)
	return r, err
}

func (s *Store) newest(ctx context.Context, f HistoryFilter) (HistoryRow, bool, error) {
	f.Limit = 1
	rows, err := s.History(ctx, f)
	if err != nil || len(rows) == 0 {
		return HistoryRow{}, false, err
	}
	return rows[0], true, nil
}

// LastIncoming returns the newest incoming row of the canonical number; BLOCKED
// rows do not count.
func (s *Store) LastIncoming(ctx context.Context, number string) (HistoryRow, bool, error) {
	if number == "" {
		return HistoryRow{}, false, nil // anonymous callers are not one caller
	}
	return s.newest(ctx, HistoryFilter{Number: number, Types: []HistoryType{HistoryIn, HistoryRejected, HistoryMissed}})
}

// IsRecentMissed reports whether LastIncoming is MISSED (PhoneCall 1.3,
// isRecentMissed).
func (s *Store) IsRecentMissed(ctx context.Context, number string) (bool, error) {
	r, ok, err := s.LastIncoming(ctx, number)
	return ok && r.Type == HistoryMissed, err
}

// LastOutgoing returns the newest outgoing row of any number, for redialling.
func (s *Store) LastOutgoing(ctx context.Context) (HistoryRow, bool, error) {
	return s.newest(ctx, HistoryFilter{Types: []HistoryType{HistoryOut, HistoryOutCanceled}})
}

// CountOutgoing counts the outgoing rows of the canonical number (PhoneCall
// 1.3, numInCallHistory).
func (s *Store) CountOutgoing(ctx context.Context, number string) (int, error) {
	var n int
	err := s.files.read.QueryRowContext(ctx, `SELECT count(*) FROM history WHERE number = ? AND type IN (?, ?)`,
		number, string(HistoryOut), string(HistoryOutCanceled)).Scan(&n)
	if err != nil {
		return 0, s.closed(fmt.Errorf("store: the history cannot be counted: %w", err))
	}
	return n, nil
}
