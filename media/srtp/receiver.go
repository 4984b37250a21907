package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

const (
	wrap = 1 << 16 // sequence numbers

	// lostTrack is how many packets of a known stream must fail in a row before
	// later rounds of the sequence number are tried too: more than half a round may
	// have been lost.
	lostTrack = 8

	// roundsAhead is how many of them are tried, one with each packet.
	roundsAhead = 4
)

// Receiver checks and decrypts what the other side sends under one key. One goroutine
// at a time uses it.
type Receiver struct {
	key        *Key
	context    *pion.Context
	control    *aeadControl // nil: pion does it
	header     rtp.Header
	rtcpHeader rtcp.Header
	rtp, rtcp  streams
	former     []stream // of the key before this one: their rollover counters may go on
	strangers  int      // SSRCs that pion may remember, other than ours
	failed     uint64   // packets of known streams in a row that did not prove themselves
}

// NewReceiver makes a Receiver. It keeps a copy of the key. before may be the Receiver
// of the key that this one follows, whose rollover counters may go on (RFC 3711
// §3.3.1) or begin anew, as the peer likes; nil when there was none. It is only read.
func NewReceiver(key *Key, before *Receiver) (*Receiver, error) {
	context, err := newContext(key)
	if err != nil {
		return nil, err
	}
	control, err := newAEADControl(key)
	if err != nil {
		return nil, err
	}
	r := &Receiver{key: key.Clone(), context: context, control: control}
	r.Follow(before)
	return r, nil
}

// Follow tells of the Receiver of the key before this one, as NewReceiver does.
func (r *Receiver) Follow(before *Receiver) {
	if before == nil || before == r {
		return
	}
	r.former = append(r.former[:0], before.rtp.list...)
}

// Key is what the Receiver checks with.
func (r *Receiver) Key() *Key { return r.key }

// RTP checks one packet and writes it, decrypted and without its tag, into dst, which
// must not overlap with packet and whose capacity must be that of the packet. The
// error is ErrForged, ErrReplayed, ErrMalformed, ErrShortBuffer or ErrWiped as it is;
// nothing is then changed but the contents of dst.
func (r *Receiver) RTP(dst, packet []byte) ([]byte, error) {
	switch {
	case r.context == nil:
		return nil, ErrWiped
	case len(packet) < minRTP:
		return nil, ErrMalformed
	case cap(dst) < len(packet):
		return nil, ErrShortBuffer
	}
	ssrc, sequence := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
	s := r.rtp.find(ssrc)
	if s == nil {
		return r.first(dst, packet, ssrc, sequence)
	}
	index := guess(s.newest, sequence)
	if !s.fresh(index) {
		return nil, r.lost(ErrReplayed)
	}
	out, err := r.open(dst, packet, ssrc, index)
	if errors.Is(err, ErrForged) && r.failed >= lostTrack {
		// Only ever forward: what lies behind is replayed.
		index += wrap * (1 + r.failed%roundsAhead)
		if s.fresh(index) {
			out, err = r.open(dst, packet, ssrc, index)
		}
	}
	if err != nil {
		return nil, r.lost(err)
	}
	r.failed = 0
	r.rtp.take(s, ssrc, index)
	return out, nil
}

// lost counts a packet of a known stream that was not taken.
func (r *Receiver) lost(err error) error {
	if errors.Is(err, ErrForged) {
		r.failed++
	}
	return err
}

// first takes the first packet of a stream. Its rollover counter is 0, unless the
// stream goes on from the key before, or the packets before a wrap were lost.
func (r *Receiver) first(dst, packet []byte, ssrc uint32, sequence uint16) ([]byte, error) {
	var tries [3]uint64
	n := 0
	for _, f := range r.former {
		if index := guess(f.newest, sequence); f.ssrc == ssrc && index >= wrap {
			tries[n] = index
			n++
			break
		}
	}
	tries[n] = uint64(sequence)
	n++
	if sequence < wrap/2 {
		tries[n] = wrap + uint64(sequence)
		n++
	}
	var out []byte
	var err error
	for _, index := range tries[:n] {
		if out, err = r.open(dst, packet, ssrc, index); !errors.Is(err, ErrForged) {
			if err == nil {
				r.rtp.take(nil, ssrc, index)
				r.failed = 0
			}
			break
		}
	}
	r.stranger()
	return out, err
}

// open has pion check and decrypt the packet, taking it for the one of this index.
func (r *Receiver) open(dst, packet []byte, ssrc uint32, index uint64) ([]byte, error) {
	if index > maxIndex {
		return nil, ErrForged
	}
	r.context.SetROC(ssrc, uint32(index>>16))
	out, err := r.context.DecryptRTP(dst[:0], packet, &r.header)
	if err != nil {
		return nil, sorted(err)
	}
	return out, nil
}

// RTCP checks and decrypts one compound packet, as RTP does. One that is only
// authenticated is not taken: nothing of the kind is ever agreed on (RFC 4568 §6.3.2).
func (r *Receiver) RTCP(dst, packet []byte) ([]byte, error) {
	info, mki := r.key.suite.info(), len(r.key.mki)
	switch {
	case r.context == nil:
		return nil, ErrWiped
	case len(packet) < minRTCP+info.rtcp+mki:
		return nil, ErrMalformed
	case cap(dst) < len(packet):
		return nil, ErrShortBuffer
	}
	tail := mki + controlTail
	if r.control == nil {
		tail += info.rtcp - controlTail // the tag comes behind the index
	}
	ssrc, word := binary.BigEndian.Uint32(packet[4:]), binary.BigEndian.Uint32(packet[len(packet)-tail:])
	if word&encryptedBit == 0 {
		return nil, ErrForged
	}
	index := word &^ encryptedBit
	s := r.rtcp.find(ssrc)
	if s != nil && !s.fresh(uint64(index)) {
		return nil, ErrReplayed
	}
	out, err := r.openRTCP(dst, packet, index)
	if err != nil {
		return nil, err
	}
	if s == nil && r.control == nil {
		r.stranger() // pion keeps each SSRC that it found genuine
	}
	r.rtcp.take(s, ssrc, uint64(index))
	return out, nil
}

func (r *Receiver) openRTCP(dst, packet []byte, index uint32) ([]byte, error) {
	if r.control != nil {
		end := len(packet) - len(r.key.mki)
		if !bytes.Equal(packet[end:], r.key.mki) {
			return nil, ErrForged
		}
		return r.control.open(dst, packet[:end], index)
	}
	out, err := r.context.DecryptRTCP(dst[:0], packet, &r.rtcpHeader)
	if err != nil {
		return nil, sorted(err)
	}
	return out, nil
}

// sorted makes pion's error one of ours.
func sorted(err error) error {
	switch {
	case errors.Is(err, pion.ErrFailedToVerifyAuthTag), errors.Is(err, pion.ErrMKINotFound):
		return ErrForged
	}
	return ErrMalformed
}

// stranger counts an SSRC that pion now remembers for nothing, and has it forget them
// all once there are many. It knows nothing that we need.
func (r *Receiver) stranger() {
	const many = 256
	if r.strangers++; r.strangers < many {
		return
	}
	r.strangers = 0
	if context, err := newContext(r.key); err == nil {
		r.context = context
	}
}

// Wipe overwrites the key and lets go of the ciphers and of what was decrypted; all
// later calls fail. The session keys that the ciphers hold inside are left to the
// garbage collector.
func (r *Receiver) Wipe() {
	r.key.Wipe()
	r.context, r.control = nil, nil
}
