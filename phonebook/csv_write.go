package phonebook

import (
	"encoding/csv"
	"fmt"
	"io"

	"github.com/softphone-go/softphone/internal/sheet"
)

// WriteCSV writes the contacts under our own headings: Name, then Number 1,
// Label 1, Label Text 1 and so on for as many numbers as a contact has, then
// Category, Image URL, Road Address, Jibun Address, Opens, Closes, Hours, POI
// ID, Token. It begins with a byte order mark, without which spreadsheets take
// Korean for something else. ReadCSV gives the same contacts back, but for ID,
// the time, and what a Book computes. A text that a spreadsheet would run as a
// formula has an apostrophe in front, which ReadCSV takes away; the apostrophe
// never stands before a telephone number.
func WriteCSV(w io.Writer, contacts []Contact) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return writeError(err)
	}
	most := 1
	for i := range contacts {
		most = max(most, len(contacts[i].Entries))
	}
	header := []string{"Name"}
	for n := range most {
		header = append(header, fmt.Sprintf("Number %d", n+1), fmt.Sprintf("Label %d", n+1), fmt.Sprintf("Label Text %d", n+1))
	}
	header = append(header, "Category", "Image URL", "Road Address", "Jibun Address", "Opens", "Closes", "Hours", "POI ID", "Token")
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(header); err != nil {
		return writeError(err)
	}
	for i := range contacts {
		c := &contacts[i]
		cells := []string{c.Name}
		for n := range most {
			var e Entry
			if n < len(c.Entries) {
				e = c.Entries[n]
			}
			cells = append(cells, e.Number, e.Label.String(), e.Text)
		}
		cells = append(cells, c.Category, c.ImageURL, c.Road, c.Jibun, c.Hours.Open, c.Hours.Close, c.Hours.Info, c.POI, c.Token)
		for i := range cells {
			cells[i] = sheet.Guard(cells[i])
		}
		if err := out.Write(cells); err != nil {
			return writeError(err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return writeError(err)
	}
	return nil
}

func writeError(err error) error {
	return fmt.Errorf("phonebook: the contacts cannot be written: %w", err)
}
