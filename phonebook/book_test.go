package phonebook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/number"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newBook(t testing.TB, contacts ...Contact) (*Book, *number.Plan) {
	t.Helper()
	p, err := number.New("KR")
	require.NoError(t, err)
	b, err := Open(context.Background(), p, nil)
	require.NoError(t, err)
	for _, c := range contacts {
		put(t, b, c)
	}
	return b, p
}

func put(t testing.TB, b *Book, c Contact) Contact {
	t.Helper()
	got, err := b.Put(context.Background(), c)
	require.NoError(t, err, c.Name)
	return got
}

// person is a contact with numbers: "MOBILE 010...", or a number alone.
func person(name string, numbers ...string) Contact {
	c := Contact{Name: name}
	for _, s := range numbers {
		label, n, ok := strings.Cut(s, " ")
		e := Entry{Number: s}
		if l, known := ParseLabel(label); ok && known {
			e = Entry{Label: l, Number: n}
		} else if ok {
			e = Entry{Label: UserDefined, Text: label, Number: n}
		}
		c.Entries = append(c.Entries, e)
	}
	return c
}

func TestPut_CompletesTheContact(t *testing.T) {
	b, p := newBook(t)
	given := person(" 김민수 ", "HOME 02-312-3456", "+82-10-1234-5678", "사무실 1588-0000")
	c := put(t, b, given)
	assert.EqualValues(t, 1, c.ID)
	assert.NotEmpty(t, c.Token)
	assert.Equal(t, "김민수", c.Name)
	assert.False(t, c.Updated.IsZero())
	assert.Equal(t, []Entry{
		{Label: Home, Number: "02-312-3456", Canonical: "023123456"},
		{Number: "+82-10-1234-5678", Canonical: "01012345678", Mobile: true},
		{Label: UserDefined, Text: "사무실", Number: "1588-0000", Canonical: "15880000"},
	}, c.Entries)
	assert.Empty(t, given.Entries[1].Canonical, "the caller's contact is left alone")

	got, ok := b.ByToken(c.Token)
	assert.True(t, ok)
	assert.Equal(t, c, got)
	got.Entries[0].Number = "changed"
	again, _ := b.Get(c.ID)
	assert.Equal(t, c, again, "a copy")
	for _, spelling := range []string{"010-1234-5678", "00182 10 1234 5678", "tel:+82-10-1234-5678"} {
		found := b.ByNumber(p.Parse(spelling))
		require.Len(t, found, 1, spelling)
		assert.Equal(t, 1, found[0].Entry)
	}
	assert.Len(t, b.ByCanonical("023123456"), 1)
	for _, none := range []string{"", "anonymous", "010-1234-5679"} {
		assert.Empty(t, b.ByNumber(p.Parse(none)))
	}
	assert.Empty(t, b.ByCanonical(""))
	_, ok = b.ByToken("")
	assert.False(t, ok)
}

func TestPut_Replaces(t *testing.T) {
	b, p := newBook(t, person("A", "010-1111-1111"), person("B", "010-2222-2222"))
	a, _ := b.Get(1)
	other, _ := b.Get(2)
	byID := put(t, b, Contact{ID: a.ID, Name: "A2", Entries: []Entry{{Number: "010-3333-3333"}}})
	assert.Equal(t, a.Token, byID.Token, "a token lasts")
	byToken := put(t, b, Contact{Token: a.Token, Name: "A3", Entries: []Entry{{Number: "010-2222-2222"}, {Number: "01022222222"}}})
	assert.Equal(t, a.ID, byToken.ID)
	assert.Equal(t, 2, b.Len())
	assert.Empty(t, b.ByNumber(p.Parse("010-1111-1111")))
	assert.Empty(t, b.ByNumber(p.Parse("010-3333-3333")))
	assert.Len(t, b.ByNumber(p.Parse("010-2222-2222")), 2)

	_, err := b.Put(t.Context(), Contact{ID: 99, Name: "C"})
	assert.ErrorIs(t, err, ErrNotFound)
	_, err = b.Put(t.Context(), Contact{ID: a.ID, Token: other.Token, Name: "C"})
	assert.ErrorIs(t, err, ErrTokenTaken)
	require.NoError(t, b.Remove(t.Context(), a.ID))
	assert.ErrorIs(t, b.Remove(t.Context(), a.ID), ErrNotFound)
	require.Len(t, b.All(), 1)
	assert.Equal(t, other, b.All()[0])
	assert.Len(t, b.ByNumber(p.Parse("010-2222-2222")), 1)
	assert.EqualValues(t, 3, put(t, b, Contact{Name: "no number"}).ID, "IDs are not used twice")
}

func TestPut_Refused(t *testing.T) {
	b, _ := newBook(t)
	for reason, c := range map[string]Contact{
		"no name":        {Name: " \n"},
		"not UTF-8":      {Name: "a\xff"},
		"longer than":    {Name: strings.Repeat("가", 200)},
		"number 2 is em": {Name: "a", Entries: []Entry{{Number: "1"}, {Number: " "}}},
		"numbers":        {Name: "a", Entries: make([]Entry, MaxEntries+1)},
		"its category":   {Name: "a", Category: strings.Repeat("a", MaxText+1)},
	} {
		_, err := b.Put(t.Context(), c)
		var ce *ContactError
		require.ErrorAs(t, err, &ce, reason)
		assert.ErrorContains(t, err, reason)
		_, err = b.Import(t.Context(), []Contact{{Name: "good"}, c})
		assert.ErrorAs(t, err, &ce)
	}
	assert.Zero(t, b.Len(), "all or none")
	c := put(t, b, Contact{Name: "a\x00b", Road: "x\r\ny\tz\r"})
	assert.Equal(t, "ab", c.Name)
	assert.Equal(t, "x\ny z", c.Road)
}

func TestImport_TwiceAddsNothing(t *testing.T) {
	b, _ := newBook(t, person("김민수", "010-1234-5678"))
	batch := []Contact{
		person("김민수", "+82-10-1234-5678"), person("김민수", "010-9999-9999"), person("이영희", "02-312-3456", "010-1111-2222"),
		person("이영희", "010-1111-2222", "02-312-3456"), {Token: "t1", Name: "빵집"}, {Token: "t1", Name: "새 빵집"},
	}
	done, err := b.Import(t.Context(), batch)
	require.NoError(t, err)
	assert.Equal(t, 3, done.Added)
	assert.Equal(t, 1, done.Replaced)
	assert.Equal(t, 4, b.Len())
	require.Len(t, done.Contacts, len(batch))
	assert.EqualValues(t, 1, done.Contacts[0].ID)
	assert.Equal(t, done.Contacts[2], done.Contacts[3])
	assert.Equal(t, "새 빵집", done.Contacts[4].Name)
	done, err = b.Import(t.Context(), batch)
	require.NoError(t, err)
	assert.Equal(t, 0, done.Added)
	assert.Equal(t, 4, done.Replaced)
	assert.Equal(t, 4, b.Len())
}

// failing is a store that keeps nothing.
type failing struct{ err error }

func (f failing) PutContacts(context.Context, []StoredContact) ([]int64, error) { return nil, f.err }
func (f failing) RemoveContact(context.Context, int64) error                    { return f.err }
func (f failing) ContactChanges(_ context.Context, since int64, yield func(StoredContact)) (int64, error) {
	if since >= 0 {
		return 0, f.err
	}
	yield(StoredContact{ID: 7, Token: "t", Name: "A", Entries: []StoredEntry{{Label: "HOME", Number: "1"}}})
	return 1, nil
}

func TestBook_StoreFails(t *testing.T) {
	p, err := number.New("KR")
	require.NoError(t, err)
	broken := errors.New("the disk is full")
	b, err := Open(t.Context(), p, failing{broken})
	require.NoError(t, err)
	_, err = b.Put(t.Context(), Contact{Name: "B"})
	assert.ErrorIs(t, err, broken)
	_, err = b.Import(t.Context(), []Contact{{Name: "B"}})
	assert.ErrorIs(t, err, broken)
	assert.ErrorIs(t, b.Remove(t.Context(), 7), broken)
	assert.ErrorIs(t, b.Refresh(t.Context()), broken)
	require.Equal(t, 1, b.Len())
	assert.Equal(t, Home, b.All()[0].Entries[0].Label)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.writing <- struct{}{}
	_, err = b.Put(ctx, Contact{Name: "B"})
	assert.ErrorIs(t, err, context.Canceled)
	_, err = Open(t.Context(), nil, nil)
	assert.Error(t, err)
}

func TestBook_ManyAtOnce(t *testing.T) {
	b, p := newBook(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				c, err := b.Put(context.Background(), person(fmt.Sprintf("사람%d %d", g, i), fmt.Sprintf("010%04d%04d", g, i)))
				if !assert.NoError(t, err) {
					return
				}
				assert.NotEmpty(t, b.Search(Query{Name: c.Name}))
				assert.Len(t, b.ByNumber(p.Parse(c.Entries[0].Number)), 1)
				if i%2 == 0 {
					assert.NoError(t, b.Remove(context.Background(), c.ID))
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 200, b.Len())
}

// Pages go through all contacts once by ascending ID, whatever was removed and
// replaced before.
func TestBook_Pages(t *testing.T) {
	b, _ := newBook(t)
	rapid.Check(t, func(t *rapid.T) {
		kept := map[int64]string{}
		for _, c := range b.All() {
			if err := b.Remove(context.Background(), c.ID); err != nil {
				t.Fatal(err)
			}
		}
		for i := range rapid.IntRange(0, 40).Draw(t, "steps") {
			token := fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "token"))
			old, there := b.ByToken(token)
			if there && rapid.Bool().Draw(t, "remove") {
				if err := b.Remove(context.Background(), old.ID); err != nil {
					t.Fatal(err)
				}
				delete(kept, old.ID)
				continue
			}
			c, isNew, err := b.Add(context.Background(), Contact{ID: 7, Token: token, Name: fmt.Sprint("n", i)})
			if err != nil || isNew == there || there && c.ID != old.ID {
				t.Fatalf("%v: %v, new %v", err, c, isNew)
			}
			kept[c.ID] = c.Name
		}
		limit, after, seen := rapid.IntRange(1, 5).Draw(t, "limit"), int64(0), map[int64]string{}
		for {
			page, total := b.Page(after, limit)
			if total != len(kept) || len(page) > limit {
				t.Fatalf("%d of %d", total, len(kept))
			}
			for _, c := range page {
				if c.ID <= after {
					t.Fatalf("%d after %d", c.ID, after)
				}
				seen[c.ID], after = c.Name, c.ID
			}
			if len(page) < limit {
				break
			}
		}
		if !maps.Equal(kept, seen) {
			t.Fatalf("%v became %v", kept, seen)
		}
	})
}
