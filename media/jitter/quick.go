package jitter

import (
	"math"

	"github.com/softphone-go/softphone/media/g711"
)

// Nearly all packets come in order and in time, and nearly all frames are the
// next samples of the packet being played, with nothing to steer. Put and Get
// try these first: what they do is what the general way would do
// (TestPlayout_QuickIsTheSame).

// rest is a state in which steering had nothing to do: as long as none of it
// changes, neither has it the next time.
type rest struct {
	delay, fastest, recent, target int64
}

func (p *Playout) resting() rest {
	return rest{p.due - p.play, p.transit.fastest, p.transit.recent, p.target}
}

// settle remembers that there is nothing to do, or not before a pause comes or
// the time until.
func (p *Playout) settle(watch bool, until int64) {
	p.rested, p.watch, p.until = p.resting(), watch, until
}

// stir makes steering look again at the next frame.
func (p *Playout) stir() { p.rested.delay = math.MinInt64 }

// putNext takes a packet of sound that follows the one before and is in time,
// and tells whether this is one.
func (p *Playout) putNext(h *Header, payload []byte, at int64) bool {
	kind := p.payloads[h.PayloadType&127]
	size := int64(len(payload))
	if p.general || h.SequenceNumber != p.sequence+1 || h.SSRC != p.ssrc || !p.timed || p.suspect.valid ||
		kind != PCMU && kind != PCMA || h.PayloadType > 127 || uint64(size-1) >= maxPayload {
		return false
	}
	position := p.positionOf(h.Timestamp)
	index := p.top + 1
	extra := at - position - p.transit.fastest
	if position < p.play || position+size > p.play+ringSize || index-p.next > p.mask ||
		extra > p.limit || extra < -p.limit {
		return false
	}
	p.top, p.sequence = index, h.SequenceNumber
	p.timestamp, p.position = h.Timestamp, position
	p.end = max(p.end, position+size)
	s := &p.slots[index&p.mask]
	s.index, s.position, s.arrival, s.ts, s.size = index, position, at, h.Timestamp, int32(size)
	s.payload, s.state, s.started = kind, waiting, false
	p.transit.add(at-position, size)
	p.retarget()
	from := position & (ringSize - 1)
	if n := copy(p.codes[from:], payload); n < len(payload) {
		copy(p.codes[:], payload[n:])
	}
	return true
}

// getNext plays a frame of the packet that is being played, and tells whether
// that is what is to be done.
func (p *Playout) getNext(dst *[FrameSize]int16) bool {
	if p.resting() != p.rested || p.due >= p.until || p.general {
		return false
	}
	s := &p.slots[p.next&p.mask]
	end := s.position + int64(s.size)
	if s.index == p.next && s.state == waiting && s.started && end == p.play {
		p.stats.Played++ // it is over
		s.state = done
		p.next++
		s = &p.slots[p.next&p.mask]
		end = s.position + int64(s.size)
	}
	from := p.play & (ringSize - 1)
	if s.index != p.next || s.state != waiting || s.payload != PCMU && s.payload != PCMA ||
		p.play < s.position || p.play+FrameSize > end || from > ringSize-FrameSize ||
		p.voice.made > 0 || p.noise.on || p.fade > 0 || p.ahead.head != p.ahead.tail {
		return false
	}
	if !s.started {
		s.started = true
		p.delays.add(p.due - s.arrival)
	}
	if s.payload == PCMU {
		g711.DecodePCMU(dst[:], p.codes[from:from+FrameSize])
	} else {
		g711.DecodePCMA(dst[:], p.codes[from:from+FrameSize])
	}
	p.voice.speech(dst[:])
	p.lull, p.dropped = false, false
	if !p.watch {
		p.paused, p.nudged = p.due, 0
	} else if !loudAnywhere(dst) {
		p.stir()
	}
	p.play += FrameSize
	p.due += FrameSize
	p.last = Speech
	return true
}

// loudAnywhere looks at a few samples of a frame: it takes quiet sound for loud
// seldom, and loud sound for quiet no oftener than does no harm.
func loudAnywhere(s *[FrameSize]int16) bool {
	sum := 0
	for i := 0; i < FrameSize; i += 8 {
		sum += max(int(s[i]), -int(s[i]))
	}
	return sum > 2*quietLevel*FrameSize/8
}
