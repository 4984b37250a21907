package audio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// WAV is a sound file, whole in memory. It is never changed after it was made,
// so any number of Players and goroutines may use one.
type WAV struct {
	rate    int
	samples []int16
	note    string
}

// FormatError says that a file is not a WAV file this package plays.
type FormatError struct {
	Name  string // of the file; empty when it was read from a stream
	Found string // what the file is
	Need  string // what is accepted, and how to get there
}

// Error is one line: the file, what it is, what is needed.
func (e *FormatError) Error() string {
	name := e.Name
	if name == "" {
		name = "WAV"
	}
	return name + ": " + e.Found + "; need " + e.Need
}

// OpenWAV reads a WAV file: RIFF, mono, 8000 or 16000 Hz, 16-bit PCM, µ-law or
// A-law. A file that ends too early is played as far as it goes, and Note says
// so. The error is a *FormatError for a file of another kind, else what the
// operating system said, and names the file.
func OpenWAV(path string) (*WAV, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file; give the path of a WAV file, %s: %w", path, accepted, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the WAV file: %w", err)
	}
	defer f.Close()
	w, err := DecodeWAV(f)
	var format *FormatError
	switch {
	case errors.As(err, &format):
		format.Name = filepath.Base(path)
		format.Need = strings.Replace(format.Need, conversion, convert(path), 1)
		return nil, format
	case err != nil:
		return nil, fmt.Errorf("cannot read the WAV file %s: %w", path, err)
	}
	return w, nil
}

// What is accepted, and the command that makes it of almost anything.
const (
	accepted   = "8000 or 16000 Hz, mono, 16-bit PCM, µ-law or A-law"
	conversion = "sox in.wav -r 8000 -c 1 -b 16 out.wav"
)

// convert is the command for one file, quoted for a shell.
func convert(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("-_./+,:@%", r) && !('0' <= r && r <= '9') && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z')
	}) {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return strings.Replace(conversion, "in.wav", path, 1)
}

// DecodeWAV reads a WAV file from r: what OpenWAV says of formats and errors
// holds here. At most 64 Mi samples are taken.
func DecodeWAV(r io.Reader) (*WAV, error) {
	d := newDecoder(r)
	if err := d.run(); err != nil {
		return nil, err
	}
	return &WAV{rate: d.format.rate, samples: d.samples, note: strings.Join(d.notes, "; ")}, nil
}

// NewWAV makes a WAV of samples in memory, which it keeps. The rate is 8000 or
// 16000 Hz.
func NewWAV(rate int, samples []int16) (*WAV, error) {
	if rate != Narrowband && rate != Wideband {
		return nil, fmt.Errorf("audio: %d Hz; need 8000 or 16000 Hz", rate)
	}
	if len(samples) == 0 {
		return nil, errors.New("audio: no samples to play")
	}
	return &WAV{rate: rate, samples: samples}, nil
}

// Rate is the sample rate in Hz.
func (w *WAV) Rate() int { return w.rate }

// Samples is the sound at Rate. It must not be changed.
func (w *WAV) Samples() []int16 { return w.samples }

// SamplesAt is the sound at 8000 or 16000 Hz, resampled when it has to be, with
// no delay. It must not be changed.
func (w *WAV) SamplesAt(rate int) []int16 {
	if rate == w.rate {
		return w.samples
	}
	n := int(int64(len(w.samples)) * int64(rate) / int64(w.rate))
	out := make([]int16, n)
	p := w.Source(false)
	f := Frame{Rate: rate}
	for i := 0; i < n; i += rate / framesPerSecond {
		f.Samples = out[i:min(i+rate/framesPerSecond, n)]
		p.ReadFrame(&f)
	}
	return out
}

// Duration is how long it plays.
func (w *WAV) Duration() time.Duration { return duration(int64(len(w.samples)), w.rate) }

// Note is a remark on what was wrong with the file but could be lived with, as
// a sentence for the user; empty when all was well.
func (w *WAV) Note() string { return w.note }

// duration is how long n samples last.
func duration(n int64, rate int) time.Duration {
	if rate <= 0 {
		return 0
	}
	whole, rest := n/int64(rate), n%int64(rate)
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate)
}
