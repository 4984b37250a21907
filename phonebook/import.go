package phonebook

import (
	"context"
	"slices"
	"strings"
)

// Imported tells what Import did.
type Imported struct {
	Added, Replaced int
	Contacts        []Contact // as they are kept, in the order given
}

// Import keeps many contacts, all or none, in one write to the store. A contact
// whose ID is set is taken as one of another book: the ID is ignored. One with
// the token of a contact here replaces it, and so does one without a token that
// has the name and numbers of a contact here: importing a file twice adds
// nothing. Of several with one token the last one counts. Errors are those of
// Put.
func (b *Book) Import(ctx context.Context, contacts []Contact) (Imported, error) {
	batch := make([]Contact, len(contacts))
	for i := range contacts {
		batch[i] = contacts[i].clone()
		batch[i].ID = 0
		if err := batch[i].normalise(b.plan); err != nil {
			return Imported{}, err
		}
	}
	if err := b.lock(ctx); err != nil {
		return Imported{}, err
	}
	defer b.unlock()
	if err := b.refresh(ctx); err != nil {
		return Imported{}, err
	}
	replaced := b.recognise(batch)
	unique, place := merge(batch)
	if err := b.put(ctx, unique); err != nil {
		return Imported{}, err
	}
	out := Imported{Replaced: replaced, Added: len(unique) - replaced, Contacts: make([]Contact, len(batch))}
	for i, at := range place {
		out.Contacts[i] = unique[at].clone()
	}
	return out, nil
}

// recognise gives contacts that are here already their ID and token, and
// returns how many different ones there are.
func (b *Book) recognise(batch []Contact) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	seen := map[int64]bool{}
	for i := range batch {
		c := &batch[i]
		old := b.index.byToken(c.Token)
		if c.Token == "" {
			old = b.index.same(c)
		}
		if old == nil {
			continue
		}
		c.ID, c.Token = old.ID, old.Token
		seen[old.ID] = true
	}
	return len(seen)
}

// merge takes out contacts that come twice, by token or, without one, by name
// and numbers; place says where each of the batch went.
func merge(batch []Contact) (unique []Contact, place []int) {
	at := make(map[string]int, len(batch))
	place = make([]int, len(batch))
	for i := range batch {
		c := batch[i]
		key := "t" + c.Token
		if c.Token == "" {
			key = "n" + c.Name + "\x00" + strings.Join(c.numbers(), "\x00")
		}
		n, ok := at[key]
		if ok {
			c.ID = unique[n].ID
			unique[n] = c
		} else {
			n = len(unique)
			at[key] = n
			unique = append(unique, c)
		}
		place[i] = n
	}
	return unique, place
}

// numbers returns the canonical numbers in order.
func (c *Contact) numbers() []string {
	out := make([]string, len(c.Entries))
	for i := range c.Entries {
		out[i] = c.Entries[i].Canonical
	}
	slices.Sort(out)
	return out
}
