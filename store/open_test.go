package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, defaultBusy, "immediate"))
	require.NoError(t, err)
	for _, s := range statements {
		_, err := db.Exec(s)
		require.NoError(t, err, s)
	}
	require.NoError(t, db.Close())
}

func TestOpen_PrivateToOwner(t *testing.T) {
	path := temp(t)
	s := open(t, path, Options{})
	appendOne(t, s, "t", "", nil)
	if runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), suffix)
	}
	require.NoError(t, os.Chmod(path, 0o644))
	open(t, path, Options{})
	info, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestOpen_Settings(t *testing.T) {
	s := open(t, temp(t), Options{})
	for _, db := range []*sql.DB{s.files.write, s.files.read} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
			var got string
			require.NoError(t, db.QueryRow("PRAGMA "+pragma).Scan(&got))
			assert.Equal(t, want, got, pragma)
		}
	}
}

func TestOpen_BadPaths(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{dir, filepath.Join(file, "under", "a.db")} {
		_, err := Open(t.Context(), path, Options{})
		assert.ErrorContains(t, err, path)
	}
}

func TestOpen_NewerSchemaRefused(t *testing.T) {
	path := temp(t)
	require.NoError(t, open(t, path, Options{}).Close())
	raw(t, path, "PRAGMA user_version = 99")
	_, err := Open(t.Context(), path, Options{})
	var ve *VersionError
	require.ErrorAs(t, err, &ve)
	assert.Equal(t, 99, ve.Found)
	assert.ErrorContains(t, err, "use a newer softphone")
}

func TestOpen_ForeignDatabaseRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.db")
	raw(t, path, "CREATE TABLE notes (a)", "INSERT INTO notes VALUES (1)")
	_, err := Open(t.Context(), path, Options{})
	var fe *ForeignError
	require.ErrorAs(t, err, &fe)
	raw(t, path, "INSERT INTO notes VALUES (2)")
}

// The schema as version 1 made it, with something in every table.
func TestOpen_MigratesFromVersion1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	first, err := migrations.ReadFile("migrations/0001.sql")
	require.NoError(t, err)
	raw(t, path, string(first), "PRAGMA application_id = 1397770318", "PRAGMA user_version = 1",
		`INSERT INTO events (id, type, subject, time) VALUES ('e', 'call.ended', 'c', 5)`,
		`INSERT INTO history (event, call_id, direction, type, number, raw_number, name, account_id, call_type, cause, started, answered, ended, ring, talk, sip_code)
		 VALUES (1, 'c', 'in', 'MISSED', '010', '010', '', '', 'NORMAL', '', 1, 0, 2, 0, 0, 487)`,
		`INSERT INTO block_rules (type, pattern, raw, added, by) VALUES ('PREFIX', '070', '+8270', 7, 'cli')`,
		`INSERT INTO settings VALUES ('k', 'v')`)
	s := open(t, path, Options{})
	_, recovered := s.Recovered()
	require.False(t, recovered)
	var version int
	require.NoError(t, s.files.read.QueryRow("PRAGMA user_version").Scan(&version))
	assert.Equal(t, schemaVersion, version)
	var rules []StoredRule
	last, err := s.Rules().RuleChanges(t.Context(), -1, func(r StoredRule) { rules = append(rules, r) })
	require.NoError(t, err)
	require.Len(t, rules, 1)
	assert.Equal(t, "070", rules[0].Pattern)
	assert.EqualValues(t, 1, last)
	rows, err := s.History(t.Context(), HistoryFilter{})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, HistoryMissed, rows[0].Type)
	v, _, err := s.Setting(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, "v", v)
	assert.EqualValues(t, 2, appendOne(t, s, "t", "c2", &HistoryRow{CallID: "c2"}))
}

func TestMigrations_AreNumberedWithoutHoles(t *testing.T) {
	entries, err := migrations.ReadDir("migrations")
	require.NoError(t, err)
	assert.Len(t, entries, schemaVersion)
	assert.Equal(t, "0001.sql", entries[0].Name())
}

func TestOpen_DamagedFileMovedAside(t *testing.T) {
	damage := map[string]func(b []byte) []byte{
		"not a database": func([]byte) []byte { return []byte(strings.Repeat("no database at all ", 500)) },
		"zeroed pages": func(b []byte) []byte {
			clear(b[8192:])
			return b
		},
		"cut off": func(b []byte) []byte { return b[:len(b)/2] },
		"garbled header": func(b []byte) []byte {
			copy(b, "SQLITE FORMAT ?!")
			return b
		},
		"garbled pages": func(b []byte) []byte {
			for i := 4096; i < len(b); i += 3 {
				b[i] ^= 0x5a
			}
			return b
		},
	}
	for name, f := range damage {
		path := temp(t)
		s := open(t, path, Options{})
		for range 300 {
			s.Append(Event{Type: "t", Subject: strings.Repeat("s", 100)}, &HistoryRow{CallID: "c", Ended: timeOf(1)}, nil)
		}
		require.NoError(t, s.Close())
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		b = f(b)
		require.NoError(t, os.WriteFile(path, b, 0o600))

		s = open(t, path, Options{})
		r, ok := s.Recovered()
		require.True(t, ok, name)
		assert.Equal(t, path, r.Path)
		assert.NotEmpty(t, r.Reason)
		assert.Contains(t, r.String(), r.MovedTo)
		kept, err := os.ReadFile(r.MovedTo)
		require.NoError(t, err, name)
		assert.Equal(t, b, kept, "nothing is lost")
		assert.EqualValues(t, 1, appendOne(t, s, "t", "", nil), "work goes on")
		require.NoError(t, s.Close())
		s = open(t, path, Options{})
		_, ok = s.Recovered()
		assert.False(t, ok)
	}
}

func TestOpen_DamagedFileInUse(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // the system itself keeps the file from being renamed
	}
	path := temp(t)
	open(t, path, Options{})
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 9000)), 0o600))
	require.NoError(t, os.Remove(path+"-wal"))
	_, err := Open(context.Background(), path, Options{})
	var be *BusyError
	require.ErrorAs(t, err, &be)
	assert.ErrorContains(t, err, "another process")
	require.NoError(t, os.Remove(path))
}
