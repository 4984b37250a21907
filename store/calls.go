package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// CauseRestart is the cause of a call that ended because its process did.
const CauseRestart = "restart"

// TypeEnded is the type of the event that RecoverOpenCalls makes when it is not
// told another.
const TypeEnded = "call.ended"

// OpenCall is a call that the journal saw begin and not end.
type OpenCall struct {
	CallID  string
	Subject string     // of the newest event that had a row of the call
	Row     HistoryRow // as it goes into the history: Ended, Type and Cause are set
}

// markPath is where a process that has open calls marks itself alive.
func (s *Store) markPath(instance string) string { return s.path + ".live-" + instance }

// mark marks this process alive before its first open call is written, so that
// another one that shares the file leaves its calls alone.
func (s *Store) mark(batch []pending) error {
	if s.alive != nil || s.path == memory {
		return nil
	}
	for i := range batch {
		if row := batch[i].row; row != nil && row.Ended.IsZero() {
			lock, err := markAlive(s.markPath(s.instance))
			if err != nil {
				return fmt.Errorf("store: the mark of a living process cannot be set beside %s: %w", s.path, err)
			}
			s.alive = lock
			return nil
		}
	}
	return nil
}

// unmark takes the mark back. Calls that are still open count as left behind
// from here on.
func (s *Store) unmark() {
	if s.alive == nil {
		return
	}
	path := s.markPath(s.instance)
	_ = os.Remove(path) // where an open file cannot be removed, the next line frees it
	s.alive.release()
	_ = os.Remove(path)
}

// sweep removes the marks of processes that are gone and left no call open.
func (s *Store) sweep() {
	if s.path == memory {
		return
	}
	marks, _ := filepath.Glob(s.markPath("*"))
	for _, m := range marks {
		isAlive(m)
	}
}

func (s *Store) keepOpen(ctx context.Context, tx *sql.Tx, ev *Event, row *HistoryRow) error {
	text, err := json.Marshal(row)
	if err != nil {
		return err
	}
	_, err = tx.StmtContext(ctx, s.files.stmts.openCall).ExecContext(ctx,
		row.CallID, ev.Subject, s.instance, ev.Seq, text)
	return err
}

// RecoverOpenCalls ends the calls that processes which are gone left open: for
// each it appends the event that event returns (nil: one of TypeEnded with the
// cause) and the history row, in one transaction for all, and returns them.
// Calls of this and of other living processes stay. What the program did last
// is known, not when it ended: Ended is the time of the call's newest event.
func (s *Store) RecoverOpenCalls(ctx context.Context, event func(OpenCall) Event) ([]OpenCall, error) {
	if event == nil {
		event = endedEvent
	}
	calls, err := s.recoverOpenCalls(ctx, event)
	if err != nil {
		return nil, s.closed(fmt.Errorf("store: the calls left open cannot be ended: %w", err))
	}
	if len(calls) > 0 {
		s.publish()
	}
	s.sweep()
	return calls, nil
}

func (s *Store) recoverOpenCalls(ctx context.Context, event func(OpenCall) Event) ([]OpenCall, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := s.files.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	calls, err := s.leftOpen(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, c := range calls {
		p := pending{ev: event(c)}
		if err := p.complete(); err != nil {
			return nil, err
		}
		if err := s.insert(ctx, tx, &p.ev, &c.Row); err != nil {
			return nil, err
		}
	}
	return calls, tx.Commit()
}

// leftOpen reads the open calls whose process is gone.
func (s *Store) leftOpen(ctx context.Context, tx *sql.Tx) (calls []OpenCall, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT call_id, subject, owner, row,
		(SELECT time FROM events WHERE events.subject = open_calls.subject ORDER BY seq DESC LIMIT 1)
		FROM open_calls ORDER BY event`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	gone := map[string]bool{s.instance: false}
	for rows.Next() {
		var c OpenCall
		var owner string
		var text []byte
		var last sql.NullInt64 // the events may be pruned
		if err := rows.Scan(&c.CallID, &c.Subject, &owner, &text, &last); err != nil {
			return nil, err
		}
		if _, known := gone[owner]; !known {
			gone[owner] = s.path == memory || !isAlive(s.markPath(owner))
		}
		if !gone[owner] {
			continue
		}
		if err := json.Unmarshal(text, &c.Row); err != nil {
			return nil, err
		}
		c.Row.end(timeOf(last.Int64))
		calls = append(calls, c)
	}
	return calls, rows.Err()
}

// end completes the row of a call whose end no one saw.
func (r *HistoryRow) end(last time.Time) {
	r.Cause = CauseRestart
	r.Ended = last
	for _, t := range []time.Time{r.Started, r.Answered} {
		if r.Ended.Before(t) {
			r.Ended = t
		}
	}
	if r.Ended.IsZero() {
		r.Ended = time.Now()
	}
	answered := !r.Answered.IsZero()
	if answered {
		r.Talk = r.Ended.Sub(r.Answered)
	}
	if r.Type != "" {
		return
	}
	switch {
	case r.Direction == "out" && answered:
		r.Type = HistoryOut
	case r.Direction == "out":
		r.Type = HistoryOutCanceled
	case answered:
		r.Type = HistoryIn
	default:
		r.Type = HistoryMissed
	}
}

func endedEvent(c OpenCall) Event {
	data, err := json.Marshal(map[string]string{"call_id": c.CallID, "cause": CauseRestart})
	if err != nil {
		data = nil
	}
	return Event{Type: TypeEnded, Subject: c.Subject, Data: data}
}
