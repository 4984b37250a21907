package media

import (
	"encoding/binary"

	"github.com/pion/rtp"
)

const (
	rtpVersion     = 2
	minRTPHeader   = 12
	maxCSRC        = 15
	maxRTPHeader   = minRTPHeader + 4*maxCSRC
	extensionBit   = 0x10
	paddingBit     = 0x20
	extensionFixed = 4 // profile and length, RFC 3550 §5.3.1
	firstRTCPType  = 192
	lastRTCPType   = 223
)

// parser reads RTP headers without allocation. Header extensions are stepped
// over, not read: no payload here depends on one, and there may be hundreds in
// one datagram.
type parser struct {
	header rtp.Header
	fixed  [maxRTPHeader]byte
}

func (p *parser) init() { p.header.CSRC = make([]uint32, 0, maxCSRC) }

// packet reads the header of an RTP packet (RFC 3550 §5.1) into p.header and
// returns the payload without padding, a part of data. ok is false when data is
// no RTP packet; every length in it is checked against what is there.
func (p *parser) packet(data []byte) (payload []byte, ok bool) {
	if len(data) < minRTPHeader || data[0]>>6 != rtpVersion {
		return nil, false
	}
	n := minRTPHeader + 4*int(data[0]&maxCSRC)
	if len(data) < n {
		return nil, false
	}
	fixed := p.fixed[:copy(p.fixed[:], data[:n])]
	fixed[0] &^= extensionBit
	if _, err := p.header.Unmarshal(fixed); err != nil {
		return nil, false
	}
	if data[0]&extensionBit != 0 {
		if len(data) < n+extensionFixed {
			return nil, false
		}
		n += extensionFixed + 4*int(binary.BigEndian.Uint16(data[n+2:]))
		if len(data) < n {
			return nil, false
		}
	}
	payload = data[n:]
	if data[0]&paddingBit != 0 {
		if len(payload) == 0 {
			return nil, false
		}
		padding := int(payload[len(payload)-1])
		if padding == 0 || padding > len(payload) {
			return nil, false
		}
		payload = payload[:len(payload)-padding]
	}
	return payload, true
}

// isRTCP tells RTCP from RTP by the octet that is a packet type in the one and
// marker and payload type in the other (RFC 5761 §4).
func isRTCP(data []byte) bool {
	return len(data) > 1 && data[1] >= firstRTCPType && data[1] <= lastRTCPType
}
