package media

import (
	"errors"
	"fmt"
	"time"

	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
)

// SRTP lies between the ring and everything that looks at a packet, and between what
// is sent and the socket:
//
//	ring ─▶ tap ─▶ source check ─▶ unprotect ─▶ parse ─▶ latch ─▶ jitter
//	                                   └─▶ Unauthenticated, Replayed
//	packet ─▶ protect ─▶ socket ─▶ tap
//
// So the tap sees what is on the wire, and only a packet that proves its key is
// heard, counted as received, or believed to come from where it says.

const (
	// formerKeyGuard is how long packets under the key before may still come: those
	// under way when the description changed, or until the peer has our answer.
	formerKeyGuard = 2 * time.Second

	// maxSendKeys bounds our own keys in one session: there is one for each suite.
	maxSendKeys = 16

	// maxReceiveKeys is how many keys of the peer are remembered, so that a
	// negotiation that is rolled back finds what it had.
	maxReceiveKeys = 8
)

// keyring holds a context for each key that was ever applied, guarded by
// settings.applying: the same key again must find its packet index, not begin a new
// one (RFC 3711 §9.1). The contexts themselves belong to the tick.
type keyring struct {
	send    []*srtp.Sender
	receive []*srtp.Receiver
}

// secure finds or makes the contexts of p for d.
func (k *keyring) secure(d *description, p offer.Params) (err error) {
	if (p.SendKey == nil) != (p.ReceiveKey == nil) {
		return errors.New("media: SRTP needs a key for either direction, and one is missing")
	}
	if p.SendKey == nil {
		return nil
	}
	if d.protect, err = k.sender(p.SendKey); err != nil {
		return fmt.Errorf("media: cannot send SRTP: %w", err)
	}
	if d.unprotect, err = k.receiver(p.ReceiveKey); err != nil {
		return fmt.Errorf("media: cannot receive SRTP: %w", err)
	}
	return nil
}

func (k *keyring) sender(key *srtp.Key) (*srtp.Sender, error) {
	for _, s := range k.send {
		if s.Key().Equal(key) {
			return s, nil
		}
	}
	if len(k.send) == maxSendKeys {
		return nil, fmt.Errorf("%d keys in one call", maxSendKeys)
	}
	s, err := srtp.NewSender(key)
	if err == nil {
		k.send = append(k.send, s)
	}
	return s, err
}

func (k *keyring) receiver(key *srtp.Key) (*srtp.Receiver, error) {
	for _, r := range k.receive {
		if r.Key().Equal(key) {
			return r, nil
		}
	}
	r, err := srtp.NewReceiver(key, nil)
	if err != nil {
		return nil, err
	}
	if len(k.receive) == maxReceiveKeys {
		k.receive = append(k.receive[:0], k.receive[1:]...)
	}
	k.receive = append(k.receive, r)
	return r, nil
}

// wipe overwrites all keys. No tick runs any more.
func (s *Session) wipe() {
	s.settings.applying.Lock()
	defer s.settings.applying.Unlock()
	for _, c := range s.keyring.send {
		c.Wipe()
	}
	for _, c := range s.keyring.receive {
		c.Wipe()
	}
	if s.shield != nil {
		clear(s.shield.buf[:])
	}
}

// shield is the SRTP in force, the tick's own. A session that never had a key has none.
type shield struct {
	protect     *srtp.Sender   // nil: in the clear
	unprotect   *srtp.Receiver // nil: in the clear
	former      *srtp.Receiver
	formerUntil time.Duration

	buf [maxDatagram]byte // the packet at hand, decrypted
}

// shieldWith puts the keys of a description into force.
func (s *Session) shieldWith(d *description, now time.Duration) {
	h := s.shield
	if h == nil {
		if d.protect == nil {
			return
		}
		h = &shield{}
		s.shield = h
	}
	if h.unprotect != d.unprotect {
		if h.unprotect != nil {
			h.former, h.formerUntil = h.unprotect, now+formerKeyGuard
		}
		if d.unprotect != nil {
			d.unprotect.Follow(h.unprotect)
		}
		h.unprotect = d.unprotect
	}
	if h.protect != d.protect {
		// The peer may or may not think that the rollover counter goes on under a new
		// key. A new SSRC leaves no doubt, where there is one.
		if d.protect != nil && (d.protect.Used() || h.protect != nil && h.protect.ROC() > 0) {
			s.sender.renew(s.rng.Uint32())
		}
		h.protect = d.protect
	}
	s.count.Encryption = 0
	if d.protect != nil {
		s.count.Encryption = d.protect.Key().Suite()
	}
}

// open is the packet behind data: data itself without SRTP. False means that it does
// not prove its key or was replayed, which is counted, and must not be looked at.
func (s *Session) open(data []byte, at time.Duration, rtcp bool) ([]byte, bool) {
	h := s.shield
	if h == nil {
		return data, true
	}
	err := srtp.ErrForged
	if h.unprotect != nil {
		var plain []byte
		if plain, err = unprotect(h.unprotect, h.buf[:], data, rtcp); err == nil {
			return plain, true
		}
	}
	if h.former != nil && errors.Is(err, srtp.ErrForged) {
		if at > h.formerUntil {
			h.former = nil
		} else if plain, formerErr := unprotect(h.former, h.buf[:], data, rtcp); formerErr == nil {
			return plain, true
		}
	}
	switch {
	case h.unprotect == nil: // in the clear again
		return data, true
	case errors.Is(err, srtp.ErrForged):
		s.count.Unauthenticated++
	case errors.Is(err, srtp.ErrReplayed):
		s.count.Replayed++
	default:
		s.count.Malformed++
	}
	return nil, false
}

func unprotect(r *srtp.Receiver, dst, data []byte, rtcp bool) ([]byte, error) {
	if rtcp {
		return r.RTCP(dst, data)
	}
	return r.RTP(dst, data)
}

// seal protects a packet in place, where that is agreed on; the array under data has
// room for srtp.MaxOverhead more. False means that it must not be sent.
func (s *Session) seal(data []byte, rtcp bool) ([]byte, bool) {
	h := s.shield
	if h == nil || h.protect == nil {
		return data, true
	}
	var err error
	if rtcp {
		data, err = h.protect.RTCP(data)
	} else {
		data, err = h.protect.RTP(data)
	}
	if err == nil {
		return data, true
	}
	s.count.SendErrors++
	if !s.sender.errorsReported {
		s.sender.errorsReported = true
		s.log.Warn("cannot protect media, so it is not sent; later errors are only counted", "error", err)
	}
	return nil, false
}
