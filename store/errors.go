package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

var (
	// ErrClosed is what every method returns once the store is closed.
	ErrClosed = errors.New("store: it is closed")
	// ErrQueueFull refuses an event when too many wait for the disk.
	ErrQueueFull = errors.New("store: too many events wait to be written; the disk is too slow or full")
	// ErrGap is the kind of every *GapError.
	ErrGap = errors.New("store: events are missing from the journal")
)

// GapError says that the events a cursor should read next are not there: they
// were pruned, or the journal is a newer one. Its reader must start over from
// what it can learn elsewhere. errors.Is(err, ErrGap) is true.
type GapError struct {
	Since uint64 // the cursor stood after this event
	First uint64 // the first event there is, or the one that will come next
}

func (e *GapError) Error() string {
	return fmt.Sprintf("store: the journal does not continue after event %d; the first one there is %d", e.Since, e.First)
}

// Is makes every GapError an ErrGap.
func (e *GapError) Is(target error) bool { return target == ErrGap }

// VersionError says that a newer program wrote the store.
type VersionError struct {
	Path         string
	Found, Known int // schema versions
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("store: %s has schema version %d and this program knows versions up to %d; use a newer softphone or another store", e.Path, e.Found, e.Known)
}

// ForeignError says that a file is some other program's database.
type ForeignError struct{ Path string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("store: %s is an SQLite database of another program; give the path of another file", e.Path)
}

// BusyError says that a damaged store cannot be moved aside, since another
// process has it open.
type BusyError struct {
	Path   string
	Reason string // what is damaged
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("store: %s is damaged (%s) and another process has it open; stop that process and start again", e.Path, e.Reason)
}

// code returns the primary result code of SQLite, 0 for other errors.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func isDamage(err error) bool {
	var d *damaged
	c := code(err)
	return errors.As(err, &d) || c == lib.SQLITE_CORRUPT || c == lib.SQLITE_NOTADB
}

func isBusy(err error) bool {
	c := code(err)
	return c == lib.SQLITE_BUSY || c == lib.SQLITE_LOCKED
}

func isConstraint(err error) bool { return code(err) == lib.SQLITE_CONSTRAINT }
