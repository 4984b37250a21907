package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Recorder writes a WAV file of 16-bit PCM. In mode Heard it is a Sink, in the
// others a Monitor of both sides.
//
//	WriteFrame(s) -> ring of 2.56 s -> writer goroutine -> file
//
// WriteFrame copies the frame and returns: it never blocks and never allocates.
// When the disk cannot keep up for longer than the ring lasts, frames are
// dropped and counted, and silence of the same length takes their place, so
// that the recording keeps its time. The header is written anew every second,
// so the file is a valid WAV even when the process is killed.
//
// WriteFrame and WriteFrames are for one goroutine at a time, all else for any.
type Recorder struct {
	path    string
	rate    int
	mode    Recording
	file    *os.File
	ring    []slot        // what was heard
	said    []slot        // what was said; nil in mode Heard
	head    atomic.Uint64 // slots filled
	tail    atomic.Uint64 // slots emptied
	frames  atomic.Uint64 // frames offered, dropped ones included
	dropped atomic.Uint64
	closed  atomic.Bool
	wake    chan struct{} // to the writer: the ring fills up
	quit    chan struct{} // to the writer: finish
	done    chan struct{} // from the writer: the file is closed
	once    sync.Once
	failed  atomic.Pointer[error]
	samples atomic.Int64 // written to the file

	// Owned by the writer goroutine.
	next    uint64        // number of the frame that comes next
	filters [2]*Resampler // from the other rate to ours: heard, said
	sides   [2][]int16    // one frame of each at our rate
	block   []byte        // samples not yet written
	offset  int64         // in the file
	limit   int64         // octets of sound that fit
	every   time.Duration // between two headers
}

// Recording says which side of a call goes where in a recording.
type Recording int

// The ways to record a call.
const (
	Heard  Recording = iota // mono: what comes from the other side
	Mixed                   // mono: both sides added up
	Stereo                  // this side left, the other one right
)

// String is the name as it is given to ParseRecording.
func (m Recording) String() string {
	switch m {
	case Heard:
		return "heard"
	case Mixed:
		return "mix"
	case Stereo:
		return "stereo"
	}
	return fmt.Sprintf("Recording(%d)", int(m))
}

// ParseRecording reads "heard", "mix" or "stereo".
func ParseRecording(s string) (Recording, error) {
	for _, m := range [...]Recording{Heard, Mixed, Stereo} {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("there is no way of recording called %q; there are heard, mix and stereo", s)
}

// channels is how many the file has.
func (m Recording) channels() int {
	if m == Stereo {
		return 2
	}
	return 1
}

// slot is one frame in a ring.
type slot struct {
	number  uint64
	rate, n int
	samples [maxFrameSamples]int16
}

const (
	recorderSlots  = 256 // 2.56 s; a power of two
	recorderPeriod = 200 * time.Millisecond
	headerPeriod   = time.Second
	recorderBlock  = 16 << 10 // octets gathered for one write
	headerSize     = 44
	// A RIFF size has 32 bits and counts the 36 octets before the sound.
	maxRecording = math.MaxUint32 - 36 - 1
)

// CreateWAV creates or replaces the file at path, readable by its owner alone
// since it holds private speech, and starts its writer. The rate is 8000 or
// 16000 Hz; frames of the other rate are resampled. Call Close to finish it.
func CreateWAV(path string, rate int) (*Recorder, error) { return CreateRecording(path, rate, Heard) }

// CreateRecording does the same for one or both sides of a call.
func CreateRecording(path string, rate int, mode Recording) (*Recorder, error) {
	r, err := newRecorder(path, rate, mode)
	if err != nil {
		return nil, err
	}
	go r.run()
	return r, nil
}

// newRecorder is a Recorder whose writer does not run yet.
func newRecorder(path string, rate int, mode Recording) (*Recorder, error) {
	if rate != Narrowband && rate != Wideband {
		return nil, fmt.Errorf("cannot record %s at %d Hz; 8000 or 16000 Hz can be had", path, rate)
	}
	file, err := create(path)
	if err != nil {
		return nil, err
	}
	if _, err := file.WriteAt(header(rate, mode.channels(), 0), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot write the recording: %w", err), file.Close())
	}
	r := &Recorder{
		path: path, rate: rate, mode: mode, file: file, offset: headerSize, limit: maxRecording, every: headerPeriod,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		block: make([]byte, 0, recorderBlock), ring: make([]slot, recorderSlots),
	}
	if mode != Heard {
		r.said = make([]slot, recorderSlots)
	}
	for i := range r.filters {
		if r.filters[i], err = NewResampler(Narrowband+Wideband-rate, rate); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		r.sides[i] = make([]int16, rate/framesPerSecond)
	}
	return r, nil
}

// WriteFrame takes 10 ms of what was heard; what was said is silence then. After
// Close it does nothing.
func (r *Recorder) WriteFrame(f *Frame) { r.WriteFrames(nil, f) }

// WriteFrames takes 10 ms of both sides, which stay in step whatever happens; nil
// is silence. In mode Heard what was said is left out. After Close it does
// nothing.
func (r *Recorder) WriteFrames(local, remote *Frame) {
	if r.closed.Load() {
		return
	}
	number := r.frames.Add(1) - 1
	head := r.head.Load()
	used := head - r.tail.Load()
	if used == recorderSlots || !remote.fits() || !local.fits() {
		r.dropped.Add(1)
		return
	}
	r.ring[head%recorderSlots].keep(number, remote)
	if r.said != nil {
		r.said[head%recorderSlots].keep(number, local)
	}
	r.head.Store(head + 1)
	if used >= recorderSlots/4 {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// fits says whether a slot has room for f.
func (f *Frame) fits() bool { return f == nil || len(f.Samples) <= maxFrameSamples }

// keep copies a frame, or nothing.
func (s *slot) keep(number uint64, f *Frame) {
	s.number, s.rate, s.n = number, 0, 0
	if f != nil {
		s.rate, s.n = f.Rate, copy(s.samples[:], f.Samples)
	}
}

// Dropped counts the frames of 10 ms that were replaced by silence because the
// disk did not keep up.
func (r *Recorder) Dropped() uint64 { return r.dropped.Load() }

// Duration is how much sound was taken, dropped frames included.
func (r *Recorder) Duration() time.Duration {
	return time.Duration(r.frames.Load()) * FrameTime
}

// Path is the file's name as given to CreateWAV.
func (r *Recorder) Path() string { return r.path }

// Err is what stopped the recording, nil as long as all is well.
func (r *Recorder) Err() error {
	if err := r.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close writes what was taken, finishes the header and closes the file. It
// waits for the disk. Later calls return the same error.
func (r *Recorder) Close() error {
	r.once.Do(func() {
		r.closed.Store(true)
		close(r.quit)
	})
	<-r.done
	return r.Err()
}

func (r *Recorder) fail(err error) {
	err = fmt.Errorf("the recording %s stopped after %v: %w",
		r.path, duration(r.samples.Load(), r.rate*r.mode.channels()).Round(time.Millisecond), err)
	r.failed.CompareAndSwap(nil, &err)
}

// run is the writer goroutine.
func (r *Recorder) run() {
	defer close(r.done)
	ticker := time.NewTicker(recorderPeriod)
	defer ticker.Stop()
	headed := time.Now()
	for quit := false; !quit; {
		select {
		case <-ticker.C:
		case <-r.wake:
		case <-r.quit:
			quit = true
		}
		r.drain()
		if quit {
			r.fill(r.frames.Load()) // frames dropped at the very end
		}
		r.flush()
		if now := time.Now(); quit || now.Sub(headed) >= r.every {
			headed = now
			r.rewriteHeader()
		}
	}
	if err := r.file.Close(); err != nil {
		r.fail(err)
	}
}

// drain moves all frames from the ring to the block.
func (r *Recorder) drain() {
	for {
		tail := r.tail.Load()
		if tail == r.head.Load() {
			return
		}
		i := tail % recorderSlots
		number := r.ring[i].number
		r.fill(number)
		switch r.mode {
		case Heard:
			r.append(r.side(0, &r.ring[i]), nil)
		default:
			r.append(r.side(1, &r.said[i]), r.side(0, &r.ring[i]))
		}
		r.next = number + 1
		r.tail.Store(tail + 1)
	}
}

// fill puts silence in place of the frames before number that were dropped.
func (r *Recorder) fill(number uint64) {
	silence := 2 * r.rate / framesPerSecond * r.mode.channels()
	for ; r.next < number; r.next++ {
		r.room(silence)
		r.block = append(r.block, make([]byte, silence)...)
	}
}

// side is one side's frame at the file's rate, whatever was given.
func (r *Recorder) side(i int, s *slot) []int16 {
	out := r.sides[i]
	whole := s.n == s.rate/framesPerSecond
	switch {
	case whole && s.rate == r.rate:
		return s.samples[:s.n]
	case whole && s.rate == Narrowband+Wideband-r.rate:
		r.filters[i].Process(out, s.samples[:s.n])
	default:
		clear(out[copy(out, s.samples[:s.n]):])
	}
	return out
}

// append puts one frame into the block: a alone, or a and b mixed or beside each
// other.
func (r *Recorder) append(a, b []int16) {
	r.room(2 * len(a) * r.mode.channels())
	for i, v := range a {
		if r.mode == Mixed {
			v = saturate(int32(v) + int32(b[i]))
		}
		r.block = binary.LittleEndian.AppendUint16(r.block, uint16(v))
		if r.mode == Stereo {
			r.block = binary.LittleEndian.AppendUint16(r.block, uint16(b[i]))
		}
	}
}

// room makes place for n octets in the block.
func (r *Recorder) room(n int) {
	if len(r.block)+n > cap(r.block) {
		r.flush()
	}
}

// flush writes the block. After an error or past the largest size a WAV file
// can have, nothing more is written.
func (r *Recorder) flush() {
	block := r.block
	r.block = r.block[:0]
	if len(block) == 0 || r.failed.Load() != nil {
		return
	}
	room := r.limit - (r.offset - headerSize)
	full := int64(len(block)) > room
	if full {
		block = block[:room-room%int64(2*r.mode.channels())]
	}
	if _, err := r.file.WriteAt(block, r.offset); err != nil {
		r.fail(err)
		return
	}
	r.offset += int64(len(block))
	r.samples.Add(int64(len(block) / 2))
	if full {
		r.fail(errors.New("a WAV file cannot be larger than 4 GiB"))
	}
}

// rewriteHeader brings the sizes in the header up to date.
func (r *Recorder) rewriteHeader() {
	if _, err := r.file.WriteAt(header(r.rate, r.mode.channels(), r.offset-headerSize), 0); err != nil {
		r.fail(err)
	}
}

// create opens a file for sound, which is private.
func create(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot create the recording: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 {
		_ = file.Chmod(0o600) // it was there before, with a wider mode
	}
	return file, nil
}

// header is that of a file of 16-bit PCM with so many octets of sound.
func header(rate, channels int, size int64) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, headerSize)
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(headerSize-8+size))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, formatPCM)
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(2*channels*rate))
	b = le.AppendUint16(b, uint16(2*channels))
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	return le.AppendUint32(b, uint32(size))
}
