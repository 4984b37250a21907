package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/phonebook"
)

// contactLine is a contact as --json prints it.
type contactLine struct {
	Type string `json:"type"` // "contact"
	phonebook.Contact
	Score   float64 `json:"score,omitempty"`   // of a search
	Exact   bool    `json:"exact,omitempty"`   // the name is the one looked for
	Matched string  `json:"matched,omitempty"` // number that a search would call
}

func newContacts(env *environment) *cobra.Command {
	var f folderFlags
	cmd := &cobra.Command{
		Use:   "contacts",
		Short: "Keep the contacts that calls are made to and callers are named by",
		Long: `contacts keeps the phonebook: directives find people in it by name, and callers are shown
with the names it has for their numbers. Files are vCard 2.1, 3.0 and 4.0, and CSV as Google
Contacts and Outlook write it.

  softphone contacts import contacts.vcf
  softphone contacts add 김민수 010-1234-5678 집=02-312-3456
  softphone contacts search ㄱㅁㅅ
  softphone contacts search 민수 --label 집
  softphone contacts list
  softphone contacts show 1
  softphone contacts remove 1
  softphone contacts export contacts.csv

` + folderHelp + "\n\n" + exitHelpOf("contacts"),
		Args: noOther,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.add(cmd)
	f.addRegion(cmd)
	cmd.AddCommand(newContactsImport(env, &f), newContactsExport(env, &f), newContactsList(env, &f), newContactsSearch(env, &f),
		newContactsShow(env, &f), newContactsAdd(env, &f), newContactsRemove(env, &f))
	return cmd
}

func newContactsList(env *environment, f *folderFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the contacts", Args: exactly(0, "no arguments"),
		Long: "list shows the contacts with their ids and numbers.\n\n  softphone contacts list\n  softphone contacts list --json\n\n" + exitHelpOf("contacts"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return on(env, f, cmd, (*folder).contacts, func(d *folder, book contacts) error {
				all, err := book.all(cmd.Context())
				if err != nil {
					return err
				}
				for _, c := range all {
					d.out.line(contactLine{Type: "contact", Contact: c}, "%s", inOneLine(c, -1))
				}
				text := ""
				if len(all) == 0 {
					text = "no contacts; `softphone contacts import FILE` or `softphone contacts add NAME NUMBER` brings some"
				}
				d.out.line(map[string]any{"type": "result", "contacts": len(all)}, "%s", text)
				return nil
			})
		},
	}
}

// inOneLine is a contact in a list, the number at first in front.
func inOneLine(c phonebook.Contact, first int) string {
	var numbers []string
	for i, e := range c.Entries {
		if i == first {
			numbers = append([]string{numberOf(e)}, numbers...)
		} else {
			numbers = append(numbers, numberOf(e))
		}
	}
	s := fmt.Sprintf("%4d  %s %s", c.ID, pad(flat(c.Name), 16), strings.Join(numbers, ", "))
	return strings.TrimRight(strings.ReplaceAll(s, "\n", " "), " ")
}

// numberOf is a number with what it is for.
func numberOf(e phonebook.Entry) string {
	label := strings.ToLower(e.Label.String())
	if e.Label == phonebook.UserDefined || e.Text != "" {
		label = e.Text
	}
	if label == "" {
		return e.Number
	}
	return e.Number + " (" + label + ")"
}

func newContactsSearch(env *environment, f *folderFlags) *cobra.Command {
	var label string
	var limit int
	cmd := &cobra.Command{
		Use: "search NAME", Short: "Find contacts as a directive does: by a part of the name, initial consonants, or nearly",
		Long: `search finds contacts as directives do, best first: equal names, then those that begin so,
contain it, have these initial consonants (ㄱㅁㅅ finds 김민수), or differ by a few letters.
A label picks the number that is put first: 집, 회사, 휴대폰, home, mobile, ...

  softphone contacts search 민수
  softphone contacts search ㄱㅁㅅ --label 집
  softphone contacts search "jane d" --limit 3

` + exitHelpOf("contacts"),
		Args: atLeast(1, "a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > phonebook.MaxMatches {
				return usagef("--limit %d: 1 to %d can be found", limit, phonebook.MaxMatches)
			}
			q := phonebook.Query{Name: strings.Join(args, " "), Label: label, Limit: limit}
			if strings.TrimSpace(q.Name) == "" {
				return usagef("the name is empty; give a name, a part of one, or initial consonants")
			}
			return on(env, f, cmd, (*folder).contacts, func(d *folder, book contacts) error {
				found, err := book.search(cmd.Context(), q)
				if err != nil {
					return err
				}
				for _, m := range found {
					l := contactLine{Type: "contact", Contact: m.Contact, Score: math.Round(m.Score*1e4) / 1e4, Exact: m.Exact}
					if m.Entry >= 0 {
						l.Matched = m.Contact.Entries[m.Entry].Number
					}
					d.out.line(l, "%3.0f%% %s", m.Score*100, inOneLine(m.Contact, m.Entry))
				}
				d.out.line(map[string]any{"type": "result", "found": len(found)}, "")
				if len(found) == 0 {
					return &exitError{exitNotFound, fmt.Errorf("nobody is called %q or nearly so; `softphone contacts list` shows everybody", q.Name)}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&label, "label", "", "`WORD` for the number wanted, in free speech: 집, 회사, home, mobile")
	cmd.Flags().IntVar(&limit, "limit", phonebook.MaxMatches, "at most `N`")
	return cmd
}

func newContactsShow(env *environment, f *folderFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show all that is known of a contact",
		Long: "show tells all that is known of a contact, by the id that list shows, or by its token.\n\n  softphone contacts show 1\n\n" + exitHelpOf("contacts"),
		Args: exactly(1, "one id or token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return on(env, f, cmd, (*folder).contacts, func(d *folder, book contacts) error {
				c, err := book.get(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				for _, l := range details(c) {
					d.out.text("%-14s %s", l[0], strings.ReplaceAll(l[1], "\n", "\n               "))
				}
				if d.out.json {
					d.out.line(contactLine{Type: "contact", Contact: c}, "")
					d.out.line(map[string]any{"type": "result", "found": 1}, "")
				}
				return nil
			})
		},
	}
}

// details are the fields of a contact that it has.
func details(c phonebook.Contact) [][2]string {
	all := [][2]string{{"id", strconv.FormatInt(c.ID, 10)}, {"name", c.Name}}
	for _, e := range c.Entries {
		all = append(all, [2]string{"number", numberOf(e)})
	}
	for _, l := range [][2]string{
		{"category", c.Category}, {"road address", c.Road}, {"jibun address", c.Jibun}, {"opens", c.Hours.Open}, {"closes", c.Hours.Close},
		{"hours", c.Hours.Info}, {"image", c.ImageURL}, {"poiId", c.POI}, {"token", c.Token},
	} {
		if l[1] != "" {
			all = append(all, l)
		}
	}
	return append(all, [2]string{"changed", c.Updated.Local().Format("2006-01-02 15:04:05")})
}

func newContactsAdd(env *environment, f *folderFlags) *cobra.Command {
	return &cobra.Command{
		Use: "add NAME NUMBER...", Short: "Add a contact with its numbers",
		Long: `add keeps a new contact. A number may have a label in front: home, company, mobile, 집, 회사,
휴대폰, or any word of your own. When it returns, the contact is on the disk.

  softphone contacts add 김민수 010-1234-5678 집=02-312-3456
  softphone contacts add "Jane Doe" mobile="+1 212 555 1234" boat=6001

` + exitHelpOf("contacts"),
		Args: atLeast(2, "a name and a number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := phonebook.Contact{Name: args[0]}
			for _, s := range args[1:] {
				c.Entries = append(c.Entries, entryOf(s))
			}
			return on(env, f, cmd, (*folder).contacts, func(d *folder, book contacts) error {
				c, err := book.put(cmd.Context(), c)
				if err != nil {
					return err
				}
				d.out.line(contactLine{Type: "contact", Contact: c}, "contact %s", strings.TrimLeft(inOneLine(c, -1), " "))
				d.out.line(map[string]any{"type": "result", "added": c.ID}, "")
				return nil
			})
		},
	}
}

// entryOf reads a number with or without a label in front.
func entryOf(s string) phonebook.Entry {
	word, num, ok := strings.Cut(s, "=")
	if !ok {
		return phonebook.Entry{Number: s}
	}
	if l, ok := phonebook.LabelOf(word); ok {
		return phonebook.Entry{Label: l, Number: num}
	}
	return phonebook.Entry{Label: phonebook.UserDefined, Text: word, Number: num}
}

func newContactsRemove(env *environment, f *folderFlags) *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "Remove a contact by the id that `contacts list` shows",
		Long: "remove takes a contact out, by the id that `contacts list` shows, or by its token.\n\n  softphone contacts remove 1\n\n" + exitHelpOf("contacts"),
		Args: exactly(1, "one id or token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return on(env, f, cmd, (*folder).contacts, func(d *folder, book contacts) error {
				c, err := book.get(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if err := book.remove(cmd.Context(), c.ID); err != nil {
					return err
				}
				d.out.line(map[string]any{"type": "result", "removed": c.ID}, "%s removed", c.Name)
				return nil
			})
		},
	}
}

// atLeast is cobra.MinimumNArgs with a sentence for people.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("%s takes %s, %d given; `%s --help` shows an example", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}

// contacts are those of a data folder. What changes is durable when a method
// returns.
type contacts interface {
	all(ctx context.Context) ([]phonebook.Contact, error)
	search(ctx context.Context, q phonebook.Query) ([]phonebook.Match, error)
	get(ctx context.Context, idOrToken string) (phonebook.Contact, error)
	put(ctx context.Context, c phonebook.Contact) (phonebook.Contact, error)
	load(ctx context.Context, all []phonebook.Contact) (added, replaced int, err error)
	remove(ctx context.Context, id int64) error
}

// contacts finds the contacts of the folder.
func (d *folder) contacts(ctx context.Context) (contacts, error) {
	phone, ok, err := d.running(ctx)
	if err != nil {
		return nil, err
	}
	if ok {
		return phoneContacts{phone}, nil
	}
	s, err := d.store(ctx)
	if err != nil {
		return nil, err
	}
	book, err := phonebook.Open(ctx, d.plan, s.Contacts())
	if err != nil {
		return nil, err
	}
	return storedContacts{book}, nil
}

// storedContacts are those of a folder on which no phone runs.
type storedContacts struct{ book *phonebook.Book }

func (s storedContacts) all(context.Context) ([]phonebook.Contact, error) { return s.book.All(), nil }

func (s storedContacts) search(_ context.Context, q phonebook.Query) ([]phonebook.Match, error) {
	return s.book.Search(q), nil
}

func (s storedContacts) get(_ context.Context, idOrToken string) (phonebook.Contact, error) {
	if id, err := strconv.ParseInt(idOrToken, 10, 64); err == nil {
		if c, ok := s.book.Get(id); ok {
			return c, nil
		}
	}
	if c, ok := s.book.ByToken(idOrToken); ok {
		return c, nil
	}
	return phonebook.Contact{}, noContact(idOrToken)
}

func noContact(idOrToken string) error {
	return &exitError{exitNotFound, fmt.Errorf("there is no contact %q; `softphone contacts list` shows those there are", idOrToken)}
}

func (s storedContacts) put(ctx context.Context, c phonebook.Contact) (phonebook.Contact, error) {
	c, err := s.book.Put(ctx, c)
	return c, refusedContact(err)
}

func (s storedContacts) load(ctx context.Context, all []phonebook.Contact) (int, int, error) {
	done, err := s.book.Import(ctx, all)
	return done.Added, done.Replaced, refusedContact(err)
}

func (s storedContacts) remove(ctx context.Context, id int64) error { return s.book.Remove(ctx, id) }

// refusedContact gives a contact that cannot be kept its exit code.
func refusedContact(err error) error {
	var bad *phonebook.ContactError
	if errors.As(err, &bad) || errors.Is(err, phonebook.ErrTokenTaken) {
		return &exitError{exitUsage, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "phonebook: "))}
	}
	return err
}
