package phonebook

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/softphone-go/softphone/internal/sheet"
)

const (
	bom     = "\ufeff"
	maxLine = 1 << 20 // bytes of an unfolded line; the rest of it is left out
	bufSize = 64 << 10
)

// Format is a file format of contacts.
type Format string

// The formats that Read tells apart.
const (
	FormatVCard Format = "vcard"
	FormatCSV   Format = "csv"
)

// Read is ReadVCard or ReadCSV, whichever the text is: one that begins with
// BEGIN:VCARD is vCard.
func Read(r io.Reader) ([]Contact, []Problem, Format, error) {
	text, err := plainText(r)
	if err != nil {
		return nil, nil, "", err
	}
	head, _ := text.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n")
	if n := len("BEGIN:"); len(head) >= n && strings.EqualFold(string(head[:n]), "BEGIN:") {
		contacts, problems, err := readVCard(text)
		return contacts, problems, FormatVCard, err
	}
	contacts, problems, err := readCSV(text)
	return contacts, problems, FormatCSV, err
}

// text is a file in UTF-8, whatever it was in.
type text struct {
	*bufio.Reader
	encoding sheet.Encoding
}

func plainText(r io.Reader) (text, error) {
	br, encoding, err := sheet.Text(r)
	if err != nil {
		return text{}, readError(err)
	}
	return text{br, encoding}, nil
}

// tell notes a guess that may be wrong.
func (t text) tell(p *problems) {
	if t.encoding == sheet.CP949 {
		p.add(1, Changed, "the file is not UTF-8 and is read as %s (EUC-KR), as Korean Excel writes it; if names come out wrong, "+
			"save it as UTF-8 (in spreadsheets: CSV UTF-8)", t.encoding)
	}
}

// lines reads a text line by line.
type lines struct {
	r    *bufio.Reader
	line int // of the one read last
}

// next returns the next line without its end; cut says that it was too long
// and its rest is left out.
func (l *lines) next() (text string, cut bool, err error) {
	var b []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if n := min(len(part), maxLine-len(b)); n > 0 {
			b = append(b, part[:n]...)
			cut = cut || n < len(part)
		} else {
			cut = cut || len(part) > 0
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(b) > 0 || cut):
		case err != nil:
			return "", false, err
		}
		l.line++
		return strings.TrimRight(string(b), "\r\n"), cut, nil
	}
}

// continues reports whether the next line is a part of this one (RFC 6350
// §3.2), and takes the sign for it away.
func (l *lines) continues() bool {
	next, err := l.r.Peek(1)
	if err != nil || next[0] != ' ' && next[0] != '\t' {
		return false
	}
	_, err = l.r.Discard(1)
	return err == nil
}
