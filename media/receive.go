package media

import (
	"time"

	"github.com/softphone-go/softphone/media/jitter"
)

// byeGuard is how long packets may be under way after the BYE that ends them.
const byeGuard = time.Second

// receive takes what arrived until at; everything that arrived if all is set. No
// more is taken in one go than the rings hold, however fast it comes in.
func (s *Session) receive(at time.Duration, all bool) {
	if s.description == nil {
		s.await(at)
		return
	}
	for range rtpSlots {
		d, data, ok := s.rtpIn.peek()
		if !ok || !all && d.arrival > at {
			break
		}
		s.datagram(d, data, false)
		s.rtpIn.pop()
	}
	for range rtcpSlots {
		d, data, ok := s.rtcpIn.peek()
		if !ok {
			break
		}
		s.datagram(d, data, true)
		s.rtcpIn.pop()
	}
}

// earlyKept is how long packets wait for the first description. The peer may
// speak as soon as it has sent its answer, and its packets may be here before
// the answer is (RFC 3264 §5.1). What is older belongs to nobody.
const earlyKept = 250 * time.Millisecond

// await keeps the packets of the last moment for the description that is to
// come, and counts those that have waited too long.
func (s *Session) await(at time.Duration) {
	for range rtpSlots {
		d, data, ok := s.rtpIn.peek()
		if !ok || d.arrival > at-earlyKept {
			break
		}
		s.datagram(d, data, false)
		s.rtpIn.pop()
	}
	for range rtcpSlots {
		d, data, ok := s.rtcpIn.peek()
		if !ok {
			break
		}
		s.datagram(d, data, true)
		s.rtcpIn.pop()
	}
}

// datagram sorts one datagram; onRTCP says at which port it came.
func (s *Session) datagram(d *slot, data []byte, onRTCP bool) {
	rtcp := isRTCP(data)
	if s.cfg.Tap != nil {
		local := s.socket.RTP()
		if onRTCP {
			local = s.socket.RTCP()
		}
		s.cfg.Tap(TapPacket{Time: s.epoch.Add(d.arrival), RTCP: rtcp, Local: local, Remote: d.from, Data: data})
	}
	switch {
	case s.description == nil:
		s.count.Early++
	case rtcp:
		s.control(d, data, onRTCP)
	case onRTCP:
		s.count.Malformed++
	default:
		s.packet(d, data)
	}
}

// packet takes one datagram that should be RTP.
func (s *Session) packet(d *slot, data []byte) {
	if !s.latch.admits(d.from, d.arrival) {
		s.count.WrongSource++
		return
	}
	data, ok := s.open(data, d.arrival, false)
	if !ok {
		return
	}
	payload, ok := s.parser.packet(data)
	if !ok {
		s.count.Malformed++
		return
	}
	h := &s.parser.header
	kind := s.description.payloads[h.PayloadType]
	if kind == jitter.Unmapped {
		s.count.Unmapped++
		if d.from != s.latch.learned {
			return // not reason enough to believe a new source
		}
	}
	if s.latch.take(d.from, d.arrival) {
		s.log.Debug("media source learned", "remote", d.from, "described", s.latch.described)
	}
	if h.SSRC == s.sender.ssrc {
		s.conflict(h.SequenceNumber, h.Timestamp)
	}
	if s.reception.known && h.SSRC != s.reception.ssrc {
		s.events.Reset()
		s.reports.forget()
		s.count.RemoteBye = false
	}
	s.reception.packet(h.SSRC, h.SequenceNumber)
	s.count.PacketsReceived++
	s.count.BytesReceived += uint64(len(payload))
	if s.count.RemoteBye && d.arrival-s.reports.byeAt > byeGuard {
		s.count.RemoteBye = false // it said goodbye and goes on
	}
	s.watch.heard(d.arrival, kind)
	switch kind {
	case jitter.PCMU, jitter.PCMA:
		s.reception.timing(h.Timestamp, d.arrival)
		s.reception.fates.length = time.Duration(len(payload)) * sampleTime
	case jitter.Event:
		if s.description.receives() {
			s.events.Put(h.Timestamp, payload, h.Marker, d.arrival)
		}
	case jitter.ComfortNoise, jitter.Unmapped: // sent when it suits the peer: their times say nothing of the path
	}
	if s.description.receives() {
		late := s.playout.TooLate()
		s.playout.Put(jitter.Header{
			SequenceNumber: h.SequenceNumber,
			Timestamp:      h.Timestamp,
			PayloadType:    h.PayloadType,
			Marker:         h.Marker,
			SSRC:           h.SSRC,
		}, payload, d.arrival)
		if s.playout.TooLate() != late {
			s.reception.fates.discard()
		}
	}
}

// conflict deals with a packet that carries our SSRC (RFC 3550 §8.2). Is it a
// packet of ours, sent back by a reflector such as an echo service, it is counted
// and heard: the one who calls an echo wants to hear it. Else the peer drew the
// same number, and we say goodbye under it and draw another.
func (s *Session) conflict(sequence uint16, ts uint32) {
	if s.sender.recently(sequence, ts) {
		s.count.Looped++
		return
	}
	s.count.Collisions++
	s.bye(s.step.at(0))
	s.sender.renew(s.rng.Uint32())
	s.log.Info("the peer uses our SSRC: changed ours")
}

// play gives the frame due at the time at to the Sink, and key presses to OnDigit.
func (s *Session) play(at time.Duration) {
	if s.description == nil {
		return
	}
	for {
		digit, ok := s.events.Tick(at)
		if !ok {
			break
		}
		s.tellDigit(digit)
	}
	if s.description.receives() {
		if s.playout.Get(s.frame.Samples, at) == jitter.Speech {
			s.levels.take(s.frame.Samples)
		}
		s.hearTones(at)
	} else {
		s.frame.Clear()
	}
	if sink := s.settings.sink.Load(); sink != nil {
		(*sink).WriteFrame(&s.frame)
	}
	s.remember()
}

// maxDrain bounds what drain hands over, in frames: the longest playout delay
// and a packet of 60 ms.
const maxDrain = 80

// drain hands Sink and Monitor at once what has arrived and waited for its turn,
// so that a recording keeps the last word of a peer that speaks and hangs up.
func (s *Session) drain() {
	sink, monitor := s.settings.sink.Load(), s.settings.monitor.Load()
	if sink == nil && monitor == nil || s.description == nil || !s.description.receives() || !s.step.ticked {
		return
	}
	s.receive(s.clock(), true)
	for i := 1; i <= maxDrain && s.playout.Stats().Buffered > 0; i++ {
		s.playout.Get(s.frame.Samples, s.step.at(i))
		if sink != nil {
			(*sink).WriteFrame(&s.frame)
		}
		if monitor != nil {
			(*monitor).WriteFrames(nil, &s.frame)
		}
	}
}
