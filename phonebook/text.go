package phonebook

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

const (
	bom     = "\ufeff"
	maxWide = 256 << 20 // bytes of a file in UTF-16
	maxLine = 1 << 20   // bytes of an unfolded line; the rest of it is left out
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
	br, err := plainText(r)
	if err != nil {
		return nil, nil, "", err
	}
	head, _ := br.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n")
	if n := len("BEGIN:"); len(head) >= n && strings.EqualFold(string(head[:n]), "BEGIN:") {
		contacts, problems, err := ReadVCard(br)
		return contacts, problems, FormatVCard, err
	}
	contacts, problems, err := ReadCSV(br)
	return contacts, problems, FormatCSV, err
}

// plainText takes off the byte order mark of UTF-8, and makes UTF-8 of UTF-16
// that has one, as spreadsheets write "Unicode text".
func plainText(r io.Reader) (*bufio.Reader, error) {
	br := bufio.NewReaderSize(r, bufSize)
	head, err := br.Peek(len(bom))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("phonebook: the contacts cannot be read: %w", err)
	}
	switch {
	case string(head) == bom:
		_, err = br.Discard(len(bom))
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return fromUTF16(br, binary.LittleEndian)
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return fromUTF16(br, binary.BigEndian)
	default:
		err = nil
	}
	return br, err
}

func fromUTF16(r io.Reader, order binary.ByteOrder) (*bufio.Reader, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxWide+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("phonebook: the contacts cannot be read: %w", err)
	case len(b) > maxWide:
		return nil, fmt.Errorf("phonebook: the file is in UTF-16 and larger than %d MiB; save it as UTF-8", maxWide>>20)
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 2; i+1 < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	return bufio.NewReaderSize(strings.NewReader(string(utf16.Decode(units))), bufSize), nil
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
