package offer

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// telephoneEvent is the encoding name of RFC 4733 §7.1.1.
const telephoneEvent = "telephone-event"

// isPlainAudio says whether a stream is audio over unencrypted RTP, the kind
// this package runs. RTP/AVPF (RFC 4585) differs in RTCP timing and feedback
// only, both optional for the peer.
func (s *stream) isPlainAudio() bool {
	return s.media == "audio" && (s.proto == "RTP/AVP" || s.proto == "RTP/AVPF")
}

// codecs lists the payload formats of a stream in the peer's order of
// preference: from a=rtpmap, else from the static table (RFC 3551 §6).
func (s *stream) codecs() []Codec {
	names := s.rtpmaps()
	list := make([]Codec, 0, len(s.formats))
	var seen [128]bool
	for _, text := range s.formats {
		pt, err := strconv.ParseUint(text, 10, 8)
		if err != nil || pt > 127 || seen[pt] {
			continue
		}
		seen[pt] = true
		if c, ok := names[uint8(pt)]; ok {
			list = append(list, c)
			continue
		}
		for _, c := range [...]Codec{PCMU(), PCMA(), CN()} {
			if uint64(c.PayloadType) == pt {
				list = append(list, c)
			}
		}
	}
	return list
}

// rtpmaps reads "payload name/rate[/channels]". Formats of more than one
// channel are kept under a name that nothing matches, so that a static payload
// type that was given another meaning is not taken for its old one.
func (s *stream) rtpmaps() map[uint8]Codec {
	names := make(map[uint8]Codec)
	for _, a := range s.attrs {
		key, value := a.attribute()
		if !strings.EqualFold(key, "rtpmap") {
			continue
		}
		number, encoding, _ := strings.Cut(value, " ")
		pt, err := strconv.ParseUint(number, 10, 8)
		if err != nil || pt > 127 {
			continue
		}
		if _, have := names[uint8(pt)]; have {
			continue
		}
		parts := strings.Split(strings.TrimSpace(encoding), "/")
		c := Codec{Name: parts[0], PayloadType: uint8(pt)}
		if len(parts) > 1 {
			if rate, err := strconv.ParseUint(parts[1], 10, 31); err == nil {
				c.ClockRate = int(rate)
			}
		}
		if len(parts) > 2 && parts[2] != "1" {
			c.Name += "/" + parts[2]
		}
		names[uint8(pt)] = c
	}
	return names
}

// eventType finds telephone-event with the clock of the codec it goes with
// (RFC 4733 §2.1: events share the timestamp clock of the audio).
func eventType(list []Codec, clockRate int) (uint8, bool) {
	for _, c := range list {
		if c.same(Codec{Name: telephoneEvent, ClockRate: clockRate}) {
			return c.PayloadType, true
		}
	}
	return 0, false
}

// common lists, in the order of theirs and under their payload types, the
// codecs also in ours. Names are spelt as ours, so that they can be compared.
func common(theirs, ours []Codec) []Codec {
	var list []Codec
	for _, t := range theirs {
		for _, o := range ours {
			if t.same(o) {
				list = append(list, Codec{Name: o.Name, PayloadType: t.PayloadType, ClockRate: t.ClockRate})
				break
			}
		}
	}
	return list
}

// direction is the peer's own direction: of the stream, else of the session,
// else sendrecv (RFC 8866 §6.7).
func (d *description) direction(s *stream) Direction {
	for _, attrs := range [][]field{s.attrs, d.attrs} {
		for _, a := range attrs {
			for _, dir := range [...]Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
				if strings.EqualFold(strings.TrimSpace(a.text), dir.String()) {
					return dir
				}
			}
		}
	}
	return SendRecv
}

// ptime is how long a packet the peer wants: a=ptime, which we follow within
// 10 to 60 ms, else ours; never over its a=maxptime (RFC 8866 §6.4 and §6.5).
func (d *description) ptime(s *stream, ours time.Duration) time.Duration {
	want := ours
	if ms, ok := d.milliseconds(s, "ptime"); ok {
		want = ms
	}
	if ms, ok := d.milliseconds(s, "maxptime"); ok && want > ms {
		want = ms
	}
	return clampPTime(want)
}

// milliseconds reads a whole or broken number of ms; anything else counts as
// not said, since no call should fail over a hint.
func (d *description) milliseconds(s *stream, key string) (time.Duration, bool) {
	value, _, ok := s.attribute(key)
	if !ok {
		if value, _, ok = findAttribute(d.attrs, key); !ok {
			return 0, false
		}
	}
	ms, err := strconv.ParseFloat(value, 64)
	if err != nil || !(ms >= 1 && ms <= 1000) {
		return 0, false
	}
	return time.Duration(ms * float64(time.Millisecond)), true
}

// Packet times on the wire here, in steps of one media tick.
const (
	tick         = 10 * time.Millisecond
	minPTime     = 10 * time.Millisecond
	defaultPTime = 20 * time.Millisecond
	longestPTime = 60 * time.Millisecond
)

func clampPTime(d time.Duration) time.Duration {
	return min(max(d.Truncate(tick), minPTime), longestPTime)
}

// rtp is where the peer takes RTP: the port of m= at the address of c=.
// The zero AddrPort stands for the unspecified address.
func (d *description) rtp(s *stream) (netip.AddrPort, error) {
	conn := s.conn
	if conn == nil {
		conn = d.conn
	}
	if conn == nil {
		return netip.AddrPort{}, parseError(s.line, "m="+s.text, "no c= line says at which address, neither here nor in the session part")
	}
	addr, err := parseAddr(*conn, "c=", conn.text)
	if err != nil || addr.IsUnspecified() {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addr, s.port), nil
}

// parseAddr reads "IN IP4 192.0.2.1" or "IN IP6 2001:db8::1".
func parseAddr(f field, prefix, text string) (netip.Addr, error) {
	fail := func(format string, args ...any) (netip.Addr, error) {
		return netip.Addr{}, parseError(f.line, prefix+f.text, format, args...)
	}
	parts := strings.Fields(text)
	if len(parts) != 3 || parts[0] != "IN" || (parts[1] != "IP4" && parts[1] != "IP6") {
		return fail("an address is written IN IP4 or IN IP6 and the address")
	}
	host, _, _ := strings.Cut(parts[2], "/") // time to live and count of multicast
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return fail("media needs an IP address here; host names are not looked up")
	}
	if addr.Zone() != "" {
		return fail("an address in SDP has no zone")
	}
	addr = addr.Unmap()
	if addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fail("a call needs a unicast address")
	}
	return addr, nil
}

// rtcp is where the peer takes RTCP: a=rtcp (RFC 3605), else the next port.
func (d *description) rtcp(s *stream, rtp netip.AddrPort) (netip.AddrPort, error) {
	if !rtp.IsValid() {
		return netip.AddrPort{}, nil
	}
	value, line, ok := s.attribute("rtcp")
	if !ok {
		if rtp.Port() == 65535 {
			return netip.AddrPort{}, nil
		}
		return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1), nil
	}
	number, where, _ := strings.Cut(value, " ")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, parseError(line.line, "a="+line.text, "the RTCP port is a number from 1 to 65535")
	}
	addr := rtp.Addr()
	if strings.TrimSpace(where) != "" {
		if addr, err = parseAddr(line, "a=", where); err != nil {
			return netip.AddrPort{}, err
		}
		// RFC 3605 allows another host; a browser writes 0.0.0.0 there.
		if addr.IsUnspecified() || addr.Is4() != rtp.Addr().Is4() {
			addr = rtp.Addr()
		}
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}
