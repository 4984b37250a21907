package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// StoredEntry is a number of a contact as the store keeps it.
type StoredEntry = struct {
	Label  string // name of PhoneCall 1.3, empty for none
	Text   string
	Number string
}

// StoredContact is a contact as the store keeps it. It is an alias of a plain
// struct, so that package phonebook, which has the same one, need not be
// imported here.
type StoredContact = struct {
	ID                  int64
	Token, Name         string
	Entries             []StoredEntry
	ImageURL, Category  string
	Road, Jibun         string
	Opens, Closes, Info string // business hours
	POI                 string
	Updated             time.Time
}

// Contacts is the contacts of a store; phonebook takes it as its Store.
type Contacts struct{ store *Store }

// Contacts returns the contacts.
func (s *Store) Contacts() *Contacts { return &Contacts{store: s} }

const contactColumns = `token, name, image_url, category, road, jibun, opens, closes, info, poi, updated`

// PutContacts keeps the contacts, all or none, and returns their IDs in order
// once they are durable. One with an ID replaces the contact of that ID, one
// without an ID that of its token; else it is new.
func (c *Contacts) PutContacts(ctx context.Context, contacts []StoredContact) ([]int64, error) {
	ids, err := c.put(ctx, contacts)
	if err != nil {
		return nil, c.store.closed(fmt.Errorf("store: contacts cannot be written: %w", err))
	}
	return ids, nil
}

func (c *Contacts) put(ctx context.Context, contacts []StoredContact) ([]int64, error) {
	tx, ctx, err := c.store.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	p, err := prepareContacts(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer p.close()
	ids := make([]int64, len(contacts))
	for i := range contacts {
		if ids[i], err = p.put(ctx, &contacts[i]); err != nil {
			return nil, err
		}
	}
	return ids, tx.Commit()
}

// contactWriter is the statements that write one contact.
type contactWriter struct {
	insert, find, update, insertID, clear, number *sql.Stmt
}

func (w *contactWriter) all() []**sql.Stmt {
	return []**sql.Stmt{&w.insert, &w.find, &w.update, &w.insertID, &w.clear, &w.number}
}

func prepareContacts(ctx context.Context, tx *sql.Tx) (*contactWriter, error) {
	texts := [...]string{
		`INSERT INTO contacts (` + contactColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (token) DO NOTHING`,
		`SELECT id FROM contacts WHERE token = ?`,
		`UPDATE contacts SET (` + contactColumns + `) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?`,
		`INSERT INTO contacts (` + contactColumns + `, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		`DELETE FROM contact_numbers WHERE contact = ?`,
		`INSERT INTO contact_numbers (contact, place, label, text, number) VALUES (?, ?, ?, ?, ?)`,
	}
	w := &contactWriter{}
	for i, s := range w.all() {
		var err error
		if *s, err = tx.PrepareContext(ctx, texts[i]); err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

func (w *contactWriter) close() {
	for _, s := range w.all() {
		if *s != nil {
			_ = (*s).Close()
		}
	}
}

func (w *contactWriter) put(ctx context.Context, c *StoredContact) (int64, error) {
	args := []any{c.Token, c.Name, c.ImageURL, c.Category, c.Road, c.Jibun, c.Opens, c.Closes, c.Info, c.POI, nanos(c.Updated), c.ID}
	id := c.ID
	if id == 0 {
		added, err := changed(w.insert.ExecContext(ctx, args[:len(args)-1]...))
		switch {
		case err != nil:
			return 0, err
		case added != 0:
			return added, w.putNumbers(ctx, added, c.Entries)
		}
		if err := w.find.QueryRowContext(ctx, c.Token).Scan(&id); err != nil {
			return 0, err
		}
		args[len(args)-1] = id
	}
	there, err := changed(w.update.ExecContext(ctx, args...))
	if err == nil && there == 0 { // another process removed it
		_, err = w.insertID.ExecContext(ctx, args...)
	}
	if err == nil {
		_, err = w.clear.ExecContext(ctx, id)
	}
	if err != nil {
		return 0, err
	}
	return id, w.putNumbers(ctx, id, c.Entries)
}

// changed returns 0 when a statement changed no row, else the last row's ID,
// or 1 when it inserted none.
func changed(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	id, err := res.LastInsertId()
	return max(id, 1), err
}

func (w *contactWriter) putNumbers(ctx context.Context, id int64, entries []StoredEntry) error {
	for place, e := range entries {
		if _, err := w.number.ExecContext(ctx, id, place, e.Label, e.Text, e.Number); err != nil {
			return err
		}
	}
	return nil
}

// RemoveContact removes one contact, durably; removing what is not there is no
// error.
func (c *Contacts) RemoveContact(ctx context.Context, id int64) error {
	tx, ctx, err := c.store.begin(ctx)
	if err == nil {
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(ctx, `DELETE FROM contacts WHERE id = ?`, id)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return c.store.closed(fmt.Errorf("store: contact %d cannot be removed: %w", id, err))
	}
	return nil
}

// ContactChanges calls yield for what changed after the change numbered since,
// in order, and returns the number of the last one. A removed contact has an ID
// and an empty Token. A since below 0 yields the contacts there are. yield must
// not call the store.
func (c *Contacts) ContactChanges(ctx context.Context, since int64, yield func(StoredContact)) (int64, error) {
	last, err := c.changes(ctx, since, yield)
	if err != nil {
		return 0, c.store.closed(fmt.Errorf("store: the contacts cannot be read: %w", err))
	}
	return last, nil
}

func (c *Contacts) changes(ctx context.Context, since int64, yield func(StoredContact)) (last int64, err error) {
	// One transaction, so that the number fits the contacts.
	tx, err := c.store.files.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(change), 0) FROM contact_changes`).Scan(&last); err != nil || last == since {
		return since, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT h.contact, coalesce(c.token, ''), coalesce(c.name, ''), coalesce(c.image_url, ''),
		coalesce(c.category, ''), coalesce(c.road, ''), coalesce(c.jibun, ''), coalesce(c.opens, ''), coalesce(c.closes, ''),
		coalesce(c.info, ''), coalesce(c.poi, ''), coalesce(c.updated, 0), coalesce(n.place, -1), coalesce(n.label, ''),
		coalesce(n.text, ''), coalesce(n.number, '')
		FROM contact_changes AS h LEFT JOIN contacts AS c ON c.id = h.contact LEFT JOIN contact_numbers AS n ON n.contact = c.id
		WHERE h.change > ? ORDER BY h.change, n.place`, since)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var now StoredContact
	finish := func() {
		if now.ID != 0 && (now.Token != "" || since >= 0) {
			yield(now)
		}
	}
	for rows.Next() {
		next, place, err := scanContact(rows)
		if err != nil {
			return 0, err
		}
		if next.ID != now.ID {
			finish()
			now = next
		} else if place >= 0 {
			now.Entries = append(now.Entries, next.Entries...)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	finish()
	return last, nil
}

// scanContact reads one row: a contact with one of its numbers, or none.
func scanContact(row scanner) (c StoredContact, place int, err error) {
	var e StoredEntry
	var updated int64
	err = row.Scan(&c.ID, &c.Token, &c.Name, &c.ImageURL, &c.Category, &c.Road, &c.Jibun, &c.Opens, &c.Closes, &c.Info, &c.POI,
		&updated, &place, &e.Label, &e.Text, &e.Number)
	c.Updated = timeOf(updated)
	if place >= 0 {
		c.Entries = []StoredEntry{e}
	}
	return c, place, err
}
