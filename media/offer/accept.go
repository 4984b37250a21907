package offer

import (
	"net/netip"
	"slices"
)

// Accept reads the answer to an offer of ours (RFC 3264 §7). What may arrive
// keeps the payload types of our offer, what we send uses those of the answer:
// the two may differ.
//
// Errors: *ParseError when either is not SDP or when the answer has no line for
// our audio, ErrNoCommonCodec (wrapped) when the peer refused the stream.
func (l Local) Accept(ourOffer, remoteAnswer []byte) (Params, error) {
	ours, err := parse(ourOffer)
	if err != nil {
		return Params{}, err
	}
	theirs, err := parse(remoteAnswer)
	if err != nil {
		return Params{}, err
	}
	at := -1
	for i, s := range ours.media {
		if s.isAudio() && s.port != 0 {
			at = i
			break
		}
	}
	if at < 0 {
		return Params{}, parseError(0, "", "our own offer has no audio stream")
	}
	if at >= len(theirs.media) {
		return Params{}, parseError(0, "", "the answer has %d m= lines where the offer has %d", len(theirs.media), len(ours.media))
	}
	o, s := ours.media[at], theirs.media[at]
	if s.media != o.media {
		return Params{}, parseError(s.line, "m="+s.text, "the answer to an audio stream is an audio stream")
	}
	offered := onlyCodecs(o.codecs())
	codecs := common(s.codecs(), offered)
	if s.port == 0 || !s.isAudio() || len(codecs) == 0 {
		return Params{}, (&description{media: []*stream{s}}).whyNot(offered)
	}
	keys, err := l.settle(o, s)
	if err != nil {
		return Params{}, err
	}
	mine, err := ours.rtp(o)
	if err != nil {
		return Params{}, err
	}
	p, err := l.agree(theirs, s, codecs, mine.Addr())
	if err != nil {
		return Params{}, err
	}
	p.finish(ours, theirs, o, s, codecs)
	p.take(keys, s)
	return p, nil
}

// finish fills in what an answer settles together with its offer.
func (p *Params) finish(ours, theirs *description, o, s *stream, codecs []Codec) {
	mine, their := ours.direction(o), theirs.direction(s)
	p.Direction = mine.And(their.Reverse())
	p.RemoteHold = mine.Sends() && !their.Receives()
	if !p.Remote.IsValid() {
		p.RemoteHold = mine.Sends()
		p.Direction = p.Direction.And(RecvOnly)
	}
	if _, _, offered := o.attribute("rtcp-mux"); p.RTCPMux && !offered {
		// A peer that muxes unasked (RFC 5761 §5.1.1 forbids it) still has
		// the next port, or none.
		p.RTCPMux = false
		p.RemoteRTCP = netip.AddrPort{}
		if rtcp, err := theirs.rtcp(s, p.Remote); err == nil {
			p.RemoteRTCP = rtcp
		}
	}
	p.Receive = receivable(codecs, onlyCodecs(o.codecs()))
	mineEvent, offered := eventType(o.codecs(), p.Send.ClockRate)
	theirEvent, answered := eventType(s.codecs(), p.Send.ClockRate)
	if offered && answered {
		p.EventSend, p.EventReceive = theirEvent, mineEvent
	}
	p.comfort(o.codecs(), s.codecs())
}

// receivable lists the offered codecs, the agreed ones first and in the
// answer's order. The others stay: packets sent before the answer may still be
// under way.
func receivable(agreed, offered []Codec) []Codec {
	var first, rest []Codec
	for _, a := range agreed {
		for _, o := range offered {
			if o.same(a) && !slices.Contains(first, o) {
				first = append(first, o)
			}
		}
	}
	for _, o := range offered {
		if !slices.Contains(first, o) {
			rest = append(rest, o)
		}
	}
	return append(first, rest...)
}

// onlyCodecs leaves out events and comfort noise.
func onlyCodecs(list []Codec) []Codec {
	var kept []Codec
	for _, c := range list {
		if c.isCodec() {
			kept = append(kept, c)
		}
	}
	return kept
}
