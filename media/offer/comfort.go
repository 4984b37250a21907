package offer

import "strings"

// comfortNoise is the encoding name of RFC 3389 §5.
const comfortNoise = "CN"

// CN is comfort noise (RFC 3389) under its static payload type (RFC 3551 §6). It
// goes with a codec and is none itself: it stands in Local.ComfortNoise, not among
// Codecs.
func CN() Codec { return Codec{Name: comfortNoise, PayloadType: 13, ClockRate: 8000} }

// withComfort adds comfort noise under that payload type to the formats of an m=
// line; 0 adds nothing.
func withComfort(formats []Codec, payloadType uint8, clockRate int) []Codec {
	if payloadType == 0 {
		return formats
	}
	return append(formats, Codec{Name: comfortNoise, PayloadType: payloadType, ClockRate: clockRate})
}

// comfortType finds comfort noise with the clock of the codec it goes with, 0 if
// it is not there.
func comfortType(list []Codec, clockRate int) uint8 {
	for _, c := range list {
		if c.same(Codec{Name: comfortNoise, ClockRate: clockRate}) {
			return c.PayloadType
		}
	}
	return 0
}

// comfort fills in what two descriptions settle: comfort noise flows when both
// have it.
func (p *Params) comfort(ours, theirs []Codec) {
	mine, their := comfortType(ours, p.Send.ClockRate), comfortType(theirs, p.Send.ClockRate)
	if mine != 0 && their != 0 {
		p.ComfortNoiseSend, p.ComfortNoiseReceive = their, mine
	}
}

// isCodec says whether a format carries sound by itself.
func (c Codec) isCodec() bool {
	return !strings.EqualFold(c.Name, telephoneEvent) && !strings.EqualFold(c.Name, comfortNoise)
}
