package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/media/g711"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fmtChunk is the body of a fmt chunk.
func fmtChunk(tag, channels, rate, bits int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	return le.AppendUint16(b, uint16(bits))
}

func extensible(sub, rate, bits int) []byte {
	b := fmtChunk(formatExtensible, 1, rate, bits)
	b = append(b, 22, 0, byte(bits), 0, 4, 0, 0, 0, byte(sub), byte(sub>>8))
	return append(b, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
}

type part struct {
	id   string
	body []byte
}

// riff puts chunks into a file, padded as they should be.
func riff(parts ...part) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p.id...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.body)))
		b = append(b, p.body...)
		if len(p.body)%2 == 1 {
			b = append(b, 0)
		}
	}
	head := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(b)+4))...)
	return append(append(head, "WAVE"...), b...)
}

func pcm(samples ...int16) []byte {
	var b []byte
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

var pcm8k = part{"fmt ", fmtChunk(formatPCM, 1, 8000, 16)}

func TestDecodeWAV_Accepted(t *testing.T) {
	linear := []int16{0, 100, -100, 32767, -32768, 7}
	mu, a := make([]byte, 6), make([]byte, 6)
	g711.EncodePCMU(mu, linear)
	g711.EncodePCMA(a, linear)
	fromMu, fromA := make([]int16, 6), make([]int16, 6)
	g711.DecodePCMU(fromMu, mu)
	g711.DecodePCMA(fromA, a)
	cut := riff(pcm8k, part{"data", pcm(linear...)})
	odd := append(append([]byte(nil), riff(pcm8k)...), "LIST\x03\x00\x00\x00abcdata\x04\x00\x00\x00\x01\x00\x02\x00"...)
	endless := riff(pcm8k, part{"data", pcm(1, 2, 3)})
	binary.LittleEndian.PutUint32(endless[40:], unknownSize)
	zero := bytes.Clone(endless)
	binary.LittleEndian.PutUint32(zero[40:], 0)

	cases := []struct {
		name string
		file []byte
		rate int
		want []int16
		note string
	}{
		{"pcm 8 kHz", riff(pcm8k, part{"data", pcm(linear...)}), 8000, linear, ""},
		{"pcm 16 kHz", riff(part{"fmt ", fmtChunk(formatPCM, 1, 16000, 16)}, part{"data", pcm(linear...)}), 16000, linear, ""},
		{"mu-law", riff(part{"fmt ", fmtChunk(formatMuLaw, 1, 8000, 8)}, part{"data", mu}), 8000, fromMu, ""},
		{"a-law 16 kHz", riff(part{"fmt ", fmtChunk(formatALaw, 1, 16000, 8)}, part{"data", a}), 16000, fromA, ""},
		{"fmt with extension", riff(part{"fmt ", append(fmtChunk(formatMuLaw, 1, 8000, 8), 0, 0)}, part{"fact", pcm(6, 0)}, part{"data", mu}), 8000, fromMu, ""},
		{"extensible", riff(part{"fmt ", extensible(formatPCM, 8000, 16)}, part{"data", pcm(linear...)}), 8000, linear, ""},
		{"extensible a-law", riff(part{"fmt ", extensible(formatALaw, 8000, 8)}, part{"data", a}), 8000, fromA, ""},
		{"odd chunks and LIST", riff(part{"JUNK", []byte("x")}, pcm8k, part{"LIST", []byte("abc")}, part{"data", pcm(linear...)}, part{"id3 ", []byte("tag")}), 8000, linear, ""},
		{"odd chunk without padding", odd, 8000, []int16{1, 2}, ""},
		{"two fmt chunks", riff(pcm8k, part{"fmt ", fmtChunk(formatPCM, 2, 44100, 16)}, part{"data", pcm(1)}), 8000, []int16{1}, ""},
		{"cut off", cut[:len(cut)-3], 8000, linear[:4], "cut off: it announces 12 octets of sound and has 9"},
		{"length not known", endless, 8000, []int16{1, 2, 3}, "does not say how long"},
		{"length zero", zero, 8000, []int16{1, 2, 3}, "does not say how long"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(c.file), iotest.OneByteReader(bytes.NewReader(c.file))} {
				w, err := DecodeWAV(r)
				require.NoError(t, err)
				assert.Equal(t, c.rate, w.Rate())
				assert.Equal(t, c.want, w.Samples())
				if c.note == "" {
					assert.Empty(t, w.Note())
				} else {
					assert.Contains(t, w.Note(), c.note)
				}
			}
		})
	}
}

func TestDecodeWAV_Refused(t *testing.T) {
	data := part{"data", pcm(1, 2, 3, 4)}
	format := func(tag, channels, rate, bits int) []byte {
		return riff(part{"fmt ", fmtChunk(tag, channels, rate, bits)}, data)
	}
	badGUID := extensible(formatPCM, 8000, 16)
	badGUID[39]++
	cases := []struct {
		name  string
		file  []byte
		found string
	}{
		{"empty", nil, "too short"},
		{"text", []byte("hello, this is text"), "it does not start with RIFF"},
		{"avi", []byte("RIFF\x00\x00\x00\x00AVI LIST"), "it does not start with RIFF"},
		{"big endian", []byte("RIFX\x00\x00\x00\x00WAVEfmt "), "the RIFX kind"},
		{"no chunks", riff(), "no fmt chunk"},
		{"no data", riff(pcm8k), "no data chunk"},
		{"data first", riff(data, pcm8k), "before the fmt chunk"},
		{"short fmt", riff(part{"fmt ", make([]byte, 14)}), "a fmt chunk of 14 octets"},
		{"fmt cut", riff(pcm8k)[:30], "ends inside its fmt chunk"},
		{"empty data", riff(pcm8k, part{"data", nil}), "an empty data chunk"},
		{"empty data, more chunks", riff(pcm8k, part{"data", nil}, part{"LIST", []byte("abcd")}), "an empty data chunk"},
		{"half a sample", riff(pcm8k, part{"data", []byte{1}}), "an empty data chunk"},
		{"cd", format(formatPCM, 2, 44100, 16), "44100 Hz stereo;"},
		{"mono 48k", format(formatPCM, 1, 48000, 16), "48000 Hz mono;"},
		{"surround", format(formatPCM, 6, 8000, 16), "8000 Hz 6 channels;"},
		{"8 bit", format(formatPCM, 1, 8000, 8), "8000 Hz mono, 8-bit PCM;"},
		{"float", format(formatFloat, 1, 8000, 32), "32-bit floating point;"},
		{"gsm", format(0x31, 1, 8000, 0), "GSM 06.10;"},
		{"other", format(0x1234, 1, 8000, 16), "coding 0x1234;"},
		{"extensible of another kind", riff(part{"fmt ", badGUID}, data), "coding 0xfffe;"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := DecodeWAV(bytes.NewReader(c.file))
			var format *FormatError
			require.ErrorAs(t, err, &format)
			assert.ErrorContains(t, err, c.found)
			assert.ErrorContains(t, err, "need 8000 or 16000 Hz, mono")
		})
	}
	_, err := DecodeWAV(iotest.ErrReader(errors.New("disk on fire")))
	assert.ErrorContains(t, err, "disk on fire")
	_, err = DecodeWAV(io.MultiReader(bytes.NewReader(riff(pcm8k, data)[:46]), iotest.ErrReader(errors.New("disk on fire"))))
	assert.ErrorContains(t, err, "disk on fire")
}

func TestOpenWAV_ErrorsNameFileAndFix(t *testing.T) {
	dir := t.TempDir()
	cd := filepath.Join(dir, "my song.wav")
	require.NoError(t, os.WriteFile(cd, riff(part{"fmt ", fmtChunk(formatPCM, 2, 44100, 16)}, part{"data", pcm(1, 2)}), 0o600))
	_, err := OpenWAV(cd)
	assert.EqualError(t, err, "my song.wav: 44100 Hz stereo; need 8000 or 16000 Hz, mono, 16-bit PCM, µ-law or A-law: sox '"+cd+"' -r 8000 -c 1 -b 16 out.wav")

	_, err = OpenWAV(filepath.Join(dir, "none.wav"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "none.wav: no such file; give the path")
	_, err = OpenWAV(dir)
	assert.ErrorContains(t, err, dir)

	good := filepath.Join(dir, "good.wav")
	require.NoError(t, os.WriteFile(good, riff(pcm8k, part{"data", pcm(make([]int16, 12000)...)}), 0o600))
	w, err := OpenWAV(good)
	require.NoError(t, err)
	assert.Equal(t, 1500*time.Millisecond, w.Duration())
	assert.Equal(t, "sox ./-x.wav -r 8000 -c 1 -b 16 out.wav", convert("-x.wav"))
}

func TestNewWAV(t *testing.T) {
	_, err := NewWAV(44100, []int16{1})
	assert.ErrorContains(t, err, "44100 Hz")
	_, err = NewWAV(8000, nil)
	assert.Error(t, err)
}

// FuzzDecodeWAV: no file panics, and one that is taken can be played at both
// rates and has no more sound than octets.
func FuzzDecodeWAV(f *testing.F) {
	f.Add(riff(pcm8k, part{"data", pcm(1, 2, 3)}))
	f.Add(riff(part{"fmt ", extensible(formatALaw, 16000, 8)}, part{"LIST", []byte("abc")}, part{"data", []byte{1, 2, 3}}))
	f.Add(riff(part{"fmt ", fmtChunk(formatMuLaw, 1, 8000, 8)}, part{"data", []byte{1, 2, 3}})[:44])
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		w, err := DecodeWAV(bytes.NewReader(file))
		if err != nil {
			var format *FormatError
			require.ErrorAs(t, err, &format)
			return
		}
		require.NotEmpty(t, w.Samples())
		require.LessOrEqual(t, len(w.Samples()), len(file))
		for _, rate := range []int{Narrowband, Wideband} {
			p, frame := w.Source(false), NewFrame(rate)
			for n := 0; !p.Done(); n++ {
				require.LessOrEqual(t, n, len(file))
				p.ReadFrame(frame)
			}
		}
	})
}
