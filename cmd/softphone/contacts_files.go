package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/phonebook"
)

func newContactsImport(env *environment, f *folderFlags) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Add the contacts of a vCard or CSV file; - is standard input",
		Long: `import adds the contacts of a file in one step: vCard 2.1, 3.0 or 4.0, or CSV as Google
Contacts, Outlook or contacts export write it. A contact that is there already is replaced,
so a file may be imported again. What has no place in a contact is named with its line; when a
whole contact had to be left out, the exit code is 2.

  softphone contacts import contacts.vcf
  softphone contacts import --dry-run google.csv
  softphone contacts import - < contacts.vcf

` + contactsExitHelp,
		Args: exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(env, func(d *folder) error { return importContacts(cmd, d, args[0], dry) })
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "read the file and tell what is wrong with it; change nothing")
	return cmd
}

func importContacts(cmd *cobra.Command, d *folder, path string, dry bool) error {
	in, err := d.input(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	all, problems, _, err := phonebook.Read(in)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "phonebook: "))}
	}
	skipped := 0
	for _, p := range problems {
		if p.Kind == phonebook.Skipped {
			skipped += max(p.Count, 1)
		}
		d.complain(path, problemLine{Line: p.Line, Count: p.Count, Kind: p.Kind.String(), Text: p.Text})
	}
	result := map[string]any{"type": "result", "read": len(all), "skipped": skipped, "problems": len(problems)}
	if dry {
		d.out.line(result, "%s in the file, %d left out, %s; nothing was changed", count(len(all), "contact"), skipped, count(len(problems), "problem"))
	} else {
		added, replaced := 0, 0
		if len(all) > 0 {
			book, err := d.contacts(cmd.Context())
			if err != nil {
				return err
			}
			if added, replaced, err = book.load(cmd.Context(), all); err != nil {
				return err
			}
		}
		result["added"], result["replaced"] = added, replaced
		d.out.line(result, "%s added, %d replaced, %d left out, %s", count(added, "contact"), replaced, skipped, count(len(problems), "problem"))
	}
	if skipped > 0 {
		return &exitError{exitUsage, &silentError{errors.New("not all could be read")}}
	}
	return nil
}

func newContactsExport(env *environment, f *folderFlags) *cobra.Command {
	var format string
	var force bool
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "Write the contacts as vCard or CSV, as import takes them",
		Long: `export writes all contacts, so that import brings them back as they were. Without a file they
go to standard output. The format follows the file's name: .vcf is vCard 4.0, .csv is CSV.

  softphone contacts export contacts.vcf
  softphone contacts export --format vcard3 old-phone.vcf
  softphone contacts export --format csv > contacts.csv

` + contactsExitHelp,
		Args: atMost(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			write := contactWriter(cmp.Or(format, strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."), "vcard4"))
			if write == nil {
				return usagef("contacts are written as vcard4, vcard3 or csv; give --format, or end the file's name in .vcf or .csv")
			}
			return f.with(env, func(d *folder) error {
				book, err := d.contacts(cmd.Context())
				if err != nil {
					return err
				}
				all, err := book.all(cmd.Context())
				if err != nil {
					return err
				}
				if err := d.output(path, force, func(w io.Writer) error { return write(w, all) }); err != nil {
					return err
				}
				if path != "" && path != "-" {
					d.out.line(map[string]any{"type": "result", "file": path, "contacts": len(all)}, "%s written to %s", count(len(all), "contact"), path)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "`FORMAT`: vcard4, vcard3 or csv (default: what the file's name says, else vcard4)")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there already")
	return cmd
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
