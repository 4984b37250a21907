package phonebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/softphone-go/softphone/number"
)

// ErrNotFound says that there is no such contact.
var ErrNotFound = errors.New("there is no such contact")

// ErrTokenTaken says that a token belongs to another contact.
var ErrTokenTaken = errors.New("its token belongs to another contact")

// Book is a set of contacts, indexed for search. All methods are safe for
// concurrent use. A search takes a lock that only readers share; a change waits
// for the store without it.
type Book struct {
	plan    *number.Plan
	store   Store
	writing chan struct{} // held by the one that changes contacts, through its call to the store
	change  int64         // last change read from the store, -1 before; owned by the holder of writing

	mu    sync.RWMutex
	index index
}

// Open returns a book with the contacts of the store; without a store (nil) it
// is empty and keeps contacts in memory only.
func Open(ctx context.Context, plan *number.Plan, store Store) (*Book, error) {
	if plan == nil {
		return nil, errors.New("phonebook: a book needs a numbering plan; make one with number.New")
	}
	b := &Book{plan: plan, store: store, writing: make(chan struct{}, 1), change: -1, index: newIndex()}
	if err := b.Refresh(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// lock lets one writer at a time through; it waits no longer than ctx.
func (b *Book) lock(ctx context.Context) error {
	select {
	case b.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("phonebook: waiting for another change of the contacts: %w", context.Cause(ctx))
	}
}

func (b *Book) unlock() { <-b.writing }

// Put keeps a contact, durably before it returns, and returns it as it is kept:
// with ID, token, canonical numbers and the time. A contact with an ID replaces
// the one of that ID (ErrNotFound without one), one with the token of another
// replaces that; every other is new. It fails with *ContactError for a contact
// that cannot be kept, ErrTokenTaken, and with the store's error.
func (b *Book) Put(ctx context.Context, c Contact) (Contact, error) {
	kept, _, err := b.keep(ctx, c)
	return kept, err
}

// Add is Put of a contact whose ID, if it has one, is of another book, and tells
// whether it is new: false for one that replaced the contact of its token.
func (b *Book) Add(ctx context.Context, c Contact) (kept Contact, isNew bool, err error) {
	c.ID = 0
	return b.keep(ctx, c)
}

func (b *Book) keep(ctx context.Context, c Contact) (kept Contact, isNew bool, err error) {
	c = c.clone()
	if err := c.normalise(b.plan); err != nil {
		return Contact{}, false, err
	}
	if err := b.lock(ctx); err != nil {
		return Contact{}, false, err
	}
	defer b.unlock()
	if err := b.refresh(ctx); err != nil {
		return Contact{}, false, err
	}
	if err := b.identify(&c); err != nil {
		return Contact{}, false, err
	}
	isNew = c.ID == 0
	batch := []Contact{c}
	if err := b.put(ctx, batch); err != nil {
		return Contact{}, false, err
	}
	return batch[0].clone(), isNew, nil
}

// identify finds the contact that c replaces; the holder of writing calls it.
func (b *Book) identify(c *Contact) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if c.ID != 0 {
		old := b.index.byID(c.ID)
		if old == nil {
			return fmt.Errorf("phonebook: contact %d cannot be replaced: %w", c.ID, ErrNotFound)
		}
		c.Token = cmp.Or(c.Token, old.Token)
	}
	if other := b.index.byToken(c.Token); other != nil {
		if c.ID != 0 && other.ID != c.ID {
			return fmt.Errorf("phonebook: contact %q is refused: %w", c.Name, ErrTokenTaken)
		}
		c.ID = other.ID
	}
	return nil
}

// put writes contacts that are normalised and identified, and sets what the
// store gives them; the holder of writing calls it.
func (b *Book) put(ctx context.Context, contacts []Contact) error {
	now := time.Now().UTC()
	stored := make([]StoredContact, len(contacts))
	for i := range contacts {
		c := &contacts[i]
		c.Updated = now
		if c.Token == "" {
			c.Token = newToken()
		}
		stored[i] = c.stored()
	}
	if b.store != nil {
		ids, err := b.store.PutContacts(ctx, stored)
		if err != nil {
			return fmt.Errorf("phonebook: the contacts were not kept: %w", err)
		}
		for i, id := range ids {
			contacts[i].ID = id
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range contacts {
		c := &contacts[i]
		if c.ID == 0 {
			c.ID = b.index.lastID + 1
		}
		b.index.put(c.clone())
	}
	return nil
}

// Remove removes the contact with that ID, durably before it returns. Without
// such a contact it fails with ErrNotFound.
func (b *Book) Remove(ctx context.Context, id int64) error {
	if err := b.lock(ctx); err != nil {
		return err
	}
	defer b.unlock()
	if _, ok := b.Get(id); !ok {
		return fmt.Errorf("phonebook: contact %d cannot be removed: %w", id, ErrNotFound)
	}
	if b.store != nil {
		if err := b.store.RemoveContact(ctx, id); err != nil {
			return fmt.Errorf("phonebook: contact %d was not removed: %w", id, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.index.remove(id)
	return nil
}

// Refresh takes over what other processes changed in the store. It costs one
// query when nothing did.
func (b *Book) Refresh(ctx context.Context) error {
	if b.store == nil {
		return nil
	}
	if err := b.lock(ctx); err != nil {
		return err
	}
	defer b.unlock()
	return b.refresh(ctx)
}

// refresh is Refresh of the holder of writing.
func (b *Book) refresh(ctx context.Context) error {
	if b.store == nil {
		return nil
	}
	var changed []Contact
	last, err := b.store.ContactChanges(ctx, b.change, func(s StoredContact) {
		if old, ok := b.Get(s.ID); ok && s.Token == old.Token && s.Updated.Equal(old.Updated) && s.Name == old.Name {
			return // the book's own change
		}
		c := contactOf(s)
		for i := range c.Entries {
			c.Entries[i].complete(b.plan)
		}
		changed = append(changed, c)
	})
	if err != nil {
		return fmt.Errorf("phonebook: the contacts cannot be read: %w", err)
	}
	b.change = last
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range changed {
		if c.Token == "" {
			b.index.remove(c.ID)
		} else {
			b.index.put(c)
		}
	}
	return nil
}

// Len returns the number of contacts.
func (b *Book) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.index.contacts)
}

// All returns all contacts by ascending ID.
func (b *Book) All() []Contact {
	out, _ := b.Page(math.MinInt64, math.MaxInt)
	return out
}

// Page returns the contacts with greater IDs than after, by ascending ID, at
// most so many, and how many contacts there are in all.
func (b *Book) Page(after int64, limit int) (page []Contact, total int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from, found := slices.BinarySearch(b.index.order, after)
	if found {
		from++
	}
	ids := b.index.order[from:]
	ids = ids[:max(min(len(ids), limit), 0)]
	page = make([]Contact, len(ids))
	for i, id := range ids {
		page[i] = b.index.byID(id).clone()
	}
	return page, len(b.index.order)
}

// Get returns the contact with that ID.
func (b *Book) Get(id int64) (Contact, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return found(b.index.byID(id))
}

// ByToken returns the contact with that token.
func (b *Book) ByToken(token string) (Contact, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return found(b.index.byToken(token))
}

func found(c *Contact) (Contact, bool) {
	if c == nil {
		return Contact{}, false
	}
	return c.clone(), true
}

// ByNumber returns the contacts that have the number, by ascending ID; none for
// an anonymous caller. Match.Entry is the number's place.
func (b *Book) ByNumber(n number.Number) []Match {
	if n.IsAnonymous() {
		return nil
	}
	return b.ByCanonical(n.String())
}

// ByCanonical is ByNumber for a number that is canonical already, such as one
// of the call history.
func (b *Book) ByCanonical(canonical string) []Match {
	if canonical == "" {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []Match
	for _, c := range b.index.byNumber(canonical) {
		at := slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Canonical == canonical })
		out = append(out, Match{Contact: c.clone(), Entry: at, Score: 1, Exact: true})
	}
	slices.SortFunc(out, func(x, y Match) int { return cmp.Compare(x.Contact.ID, y.Contact.ID) })
	return out
}
