package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// The statements that every event needs. They are prepared once: to read their
// text anew costs SQLite more than to carry them out.
const (
	insertEvent = `INSERT INTO events (id, type, subject, time, data) VALUES (?, ?, ?, ?, ?)`
	insertRow   = `INSERT INTO history (event, call_id, direction, type, number, raw_number, name, account_id,
		call_type, cause, started, answered, ended, ring, talk, sip_code, person_type, label)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	openCall = `INSERT INTO open_calls (call_id, subject, owner, event, row) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (call_id) DO UPDATE SET subject = excluded.subject, owner = excluded.owner, event = excluded.event, row = excluded.row`
	closeCall    = `DELETE FROM open_calls WHERE call_id = ?`
	eventsAfter  = `SELECT seq, id, type, subject, time, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?`
	journalsEnds = `SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'events'), (SELECT min(seq) FROM events)`
)

// statements are those, each on the connections that have used it so far. Safe
// for any goroutine.
type statements struct {
	insertEvent, insertRow, openCall, closeCall *sql.Stmt // of files.write
	eventsAfter, ends                           *sql.Stmt // of files.read
}

func (f *files) prepareStatements(ctx context.Context) error {
	for _, p := range []struct {
		to   **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&f.stmts.insertEvent, f.write, insertEvent},
		{&f.stmts.insertRow, f.write, insertRow},
		{&f.stmts.openCall, f.write, openCall},
		{&f.stmts.closeCall, f.write, closeCall},
		{&f.stmts.eventsAfter, f.read, eventsAfter},
		{&f.stmts.ends, f.read, journalsEnds},
	} {
		s, err := p.db.PrepareContext(ctx, p.text)
		if err != nil {
			return fmt.Errorf("store: a statement cannot be prepared: %w", err)
		}
		*p.to = s
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{s.insertEvent, s.insertRow, s.openCall, s.closeCall, s.eventsAfter, s.ends} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}
