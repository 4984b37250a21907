package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// StoredRule is a block rule as the store keeps it. It is an alias of a plain
// struct, so that package blocklist, which has the same one, need not be
// imported here.
type StoredRule = struct {
	ID      int64
	Type    string // EXACT, PREFIX, POSTFIX
	Pattern string
	Raw     string
	Added   time.Time
	By      string
}

// Rules is the block rules of a store; blocklist takes it as its RuleStore.
type Rules struct{ store *Store }

// Rules returns the block rules.
func (s *Store) Rules() *Rules { return &Rules{store: s} }

// AddRules keeps the rules, all or none, and returns them with their IDs once
// they are durable. One whose type and pattern are there already is returned as
// it is kept.
func (r *Rules) AddRules(ctx context.Context, rules []StoredRule) ([]StoredRule, error) {
	out, err := r.add(ctx, rules)
	if err != nil {
		return nil, r.store.closed(fmt.Errorf("store: block rules cannot be written: %w", err))
	}
	return out, nil
}

func (r *Rules) add(ctx context.Context, rules []StoredRule) ([]StoredRule, error) {
	tx, ctx, err := r.store.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	put, err := tx.PrepareContext(ctx, `INSERT INTO block_rules (type, pattern, raw, added, by) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (type, pattern) DO NOTHING`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = put.Close() }()
	out := make([]StoredRule, len(rules))
	for i, s := range rules {
		if _, err := put.ExecContext(ctx, s.Type, s.Pattern, s.Raw, nanos(s.Added), s.By); err != nil {
			return nil, err
		}
		kept := tx.QueryRowContext(ctx, `SELECT id, type, pattern, raw, added, by FROM block_rules WHERE type = ? AND pattern = ?`, s.Type, s.Pattern)
		if out[i], err = scanRule(kept); err != nil {
			return nil, err
		}
	}
	return out, tx.Commit()
}

// begin starts a transaction that the end of ctx does not tear apart.
func (s *Store) begin(ctx context.Context) (*sql.Tx, context.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, ctx, context.Cause(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := s.files.write.BeginTx(ctx, nil)
	return tx, ctx, err
}

type scanner interface{ Scan(...any) error }

func scanRule(row scanner) (s StoredRule, err error) {
	var added int64
	err = row.Scan(&s.ID, &s.Type, &s.Pattern, &s.Raw, &added, &s.By)
	s.Added = timeOf(added)
	return s, err
}

// RemoveRule removes one rule, durably; removing what is not there is no error.
func (r *Rules) RemoveRule(ctx context.Context, id int64) error {
	tx, ctx, err := r.store.begin(ctx)
	if err == nil {
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(ctx, `DELETE FROM block_rules WHERE id = ?`, id)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return r.store.closed(fmt.Errorf("store: block rule %d cannot be removed: %w", id, err))
	}
	return nil
}

// RuleChanges calls yield for what changed after the change numbered since, in
// order, and returns the number of the last one. A removed rule has an ID and
// an empty Type. A since below 0 yields the rules there are. yield must not call the
// store.
func (r *Rules) RuleChanges(ctx context.Context, since int64, yield func(StoredRule)) (int64, error) {
	last, err := r.changes(ctx, since, yield)
	if err != nil {
		return 0, r.store.closed(fmt.Errorf("store: the block rules cannot be read: %w", err))
	}
	return last, nil
}

func (r *Rules) changes(ctx context.Context, since int64, yield func(StoredRule)) (last int64, err error) {
	// One transaction, so that the number fits the rules.
	tx, err := r.store.files.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(change), 0) FROM block_changes`).Scan(&last); err != nil || last == since {
		return since, err
	}
	query, args := `SELECT id, type, pattern, raw, added, by FROM block_rules ORDER BY id`, []any{}
	if since >= 0 {
		query = `SELECT c.rule, coalesce(b.type, ''), coalesce(b.pattern, ''), coalesce(b.raw, ''), coalesce(b.added, 0), coalesce(b.by, '')
			FROM (SELECT rule, max(change) AS change FROM block_changes WHERE change > ? GROUP BY rule) AS c
			LEFT JOIN block_rules AS b ON b.id = c.rule ORDER BY c.change`
		args = append(args, since)
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		s, err := scanRule(rows)
		if err != nil {
			return 0, err
		}
		yield(s)
	}
	return last, rows.Err()
}
