package audio

import (
	"sync/atomic"
	"time"
)

// Player is a Source that plays a WAV, once or for ever, at frame rates of
// 8000 and 16000 Hz whatever the rate of the WAV. Since the whole file is at
// hand, resampling adds no delay and the rate may change between frames. At
// other frame rates it plays silence. ReadFrame is for one goroutine; Done and
// Position are for any.
type Player struct {
	wav    *WAV
	loop   bool
	pos    atomic.Int64 // samples of the WAV that were played
	filter *halfBand
	window [2*maxFrameSamples + context + 1]int16
}

// Source returns a Player at the start of w. With loop it starts again at the
// end, without a gap, and is never done.
func (w *WAV) Source(loop bool) *Player {
	return &Player{wav: w, loop: loop, filter: newHalfBand()}
}

// Done says whether all was played. A looping Player never is.
func (p *Player) Done() bool {
	return !p.loop && p.pos.Load() >= int64(len(p.wav.samples))
}

// Position is where in the WAV the next frame starts; the WAV's Duration when
// all was played.
func (p *Player) Position() time.Duration {
	return duration(min(p.pos.Load(), int64(len(p.wav.samples))), p.wav.rate)
}

// ReadFrame gives the next 10 ms, and silence after the end.
func (p *Player) ReadFrame(f *Frame) {
	if p.Done() || (f.Rate != Narrowband && f.Rate != Wideband) {
		f.Clear()
		return
	}
	pos := p.pos.Load()
	out, most := f.Samples, maxFrameSamples // what one window serves
	for len(out) > 0 {
		part := out[:min(len(out), most)]
		out = out[len(part):]
		pos += p.fill(part, f.Rate, pos)
	}
	if p.loop {
		pos %= int64(len(p.wav.samples))
	}
	p.pos.Store(pos)
}

// fill makes dst of the WAV from pos on and returns how much of it that took.
func (p *Player) fill(dst []int16, rate int, pos int64) int64 {
	switch {
	case rate == p.wav.rate:
		p.gather(dst, pos)
		return int64(len(dst))
	case rate < p.wav.rate:
		used := 2 * len(dst)
		w := p.window[:used+2*downReach]
		p.gather(w, pos-downReach)
		p.filter.down(dst, w)
		return int64(used)
	default:
		used := (len(dst) + 1) / 2
		w := p.window[:used+upBefore+upAfter]
		p.gather(w, pos-upBefore)
		p.filter.up(dst, w)
		return int64(used)
	}
}

// gather copies samples from position at on: around the end when looping,
// silence outside the file when not.
func (p *Player) gather(dst []int16, at int64) {
	n := int64(len(p.wav.samples))
	if p.loop {
		at = (at%n + n) % n
		for len(dst) > 0 {
			k := copy(dst, p.wav.samples[at:])
			dst, at = dst[k:], 0
		}
		return
	}
	clear(dst)
	if at < 0 {
		skip := min(-at, int64(len(dst)))
		dst, at = dst[skip:], at+skip
	}
	if at < n {
		copy(dst, p.wav.samples[max(at, 0):])
	}
}
