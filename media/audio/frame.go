package audio

import "time"

// The sample rates a Frame is made at.
const (
	Narrowband = 8000  // Hz
	Wideband   = 16000 // Hz
)

// FrameTime is how much sound one Frame holds.
const FrameTime = 10 * time.Millisecond

// framesPerSecond is how many frames make a second.
const framesPerSecond = int(time.Second / FrameTime)

// maxFrameSamples is the length of the longest frame kept by the rings here.
const maxFrameSamples = Wideband / framesPerSecond

// Frame is 10 ms of mono sound: len(Samples) == Rate/100.
type Frame struct {
	Rate    int     // Hz
	Samples []int16 // linear PCM
}

// NewFrame returns a silent frame at rate Hz.
func NewFrame(rate int) *Frame {
	return &Frame{Rate: rate, Samples: make([]int16, rate/framesPerSecond)}
}

// Clear makes the frame silent.
func (f *Frame) Clear() { clear(f.Samples) }

// Source gives sound, 10 ms at each call.
type Source interface {
	// ReadFrame fills all of f.Samples at f.Rate, with silence when there is
	// nothing to give. It never blocks and allocates nothing. It is called by
	// one goroutine at a time.
	ReadFrame(f *Frame)
}

// Sink takes sound, 10 ms at each call.
type Sink interface {
	// WriteFrame takes f. It must not keep f or its samples, never blocks and
	// allocates nothing. It is called by one goroutine at a time.
	WriteFrame(f *Frame)
}

// Monitor sees both sides of a call in step, 10 ms of each at each call.
type Monitor interface {
	// WriteFrames takes what was said on this side and what was heard from the
	// other one at the same time. It must not keep the frames or their samples,
	// never blocks and allocates nothing. It is called by one goroutine at a
	// time.
	WriteFrames(local, remote *Frame)
}

// Finite is a Source that ends.
type Finite interface {
	// Done says whether all sound was read. Any goroutine may ask.
	Done() bool
}

// Silence is a Source that never says anything. The zero value is ready.
type Silence struct{}

// ReadFrame clears f.
func (Silence) ReadFrame(f *Frame) { f.Clear() }

// Discard is a Sink that forgets everything. The zero value is ready.
type Discard struct{}

// WriteFrame does nothing.
func (Discard) WriteFrame(*Frame) {}
