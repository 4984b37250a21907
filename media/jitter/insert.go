package jitter

// insert gives a packet its place by index and, if it is sound, by time.
func (p *Playout) insert(index int64, h Header, kind Payload, payload []byte, at int64) {
	inOrder := index > p.top
	for index-p.next > p.mask { // no room: give up the oldest
		p.pass()
	}
	if inOrder {
		p.top, p.sequence = index, h.SequenceNumber
	} else {
		p.stats.Reordered++
	}
	s := &p.slots[index&p.mask]
	*s = slot{index: index, ts: h.Timestamp, arrival: at, payload: kind, state: waiting, position: p.play}
	switch kind {
	case PCMU, PCMA:
		p.place(s, h, at, int64(len(payload)), inOrder)
		if s.state == waiting {
			p.store(s, payload)
		}
	case ComfortNoise:
		p.noise.hold(index, payload)
		p.place(s, h, at, 0, inOrder)
	case Event, Unmapped:
		if p.timed {
			s.position = p.positionOf(h.Timestamp)
		}
	}
}

// place gives a packet of sound or comfort noise its position.
//
// A packet that comes late, in order, when nothing is left to play means that
// the network has become slower: playout steps back to it, so that all of it is
// heard at once. Had it come late while later ones wait, its turn is over.
func (p *Playout) place(s *slot, h Header, at, size int64, inOrder bool) {
	s.size = int32(size)
	if !p.timed {
		p.anchor(h, at)
	}
	s.position = p.positionOf(h.Timestamp)
	if inOrder {
		p.timestamp, p.position = h.Timestamp, s.position
	}
	late := p.play - s.position
	if late > 0 && inOrder && p.end <= p.play && size > 0 {
		p.play = s.position
		p.grown += late
		p.owed = late
		p.dropped = true
		late = 0
	}
	if late > 0 {
		p.dropped = true
	}
	if inOrder {
		p.transit.add(at-s.position, max(size, 1))
	} else {
		p.transit.overtaken(at - s.position)
	}
	p.retarget()
	if size > 0 && late >= size {
		p.stats.Late++
		s.state = done
		return
	}
	p.end = max(p.end, s.position+size)
}

// retarget takes over the target that the statistics ask for.
func (p *Playout) retarget() {
	if !p.cfg.Fixed {
		p.target = min(max(p.transit.jitter.target, p.lowest), p.limit)
	}
}

// anchor starts a timeline for the stream's timestamps: the first packet is
// played one target delay after its arrival, at the beginning of a frame unless
// the delay is fixed. What the stream before had planned
// for later than that is given up.
func (p *Playout) anchor(h Header, at int64) {
	p.timed = true
	p.timestamp = h.Timestamp
	p.position = max(p.play, p.play-int64(p.ahead.len())+at+p.target-p.due)
	if wait := p.position - p.play; !p.cfg.Fixed && wait > 0 {
		p.position += p.pull - 1 - (wait-1)%p.pull
	}
	p.transit.restart(at - p.position)
	p.end = min(p.end, p.position)
	for i := p.next; i < p.top; i++ {
		s := p.slot(i)
		if s == nil || s.state != waiting || s.position+int64(s.size) <= p.position {
			continue
		}
		s.size = int32(max(p.position-s.position, 0))
		if s.size == 0 {
			s.state = done
			p.stats.Discarded++
		}
	}
}

// store copies the coded sound. When it reaches beyond the ring nobody has
// listened for long, and playout goes on with what is new.
func (p *Playout) store(s *slot, payload []byte) {
	if s.position+int64(s.size) > p.play+ringSize {
		to := max(s.position-p.target, p.play)
		p.shrunk += to - p.play
		p.play = to
	}
	from := max(s.position, p.play)
	payload = payload[from-s.position:]
	n := copy(p.codes[from&(ringSize-1):], payload)
	copy(p.codes[:], payload[n:])
}

// pass ends the turn of the next index.
func (p *Playout) pass() {
	s := &p.slots[p.next&p.mask]
	switch {
	case s.state == empty || s.index != p.next:
		*s = slot{index: p.next, state: missing}
		p.stats.Lost++
	case s.state == waiting:
		s.state = done
		if s.started || s.size == 0 && s.payload != Unmapped {
			p.stats.Played++
		} else {
			p.stats.Discarded++
		}
	case s.state == open:
		s.state = empty
	case s.state == done || s.state == missing:
	}
	p.next++
}
