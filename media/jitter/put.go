package jitter

import "time"

// suspect holds a packet that fits neither the stream's SSRC nor its time while
// the stream still has sound to play. A second one in a row confirms it; one
// alone is a stray and must not cost the listener anything.
type suspect struct {
	valid   bool
	header  Header
	kind    Payload
	at      int64
	size    int
	payload [maxPayload]byte
}

// Put takes one packet that arrived at the time arrival. The payload is copied.
// Nothing that a packet holds can do more harm than be heard or not.
func (p *Playout) Put(h Header, payload []byte, arrival time.Duration) {
	p.stats.Received++
	at := ticks(arrival)
	if !p.begun {
		p.begun, p.due = true, at
	}
	if p.putNext(&h, payload, at) {
		return
	}
	p.accept(h, p.classify(h, payload), payload, at)
}

// classify returns what is to be made of a packet by itself. A payload that
// cannot be sound counts as unmapped.
func (p *Playout) classify(h Header, payload []byte) Payload {
	if int(h.PayloadType) >= len(p.payloads) {
		return Unmapped
	}
	kind := p.payloads[h.PayloadType]
	if kind != Event && (len(payload) == 0 || len(payload) > maxPayload) {
		return Unmapped
	}
	return kind
}

func (p *Playout) accept(h Header, kind Payload, payload []byte, at int64) {
	if !p.synced || h.SSRC != p.ssrc {
		p.acceptStranger(h, kind, payload, at)
		return
	}
	delta := int64(int16(h.SequenceNumber - p.sequence))
	index := p.top + delta
	jumped := delta > p.mask || delta <= -maxMisorder
	if !jumped && delta <= 0 {
		if s := p.slot(index); s != nil && (s.state == waiting || s.state == done) {
			if s.ts == h.Timestamp {
				p.stats.Duplicates++
				return
			}
			jumped = true // the sender counts anew, a little back
		} else if index < p.next {
			p.countLate(index, h)
			return
		}
	}
	if kind == Unmapped && jumped {
		p.stats.Discarded++
		return
	}
	if (jumped || delta > 0) && p.offTime(h, kind, at) {
		p.acceptOffTime(h, kind, payload, at)
		return
	}
	p.dropSuspect()
	if jumped {
		p.stats.Resyncs++
		index = p.top + 1
	}
	p.insert(index, h, kind, payload, at)
}

// acceptStranger takes a packet of another SSRC, or the first of all.
func (p *Playout) acceptStranger(h Header, kind Payload, payload []byte, at int64) {
	switch {
	case kind == Unmapped:
		p.stats.Discarded++
	case !p.synced:
		p.synced, p.timed, p.ssrc = true, false, h.SSRC
		p.insert(p.open(), h, kind, payload, at)
	default:
		p.acceptOffTime(h, kind, payload, at)
	}
}

// acceptOffTime takes a packet that continues nothing: at once when there is
// nothing left to play, else together with a second one that follows it.
func (p *Playout) acceptOffTime(h Header, kind Payload, payload []byte, at int64) {
	s := &p.suspect
	if !p.busy() {
		p.dropSuspect()
		p.restart(h, kind, payload, at)
		return
	}
	if s.valid && s.followedBy(h, at, p.limit) {
		s.valid = false
		p.restart(s.header, s.kind, s.payload[:s.size], s.at)
		p.accept(h, kind, payload, at)
		return
	}
	p.dropSuspect()
	s.valid, s.header, s.kind, s.at = true, h, kind, at
	s.size = copy(s.payload[:], payload)
}

// followedBy tells whether h comes right after the packet held back, by number
// and by time.
func (s *suspect) followedBy(h Header, at, limit int64) bool {
	if h.SSRC != s.header.SSRC {
		return false
	}
	ahead := h.SequenceNumber - s.header.SequenceNumber
	drift := at - s.at - int64(int32(h.Timestamp-s.header.Timestamp))
	return ahead >= 1 && ahead <= 3 && (s.kind == Event || max(drift, -drift) <= limit)
}

func (p *Playout) dropSuspect() {
	if p.suspect.valid {
		p.suspect.valid = false
		p.stats.Discarded++
	}
}

// restart begins a new stream, or the same one at another time, behind what is
// still to be played.
func (p *Playout) restart(h Header, kind Payload, payload []byte, at int64) {
	p.stats.Resyncs++
	p.ssrc, p.timed = h.SSRC, false
	p.insert(p.open(), h, kind, payload, at)
}

// open returns the index for the first packet of a stream, and leaves room
// before it.
func (p *Playout) open() int64 {
	for range openings {
		p.top++
		if p.top-p.next > p.mask {
			p.pass()
		}
		p.slots[p.top&p.mask] = slot{index: p.top, state: open}
	}
	return p.top + 1
}

// busy tells whether sound that was received is still to be played.
func (p *Playout) busy() bool { return p.timed && p.end > p.play }

// offTime tells whether a packet's timestamp and arrival contradict what came
// before by more than any network would. An event's timestamp is the start of
// the event, so it tells nothing.
func (p *Playout) offTime(h Header, kind Payload, at int64) bool {
	if !p.timed || kind == Event || kind == Unmapped {
		return false
	}
	extra := at - p.positionOf(h.Timestamp) - p.transit.fastest
	return extra > p.limit || extra < -p.limit
}

func (p *Playout) positionOf(ts uint32) int64 {
	return p.position + int64(int32(ts-p.timestamp))
}

// countLate counts a packet whose turn is over. It is no longer lost.
func (p *Playout) countLate(index int64, h Header) {
	p.stats.Late++
	p.dropped = true
	if s := p.slot(index); s != nil && s.state == missing {
		p.stats.Lost--
		s.state, s.ts = done, h.Timestamp
	}
}
