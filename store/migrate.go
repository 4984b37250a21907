package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
)

// migrations bring the schema from one version to the next: 0001.sql makes
// version 1 of an empty file. One that was released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

const (
	schemaVersion = 4
	// applicationID marks the file as ours (PRAGMA application_id): "SPHN".
	applicationID = 0x5350484e
)

// migrate brings the schema to the newest version. Several processes may do
// so at once: each step is one transaction that looks again at the version.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	for tries := 1; ; {
		done, err := migrateOnce(ctx, db, path)
		switch {
		case isBusy(err) && tries < maxTries:
			tries++ // another process writes for long, or makes the schema
		case err != nil || done:
			return err
		}
	}
}

func migrateOnce(ctx context.Context, db *sql.DB, path string) (done bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("store: %s cannot be locked for writing: %w", path, err)
	}
	defer func() { _ = tx.Rollback() }()
	var version, id, tables int
	err = tx.QueryRowContext(ctx, `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&version, &id, &tables)
	switch {
	case err != nil:
		return false, fmt.Errorf("store: the schema version of %s cannot be read: %w", path, err)
	case id != applicationID && (tables > 0 || id != 0):
		return false, &ForeignError{Path: path}
	case version > schemaVersion:
		return false, &VersionError{Path: path, Found: version, Known: schemaVersion}
	case version == schemaVersion:
		return true, nil
	}
	text, err := migrations.ReadFile(fmt.Sprintf("migrations/%04d.sql", version+1))
	if err != nil {
		return false, fmt.Errorf("store: the step to schema version %d is not in the program: %w", version+1, err)
	}
	step := fmt.Sprintf("%s;\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;", text, applicationID, version+1)
	if _, err := tx.ExecContext(ctx, step); err != nil {
		return false, fmt.Errorf("store: %s cannot be brought to schema version %d: %w", path, version+1, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("store: %s cannot be brought to schema version %d: %w", path, version+1, err)
	}
	return false, nil
}
