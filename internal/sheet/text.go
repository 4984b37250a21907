package sheet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/korean"
)

// MaxFile is the size in bytes up to which a text that is not UTF-8 is read.
const MaxFile = 256 << 20

// Encoding is what a text was written in.
type Encoding string

// The encodings that Text tells apart.
const (
	UTF8  Encoding = "UTF-8"
	UTF16 Encoding = "UTF-16"
	CP949 Encoding = "CP949" // EUC-KR and more: the CSV of Korean Excel
)

const (
	bom     = "\ufeff"
	bufSize = 64 << 10
)

// Text makes UTF-8 of a text: it takes off the byte order mark, and converts
// UTF-16 that has one and CP949, which is taken for what it is when the whole
// text is not UTF-8 and is CP949. Anything else is passed on as it is. It fails
// when reading does before there is anything, and for UTF-16 above MaxFile.
func Text(r io.Reader) (*bufio.Reader, Encoding, error) {
	br := bufio.NewReaderSize(r, bufSize)
	head, err := br.Peek(len(bom))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, UTF8, err
	}
	switch {
	case string(head) == bom:
		_, err = br.Discard(len(bom))
		return br, UTF8, err
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		br, err = fromUTF16(br, binary.LittleEndian)
		return br, UTF16, err
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		br, err = fromUTF16(br, binary.BigEndian)
		return br, UTF16, err
	}
	all, err := io.ReadAll(io.LimitReader(br, MaxFile))
	if err == nil && !utf8.Valid(all) {
		if text, ok := fromCP949(all); ok {
			return bufio.NewReaderSize(strings.NewReader(text), bufSize), CP949, nil
		}
	}
	rest := io.Reader(br)
	if err != nil {
		rest = failing{err}
	}
	return bufio.NewReaderSize(io.MultiReader(bytes.NewReader(all), rest), bufSize), UTF8, nil
}

// failing fails where the reader before it did.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func fromUTF16(r io.Reader, order binary.ByteOrder) (*bufio.Reader, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > MaxFile:
		return nil, fmt.Errorf("the file is in UTF-16 and larger than %d MiB; save it as UTF-8", MaxFile>>20)
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 2; i+1 < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	return bufio.NewReaderSize(strings.NewReader(string(utf16.Decode(units))), bufSize), nil
}

// fromCP949 fails for a text that has bytes which are none in CP949.
func fromCP949(b []byte) (string, bool) {
	out, err := korean.EUCKR.NewDecoder().Bytes(b) // Code Page 949, as its comment says
	return string(out), err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}

// Separator guesses by the first line that is not empty what parts the cells:
// comma, semicolon or tab.
func Separator(br *bufio.Reader) rune {
	head, _ := br.Peek(bufSize)
	line, _, _ := strings.Cut(strings.TrimLeft(string(head), "\r\n"), "\n")
	best, most := ',', strings.Count(line, ",")
	for _, sep := range ";\t" {
		if n := strings.Count(line, string(sep)); n > most {
			best, most = sep, n
		}
	}
	return best
}
