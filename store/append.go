package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

const (
	maxBatch = 1000    // events in one transaction
	maxData  = 1 << 20 // bytes of an event's data
	maxTries = 3       // at a transaction that another process keeps out
)

// Event is one entry of the journal.
type Event struct {
	Seq     uint64          // 1, 2, 3...; given by the store
	ID      string          // UUIDv7; given by the store when empty
	Type    string          //
	Subject string          // what it is about, such as a call's ID
	Time    time.Time       // given by the store when zero; UTC, ns
	Data    json.RawMessage // at most 1 MiB; nil for none
}

// pending is one event on its way to the disk.
type pending struct {
	ev   Event
	row  *HistoryRow
	done func(seq uint64, err error)
	err  error
}

func (p *pending) finish() {
	if p.done == nil {
		return
	}
	if p.err != nil {
		p.done(0, p.err)
		return
	}
	p.done(p.ev.Seq, nil)
}

// Append queues an event, and the history row of the call it is about, for one
// transaction. It never waits. A row whose Ended is zero is kept aside until
// the call ends; see HistoryRow.
//
// done, if not nil, is called from the writer's goroutine once the event is
// safe on disk, in the order of the events, or with the error that kept it from
// there; it must not block. Only an event that is refused at once (ErrClosed,
// ErrQueueFull, data that is not JSON) has done called before Append returns.
func (s *Store) Append(ev Event, row *HistoryRow, done func(seq uint64, err error)) {
	p := pending{ev: ev, done: done}
	if row != nil {
		r := *row
		p.row = &r
	}
	if p.err = p.complete(); p.err == nil {
		p.err = s.enqueue(p)
	}
	if p.err != nil {
		p.finish()
	}
}

// complete fills in what the caller left out and refuses what makes no sense.
func (p *pending) complete() error {
	if p.ev.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("store: no ID can be made for the event: %w", err)
		}
		p.ev.ID = id.String()
	}
	if p.ev.Time.IsZero() {
		p.ev.Time = time.Now()
	}
	switch {
	case p.ev.Type == "":
		return errors.New("store: an event needs a type")
	case len(p.ev.Data) > maxData:
		return fmt.Errorf("store: the data of event %s has %d bytes; at most %d are kept", p.ev.Type, len(p.ev.Data), maxData)
	case len(p.ev.Data) > 0 && !json.Valid(p.ev.Data):
		return fmt.Errorf("store: the data of event %s is not JSON", p.ev.Type)
	case p.row != nil && p.row.Ended.IsZero() && p.row.CallID == "":
		return fmt.Errorf("store: the row of event %s is of a call under way and needs its CallID", p.ev.Type)
	}
	p.ev.Data = append(json.RawMessage(nil), p.ev.Data...)
	return nil
}

func (s *Store) enqueue(p pending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return ErrClosed
	case len(s.queue) >= s.limit:
		return ErrQueueFull
	}
	s.queue = append(s.queue, p)
	s.signal()
	return nil
}

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// AppendWait is Append that returns once the event is safe on disk. When ctx
// ends first it returns the context's error, and the event is written still.
func (s *Store) AppendWait(ctx context.Context, ev Event, row *HistoryRow) (uint64, error) {
	type result struct {
		seq uint64
		err error
	}
	done := make(chan result, 1)
	s.Append(ev, row, func(seq uint64, err error) { done <- result{seq, err} })
	select {
	case r := <-done:
		return r.seq, r.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// write is the writer's goroutine: what queues up while one transaction waits
// for the disk goes into the next one together.
func (s *Store) write() {
	defer close(s.written)
	for range s.wake {
		for {
			batch, closing := s.take()
			if len(batch) == 0 {
				if closing {
					s.unmark()
					return
				}
				break
			}
			s.commit(batch)
			for i := range batch {
				batch[i].finish()
			}
		}
	}
}

func (s *Store) take() (batch []pending, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), maxBatch)
	batch = append(batch, s.queue[:n]...)
	clear(s.queue[:n])
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return batch, s.closing
}

// commit writes a batch; an event that the tables refuse does not take the
// others down with it.
func (s *Store) commit(batch []pending) {
	for tries := 1; ; tries++ {
		bad, err := s.transaction(batch)
		switch {
		case err == nil:
			s.publish()
			return
		case bad != nil && isConstraint(err):
			bad.err = fmt.Errorf("store: event %s of type %s is refused: %w", bad.ev.ID, bad.ev.Type, err)
			tries = 0
		case isBusy(err) && tries < maxTries:
			s.log.Warn("another process keeps the store locked; trying again", "error", err)
		default:
			s.log.Error("events cannot be written", "events", len(batch), "error", err)
			for i := range batch {
				if batch[i].err == nil {
					batch[i].err = fmt.Errorf("store: the event was not written: %w", err)
				}
			}
			return
		}
	}
}

// transaction writes all events of the batch that have no error yet; bad is the
// one that failed. The caller's context has no part in it: an event is written
// or not, whoever still waits for it.
func (s *Store) transaction(batch []pending) (bad *pending, err error) {
	ctx := context.Background()
	if err := s.mark(batch); err != nil {
		return nil, err
	}
	tx, err := s.files.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	for i := range batch {
		if batch[i].err != nil {
			continue
		}
		if err := s.insert(ctx, tx, &batch[i].ev, batch[i].row); err != nil {
			return &batch[i], err
		}
	}
	return nil, tx.Commit()
}

// insert writes one event and its row, and sets the event's Seq.
func (s *Store) insert(ctx context.Context, tx *sql.Tx, ev *Event, row *HistoryRow) error {
	var data any
	if len(ev.Data) > 0 {
		data = []byte(ev.Data)
	}
	res, err := tx.StmtContext(ctx, s.files.stmts.insertEvent).ExecContext(ctx,
		ev.ID, ev.Type, ev.Subject, ev.Time.UnixNano(), data)
	if err != nil {
		return err
	}
	seq, err := res.LastInsertId()
	if err != nil {
		return err
	}
	ev.Seq = uint64(seq)
	switch {
	case row == nil:
		return nil
	case row.Ended.IsZero():
		return s.keepOpen(ctx, tx, ev, row)
	}
	if row.CallID != "" {
		if _, err := tx.StmtContext(ctx, s.files.stmts.closeCall).ExecContext(ctx, row.CallID); err != nil {
			return err
		}
	}
	return insertHistory(ctx, tx.StmtContext(ctx, s.files.stmts.insertRow), ev.Seq, row)
}

// publish wakes the cursors.
func (s *Store) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}
