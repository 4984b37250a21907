package audio

import (
	"sync/atomic"
	"time"
)

// Sequence plays sources one after the other: each that is Finite until it is
// done, the first that is not for ever. The next one starts with a new frame.
// A nil source is left out. ReadFrame is for one goroutine, Done for any.
type Sequence struct {
	sources []Source
	current int
	done    atomic.Bool
}

// NewSequence plays sources in the order given.
func NewSequence(sources ...Source) *Sequence {
	s := &Sequence{}
	for _, source := range sources {
		if source != nil {
			s.sources = append(s.sources, source)
		}
	}
	s.advance()
	return s
}

// Done says whether the last source is done.
func (s *Sequence) Done() bool { return s.done.Load() }

// ReadFrame gives the next frame, and silence after the end.
func (s *Sequence) ReadFrame(f *Frame) {
	s.advance()
	if s.current == len(s.sources) {
		f.Clear()
		return
	}
	s.sources[s.current].ReadFrame(f)
	s.advance()
}

// advance leaves the sources that are done behind.
func (s *Sequence) advance() {
	for s.current < len(s.sources) {
		finite, ok := s.sources[s.current].(Finite)
		if !ok || !finite.Done() {
			return
		}
		s.current++
	}
	s.done.Store(true)
}

// Pause is silence of some length, for a Sequence. ReadFrame is for one
// goroutine, Done for any.
type Pause struct{ left atomic.Int64 }

// NewPause is silence for d, rounded up to frames of 10 ms.
func NewPause(d time.Duration) *Pause {
	p := &Pause{}
	p.left.Store(int64((d + FrameTime - 1) / FrameTime))
	return p
}

// Done says whether the time is over.
func (p *Pause) Done() bool { return p.left.Load() <= 0 }

// ReadFrame gives 10 ms of silence.
func (p *Pause) ReadFrame(f *Frame) {
	f.Clear()
	if !p.Done() {
		p.left.Add(-1)
	}
}
