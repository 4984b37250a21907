package offer

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/softphone-go/softphone/media/srtp"
)

// Answer reads the peer's offer and writes the answer (RFC 3264 §6) with one
// m= line for each of the offer's, in its order. The first audio stream that
// can run is taken, under the payload types and in the codec order of the
// offer; all other streams are refused with port 0.
//
// Errors: *ParseError when the offer is not SDP, ErrNoCommonCodec (wrapped)
// when no stream of it can run, anything else when l is incomplete.
func (l Local) Answer(remoteOffer []byte) (answer []byte, p Params, err error) {
	if err := l.check(); err != nil {
		return nil, Params{}, err
	}
	d, err := parse(remoteOffer)
	if err != nil {
		return nil, Params{}, err
	}
	chosen, keys, err := l.chooseStream(d)
	if err != nil {
		return nil, Params{}, err
	}
	s := d.media[chosen]
	p, err = l.agree(d, s, common(s.codecs(), l.Codecs), l.address())
	if err != nil {
		return nil, Params{}, err
	}
	theirs := d.direction(s)
	p.Direction = l.Direction.And(theirs.Reverse())
	p.RemoteHold = !theirs.Receives()
	if !p.Remote.IsValid() {
		p.RemoteHold = true
		p.Direction = p.Direction.And(RecvOnly)
	}
	p.take(keys, s)
	p.Receive = common(s.codecs(), l.Codecs)
	if l.EventPayloadType != 0 {
		p.EventSend, _ = eventType(s.codecs(), p.Send.ClockRate)
		p.EventReceive = p.EventSend
	}
	if l.ComfortNoise != 0 {
		p.ComfortNoiseSend = comfortType(s.codecs(), p.Send.ClockRate)
		p.ComfortNoiseReceive = p.ComfortNoiseSend
	}
	answer, err = l.answer(d, chosen, p, keys.crypto()...)
	return answer, p, err
}

// chooseStream finds the first audio stream that can run, or says why none can.
func (l Local) chooseStream(d *description) (chosen int, keys agreement, err error) {
	var why error
	for i, s := range d.media {
		if !s.isAudio() || s.port == 0 || len(common(s.codecs(), l.Codecs)) == 0 {
			continue
		}
		if keys, err = l.choose(s); err == nil {
			return i, keys, nil
		}
		if why == nil {
			why = err
		}
	}
	if why == nil {
		why = d.whyNot(l.Codecs)
	}
	return 0, agreement{}, why
}

// answer writes what was agreed for the chosen stream and refuses the others.
func (l Local) answer(d *description, chosen int, p Params, crypto ...srtp.Crypto) ([]byte, error) {
	l.XR = l.XR.answering(p.XR)
	formats := withComfort(slices.Clone(p.Receive), p.ComfortNoiseReceive, p.Send.ClockRate)
	if p.EventReceive != 0 {
		formats = append(formats, Codec{Name: telephoneEvent, PayloadType: p.EventReceive, ClockRate: p.Send.ClockRate})
	}
	ptime := p.PTime
	if l.MaxPTime != 0 {
		ptime = min(ptime, l.MaxPTime)
	}
	out := l.session(d.times)
	for i, s := range d.media {
		m := s.refused()
		if i == chosen {
			m = withCrypto(l.audio(s.proto, formats, clampPTime(ptime), p.Direction, p.RTCPMux), crypto...)
		}
		out.MediaDescriptions = append(out.MediaDescriptions, m)
	}
	return out.Marshal()
}

// agree fills in what does not depend on who offered: addresses, the codec to
// send with and the packet time. mine is the address this side receives at.
func (l Local) agree(d *description, s *stream, codecs []Codec, mine netip.Addr) (p Params, err error) {
	if p.Remote, err = d.rtp(s); err != nil {
		return Params{}, err
	}
	if p.Remote.IsValid() && mine.IsValid() && p.Remote.Addr().Is4() != mine.Is4() {
		return Params{}, refuse("the peer takes media at %v, but this side has only %v", p.Remote.Addr(), mine)
	}
	if _, _, p.RTCPMux = s.attribute("rtcp-mux"); p.RTCPMux {
		p.RemoteRTCP = p.Remote
	} else if p.RemoteRTCP, err = d.rtcp(s, p.Remote); err != nil {
		return Params{}, err
	}
	p.Send = codecs[0]
	p.XR = d.xr(s)
	p.PTime = d.ptime(s, l.packetTime())
	return p, nil
}

// refused is the m= line that turns a stream down (RFC 3264 §6): port 0, the
// rest as offered.
func (s *stream) refused() *sdp.MediaDescription {
	return &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: s.media, Protos: strings.Split(s.proto, "/"), Formats: s.formats,
	}}
}
