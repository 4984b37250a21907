package srtp

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

const (
	minRTP  = 12
	minRTCP = 8
)

// Sender protects what one side sends under one key. It keeps the rollover counter
// and the index of RTCP, so under one key there must never be a second one for the
// same SSRC: the same index twice would give both packets away (RFC 3711 §9.1). One
// goroutine at a time uses it.
type Sender struct {
	key         *Key
	context     *pion.Context
	control     *aeadControl // nil: pion does it
	header      rtp.Header
	rtcpHeader  rtcp.Header
	ssrc        uint32
	begun       bool
	index       uint64 // of the last RTP packet of ssrc
	rtpOverhead int
	rtcpExtra   int

	controlSSRC  uint32
	controlIndex uint32 // of the last RTCP packet of controlSSRC, under AEAD
}

// NewSender makes a Sender. It keeps a copy of the key. What our own side sends never
// carries an MKI, so it fails for a key that has one.
func NewSender(key *Key) (*Sender, error) {
	if key != nil && len(key.mki) != 0 {
		return nil, fmt.Errorf("%w: sending with an MKI", ErrUnsupported)
	}
	context, err := newContext(key)
	if err != nil {
		return nil, err
	}
	control, err := newAEADControl(key)
	if err != nil {
		return nil, err
	}
	info := key.suite.info()
	return &Sender{key: key.Clone(), context: context, control: control, rtpOverhead: info.rtp, rtcpExtra: info.rtcp}, nil
}

// newContext makes pion's half: the ciphers with their session keys. It tells no
// replays, since the index is ours to judge.
func newContext(key *Key) (*pion.Context, error) {
	if key == nil || len(key.secret) == 0 {
		return nil, ErrWiped
	}
	master, salt := key.split()
	context, err := pion.CreateContext(master, salt, key.suite.info().profile,
		pion.SRTPNoReplayProtection(), pion.SRTCPNoReplayProtection(), pion.MasterKeyIndicator(key.mki))
	if err != nil {
		return nil, fmt.Errorf("srtp: %v: %w", key.suite, err)
	}
	return context, nil
}

// Key is what the Sender protects with.
func (s *Sender) Key() *Key { return s.key }

// ROC is the rollover counter of the stream that is sent (RFC 3711 §3.2.1): how often
// its sequence number has wrapped.
func (s *Sender) ROC() uint32 { return uint32(s.index >> 16) }

// Used says whether any RTP was sent.
func (s *Sender) Used() bool { return s.begun }

// RTP protects one packet in place and returns it, longer by the tag: the capacity of
// packet must have room for that, MaxOverhead octets being enough for all suites. A
// sequence number more than half of all behind the last is taken for the next round;
// an SSRC other than the last begins at a rollover counter of 0. A sequence number that
// is not behind the last one fails with ErrReplayed: no index is used twice.
func (s *Sender) RTP(packet []byte) ([]byte, error) {
	switch {
	case s.context == nil:
		return nil, ErrWiped
	case len(packet) < minRTP:
		return nil, ErrMalformed
	case cap(packet)-len(packet) < s.rtpOverhead:
		return nil, ErrShortBuffer
	}
	ssrc, sequence := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
	if !s.begun || ssrc != s.ssrc {
		s.ssrc, s.begun, s.index = ssrc, true, uint64(sequence)
	} else {
		index := guess(s.index, sequence)
		switch {
		case index <= s.index:
			return nil, ErrReplayed
		case index > maxIndex:
			return nil, ErrExhausted
		}
		s.index = index
	}
	s.context.SetROC(ssrc, uint32(s.index>>16))
	out, err := s.context.EncryptRTP(packet, packet, &s.header)
	if err != nil {
		return nil, fmt.Errorf("srtp: protecting: %w", err)
	}
	return out, nil
}

const maxIndex = 1<<48 - 1

// RTCP protects one compound packet in place, as RTP does.
func (s *Sender) RTCP(packet []byte) ([]byte, error) {
	switch {
	case s.context == nil:
		return nil, ErrWiped
	case len(packet) < minRTCP:
		return nil, ErrMalformed
	case cap(packet)-len(packet) < s.rtcpExtra:
		return nil, ErrShortBuffer
	}
	if s.control != nil {
		return s.sealRTCP(packet)
	}
	out, err := s.context.EncryptRTCP(packet, packet, &s.rtcpHeader)
	if err != nil {
		return nil, fmt.Errorf("srtp: protecting RTCP: %w", err)
	}
	return out, nil
}

// sealRTCP protects RTCP under AEAD.
func (s *Sender) sealRTCP(packet []byte) ([]byte, error) {
	if ssrc := binary.BigEndian.Uint32(packet[4:]); ssrc != s.controlSSRC {
		s.controlSSRC, s.controlIndex = ssrc, 0
	}
	if s.controlIndex >= maxControl {
		return nil, ErrExhausted
	}
	s.controlIndex++
	return s.control.seal(packet, s.controlIndex), nil
}

// Wipe overwrites the key and lets go of the ciphers; all later calls fail. The
// session keys that the ciphers hold inside are left to the garbage collector.
func (s *Sender) Wipe() {
	s.key.Wipe()
	s.context, s.control = nil, nil
}
