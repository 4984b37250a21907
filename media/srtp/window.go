package srtp

// replayWindow is how many packets behind the newest may still come (RFC 3711 §3.3.2
// wants 64 at least): 2.5 s at a packet time of 20 ms.
const replayWindow = 128

// stream is what is known of one SSRC: the index of the newest packet that proved
// itself, and which of those before it did. The zero value knows nothing.
type stream struct {
	ssrc   uint32
	begun  bool
	newest uint64
	seen   [replayWindow / 64]uint64 // bit n: newest-n was taken
	used   uint64                    // when it was last taken, counted in packets
}

// guess is the index that a packet of this sequence number most likely has (RFC 3711
// appendix A): within half of the sequence numbers of the newest.
func guess(newest uint64, sequence uint16) uint64 {
	index := int64(newest) + int64(int16(sequence-uint16(newest)))
	if index < 0 {
		return uint64(sequence)
	}
	return uint64(index)
}

// fresh says whether the packet of this index may still be taken.
func (s *stream) fresh(index uint64) bool {
	if !s.begun || index > s.newest {
		return true
	}
	back := s.newest - index
	return back < replayWindow && s.seen[back/64]>>(back%64)&1 == 0
}

// take notes a packet that has proved itself.
func (s *stream) take(index uint64) {
	if !s.begun {
		s.begun, s.newest, s.seen = true, index, [replayWindow / 64]uint64{1}
		return
	}
	if index > s.newest {
		s.shift(index - s.newest)
		s.newest = index
	}
	if back := s.newest - index; back < replayWindow {
		s.seen[back/64] |= 1 << (back % 64)
	}
}

func (s *stream) shift(by uint64) {
	switch {
	case by >= replayWindow:
		s.seen = [replayWindow / 64]uint64{}
	case by >= 64:
		s.seen[1], s.seen[0] = s.seen[0]<<(by-64), 0
	default:
		s.seen[1] = s.seen[1]<<by | s.seen[0]>>(64-by)
		s.seen[0] <<= by
	}
}

// maxStreams is how many SSRCs of one key are remembered. A call has one, and another
// after each conflict or transfer; the one heard least recently makes way.
const maxStreams = 32

// streams is the streams of one key, of RTP or of RTCP.
type streams struct {
	list []stream
	last int // where the one used last is
	now  uint64
}

// find returns the stream of ssrc, nil when nothing of it was ever taken.
func (t *streams) find(ssrc uint32) *stream {
	if t.last < len(t.list) && t.list[t.last].ssrc == ssrc {
		return &t.list[t.last]
	}
	for i := range t.list {
		if t.list[i].ssrc == ssrc {
			t.last = i
			return &t.list[i]
		}
	}
	return nil
}

// take notes a packet that has proved itself, of a stream that find returned or of a
// new one.
func (t *streams) take(s *stream, ssrc uint32, index uint64) {
	if s == nil {
		s = t.add(ssrc)
	}
	t.now++
	s.used = t.now
	s.take(index)
}

func (t *streams) add(ssrc uint32) *stream {
	if len(t.list) < maxStreams {
		t.list = append(t.list, stream{ssrc: ssrc})
		t.last = len(t.list) - 1
		return &t.list[t.last]
	}
	t.last = 0
	for i := range t.list {
		if t.list[i].used < t.list[t.last].used {
			t.last = i
		}
	}
	t.list[t.last] = stream{ssrc: ssrc}
	return &t.list[t.last]
}
