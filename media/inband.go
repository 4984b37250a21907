package media

import (
	"fmt"
	"time"

	"github.com/softphone-go/softphone/media/dtmf"
)

// DigitMode says how key presses travel.
type DigitMode int

const (
	// DigitsAuto sends and takes telephone events (RFC 4733) where they were
	// agreed on, and tones in the sound (ITU-T Q.23) where they were not: each
	// direction for itself.
	DigitsAuto DigitMode = iota
	// DigitsEvents sends and takes telephone events only.
	DigitsEvents
	// DigitsInband sends tones, and takes events and tones. Whoever wants no
	// events at all does not offer them.
	DigitsInband
	// DigitsInfo sends and takes neither: key presses go as SIP INFO, which is none
	// of the media's business. Whoever wants no events at all does not offer them.
	DigitsInfo
)

// String is the name as it is given to ParseDigitMode.
func (m DigitMode) String() string {
	switch m {
	case DigitsAuto:
		return "auto"
	case DigitsEvents:
		return "rfc4733"
	case DigitsInband:
		return "inband"
	case DigitsInfo:
		return "info"
	}
	return fmt.Sprintf("DigitMode(%d)", int(m))
}

// ParseDigitMode reads "auto", "rfc4733", "inband" or "info".
func ParseDigitMode(s string) (DigitMode, error) {
	for _, m := range [...]DigitMode{DigitsAuto, DigitsEvents, DigitsInband, DigitsInfo} {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("there is no way of sending digits called %q; there are auto, rfc4733, inband and info", s)
}

// inband is the tick's own: key presses as tones.
type inband struct {
	detector  *dtmf.Detector // nil: tones are not listened for
	generator dtmf.Generator
}

// sendsTones says whether digits leave as tones under d.
func (m DigitMode) sendsTones(d *description) bool {
	return m == DigitsInband || m == DigitsAuto && d.EventSend == 0
}

// hearsTones says whether tones are listened for under d.
func (m DigitMode) hearsTones(d *description) bool {
	return d.receives() && (m == DigitsInband || m == DigitsAuto && d.EventReceive == 0)
}

// tune makes digits travel as d wants.
func (s *Session) tune(d *description) {
	t := &s.inband
	switch hears := s.cfg.Digits.hearsTones(d); {
	case hears && t.detector == nil:
		t.detector = dtmf.NewDetector()
	case !hears && t.detector != nil:
		t.detector.Reset() // a key that is down is told
		s.tellTones()
		t.detector = nil
	}
	if s.cfg.Digits.sendsTones(d) {
		s.sender.encoder.Clear()
	} else {
		t.generator.Clear()
	}
	s.settings.sending.Store(s.digitsActive())
}

// queueDigits gives digits to whoever sends them now.
func (s *Session) queueDigits(r digitRequest) error {
	if s.description != nil && s.cfg.Digits.sendsTones(s.description) {
		return s.inband.generator.Queue(r.digits, r.on, r.gap)
	}
	return s.sender.encoder.Queue(r.digits, r.on, r.gap)
}

func (s *Session) digitsActive() bool {
	return s.sender.encoder.Active() || s.inband.generator.Active()
}

// hearTones looks for keys in the frame that is played at the time at.
func (s *Session) hearTones(at time.Duration) {
	if s.inband.detector == nil {
		return
	}
	s.inband.detector.Put(s.frame.Samples, at)
	s.tellTones()
}

func (s *Session) tellTones() {
	for digit, ok := s.inband.detector.Next(); ok; digit, ok = s.inband.detector.Next() {
		s.tellDigit(digit)
	}
}

// tellDigit counts and tells of one key press.
func (s *Session) tellDigit(d dtmf.Digit) {
	s.count.DigitsReceived++
	if s.cfg.OnDigit != nil {
		s.cfg.OnDigit(d)
	}
}

// sayTones puts tones in place of the frame to be sent, if any are due.
func (s *Session) sayTones() {
	g := &s.inband.generator
	if !g.Active() {
		return
	}
	s.count.DigitsSent += uint64(g.Read(s.frame.Samples))
	s.settings.sending.Store(s.digitsActive())
}
