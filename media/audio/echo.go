package audio

import "sync/atomic"

// Echo is a Sink and a Source at once: what is written is read back 20 ms
// later. Neither side ever waits for the other: when nothing was written in
// time the reader gets silence, and when nobody reads, what is too old is
// dropped. One goroutine may write while another one reads.
type Echo struct {
	ring    [echoSlots]slot
	head    atomic.Uint64 // slots filled
	tail    atomic.Uint64 // slots emptied
	dropped atomic.Uint64

	// Owned by the reader.
	started  bool
	up, down *Resampler
}

const (
	echoSlots = 16 // 160 ms at most; a power of two
	echoDelay = 2  // frames kept back before reading starts
	echoSlack = 6  // frames more than that are too old
)

// NewEcho returns an Echo with nothing in it.
func NewEcho() *Echo {
	// Both rates are ones that NewResampler takes.
	up, _ := NewResampler(Narrowband, Wideband)
	down, _ := NewResampler(Wideband, Narrowband)
	return &Echo{up: up, down: down}
}

// WriteFrame keeps a copy of f for ReadFrame.
func (e *Echo) WriteFrame(f *Frame) {
	head := e.head.Load()
	if head-e.tail.Load() == echoSlots || len(f.Samples) > maxFrameSamples {
		e.dropped.Add(1)
		return
	}
	s := &e.ring[head%echoSlots]
	s.rate = f.Rate
	s.n = copy(s.samples[:], f.Samples)
	e.head.Store(head + 1)
}

// Dropped counts the frames that were lost because nobody read.
func (e *Echo) Dropped() uint64 { return e.dropped.Load() }

// ReadFrame gives back the oldest frame, or silence. When it found none it
// waits for 20 ms of sound to gather before it goes on.
func (e *Echo) ReadFrame(f *Frame) {
	tail := e.tail.Load()
	waiting := e.head.Load() - tail
	if !e.started {
		e.started = waiting > echoDelay
	}
	if waiting == 0 || !e.started {
		e.started = false
		f.Clear()
		return
	}
	if waiting > echoDelay+1+echoSlack { // nobody read for a while: back to the fixed delay
		skip := waiting - echoDelay - 1
		e.dropped.Add(skip)
		tail += skip
	}
	e.convert(f, &e.ring[tail%echoSlots])
	e.tail.Store(tail + 1)
}

// convert brings a frame to the rate that is read.
func (e *Echo) convert(f *Frame, s *slot) {
	n := 0
	switch {
	case s.rate == f.Rate:
		n = copy(f.Samples, s.samples[:s.n])
	case s.rate == Narrowband && f.Rate == Wideband && len(f.Samples) >= 2*s.n:
		n = e.up.Process(f.Samples, s.samples[:s.n])
	case s.rate == Wideband && f.Rate == Narrowband && len(f.Samples) >= (s.n+1)/2:
		n = e.down.Process(f.Samples, s.samples[:s.n])
	}
	clear(f.Samples[n:])
}
