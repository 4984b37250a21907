package audio

import (
	"sync"
	"time"
)

// Buffer is a Sink that keeps what it is given in memory, up to a bound. Any
// goroutine may use it; it is meant for tests and short messages.
type Buffer struct {
	mu      sync.Mutex
	rate    int
	samples []int16
	dropped uint64
	filter  *Resampler
}

// NewBuffer keeps up to limit of sound at rate, 8000 or 16000 Hz; other rates
// count as 8000. Frames of the other rate are resampled. All memory is taken
// at once.
func NewBuffer(rate int, limit time.Duration) *Buffer {
	if rate != Wideband {
		rate = Narrowband
	}
	filter, _ := NewResampler(Narrowband+Wideband-rate, rate)
	return &Buffer{
		rate: rate, filter: filter,
		samples: make([]int16, 0, int64(max(limit, 0)/FrameTime)*int64(rate/framesPerSecond)),
	}
}

// Rate is the rate of Samples in Hz.
func (b *Buffer) Rate() int { return b.rate }

// WriteFrame adds a frame, or drops it when it does not fit any more.
func (b *Buffer) WriteFrame(f *Frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	room := b.samples[len(b.samples):cap(b.samples)]
	n := len(f.Samples)
	if f.Rate != b.rate {
		n = int(int64(n) * int64(b.rate) / int64(max(f.Rate, 1)))
	}
	known := f.Rate == Narrowband || f.Rate == Wideband
	if !known || n > len(room) || len(f.Samples) > maxFrameSamples {
		b.dropped++
		return
	}
	if f.Rate == b.rate {
		n = copy(room, f.Samples)
	} else {
		n = b.filter.Process(room, f.Samples)
	}
	b.samples = b.samples[:len(b.samples)+n]
}

// Samples is a copy of the sound so far.
func (b *Buffer) Samples() []int16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]int16(nil), b.samples...)
}

// Duration is how much sound there is.
func (b *Buffer) Duration() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return duration(int64(len(b.samples)), b.rate)
}

// Dropped counts the frames that did not fit.
func (b *Buffer) Dropped() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Reset forgets the sound so far.
func (b *Buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.samples, b.dropped = b.samples[:0], 0
	b.filter.Reset()
}
