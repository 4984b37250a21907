package offer

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

// Offer writes a description of one audio stream (RFC 3264 §5). It fails only
// when l itself is incomplete.
func (l Local) Offer() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	formats := withComfort(slices.Clone(l.Codecs), l.ComfortNoise, l.Codecs[0].ClockRate)
	if l.EventPayloadType != 0 {
		formats = append(formats, Codec{Name: telephoneEvent, PayloadType: l.EventPayloadType, ClockRate: formats[0].ClockRate})
	}
	d := l.session(nil)
	d.MediaDescriptions = []*sdp.MediaDescription{
		withCrypto(l.audio(l.proto(), formats, l.packetTime(), l.Direction, l.RTCPMux), l.offered()...),
	}
	return d.Marshal()
}

// Keep returns l with the payload types agreed in p, for the next offer of the
// same call: a payload type keeps its meaning for as long as the call lasts
// (RFC 3264 §8.3.2), and encryption stays as it is.
func (l Local) Keep(p Params) Local {
	l.Codecs = slices.Clone(l.Codecs)
	for i, c := range l.Codecs {
		for _, r := range p.Receive {
			if r.same(c) {
				l.Codecs[i].PayloadType = r.PayloadType
				break
			}
		}
	}
	if l.EventPayloadType != 0 && p.EventReceive != 0 {
		l.EventPayloadType = p.EventReceive
	}
	if l.ComfortNoise != 0 && p.ComfortNoiseReceive != 0 {
		l.ComfortNoise = p.ComfortNoiseReceive
	}
	l.keepEncryption(p)
	return l
}

// check finds what is missing in l before a peer does.
func (l Local) check() error {
	switch {
	case !l.Addr.IsValid() || l.Addr.IsUnspecified():
		return errors.New("offer: Local.Addr must be the address media is received at")
	case l.RTPPort == 0:
		return errors.New("offer: Local.RTPPort is missing")
	case len(l.Codecs) == 0:
		return errors.New("offer: Local.Codecs is empty")
	case l.PTime != 0 && (l.PTime < minPTime || l.PTime > longestPTime || l.PTime%tick != 0):
		return fmt.Errorf("offer: Local.PTime is %v; 10 to 60 ms in steps of 10 can be had", l.PTime)
	case l.MaxPTime != 0 && l.MaxPTime < minPTime:
		return fmt.Errorf("offer: Local.MaxPTime is %v; at least 10 ms is needed", l.MaxPTime)
	case l.Direction < Inactive || l.Direction > SendRecv:
		return fmt.Errorf("offer: Local.Direction %d does not exist", l.Direction)
	}
	var used [128]bool
	for _, c := range l.Codecs {
		if c.PayloadType > 127 || used[c.PayloadType] {
			return fmt.Errorf("offer: payload type %d of %s is over 127 or used twice", c.PayloadType, c.Name)
		}
		used[c.PayloadType] = true
	}
	if e := l.EventPayloadType; e > 127 || e != 0 && used[e] {
		return fmt.Errorf("offer: payload type %d of telephone-event is over 127 or used twice", e)
	}
	if n := l.ComfortNoise; n > 127 || n != 0 && (used[n] || n == l.EventPayloadType) {
		return fmt.Errorf("offer: payload type %d of CN is over 127 or used twice", n)
	}
	return l.checkKeys()
}

// packetTime is the packet time we like best.
func (l Local) packetTime() time.Duration {
	t := l.PTime
	if t == 0 {
		t = defaultPTime
	}
	if l.MaxPTime != 0 {
		t = min(t, l.MaxPTime)
	}
	return clampPTime(t)
}

// session writes all that stands before the first m=. The times of an answer
// are those of its offer.
func (l Local) session(times []sdp.TimeDescription) *sdp.SessionDescription {
	family := "IP4"
	if l.address().Is6() {
		family = "IP6"
	}
	if len(times) == 0 {
		times = []sdp.TimeDescription{{}}
	}
	address := l.address().String()
	return &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: l.SessionID, SessionVersion: l.Version,
			NetworkType: "IN", AddressType: family, UnicastAddress: address,
		},
		SessionName: "-",
		ConnectionInformation: &sdp.ConnectionInformation{
			NetworkType: "IN", AddressType: family, Address: &sdp.Address{Address: address},
		},
		TimeDescriptions: times,
	}
}

// address is Addr as it is written: without zone, and IPv4 as such.
func (l Local) address() netip.Addr { return l.Addr.Unmap().WithZone("") }

// audio writes the one stream we run.
func (l Local) audio(proto string, formats []Codec, ptime time.Duration, dir Direction, mux bool) *sdp.MediaDescription {
	m := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: "audio", Port: sdp.RangedPort{Value: int(l.RTPPort)}, Protos: strings.Split(proto, "/"),
	}}
	for _, c := range formats {
		pt := strconv.Itoa(int(c.PayloadType))
		m.MediaName.Formats = append(m.MediaName.Formats, pt)
		m.Attributes = append(m.Attributes, sdp.NewAttribute("rtpmap", fmt.Sprintf("%s %s/%d", pt, c.Name, c.ClockRate)))
		if strings.EqualFold(c.Name, telephoneEvent) {
			m.Attributes = append(m.Attributes, sdp.NewAttribute("fmtp", pt+" 0-15"))
		}
	}
	m.Attributes = append(m.Attributes, sdp.NewAttribute("ptime", strconv.FormatInt(ptime.Milliseconds(), 10)))
	if l.MaxPTime != 0 {
		m.Attributes = append(m.Attributes, sdp.NewAttribute("maxptime", strconv.FormatInt(l.MaxPTime.Milliseconds(), 10)))
	}
	if next := int(l.RTPPort) + 1; l.RTCPPort != 0 && int(l.RTCPPort) != next && l.RTCPPort != l.RTPPort {
		m.Attributes = append(m.Attributes, sdp.NewAttribute("rtcp", strconv.Itoa(int(l.RTCPPort))))
	}
	if mux {
		m.Attributes = append(m.Attributes, sdp.NewPropertyAttribute("rtcp-mux"))
	}
	l.XR.write(m)
	m.Attributes = append(m.Attributes, sdp.NewPropertyAttribute(dir.String()))
	return m
}
