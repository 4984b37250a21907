package dtmf

import (
	"math"
	"time"
)

const (
	// pressHits is how many blocks in a row make a key press: tones from 30 ms
	// on, and 40 ms however they lie (Q.24: 40 ms are operated, 20 ms are not).
	pressHits = 3
	// releaseMisses is how many blocks without the key end it: a pause of 30 ms
	// does, an interruption of up to 20 ms does not (Q.24: 40 ms and 20 ms).
	releaseMisses = 9

	// maxChange is how much a tone may change in 5 ms, as a ratio of energies. A
	// key holds its level, a voice does not.
	maxChange = 2.0
	// maxGlide is how much its frequency may change in 5 ms, as part of it: a
	// whistle glides.
	maxGlide = 0.006

	ringSegments = segments + 1 // the last block and one before
	segmentTime  = time.Second * segmentLength / toneRate
	blockTime    = segments * segmentTime
)

// Detector finds key presses in sound (ITU-T Q.23 and Q.24). Each is told once,
// when the key is up. NewDetector makes one; one goroutine owns it, and nothing
// allocates from then on.
//
// Tones from 40 ms on with pauses from 40 ms on are heard, at levels of -30 to
// 0 dBm0, with the high tone 8 dB weaker to 4 dB stronger, frequencies off by
// 1.5 %, and noise 15 dB below the tones.
type Detector struct {
	bank    bank
	pending [segmentLength]int16
	filled  int // samples in pending

	ring   [ringSegments]segment
	head   int // of the latest segment
	block  [blockLength]int16
	oldest int // where in block its oldest sample is

	// What judging a block works with.
	straight [blockLength]float64 // block, oldest first
	left     [blockLength]float64 // the same without the two tones

	down      held // the key that is down
	candidate held // the key that may be

	clock       time.Duration // of the end of the latest segment
	ready       [maxReady]Digit
	first, wait int // of ready
	lost        uint64
}

// held is a key press that goes on. Without hits there is none.
type held struct {
	hits, misses int
	last         verdict // of the last hit
	start, end   time.Duration
	energy       float64 // sum over the hits
}

// NewDetector returns a Detector that has heard nothing.
func NewDetector() *Detector { return &Detector{bank: newBank()} }

// Put takes sound at 8000 Hz, any number of samples, the first of them played at
// the time at. Time must not run backwards.
func (d *Detector) Put(samples []int16, at time.Duration) {
	d.clock = at - time.Duration(d.filled)*time.Second/toneRate
	for len(samples) > 0 {
		n := copy(d.pending[d.filled:], samples)
		samples, d.filled = samples[n:], d.filled+n
		if d.filled < segmentLength {
			return
		}
		d.filled = 0
		d.clock += segmentTime
		d.step()
	}
}

// Next returns the next finished key press, if any. Its Volume is that of both
// tones together.
func (d *Detector) Next() (Digit, bool) {
	if d.wait == 0 {
		return Digit{}, false
	}
	digit := d.ready[d.first]
	d.first = (d.first + 1) % maxReady
	d.wait--
	return digit, true
}

// Pressed says whether a key is down now.
func (d *Detector) Pressed() bool { return d.down.hits > 0 }

// Lost counts key presses that found no room since Next was not called.
func (d *Detector) Lost() uint64 { return d.lost }

// Reset forgets the sound so far, as after a hold. A key that is down is told by
// the next Next.
func (d *Detector) Reset() {
	d.release()
	d.candidate = held{}
	d.ring = [ringSegments]segment{}
	d.block = [blockLength]int16{}
	d.filled = 0
}

// step takes the segment that is complete.
func (d *Detector) step() {
	d.head = (d.head + 1) % ringSegments
	d.bank.filter(&d.ring[d.head], &d.pending)
	copy(d.block[d.oldest:], d.pending[:])
	d.oldest = (d.oldest + segmentLength) % blockLength
	d.judge(d.look())
}

// judge goes on with the block that ends now.
func (d *Detector) judge(v verdict) {
	if d.down.hits > 0 {
		if v.key == d.down.last.key {
			d.down.hit(v, d.clock)
			d.candidate = held{}
			return
		}
		if d.down.misses++; d.down.misses == 1 {
			d.down.end += d.share(0)
		}
		if d.down.misses >= releaseMisses {
			d.release()
		}
	}
	switch {
	case v.key < 0:
		d.candidate = held{}
		return
	case d.candidate.hits > 0 && d.candidate.last.agrees(v):
		d.candidate.hit(v, d.clock)
	default:
		d.candidate = held{start: d.clock - blockTime - d.share(segments)}
		d.candidate.hit(v, d.clock)
	}
	if d.candidate.hits >= pressHits {
		d.release()
		d.down, d.candidate = d.candidate, held{}
	}
}

func (h *held) hit(v verdict, end time.Duration) {
	h.hits++
	h.misses = 0
	h.last, h.end = v, end
	h.energy += v.low + v.high
}

// agrees says whether the block after v holds the same key press.
func (v verdict) agrees(next verdict) bool {
	steady := func(a, b float64) bool { return a < b*maxChange && b < a*maxChange }
	near := func(a, b float64) bool { return math.Abs(a-b) <= a*maxGlide }
	return v.key == next.key && steady(v.low, next.low) && steady(v.high, next.high) &&
		near(v.w1, next.w1) && near(v.w2, next.w2)
}

// share is how much of a segment a tone fills that fills the block beside it: the
// newest segment (age 0) after the block before, or the one before the block (age
// 4).
func (d *Detector) share(age int) time.Duration {
	at := func(age int) float64 { return d.ring[(d.head+ringSegments-age)%ringSegments].energy }
	beside := at(1)
	if age > 0 {
		beside = at(age - 1)
	}
	if beside <= 0 {
		return 0
	}
	part := min(at(age)/beside, 1)
	return time.Duration(part * float64(segmentTime))
}

// release tells of the key that was down.
func (d *Detector) release() {
	h := d.down
	d.down = held{}
	if h.hits == 0 {
		return
	}
	if d.wait == maxReady {
		d.lost++
		return
	}
	power := h.energy / float64(h.hits) / blockLength
	level := math.Round(10 * math.Log10(power/powerAt0))
	d.ready[(d.first+d.wait)%maxReady] = Digit{
		Rune:     rune(keypad[h.last.key]),
		Start:    h.start,
		Duration: h.end - h.start,
		Volume:   int(min(max(level, -volumeMask), 0)),
	}
	d.wait++
}
