package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	page = 256 // events a cursor reads at once
	// pollEvery is how often a waiting cursor looks for events of other
	// processes; those of its own it hears of at once.
	pollEvery = time.Second
	pruneStep = 5000 // events deleted in one transaction
	// maxEvents bounds one answer of Events.
	maxEvents = 10_000
)

// Events returns up to limit events after since, oldest first. A limit of 0, or
// above 10,000, is 10,000.
func (s *Store) Events(ctx context.Context, since uint64, limit int) ([]Event, error) {
	if limit <= 0 || limit > maxEvents {
		limit = maxEvents
	}
	events, err := s.events(ctx, since, limit)
	if err != nil {
		return nil, s.closed(fmt.Errorf("store: the events after %d cannot be read: %w", since, err))
	}
	return events, nil
}

func (s *Store) events(ctx context.Context, since uint64, limit int) (out []Event, err error) {
	rows, err := s.files.stmts.eventsAfter.QueryContext(ctx, int64(min(since, 1<<62)), limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var ev Event
		var seq, at int64
		var data []byte
		if err := rows.Scan(&seq, &ev.ID, &ev.Type, &ev.Subject, &at, &data); err != nil {
			return nil, err
		}
		ev.Seq, ev.Time = uint64(seq), time.Unix(0, at).UTC()
		if len(data) > 0 {
			ev.Data = data
		}
		out = append(out, ev)
	}
	return out, rows.Err()
}

// LastSeq returns the sequence number of the newest event, pruned ones too; 0
// before the first.
func (s *Store) LastSeq(ctx context.Context) (uint64, error) {
	last, _, err := s.ends(ctx)
	return last, s.closed(err)
}

// ends returns the newest sequence number and the first one that is there; the
// latter is the next to come in an empty journal.
func (s *Store) ends(ctx context.Context) (last, first uint64, err error) {
	var newest, oldest sql.NullInt64
	err = s.files.stmts.ends.QueryRowContext(ctx).Scan(&newest, &oldest)
	if err != nil {
		return 0, 0, fmt.Errorf("store: the journal cannot be read: %w", err)
	}
	last, first = uint64(newest.Int64), uint64(oldest.Int64)
	if !oldest.Valid {
		first = last + 1
	}
	return last, first, nil
}

// Prune deletes all events but the newest keep. Cursors that had not read the
// others get a *GapError. History and sequence numbers stay.
func (s *Store) Prune(ctx context.Context, keep uint64) error {
	last, first, err := s.ends(ctx)
	if err != nil {
		return s.closed(err)
	}
	for keep < last && first <= last-keep {
		if err := ctx.Err(); err != nil {
			return err
		}
		upTo := min(first+pruneStep, last-keep)
		_, err := s.files.write.ExecContext(context.WithoutCancel(ctx), `DELETE FROM events WHERE seq <= ?`, int64(upTo))
		if err != nil {
			return s.closed(fmt.Errorf("store: old events cannot be deleted: %w", err))
		}
		first = upTo + 1
	}
	return nil
}

// Cursor returns a cursor that stands after the event since: 0 before all.
func (s *Store) Cursor(since uint64) *Cursor { return &Cursor{store: s, at: since} }

// Cursor reads the journal in order: first what is there, then what comes, also
// from other processes, without loss and without repetition. It needs no
// closing. One goroutine at a time uses it.
type Cursor struct {
	store *Store
	at    uint64 // last event returned
	page  []Event
}

// Seq returns the sequence number of the last event that Next returned, or
// where the cursor began.
func (c *Cursor) Seq() uint64 { return c.at }

// Next returns the next event, waiting for it until ctx ends; after Close it
// returns ErrClosed. When events are missing it returns a *GapError once, and
// goes on with the first event there is.
func (c *Cursor) Next(ctx context.Context) (Event, error) {
	for {
		if len(c.page) > 0 {
			ev := c.page[0]
			if ev.Seq != c.at+1 {
				gap := &GapError{Since: c.at, First: ev.Seq}
				c.at = ev.Seq - 1
				return Event{}, gap
			}
			c.page, c.at = c.page[1:], ev.Seq
			return ev, nil
		}
		if err := c.load(ctx); err != nil {
			return Event{}, err
		}
	}
}

// load reads the next page, and waits when there is none.
func (c *Cursor) load(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	changed := c.store.changes() // before the query, lest a commit slips between
	if c.page, err = c.store.Events(ctx, c.at, page); err != nil || len(c.page) > 0 {
		return err
	}
	last, first, err := c.store.ends(ctx)
	switch {
	case err != nil:
		return c.store.closed(err)
	case c.at > last || c.at < last && first > last: // another journal, or all pruned
		gap := &GapError{Since: c.at, First: first}
		c.at = first - 1
		return gap
	case c.at < last:
		return nil // came in between
	}
	return c.store.wait(ctx, changed)
}

func (s *Store) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Store) wait(ctx context.Context, changed <-chan struct{}) error {
	var poll <-chan time.Time // a store in memory has no other writer
	if s.path != memory {
		timer := time.NewTimer(pollEvery)
		defer timer.Stop()
		poll = timer.C
	}
	select {
	case <-changed:
	case <-poll:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.stop:
		return ErrClosed
	}
	return nil
}
