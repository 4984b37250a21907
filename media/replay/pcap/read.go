package pcap

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/pion/rtp"

	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/replay"
)

// Errors of Read.
var (
	ErrFormat   = errors.New("this is no pcap or pcapng file")
	ErrNoStream = errors.New("the capture holds no stream of RTP")
)

const (
	maxPackets  = 1_000_000 // of RTP, so that a file cannot ask for endless work
	maxStreams  = 1000
	fewest      = 10  // packets of a stream
	nearby      = 200 // distance between sequence numbers that go on
	firstRTCP   = 192 // second byte of RTCP, RFC 5761 §4
	lastRTCP    = 223
	sectionType = 0x0A0D0D0A // first block of pcapng, the same in both byte orders
)

// Stream is the packets of one SSRC between two ports.
type Stream struct {
	SSRC     uint32
	From, To netip.AddrPort
	Packets  []replay.Captured // in the order of capture, times from the first packet of the file
	nearby   int               // packets whose number follows the one before
}

// Codec names what most of the packets carry.
func (s Stream) Codec() string {
	count := make(map[uint8]int)
	most := uint8(0)
	for _, p := range s.Packets {
		pt := p.Header.PayloadType
		if count[pt]++; count[pt] > count[most] {
			most = pt
		}
	}
	switch most {
	case replay.PayloadPCMU:
		return "PCMU"
	case replay.PayloadPCMA:
		return "PCMA"
	default:
		return fmt.Sprintf("payload type %d", most)
	}
}

// String tells a stream from others.
func (s Stream) String() string {
	return fmt.Sprintf("SSRC 0x%08X, %v to %v, %d packets of %s", s.SSRC, s.From, s.To, len(s.Packets), s.Codec())
}

// Read returns the streams of a capture, the longest first. A file that breaks
// off is read as far as it goes.
func Read(r io.Reader) ([]Stream, error) {
	in := bufio.NewReader(r)
	next, err := open(in)
	if err != nil {
		return nil, err
	}
	found := make(finder)
	var begin time.Time
	for n := 0; n < maxPackets; {
		data, link, at, err := next()
		if err != nil {
			break // its end, or where it breaks off
		}
		if begin.IsZero() {
			begin = at
		}
		if found.take(data, link, at.Sub(begin)) {
			n++
		}
	}
	return found.streams()
}

// source returns the next packet of a file.
type source func() (data []byte, link layers.LinkType, at time.Time, err error)

func open(in *bufio.Reader) (source, error) {
	magic, err := in.Peek(4)
	if err != nil {
		return nil, ErrFormat
	}
	if bytes.Equal(magic, []byte{0x0A, 0x0D, 0x0D, 0x0A}) {
		ng, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return func() ([]byte, layers.LinkType, time.Time, error) {
			data, info, err := ng.ReadPacketData()
			link := layers.LinkTypeEthernet
			if len(info.AncillaryData) > 0 {
				if l, ok := info.AncillaryData[0].(layers.LinkType); ok {
					link = l
				}
			}
			return data, link, info.Timestamp, err
		}, nil
	}
	old, err := pcapgo.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return func() ([]byte, layers.LinkType, time.Time, error) {
		data, info, err := old.ReadPacketData()
		return data, old.LinkType(), info.Timestamp, err
	}, nil
}

// key tells streams apart.
type key struct {
	ssrc     uint32
	from, to netip.AddrPort
}

type finder map[key]*Stream

// take looks whether a packet is RTP, and keeps it.
func (f finder) take(data []byte, link layers.LinkType, at time.Duration) bool {
	p := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok || p.NetworkLayer() == nil {
		return false
	}
	header, payload, ok := parse(udp.Payload)
	if !ok {
		return false
	}
	flow := p.NetworkLayer().NetworkFlow()
	from, ok1 := netip.AddrFromSlice(flow.Src().Raw())
	to, ok2 := netip.AddrFromSlice(flow.Dst().Raw())
	if !ok1 || !ok2 {
		return false
	}
	k := key{header.SSRC, netip.AddrPortFrom(from, uint16(udp.SrcPort)), netip.AddrPortFrom(to, uint16(udp.DstPort))}
	s := f[k]
	if s == nil {
		if len(f) == maxStreams {
			return false
		}
		s = &Stream{SSRC: k.ssrc, From: k.from, To: k.to}
		f[k] = s
	}
	if n := len(s.Packets); n > 0 {
		if step := int16(header.SequenceNumber - s.Packets[n-1].Header.SequenceNumber); step >= -nearby && step <= nearby {
			s.nearby++
		}
	}
	s.Packets = append(s.Packets, replay.Captured{Header: header, Payload: slices.Clone(payload), At: max(at, 0)})
	return true
}

// parse reads what may be RTP: its header and payload, padding and extensions
// taken off.
func parse(datagram []byte) (jitter.Header, []byte, bool) {
	var h rtp.Header
	if len(datagram) < 12 || datagram[0]>>6 != 2 || datagram[1] >= firstRTCP && datagram[1] <= lastRTCP {
		return jitter.Header{}, nil, false
	}
	n, err := h.Unmarshal(datagram)
	if err != nil || n > len(datagram) {
		return jitter.Header{}, nil, false
	}
	payload := datagram[n:]
	if h.Padding {
		if len(payload) == 0 || int(payload[len(payload)-1]) > len(payload) {
			return jitter.Header{}, nil, false
		}
		payload = payload[:len(payload)-int(payload[len(payload)-1])]
	}
	return jitter.Header{
		SequenceNumber: h.SequenceNumber, Timestamp: h.Timestamp,
		PayloadType: h.PayloadType, Marker: h.Marker, SSRC: h.SSRC,
	}, payload, true
}

// streams returns what turned out to be RTP.
func (f finder) streams() ([]Stream, error) {
	var all []Stream
	for _, s := range f {
		if len(s.Packets) >= fewest && s.nearby >= len(s.Packets)/2 {
			all = append(all, *s)
		}
	}
	if len(all) == 0 {
		return nil, ErrNoStream
	}
	slices.SortFunc(all, func(a, b Stream) int {
		return cmp.Or(len(b.Packets)-len(a.Packets), cmp.Compare(a.Packets[0].At, b.Packets[0].At),
			cmp.Compare(a.SSRC, b.SSRC), a.To.Compare(b.To), a.From.Compare(b.From))
	})
	return all, nil
}
