package media

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/srtp"
)

const (
	// maxLag is how many frames of 10 ms may wait behind the packet that is due,
	// after ticks came late: they leave with the next ticks, one packet a tick.
	// What is older is left out, and the timestamps show it.
	maxLag    = 6
	maxQueued = maxFramesPerTime + maxLag

	markerBit = 0x80

	// What of our own packets is taken for recent, should it come back: four
	// seconds of them at the shortest packet time.
	recentPackets = 400
	recentSamples = 4 * clockRate
)

// sender is the stream that we send: one SSRC, one run of sequence numbers and
// one clock of timestamps, origin + 80 for each frame since the first tick,
// whether sent or not.
type sender struct {
	ssrc     uint32
	sequence uint16 // of the next packet
	origin   uint32
	marker   bool // the next packet begins a talkspurt (RFC 3551 §4.1)

	queue  [maxQueued * frameSize]int16
	queued int    // frames waiting
	first  uint64 // index of the first of them

	encoder dtmf.Encoder
	dtx     dtx
	packet  [minRTPHeader + maxFramesPerTime*frameSize + srtp.MaxOverhead]byte

	lastTS         uint32 // of the last packet
	packets        uint64 // under this SSRC, for sender reports
	octets         uint64
	lastSent       time.Duration
	everSent       bool // anything at all, RTCP too
	errorsReported bool
}

// recently says whether a packet is one of the last that we sent.
func (t *sender) recently(sequence uint16, ts uint32) bool {
	return t.packets > 0 && t.sequence-1-sequence < recentPackets && t.lastTS-ts < recentSamples
}

// renew goes on under another SSRC.
func (t *sender) renew(ssrc uint32) {
	t.ssrc, t.packets, t.octets, t.marker = ssrc, 0, 0, true
}

// drop leaves out the oldest n frames.
func (t *sender) drop(n int) {
	copy(t.queue[:], t.queue[n*frameSize:t.queued*frameSize])
	t.queued -= n
	t.first += uint64(n)
}

// say reads frame number index from the Source into the queue.
func (s *Session) say(index uint64) {
	t := &s.sender
	if !s.description.sends() {
		t.queued, t.marker = 0, true
		return
	}
	if src := s.settings.source.Load(); src != nil {
		(*src).ReadFrame(&s.frame)
	} else {
		s.frame.Clear()
	}
	s.settings.gain.Process(s.frame.Samples)
	s.sayTones()

	if t.queued > 0 && t.first+uint64(t.queued) != index {
		t.queued, t.marker = 0, true // time was left out
	}
	if n := s.description.frames; t.queued >= n+maxLag {
		t.drop(n)
		s.count.FramesLate += uint64(n)
		t.marker = true
	}
	if t.queued == 0 {
		t.first = index
	}
	copy(t.queue[t.queued*frameSize:], s.frame.Samples)
	t.queued++
}

// transmit sends the packet that is due. One more may leave in the same tick only
// at a packet time of one tick, where nothing else could make good a late one.
func (s *Session) transmit() {
	t, d := &s.sender, s.description
	if !d.sends() {
		return
	}
	packets := 1
	if d.frames == 1 {
		packets = 2
	}
	for ; packets > 0 && t.queued >= d.frames; packets-- {
		ts := t.origin + uint32(t.first)*frameSize
		if !s.sendEvent(ts) {
			s.sendSound(ts)
		}
		t.drop(d.frames)
	}
}

// sendEvent sends the event packet that takes the place of sound at ts, if any.
func (s *Session) sendEvent(ts uint32) bool {
	t, d := &s.sender, s.description
	if d.EventSend == 0 || !t.encoder.Active() {
		return false
	}
	payload, start, marker, ok := t.encoder.Next(ts, d.frames*frameSize)
	s.settings.sending.Store(s.digitsActive())
	if !ok {
		return false
	}
	if marker {
		s.count.DigitsSent++
	}
	n := copy(t.packet[minRTPHeader:], payload[:])
	s.sendPacket(d.EventSend, start, marker, n)
	return true
}

func (s *Session) sendSound(ts uint32) {
	t, d := &s.sender, s.description
	samples, payload := t.queue[:d.frames*frameSize], t.packet[minRTPHeader:]
	if s.hush(ts, samples) {
		return
	}
	var n int
	if d.send == jitter.PCMA {
		n = g711.EncodePCMA(payload, samples)
	} else {
		n = g711.EncodePCMU(payload, samples)
	}
	s.sendPacket(d.Send.PayloadType, ts, t.marker, n)
	t.marker = false
}

// sendPacket sends n octets that lie in the packet behind the header.
func (s *Session) sendPacket(pt uint8, ts uint32, marker bool, n int) {
	t := &s.sender
	t.packet[0] = rtpVersion << 6
	t.packet[1] = pt
	if marker {
		t.packet[1] |= markerBit
	}
	binary.BigEndian.PutUint16(t.packet[2:], t.sequence)
	binary.BigEndian.PutUint32(t.packet[4:], ts)
	binary.BigEndian.PutUint32(t.packet[8:], t.ssrc)
	t.sequence++ // a packet that the system refused is a lost one
	t.lastTS = ts
	data, ok := s.seal(t.packet[:minRTPHeader+n], false)
	if !ok || !s.write(&s.socket.rtp, data, s.latch.target(), false) {
		return
	}
	t.packets++
	t.octets += uint64(n)
	t.lastSent = s.step.at(0)
	s.count.PacketsSent++
	s.count.BytesSent += uint64(n)
}

// write sends one datagram and says whether it left.
func (s *Session) write(c *packetConn, data []byte, to netip.AddrPort, rtcp bool) bool {
	now := s.epoch.Add(s.clock())
	c.limit(now)
	if err := c.write(data, to); err != nil {
		s.count.SendErrors++
		if !s.sender.errorsReported {
			s.sender.errorsReported = true
			s.log.Warn("cannot send media; later errors are only counted", "remote", to, "error", err)
		}
		return false
	}
	s.sender.everSent = true
	if s.cfg.Tap != nil {
		s.cfg.Tap(TapPacket{Time: now, Sent: true, RTCP: rtcp, Local: c.local, Remote: to, Data: data})
	}
	return true
}
