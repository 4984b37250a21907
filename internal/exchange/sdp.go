package exchange

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
)

const sdpType = "application/sdp"

var errNothingCommon = errors.New("no common codec")

// law is a G.711 codec.
type law int

const (
	ulaw law = iota
	alaw
)

// terms are what offer and answer settled for one audio stream (RFC 3264).
type terms struct {
	remote, remoteRTCP netip.AddrPort
	codec              law
	audioPT            uint8
	eventPT            uint8 // 0: no telephone-events
	ptime              time.Duration
	send, receive      bool
}

// parseAudio reads a session description and finds its first m=audio that the
// exchange can speak itself.
func parseAudio(raw []byte) (*sdp.SessionDescription, int, error) {
	return findAudio(raw, "RTP/AVP")
}

// findAudio finds the first m=audio over one of the transports. SRTP (RTP/SAVP) passes
// through the exchange, which has no keys and needs none to hand packets on.
func findAudio(raw []byte, transports ...string) (*sdp.SessionDescription, int, error) {
	if len(raw) > 16<<10 {
		return nil, 0, errors.New("the SDP is longer than 16 KiB")
	}
	s := &sdp.SessionDescription{}
	if err := s.Unmarshal(raw); err != nil {
		return nil, 0, fmt.Errorf("the SDP cannot be read: %w", err)
	}
	for i, m := range s.MediaDescriptions {
		if m.MediaName.Media == "audio" && m.MediaName.Port.Value > 0 && slices.Contains(transports, strings.Join(m.MediaName.Protos, "/")) {
			return s, i, nil
		}
	}
	return nil, 0, errNothingCommon
}

// understand settles terms from the far end's description, theirs being the
// offer or the answer.
func understand(s *sdp.SessionDescription, audio int) (terms, error) {
	m := s.MediaDescriptions[audio]
	t := terms{ptime: 20 * time.Millisecond}
	if err := t.address(s, m); err != nil {
		return t, err
	}
	found := false
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		switch name := codecName(m, f); {
		case name == "PCMU/8000" && !found:
			t.codec, t.audioPT, found = ulaw, uint8(pt), true
		case name == "PCMA/8000" && !found:
			t.codec, t.audioPT, found = alaw, uint8(pt), true
		case name == "TELEPHONE-EVENT/8000" && t.eventPT == 0:
			t.eventPT = uint8(pt)
		}
	}
	if !found {
		return t, errNothingCommon
	}
	t.direction(s, m)
	if v, ok := m.Attribute("ptime"); ok {
		if ms, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && ms >= 10 && ms <= 60 && ms%10 == 0 {
			t.ptime = time.Duration(ms) * time.Millisecond
		}
	}
	return t, nil
}

func (t *terms) address(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	c := s.ConnectionInformation
	if m.ConnectionInformation != nil {
		c = m.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return errors.New("the SDP has no c= line")
	}
	a, err := netip.ParseAddr(c.Address.Address)
	if err != nil {
		return fmt.Errorf("the SDP's address is no IP address: %w", err)
	}
	port := m.MediaName.Port.Value
	if port < 0 || port > 65535 {
		return errors.New("the SDP's port is out of range")
	}
	t.remote = netip.AddrPortFrom(a, uint16(port))
	t.remoteRTCP = netip.AddrPortFrom(a, uint16(port+1))
	if v, ok := m.Attribute("rtcp"); ok {
		if p, err := strconv.ParseUint(strings.Fields(v + " x")[0], 10, 16); err == nil {
			t.remoteRTCP = netip.AddrPortFrom(a, uint16(p))
		}
	}
	return nil
}

// direction turns theirs around (RFC 3264 §6.1); 0.0.0.0 is the old hold.
func (t *terms) direction(s *sdp.SessionDescription, m *sdp.MediaDescription) {
	t.send, t.receive = true, true
	switch directionOf(s, m) {
	case "sendonly":
		t.send = false
	case "recvonly":
		t.receive = false
	case "inactive":
		t.send, t.receive = false, false
	}
	if t.remote.Addr().IsUnspecified() {
		t.send = false
	}
}

func directionOf(s *sdp.SessionDescription, m *sdp.MediaDescription) string {
	for _, d := range []string{"sendonly", "recvonly", "inactive", "sendrecv"} {
		if _, ok := m.Attribute(d); ok {
			return d
		}
	}
	for _, d := range []string{"sendonly", "recvonly", "inactive"} {
		if _, ok := s.Attribute(d); ok {
			return d
		}
	}
	return "sendrecv"
}

// codecName is NAME/RATE of a format, from a=rtpmap or RFC 3551 table 4.
func codecName(m *sdp.MediaDescription, format string) string {
	for _, a := range m.Attributes {
		pt, name, ok := strings.Cut(a.Value, " ")
		if a.Key == "rtpmap" && ok && pt == format {
			return strings.ToUpper(strings.TrimSuffix(strings.TrimSpace(name), "/1"))
		}
	}
	switch format {
	case "0":
		return "PCMU/8000"
	case "8":
		return "PCMA/8000"
	}
	return ""
}

// answerSDP answers an offer with one codec; other media lines get port 0.
func answerSDP(offer []byte, local netip.AddrPort, version uint64) ([]byte, terms, error) {
	s, audio, err := parseAudio(offer)
	if err != nil {
		return nil, terms{}, err
	}
	t, err := understand(s, audio)
	if err != nil {
		return nil, t, err
	}
	var b strings.Builder
	writeSession(&b, local.Addr(), version)
	for i, m := range s.MediaDescriptions {
		if i == audio {
			writeAudio(&b, local.Port(), t, []law{t.codec}, []uint8{t.audioPT})
			continue
		}
		fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", m.MediaName.Media, strings.Join(m.MediaName.Protos, "/"), strings.Join(m.MediaName.Formats, " "))
	}
	return []byte(b.String()), t, nil
}

// offerSDP offers both laws and telephone-events.
func offerSDP(local netip.AddrPort, version uint64) []byte {
	var b strings.Builder
	writeSession(&b, local.Addr(), version)
	t := terms{eventPT: 101, ptime: 20 * time.Millisecond, send: true, receive: true}
	writeAudio(&b, local.Port(), t, []law{ulaw, alaw}, []uint8{0, 8})
	return []byte(b.String())
}

func writeSession(b *strings.Builder, local netip.Addr, version uint64) {
	family := "IP4"
	if local.Is6() {
		family = "IP6"
	}
	fmt.Fprintf(b, "v=0\r\no=exchange %d %d IN %s %s\r\ns=exchange\r\nc=IN %s %s\r\nt=0 0\r\n",
		sessionID, version, family, local, family, local)
}

// sessionID is the same for all; RFC 4566 wants it unique per address and user
// only together with the other fields, and the port tells sessions apart.
const sessionID = 1

func writeAudio(b *strings.Builder, port uint16, t terms, laws []law, pts []uint8) {
	formats, maps := "", ""
	for i, l := range laws {
		formats += fmt.Sprintf(" %d", pts[i])
		maps += fmt.Sprintf("a=rtpmap:%d %s/8000\r\n", pts[i], [...]string{"PCMU", "PCMA"}[l])
	}
	if t.eventPT != 0 {
		formats += fmt.Sprintf(" %d", t.eventPT)
		maps += fmt.Sprintf("a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", t.eventPT, t.eventPT)
	}
	direction := "sendrecv"
	switch {
	case t.send && !t.receive:
		direction = "sendonly"
	case !t.send && t.receive:
		direction = "recvonly"
	case !t.send && !t.receive:
		direction = "inactive"
	}
	fmt.Fprintf(b, "m=audio %d RTP/AVP%s\r\n%sa=ptime:%d\r\na=%s\r\n", port, formats, maps, t.ptime/time.Millisecond, direction)
}

// acceptSDP settles terms from the answer to offerSDP.
func acceptSDP(answer []byte) (terms, error) {
	s, audio, err := parseAudio(answer)
	if err != nil {
		return terms{}, err
	}
	return understand(s, audio)
}

// describeDirection says for the trace what a re-INVITE wants.
func describeDirection(raw []byte) string {
	s, audio, err := findAudio(raw, "RTP/AVP", "RTP/SAVP")
	if err != nil {
		return ""
	}
	switch directionOf(s, s.MediaDescriptions[audio]) {
	case "sendonly", "inactive":
		return ": please hold"
	case "sendrecv":
		return ": both may speak"
	}
	return ""
}
