package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Setting returns the value kept under key, and whether there is one.
func (s *Store) Setting(ctx context.Context, key string) (string, bool, error) {
	var value string
	err := s.files.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE key = ?`, key).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, s.closed(fmt.Errorf("store: setting %q cannot be read: %w", key, err))
	}
	return value, true, nil
}

// SetSetting keeps value under key, durably before it returns.
func (s *Store) SetSetting(ctx context.Context, key, value string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	_, err := s.files.write.ExecContext(context.WithoutCancel(ctx),
		`INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	if err != nil {
		return s.closed(fmt.Errorf("store: setting %q cannot be written: %w", key, err))
	}
	return nil
}
