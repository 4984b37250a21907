package offer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/softphone-go/softphone/media/srtp"
)

// Encryption is what this side wants of SRTP under keys in SDP (RFC 4568).
//
//	                  we offer            they offer AVP   AVP with crypto   SAVP
//	NoEncryption      AVP                 AVP              AVP               refused
//	Offered           AVP with crypto     AVP              AVP, encrypted    SAVP
//	Required          SAVP                refused          AVP, encrypted    SAVP
type Encryption int

// What may be wanted. AVP with crypto is opportunistic SRTP (RFC 8643): a peer that
// does not know it answers as if it were not there.
const (
	NoEncryption Encryption = iota
	Offered
	Required
)

// String returns "off", "offered" or "required", as in the configuration.
func (e Encryption) String() string {
	switch e {
	case NoEncryption:
		return "off"
	case Offered:
		return "offered"
	case Required:
		return "required"
	}
	return fmt.Sprintf("encryption(%d)", int(e))
}

// maxCryptos bounds the crypto lines read of one stream.
const maxCryptos = 32

// isEncrypted says whether the stream's transport is SRTP by name.
func (s *stream) isEncrypted() bool { return s.proto == "RTP/SAVP" || s.proto == "RTP/SAVPF" }

// isAudio says whether a stream is audio over RTP or SRTP, the kinds this package
// runs, if both sides agree on the encryption.
func (s *stream) isAudio() bool {
	return s.isPlainAudio() || s.media == "audio" && s.isEncrypted()
}

// line is a crypto line read, or why it could not be.
type line struct {
	srtp.Crypto
	err error
}

// cryptos reads the a=crypto lines of a stream, in their order.
func (s *stream) cryptos() []line {
	var list []line
	for _, a := range s.attrs {
		key, value := a.attribute()
		if !strings.EqualFold(key, "crypto") {
			continue
		}
		if len(list) == maxCryptos {
			break
		}
		c, err := srtp.ParseCrypto(value)
		list = append(list, line{c, err})
	}
	return list
}

// wipe overwrites all keys but one.
func wipe(list []line, but *srtp.Key) {
	for _, c := range list {
		if c.Key != but {
			c.Key.Wipe()
		}
	}
}

// agreement is the keys both sides settled on, and the tag of the line that did it.
// The zero value is plain RTP.
type agreement struct {
	send, receive *srtp.Key
	tag           uint32
}

// crypto is the line that goes into our answer; none for plain RTP.
func (a agreement) crypto() []srtp.Crypto {
	if a.send == nil {
		return nil
	}
	return []srtp.Crypto{{Tag: a.tag, Key: a.send}}
}

// ours is our key for a suite; nil when there is none.
func (l Local) ours(suite srtp.Suite) *srtp.Key {
	for _, k := range l.Keys {
		if k.Suite() == suite {
			return k
		}
	}
	return nil
}

// choose settles the encryption of a stream that the peer offers: the first of its
// lines that we have a key for is taken (RFC 4568 §5.1.2). The error says why the
// stream cannot run.
func (l Local) choose(s *stream) (agreement, error) {
	if l.Encryption == NoEncryption {
		if s.isEncrypted() {
			return agreement{}, refuse("audio is offered over %s, and SRTP is off here", s.proto)
		}
		return agreement{}, nil
	}
	lines := s.cryptos()
	for _, c := range lines {
		if c.err != nil {
			continue
		}
		if key := l.ours(c.Key.Suite()); key != nil && !key.SameSecret(c.Key) {
			wipe(lines, c.Key)
			return agreement{send: key, receive: c.Key, tag: c.Tag}, nil
		}
	}
	switch {
	case s.isEncrypted():
		return agreement{}, refuse("audio is offered over %s, but %s", s.proto, noLine(lines))
	case l.Encryption == Required && len(lines) > 0:
		return agreement{}, refuse("SRTP is required here, but %s", noLine(lines))
	case l.Encryption == Required:
		return agreement{}, refuse("SRTP is required here, and the peer offers plain %s", s.proto)
	}
	return agreement{}, nil
}

// noLine says why none of the lines could be taken.
func noLine(lines []line) string {
	for _, c := range lines {
		if c.err != nil && (errors.Is(c.err, srtp.ErrSyntax) || len(lines) == 1) {
			return c.err.Error()
		}
	}
	if len(lines) == 0 {
		return "it has no crypto line"
	}
	return "none of its crypto lines is for a suite known here"
}

// settle reads the encryption out of the answer s to our offer o. What we offered is
// what stands in o, and a peer takes one line of it by repeating its tag and suite
// (RFC 4568 §5.1.3).
func (l Local) settle(o, s *stream) (agreement, error) {
	offered, answered := o.cryptos(), s.cryptos()
	if o.isEncrypted() && !s.isEncrypted() {
		return agreement{}, refuse("%s was offered, and the answer is plain %s", o.proto, s.proto)
	}
	if len(offered) == 0 && !s.isEncrypted() {
		return agreement{}, nil // a crypto line that nobody asked for says nothing
	}
	if len(answered) == 0 {
		if s.isEncrypted() || l.Encryption == Required {
			return agreement{}, refuse("the answer over %s has no crypto line, so no key", s.proto)
		}
		return agreement{}, nil
	}
	c := answered[0]
	if c.err != nil {
		return agreement{}, refuse("the answer's crypto line cannot be used: %v", c.err)
	}
	for _, ours := range offered {
		if ours.err != nil || ours.Tag != c.Tag {
			continue
		}
		switch {
		case ours.Key.Suite() != c.Key.Suite():
			return agreement{}, refuse("crypto line %d is for %v, and the answer makes it %v", c.Tag, ours.Key.Suite(), c.Key.Suite())
		case ours.Key.SameSecret(c.Key):
			return agreement{}, refuse("the answer sends our own key back")
		}
		wipe(offered, ours.Key)
		return agreement{send: ours.Key, receive: c.Key, tag: c.Tag}, nil
	}
	return agreement{}, refuse("the answer takes crypto line %d, which was not offered", c.Tag)
}

// take enters the agreement.
func (p *Params) take(a agreement, s *stream) {
	p.SendKey, p.ReceiveKey, p.SAVP = a.send, a.receive, s.isEncrypted()
}

// proto is the transport of our offer.
func (l Local) proto() string {
	if l.savp || l.Encryption == Required && !l.avp {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}

// offered lists the crypto lines of our offer. The tag of a suite stays what it is for
// the whole call; the suite in force comes first.
func (l Local) offered() []srtp.Crypto {
	if l.Encryption == NoEncryption && !l.savp {
		return nil
	}
	list := make([]srtp.Crypto, 0, len(l.Keys))
	for i, k := range l.Keys {
		c := srtp.Crypto{Tag: uint32(i) + 1, Key: k}
		if k.Suite() == l.suite {
			list = slices.Insert(list, 0, c)
		} else {
			list = append(list, c)
		}
	}
	return list
}

// keepEncryption makes the next offer like what is in force.
func (l *Local) keepEncryption(p Params) {
	if p.SendKey != nil {
		l.suite, l.savp, l.avp = p.SendKey.Suite(), p.SAVP, !p.SAVP
	}
}

// checkKeys finds a key that is missing or there twice.
func (l Local) checkKeys() error {
	if l.Encryption != NoEncryption && len(l.Keys) == 0 {
		return errors.New("offer: Local.Keys is empty, but encryption is wanted")
	}
	for i, k := range l.Keys {
		if k == nil || (srtp.Crypto{Key: k}).Attribute() == "" {
			return errors.New("offer: a key of Local.Keys is missing or wiped")
		}
		if l.ours(k.Suite()) != l.Keys[i] {
			return fmt.Errorf("offer: Local.Keys has two keys for %v", k.Suite())
		}
	}
	return nil
}

// withCrypto adds the crypto lines to a stream of ours.
func withCrypto(m *sdp.MediaDescription, list ...srtp.Crypto) *sdp.MediaDescription {
	for _, c := range list {
		m.Attributes = append(m.Attributes, sdp.NewAttribute("crypto", c.Attribute()))
	}
	return m
}
