package sheet

import "strings"

const (
	apostrophe = '\''
	// signs begin a formula in some spreadsheet, the wide ones in those of East
	// Asia; blanks may stand before one.
	signs  = "=@+-＝＠＋－"
	blanks = "\t\r\n "
	digits = "0123456789"
	// phone is what a telephone number may consist of.
	phone = "+-0123456789 ()./"
)

// Guard keeps a spreadsheet from running a cell as a formula: one that begins
// like a formula gets the apostrophe in front that spreadsheets mark text with.
// A telephone number such as +82 10-1234-5678 stays as it is: other programs
// read the file too, and numbers can do nothing. Unguard(Guard(s)) is s.
func Guard(s string) string {
	bare := strings.TrimLeft(s, string(apostrophe))
	switch {
	case bare == "":
		return s
	case len(bare) < len(s): // Unguard must not take one of its own
		if !isMarked(bare) {
			return s
		}
	case !strings.ContainsRune(signs+blanks, first(bare)), (bare[0] == '+' || bare[0] == '-') && strings.Trim(bare, phone) == "":
		return s
	}
	return string(apostrophe) + s
}

// Unguard takes away the apostrophe that Guard, or a spreadsheet, put before a
// formula or a number. Names such as 't Hooft keep theirs.
func Unguard(s string) string {
	if bare := strings.TrimLeft(s, string(apostrophe)); len(bare) < len(s) && isMarked(bare) {
		return s[1:]
	}
	return s
}

// isMarked reports whether an apostrophe before such a text marks it.
func isMarked(bare string) bool {
	return bare != "" && strings.ContainsRune(signs+blanks+digits, first(bare))
}

func first(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}
