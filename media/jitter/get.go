package jitter

import (
	"time"

	"github.com/softphone-go/softphone/media/g711"
)

// Get fills dst, whose length is one or more times FrameSize, with the sound to
// be played from the time now on and tells what its last frame mostly is. It is
// called every 10 ms, or every 20 ms for two frames; a call that comes late or is
// left out shortens nothing but the delay's reserve. It never blocks.
func (p *Playout) Get(dst []int16, now time.Duration) Kind {
	p.begun, p.due = true, ticks(now)
	if len(dst) == FrameSize {
		p.pull = FrameSize
		if p.getNext((*[FrameSize]int16)(dst)) {
			return Speech
		}
		return p.get(dst, true)
	}
	p.pull = max(int64(len(dst)/FrameSize*FrameSize), FrameSize)
	for first := true; len(dst) >= FrameSize; dst, first = dst[FrameSize:], false {
		p.get(dst[:FrameSize], first)
	}
	return p.last
}

// get plays one frame. It steers first, unless the frame before was fetched at
// the same time.
func (p *Playout) get(dst []int16, steer bool) Kind {
	n := p.ahead.take(dst)
	if p.owed > 0 {
		p.leaveOut()
	}
	if n == 0 && p.timed && steer {
		p.steer()
		n = p.ahead.take(dst)
	}
	if n > 0 {
		p.last = Speech
	}
	if n < FrameSize {
		kind := p.read(dst[n:])
		if n < FrameSize/2 {
			p.last = kind
		}
	}
	p.due += FrameSize
	return p.last
}

// delay returns how long the fastest packets wait from their arrival until they
// are heard, at the time due.
func (p *Playout) delay() int64 {
	return p.due - (p.play - int64(p.ahead.len())) - p.transit.fastest
}

// read produces the next sound of the timeline, with everything missing made
// up, and tells what most of it is.
func (p *Playout) read(dst []int16) Kind {
	var amount [Comfort + 1]int
	for len(dst) > 0 {
		s, hole := p.upcoming()
		n := len(dst)
		var kind Kind
		switch {
		case s == nil:
			kind = p.bridge(dst, p.timed, nil)
		case s.position > p.play:
			n = int(min(int64(n), s.position-p.play))
			kind = p.bridge(dst[:n], hole, s)
		default:
			n = p.decode(dst, s)
			kind = Speech
		}
		p.play += int64(n)
		dst = dst[n:]
		amount[kind] += n
	}
	most := Speech
	for kind, n := range amount {
		if n > amount[most] {
			most = Kind(kind)
		}
	}
	return most
}

// upcoming returns the sound that is to be played now or next, and whether
// packets before it are still awaited. It ends the turn of all before it.
func (p *Playout) upcoming() (s *slot, hole bool) {
	for p.next <= p.top {
		s = p.slot(p.next)
		if lost := s == nil; lost || s.state == open {
			later := p.firstWaiting()
			if later == nil {
				return nil, lost
			}
			if later.position > p.play {
				return later, lost
			}
			if lost {
				p.stats.LossRuns++
				p.dropped = true
			}
			for p.next < later.index {
				p.pass()
			}
			continue
		}
		if s.state == waiting {
			switch s.payload {
			case PCMU, PCMA:
				if s.position+int64(s.size) > p.play {
					return s, false
				}
			case ComfortNoise:
				if s.position > p.play {
					return s, false
				}
				p.noise.set(s.index)
			case Event:
				p.lull = true
			case Unmapped:
			}
		}
		p.pass()
	}
	return nil, false
}

// firstWaiting returns the waiting packet with the least index, or nil.
func (p *Playout) firstWaiting() *slot {
	for i := p.next; i <= p.top; i++ {
		if s := p.slot(i); s != nil && s.state == waiting {
			return s
		}
	}
	return nil
}

// decode plays from a packet that covers the playhead.
func (p *Playout) decode(dst []int16, s *slot) int {
	if !s.started {
		s.started = true
		p.delays.add(p.due - s.arrival)
	}
	n := int(min(int64(len(dst)), s.position+int64(s.size)-p.play))
	p.decodeAt(dst[:n], p.play, s.payload)
	p.lull = false
	p.noise.off()
	if p.fade > 0 && p.dropped {
		p.conceals += p.fade
	}
	p.fade, p.dropped = 0, false
	p.voice.speech(dst[:n])
	return n
}

// bridge fills time for which there is no sound: with comfort noise or silence
// when the sender meant it so, else with something like what came before.
// Only when a later packet is there is it known to be loss, and counts.
func (p *Playout) bridge(dst []int16, loss bool, later *slot) Kind {
	switch {
	case p.noise.on:
		p.noise.noise.Fill(dst)
		p.voice.other(dst)
		return Comfort
	case !loss || p.lull:
		p.voice.silence(dst)
		return Silence
	}
	var future [futureSize]int16
	gap, n := 0, 0
	if later != nil {
		p.conceals += int64(len(dst))
		gap, n = int(later.position-p.play), p.coming(future[:], later)
	} else {
		p.fade += int64(len(dst))
	}
	if p.voice.conceal(dst, gap, future[:n]) {
		return Concealed
	}
	return Silence
}

// decodeAt decodes what is stored from a position on.
func (p *Playout) decodeAt(dst []int16, position int64, payload Payload) {
	decode := g711.DecodePCMU
	if payload == PCMA {
		decode = g711.DecodePCMA
	}
	from := int(position & (ringSize - 1))
	first := decode(dst, p.codes[from:])
	decode(dst[first:], p.codes[:])
}
