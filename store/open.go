package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	memory   = ":memory:"
	fileMode = 0o600
	dirMode  = 0o700
	readers  = 4 // connections for queries, beside the writer's
	// attempts at a damaged file that another process moves aside meanwhile
	maxRecoveries = 5
)

// Recovery tells of a damaged file that was moved aside.
type Recovery struct {
	Path    string // the store, now a new and empty one
	MovedTo string // where the damaged file is
	Reason  string // what was wrong with it
}

// String says it in one sentence.
func (r Recovery) String() string {
	return fmt.Sprintf("The store %s was damaged (%s): it is kept as %s, and a new empty store took its place.", r.Path, r.Reason, r.MovedTo)
}

// files are the connections to one store.
type files struct {
	write, read *sql.DB // the same one in memory
	stmts       statements
	lock        *fileLock
}

func (f *files) close() error {
	err := errors.Join(f.stmts.close(), f.read.Close())
	if f.write != f.read {
		err = errors.Join(err, f.write.Close())
	}
	f.lock.release()
	return err
}

// openFiles opens the file, and moves a damaged one aside first.
func openFiles(ctx context.Context, path string, busy time.Duration) (*files, *Recovery, error) {
	if path == memory {
		f, err := connect(ctx, path, busy)
		return f, nil, err
	}
	if err := prepare(path); err != nil {
		return nil, nil, err
	}
	var recovery *Recovery
	for range maxRecoveries {
		lock, err := lockShared(path + ".lock")
		if err != nil {
			return nil, nil, fmt.Errorf("store: %s.lock cannot be locked: %w", path, err)
		}
		f, err := connect(ctx, path, busy)
		if err == nil {
			f.lock = lock
			return f, recovery, nil
		}
		lock.release()
		if !isDamage(err) {
			return nil, nil, err
		}
		moved, moveErr := moveAside(ctx, path, busy)
		if moveErr != nil {
			return nil, nil, moveErr
		}
		if moved != nil {
			recovery = moved
		}
	}
	return nil, nil, fmt.Errorf("store: %s is damaged again each time it is made anew; check the disk", path)
}

// prepare makes the folder and the file, readable by their owner only.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return fmt.Errorf("store: the folder of %s cannot be made: %w", path, err)
	}
	// A file that is there is never opened here: closing it again would drop
	// the locks that this process has on it where they belong to the process.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		var f *os.File
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode); err == nil {
			err = f.Close()
		}
	case err == nil && info.IsDir():
		err = errors.New("it is a folder")
	case err == nil && info.Mode().Perm()&0o077 != 0:
		err = os.Chmod(path, fileMode)
	}
	if err != nil {
		return fmt.Errorf("store: %s cannot be made a file that only its owner reads: %w", path, err)
	}
	return nil
}

// connect opens the file, checks it and brings its schema up to date.
func connect(ctx context.Context, path string, busy time.Duration) (*files, error) {
	write, err := sql.Open("sqlite", dsn(path, busy, "immediate"))
	if err != nil {
		return nil, fmt.Errorf("store: %s cannot be opened: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	f := &files{write: write, read: write}
	err = check(ctx, write, path)
	if err == nil {
		err = migrate(ctx, write, path)
	}
	if err == nil && path != memory {
		f.read, err = sql.Open("sqlite", dsn(path, busy, "deferred"))
		if err != nil {
			f.read = write
		} else {
			f.read.SetMaxOpenConns(readers)
			f.read.SetMaxIdleConns(readers)
		}
	}
	if err == nil {
		err = f.prepareStatements(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// damaged is what check found. It is a kind of damage SQLite has no error for.
type damaged struct{ what string }

func (e *damaged) Error() string { return "store: the file is damaged: " + e.what }

func check(ctx context.Context, db *sql.DB, path string) error {
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return fmt.Errorf("store: %s cannot be read: %w", path, err)
	}
	if result != "ok" {
		return &damaged{what: strings.ReplaceAll(result, "\n", " ")}
	}
	return nil
}

// dsn is the data source name: what the pragmas mean is in SQLite's manual.
// Writing waits for the disk at every commit (synchronous=FULL). The writer's
// transactions lock at once ("immediate"), since one that has read first cannot
// wait for another process.
func dsn(path string, busy time.Duration, lock string) string {
	const pragmas = "&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	name := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23", `\`, "/").Replace(path)
	if path == memory {
		name = "file::memory:"
	}
	return fmt.Sprintf("%s?_pragma=busy_timeout(%d)%s&_txlock=%s", name, busy.Milliseconds(), pragmas, lock)
}

// moveAside renames a damaged store, unless it is no longer damaged: another
// process may have been faster.
func moveAside(ctx context.Context, path string, busy time.Duration) (*Recovery, error) {
	lock, free, err := lockExclusive(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("store: %s.lock cannot be locked: %w", path, err)
	}
	if !free {
		return nil, stillDamaged(ctx, path, busy)
	}
	defer lock.release()
	f, err := connect(ctx, path, busy)
	if err == nil {
		return nil, f.close()
	}
	if !isDamage(err) {
		return nil, err
	}
	to := path + ".damaged-" + time.Now().UTC().Format("20060102T150405Z")
	for n := 1; exists(to); n++ {
		to = fmt.Sprintf("%s.damaged-%s-%d", path, time.Now().UTC().Format("20060102T150405Z"), n)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("store: the damaged %s cannot be moved aside: %w", path+suffix, err)
		}
	}
	if err := prepare(path); err != nil {
		return nil, err
	}
	return &Recovery{Path: path, MovedTo: to, Reason: reason(err)}, nil
}

// stillDamaged is for a store that another process holds: it is moving the file
// aside, or it works on it and must be stopped first.
func stillDamaged(ctx context.Context, path string, busy time.Duration) error {
	lock, err := lockShared(path + ".lock")
	if err != nil {
		return fmt.Errorf("store: %s.lock cannot be locked: %w", path, err)
	}
	defer lock.release()
	f, err := connect(ctx, path, busy)
	switch {
	case err == nil:
		return f.close()
	case isDamage(err):
		return &BusyError{Path: path, Reason: reason(err)}
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reason is the innermost error's text, on one line.
func reason(err error) string {
	var d *damaged
	if errors.As(err, &d) {
		return d.what
	}
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}
