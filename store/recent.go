package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Recent returns the newest rows of the filter, newest first, at most limit (0:
// 100; at most 10,000).
func (s *Store) Recent(ctx context.Context, f HistoryFilter, limit int) ([]HistoryRow, error) {
	f.Limit = limit
	return s.History(ctx, f)
}

// RecentNumbers is Recent with the newest row of each number only; f.BeforeID
// pages by rows, so a number may come again on another page. Callers without a
// number are not one caller: each row of theirs counts.
func (s *Store) RecentNumbers(ctx context.Context, f HistoryFilter, limit int) ([]HistoryRow, error) {
	if limit <= 0 {
		limit = defaultHistory
	}
	rows, err := s.recentNumbers(ctx, f, min(limit, maxHistory))
	if err != nil {
		return nil, s.closed(fmt.Errorf("store: the history cannot be read: %w", err))
	}
	return rows, nil
}

// recentNumbers walks from the newest row back until it has enough numbers.
func (s *Store) recentNumbers(ctx context.Context, f HistoryFilter, limit int) ([]HistoryRow, error) {
	where, args := f.where()
	rows, err := s.files.read.QueryContext(ctx, "SELECT "+historyColumns+" FROM history WHERE "+where+" ORDER BY id DESC", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []HistoryRow
	seen := map[string]bool{}
	for len(out) < limit && rows.Next() {
		r, err := scanHistory(rows)
		switch {
		case err != nil:
			return nil, err
		case r.Number != "" && seen[r.Number]:
			continue
		}
		seen[r.Number] = true
		out = append(out, r)
	}
	return out, rows.Err()
}

// NumberHistory is what the history knows of one number.
type NumberHistory struct {
	Newest   HistoryRow // of any type
	Outgoing int        // calls to it, connected or not (PhoneCall 1.3, numInCallHistory)
}

// maxNumbers is how many numbers one query asks about.
const maxNumbers = 500

// OfNumbers returns what the history knows of each of the canonical numbers;
// one that it does not know is not in the map.
func (s *Store) OfNumbers(ctx context.Context, numbers ...string) (map[string]NumberHistory, error) {
	out := make(map[string]NumberHistory, len(numbers))
	for len(numbers) > 0 {
		n := min(len(numbers), maxNumbers)
		if err := s.ofNumbers(ctx, numbers[:n], out); err != nil {
			return nil, s.closed(fmt.Errorf("store: the history cannot be read: %w", err))
		}
		numbers = numbers[n:]
	}
	return out, nil
}

func (s *Store) ofNumbers(ctx context.Context, numbers []string, out map[string]NumberHistory) error {
	args := []any{string(HistoryOut), string(HistoryOutCanceled)}
	for _, n := range numbers {
		if n != "" {
			args = append(args, n)
		}
	}
	if len(args) == 2 {
		return nil
	}
	counts := map[string]int{}
	ids := []any{}
	rows, err := s.files.read.QueryContext(ctx, `SELECT number, max(id), sum(type IN (?, ?)) FROM history
		WHERE number IN (?`+strings.Repeat(", ?", len(args)-3)+`) GROUP BY number`, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var number string
		var id int64
		var count int
		if err := rows.Scan(&number, &id, &count); err != nil {
			return err
		}
		counts[number], ids = count, append(ids, id)
	}
	if err := rows.Err(); err != nil || len(ids) == 0 {
		return err
	}
	newest, err := s.history(ctx, "id IN (?"+strings.Repeat(", ?", len(ids)-1)+")", append(ids, len(ids))...)
	if err != nil {
		return err
	}
	for _, r := range newest {
		out[r.Number] = NumberHistory{Newest: r, Outgoing: counts[r.Number]}
	}
	return nil
}

// HistoryTotal sums up rows.
type HistoryTotal struct {
	Calls  int
	Talk   time.Duration
	Ring   time.Duration
	ByType map[HistoryType]int // those there are
}

// Total sums up the rows of the filter, whose Limit does not count.
func (s *Store) Total(ctx context.Context, f HistoryFilter) (HistoryTotal, error) {
	t, err := s.total(ctx, f)
	if err != nil {
		return HistoryTotal{}, s.closed(fmt.Errorf("store: the history cannot be summed up: %w", err))
	}
	return t, nil
}

func (s *Store) total(ctx context.Context, f HistoryFilter) (HistoryTotal, error) {
	t := HistoryTotal{ByType: map[HistoryType]int{}}
	where, args := f.where()
	rows, err := s.files.read.QueryContext(ctx, "SELECT type, count(*), sum(talk), sum(ring) FROM history WHERE "+where+" GROUP BY type", args...)
	if err != nil {
		return t, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var typ HistoryType
		var calls int
		var talk, ring time.Duration
		if err := rows.Scan(&typ, &calls, &talk, &ring); err != nil {
			return t, err
		}
		t.ByType[typ] = calls
		t.Calls += calls
		t.Talk += talk
		t.Ring += ring
	}
	return t, rows.Err()
}
