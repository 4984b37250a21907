package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/phonebook"
)

func newContactsImport(env *environment, f *folderFlags) *cobra.Command {
	return importer{
		short: "Add the contacts of a vCard or CSV file; - is standard input",
		long: `import adds the contacts of a file in one step: vCard 2.1, 3.0 or 4.0, or CSV as Google
Contacts, Outlook, Korean Excel or contacts export write it. A contact that is there already is
replaced, so a file may be imported again. What has no place in a contact is named with its
line; when a whole contact had to be left out, the exit code is 2.

  softphone contacts import contacts.vcf
  softphone contacts import --dry-run google.csv
  softphone contacts import - < contacts.vcf

` + exitHelpOf("contacts"),
		load: importContacts,
	}.command(env, f)
}

func importContacts(cmd *cobra.Command, d *folder, path string, in io.Reader, dry bool) (map[string]any, string, bool, error) {
	all, problems, _, err := phonebook.Read(in)
	if err != nil {
		return nil, "", false, &exitError{exitUsage, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "phonebook: "))}
	}
	skipped := 0
	for _, p := range problems {
		if p.Kind == phonebook.Skipped {
			skipped += max(p.Count, 1)
		}
		d.complain(path, problemLine{Line: p.Line, Count: p.Count, Kind: p.Kind.String(), Text: p.Text})
	}
	wrong := fmt.Sprintf("%d left out, %s", skipped, count(len(problems), "problem"))
	result := map[string]any{"read": len(all), "skipped": skipped, "problems": len(problems)}
	if dry {
		return result, fmt.Sprintf("%s in the file, %s; nothing was changed", count(len(all), "contact"), wrong), skipped == 0, nil
	}
	added, replaced := 0, 0
	if len(all) > 0 {
		book, err := d.contacts(cmd.Context())
		if err != nil {
			return nil, "", false, err
		}
		if added, replaced, err = book.load(cmd.Context(), all); err != nil {
			return nil, "", false, err
		}
	}
	result["added"], result["replaced"] = added, replaced
	return result, fmt.Sprintf("%s added, %d replaced, %s", count(added, "contact"), replaced, wrong), skipped == 0, nil
}

func newContactsExport(env *environment, f *folderFlags) *cobra.Command {
	return exporter[phonebook.Contact]{
		what: "contact", short: "Write the contacts as vCard or CSV, as import takes them",
		long: `export writes all contacts, so that import brings them back as they were. Without a file they
go to standard output. The format follows the file's name: .vcf is vCard 4.0, .csv is CSV.

  softphone contacts export contacts.vcf
  softphone contacts export --format vcard3 old-phone.vcf
  softphone contacts export --format csv > contacts.csv

` + exitHelpOf("contacts"),
		formats: "vcard4, vcard3 or csv", format: "vcard4", writer: contactWriter,
		all: func(cmd *cobra.Command, d *folder) ([]phonebook.Contact, error) {
			book, err := d.contacts(cmd.Context())
			if err != nil {
				return nil, err
			}
			return book.all(cmd.Context())
		},
	}.command(env, f)
}

func contactWriter(format string) func(io.Writer, []phonebook.Contact) error {
	switch format {
	case "csv":
		return phonebook.WriteCSV
	case "vcf", "vcard", "vcard4":
		return func(w io.Writer, all []phonebook.Contact) error {
			return phonebook.WriteVCard(w, all, phonebook.VCard4)
		}
	case "vcard3":
		return func(w io.Writer, all []phonebook.Contact) error {
			return phonebook.WriteVCard(w, all, phonebook.VCard3)
		}
	}
	return nil
}
