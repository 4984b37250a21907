package media

import "errors"

// Rebind goes on over another Socket, as when the address of the machine has changed,
// and closes the one before. The session owns socket from then on, also when it fails.
// SSRC, sequence numbers, keys, the playout and all counters go on; what waited in the
// old ports is lost, and the peer is sent to where it was until Apply says otherwise. It
// waits for a Tick under way. After Close it returns ErrClosed.
func (s *Session) Rebind(socket *Socket) error {
	s.running.Lock()
	defer s.running.Unlock()
	if s.closed {
		return errors.Join(ErrClosed, socket.Close())
	}
	s.overflows += s.rtpIn.dropped() + s.rtcpIn.dropped()
	old := s.socket
	s.socket = socket
	s.rtpIn = s.listen(&s.socket.rtp, 0, rtpSlots, rtpOctets)
	s.rtcpIn = s.listen(&s.socket.rtcp, restRTCP, rtcpSlots, rtcpOctets)
	return old.Close()
}
