package audio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/softphone-go/softphone/media/g711"
)

// Format tags of a fmt chunk (Microsoft multimedia registry).
const (
	formatPCM        = 0x0001
	formatFloat      = 0x0003
	formatALaw       = 0x0006
	formatMuLaw      = 0x0007
	formatExtensible = 0xFFFE
)

// Bounds on what a file may make us hold or skip.
const (
	maxSamples   = 64 << 20  // over an hour at 16 kHz, 128 MiB in memory
	maxFileBytes = 512 << 20 // chunks that are skipped count too
	maxFormat    = 256       // octets kept of a fmt chunk
)

// unknownSize is what a program writes that does not know the length yet.
const unknownSize = 0xFFFFFFFF

// riffFormat is what a fmt chunk says.
type riffFormat struct {
	tag, channels, bits int
	rate                int
}

// decoder reads RIFF/WAVE in one pass:
//
//	"RIFF" size "WAVE" { id size body [pad] }
//
// Sizes are what the file says and are never trusted: memory grows with what
// was really read.
type decoder struct {
	r       *bufio.Reader
	format  riffFormat
	samples []int16
	notes   []string
}

func newDecoder(r io.Reader) *decoder {
	return &decoder{r: bufio.NewReaderSize(io.LimitReader(r, maxFileBytes), 64<<10)}
}

func notWAV(found string, args ...any) error {
	return &FormatError{Found: fmt.Sprintf(found, args...), Need: accepted + ": " + conversion}
}

func (d *decoder) run() error {
	var head [12]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		if isEnd(err) {
			return notWAV("too short to be a WAV file")
		}
		return err
	}
	switch id := string(head[:4]); {
	case id == "RIFX" || id == "RF64":
		return notWAV("the %s kind of WAV file", id)
	case id != "RIFF" || string(head[8:]) != "WAVE":
		return notWAV("not a WAV file (it does not start with RIFF and WAVE)")
	}
	for haveFormat := false; ; {
		id, size, err := d.chunk()
		if isEnd(err) {
			if haveFormat {
				return notWAV("no sound in it (no data chunk)")
			}
			return notWAV("no fmt chunk, which says what the sound is")
		}
		if err != nil {
			return err
		}
		switch {
		case id == "fmt " && !haveFormat:
			haveFormat = true
			if err := d.readFormat(size); err != nil {
				return err
			}
		case id == "data" && haveFormat:
			return d.readData(size)
		case id == "data":
			return notWAV("the data chunk comes before the fmt chunk")
		default:
			if err := d.skip(int64(size), size); err != nil && !isEnd(err) {
				return err
			}
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// chunk reads the head of the next chunk.
func (d *decoder) chunk() (id string, size uint32, err error) {
	var head [8]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		return "", 0, err
	}
	return string(head[:4]), binary.LittleEndian.Uint32(head[4:]), nil
}

// skip leaves out n octets of a chunk of that size. A chunk of odd size is
// padded with a zero, which some programs forget.
func (d *decoder) skip(n int64, size uint32) error {
	if _, err := io.CopyN(io.Discard, d.r, n); err != nil {
		return err
	}
	if size%2 == 1 {
		if b, err := d.r.Peek(1); err == nil && b[0] == 0 {
			_, err = d.r.Discard(1)
			return err
		}
	}
	return nil
}

// readFormat reads the fmt chunk and refuses what cannot be played.
func (d *decoder) readFormat(size uint32) error {
	if size < 16 {
		return notWAV("a fmt chunk of %d octets (16 are the least)", size)
	}
	body := make([]byte, min(size, maxFormat))
	if _, err := io.ReadFull(d.r, body); err != nil {
		if isEnd(err) {
			return notWAV("the file ends inside its fmt chunk")
		}
		return err
	}
	if err := d.skip(int64(size)-int64(len(body)), size); err != nil && !isEnd(err) {
		return err
	}
	le := binary.LittleEndian
	f := riffFormat{
		tag: int(le.Uint16(body)), channels: int(le.Uint16(body[2:])),
		bits: int(le.Uint16(body[14:])), rate: int(le.Uint32(body[4:])),
	}
	if f.tag == formatExtensible && len(body) >= 40 {
		// The sub-format is a GUID whose first 16 bits are the old tag.
		const rest = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
		if string(body[26:40]) == rest {
			f.tag = int(le.Uint16(body[24:]))
		}
	}
	d.format = f
	return f.check()
}

// check refuses what cannot be played, all reasons in one sentence.
func (f riffFormat) check() error {
	known := f.tag == formatPCM && f.bits == 16 ||
		(f.tag == formatMuLaw || f.tag == formatALaw) && f.bits == 8
	if known && f.channels == 1 && (f.rate == Narrowband || f.rate == Wideband) {
		return nil
	}
	channels := fmt.Sprintf("%d channels", f.channels)
	switch f.channels {
	case 1:
		channels = "mono"
	case 2:
		channels = "stereo"
	}
	found := fmt.Sprintf("%d Hz %s", f.rate, channels)
	if !known {
		found += ", " + f.coding()
	}
	return notWAV("%s", found)
}

// coding is the coding in words.
func (f riffFormat) coding() string {
	switch f.tag {
	case formatPCM:
		return fmt.Sprintf("%d-bit PCM", f.bits)
	case formatFloat:
		return fmt.Sprintf("%d-bit floating point", f.bits)
	case formatMuLaw:
		return fmt.Sprintf("%d-bit µ-law", f.bits)
	case formatALaw:
		return fmt.Sprintf("%d-bit A-law", f.bits)
	case 0x0002, 0x0011:
		return "ADPCM"
	case 0x0031:
		return "GSM 06.10"
	case 0x0055:
		return "MP3"
	}
	return fmt.Sprintf("coding 0x%04x", f.tag)
}

// readData reads the sound, block by block, to the end of the chunk or file.
func (d *decoder) readData(size uint32) error {
	width := d.format.bits / 8
	left := int64(size)
	open := size == 0 || size >= unknownSize-1024 // some write the size less the header
	if open {
		left = maxFileBytes
		if next, err := d.r.Peek(4); err != nil || size == 0 && isChunkID(string(next)) {
			return notWAV("no sound in it (an empty data chunk)")
		}
		d.notes = append(d.notes, "the file does not say how long it is; it was read to its end")
	}
	block := make([]byte, 32<<10)
	carry := 0 // an odd octet kept from one read to the next
	for left > 0 {
		n, err := d.r.Read(block[carry:min(int64(len(block)), left+int64(carry))])
		left -= int64(n)
		n += carry
		whole := n - n%width
		if whole/width > maxSamples-len(d.samples) {
			return notWAV("more than %d samples", maxSamples)
		}
		d.decode(block[:whole])
		carry = copy(block, block[whole:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if len(d.samples) == 0 {
		return notWAV("no sound in it (an empty data chunk)")
	}
	if left > 0 && !open {
		d.notes = append(d.notes, fmt.Sprintf("the file is cut off: it announces %d octets of sound and has %d; what is there is played", size, int64(size)-left))
	}
	return nil
}

// isChunkID says whether an empty data chunk is followed by another chunk.
func isChunkID(id string) bool {
	switch id {
	case "LIST", "fact", "cue ", "bext", "id3 ", "ID3 ", "smpl", "inst", "plst", "note", "labl", "JUNK":
		return true
	}
	return false
}

// decode appends one block of sound as linear PCM.
func (d *decoder) decode(block []byte) {
	at := len(d.samples)
	n := len(block) * 8 / d.format.bits
	d.samples = append(d.samples, make([]int16, n)...)
	out := d.samples[at:]
	switch d.format.tag {
	case formatMuLaw:
		g711.DecodePCMU(out, block)
	case formatALaw:
		g711.DecodePCMA(out, block)
	default:
		for i := range out {
			out[i] = int16(binary.LittleEndian.Uint16(block[2*i:]))
		}
	}
}
