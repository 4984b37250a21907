package store

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
)

func newBook(t testing.TB, s *Store) *phonebook.Book {
	t.Helper()
	plan, err := number.New("KR")
	require.NoError(t, err)
	b, err := phonebook.Open(t.Context(), plan, s.Contacts())
	require.NoError(t, err)
	return b
}

func TestContacts_ServePhonebook(t *testing.T) {
	path := temp(t)
	s := open(t, path, Options{})
	daemon, cli := newBook(t, s), newBook(t, open(t, path, Options{}))
	full := phonebook.Contact{
		Token: "token", Name: "김민수", ImageURL: "https://example.com/a.png", Category: "친구", Road: "세종대로 1", Jibun: "태평로1가 31",
		Hours: phonebook.Hours{Open: "09:00", Close: "18:00", Info: "주말 휴무"}, POI: "poi-1",
		Entries: []phonebook.Entry{
			{Label: phonebook.Mobile, Number: "010-1234-5678"}, {Label: phonebook.UserDefined, Text: "별장", Number: "033-123-4567"}, {Number: "119"},
		},
	}
	kept, err := cli.Put(t.Context(), full)
	require.NoError(t, err)
	assert.EqualValues(t, 1, kept.ID)
	assert.Zero(t, daemon.Len())
	require.NoError(t, daemon.Refresh(t.Context()))
	require.Equal(t, []phonebook.Contact{kept}, daemon.All())
	require.Equal(t, []phonebook.Contact{kept}, newBook(t, s).All())

	// The other process did not know the token yet: the contact is replaced.
	kept.Entries = kept.Entries[:1]
	changed, err := daemon.Put(t.Context(), kept)
	require.NoError(t, err)
	plain, err := cli.Put(t.Context(), phonebook.Contact{Name: "no numbers"})
	require.NoError(t, err)
	require.NoError(t, cli.Refresh(t.Context()))
	require.NoError(t, daemon.Refresh(t.Context()))
	assert.Equal(t, []phonebook.Contact{changed, plain}, cli.All())
	assert.Equal(t, cli.All(), daemon.All())
	assert.Equal(t, cli.All(), newBook(t, s).All())

	require.NoError(t, daemon.Remove(t.Context(), changed.ID))
	require.NoError(t, cli.Refresh(t.Context()))
	assert.Equal(t, []phonebook.Contact{plain}, cli.All())
	var numbers, changes int
	require.NoError(t, s.files.read.QueryRow(`SELECT (SELECT count(*) FROM contact_numbers), (SELECT count(*) FROM contact_changes)`).Scan(&numbers, &changes))
	assert.Zero(t, numbers)
	assert.Equal(t, 2, changes, "one of each contact there ever was")
}

func TestContacts_SameTokenFromTwoProcesses(t *testing.T) {
	path := temp(t)
	a, b := newBook(t, open(t, path, Options{})), newBook(t, open(t, path, Options{}))
	first, err := a.Put(t.Context(), phonebook.Contact{Token: "t", Name: "first"})
	require.NoError(t, err)
	second, err := b.Put(t.Context(), phonebook.Contact{Token: "t", Name: "second"})
	require.NoError(t, err)
	assert.Equal(t, first.ID, second.ID)
	require.NoError(t, a.Refresh(t.Context()))
	assert.Equal(t, []phonebook.Contact{second}, a.All())
}

func TestContacts_ManyInOneTransaction(t *testing.T) {
	path := temp(t)
	s := open(t, path, Options{})
	daemon, cli := newBook(t, s), newBook(t, open(t, path, Options{}))
	batch := make([]phonebook.Contact, 3000)
	for i := range batch {
		batch[i] = phonebook.Contact{Name: fmt.Sprint("name ", i), Entries: []phonebook.Entry{{Number: fmt.Sprintf("010%08d", i)}}}
	}
	done, err := cli.Import(t.Context(), batch)
	require.NoError(t, err)
	assert.Equal(t, 3000, done.Added)
	require.NoError(t, daemon.Refresh(t.Context()))
	assert.Equal(t, cli.All(), daemon.All())
	done, err = daemon.Import(t.Context(), batch)
	require.NoError(t, err)
	assert.Equal(t, 3000, done.Replaced)

	// One that the tables refuse takes all with it.
	_, err = s.Contacts().PutContacts(t.Context(), []StoredContact{{Token: "new", Name: "new"}, {Name: "without a token"}})
	require.Error(t, err)
	require.NoError(t, cli.Refresh(t.Context()))
	assert.Equal(t, 3000, cli.Len())
}

func TestContacts_Closed(t *testing.T) {
	s := open(t, memory, Options{})
	require.NoError(t, s.Close())
	_, err := s.Contacts().PutContacts(t.Context(), nil)
	assert.ErrorIs(t, err, ErrClosed)
	assert.ErrorIs(t, s.Contacts().RemoveContact(t.Context(), 1), ErrClosed)
	_, err = s.Contacts().ContactChanges(t.Context(), -1, nil)
	assert.ErrorIs(t, err, ErrClosed)
}

// A damaged file takes the contacts aside with it: the message says where they
// are, and the phonebook goes on, empty.
func TestContacts_DamagedFileMovedAside(t *testing.T) {
	path := temp(t)
	s := open(t, path, Options{})
	batch := make([]phonebook.Contact, 500)
	for i := range batch {
		batch[i] = phonebook.Contact{Name: fmt.Sprint("name ", i), Entries: []phonebook.Entry{{Number: fmt.Sprint(i + 1)}}}
	}
	_, err := newBook(t, s).Import(t.Context(), batch)
	require.NoError(t, err)
	var page int64
	require.NoError(t, s.files.read.QueryRow(`SELECT rootpage FROM sqlite_schema WHERE name = 'contacts'`).Scan(&page))
	require.NoError(t, s.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := slices.Clone(whole)
	copy(damaged[(page-1)*4096:], strings.Repeat("damage", 100))
	require.NoError(t, os.WriteFile(path, damaged, 0o600))

	s = open(t, path, Options{})
	r, ok := s.Recovered()
	require.True(t, ok)
	assert.Contains(t, r.String(), r.MovedTo)
	kept, err := os.ReadFile(r.MovedTo)
	require.NoError(t, err)
	assert.Equal(t, damaged, kept, "nothing is lost")
	book := newBook(t, s)
	assert.Zero(t, book.Len())
	c, err := book.Put(t.Context(), phonebook.Contact{Name: "first again"})
	require.NoError(t, err)
	assert.EqualValues(t, 1, c.ID)
	_, err = s.Rules().AddRules(t.Context(), []StoredRule{{Type: "EXACT", Pattern: "01012345678"}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, appendOne(t, s, "t", "", &HistoryRow{CallID: "c", Ended: timeOf(1)}), "the rest works")
}

func BenchmarkContacts(b *testing.B) {
	batch := make([]phonebook.Contact, 100_000)
	for i := range batch {
		batch[i] = phonebook.Contact{Name: fmt.Sprint("이름 ", i), Entries: []phonebook.Entry{{Number: fmt.Sprintf("010-%04d-%04d", i/10000, i%10000)}}}
	}
	s := open(b, temp(b), Options{})
	begin := time.Now()
	_, err := newBook(b, s).Import(b.Context(), batch)
	require.NoError(b, err)
	imported := time.Since(begin)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			require.Equal(b, len(batch), newBook(b, s).Len())
		}
		b.ReportMetric(imported.Seconds(), "s-import")
	})
	b.Run("put", func(b *testing.B) {
		book := newBook(b, s)
		for b.Loop() {
			_, err := book.Put(b.Context(), phonebook.Contact{Token: "one", Name: "one"})
			require.NoError(b, err)
		}
	})
	b.Run("refresh", func(b *testing.B) {
		book := newBook(b, s)
		for b.Loop() {
			require.NoError(b, book.Refresh(b.Context()))
		}
	})
}
