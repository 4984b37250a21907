package exchange

import (
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	earlyFor  = 2 * time.Second        // of 606, before it answers
	lastWord  = 300 * time.Millisecond // between the end of 601 and its BYE, for late packets
	readAfter = 2 * time.Second        // pause of 604 after which digits are read back
)

// extension is a number that the exchange answers itself.
type extension struct {
	number, title string
	refuse        int  // answer with this code instead
	forever       bool // ring and never answer
	early         bool // sound before the answer
	start         func(*service)
}

// extensionOf is nil for numbers that are none.
func extensionOf(number string) *extension {
	switch number {
	case "600":
		return &extension{number: number, title: "echo", start: func(s *service) { s.media.echo() }}
	case "601":
		return &extension{number: number, title: "announcement", start: func(s *service) {
			s.media.play(recording(s.ex.cfg.Announcement, lastWord), func() { s.hangup("The announcement is over") })
		}}
	case "602":
		return &extension{number: number, title: "always busy", refuse: sipmsg.StatusBusyHere}
	case "603":
		return &extension{number: number, title: "never answers", forever: true}
	case "604":
		return &extension{number: number, title: "reads digits back", start: func(s *service) { s.media.play(silence, nil) }}
	case "605":
		return &extension{number: number, title: "always declines", refuse: sipmsg.StatusGlobalDecline}
	case "606":
		return &extension{number: number, title: "early media, then echo", early: true, start: func(s *service) { s.media.echo() }}
	case "607":
		return &extension{number: number, title: "milliwatt tone", start: func(s *service) { s.media.play(tone(0, 1004), nil) }}
	}
	return nil
}

// service is a call with an extension.
type service struct {
	ex    *Exchange
	ext   *extension
	d     *dialog
	media *endpoint

	mu      sync.Mutex
	version uint64 // of our SDP
	digits  string // pressed and not yet read back
	pause   *time.Timer
}

// serve answers in by itself.
func (in *incoming) serve(x *extension) {
	e := in.ex
	e.trace("%s is the exchange's own number: %s.", x.number, x.title)
	if x.refuse != 0 {
		e.trace("It answers %d %s.", x.refuse, reasonOf(x.refuse))
		e.respond(in.tx, in.req, x.refuse, "")
		return
	}
	d := e.uasDialog(in.req, token())
	if x.forever {
		d.enrol(&early{in})
		e.trace("It rings (180) and nobody will answer.")
		in.progress(d, sipmsg.StatusRinging, "", nil)
		select {
		case <-in.gone:
		case <-e.ctx.Done():
		}
		d.end()
		return
	}
	s, err := e.newService(x, d)
	if err != nil {
		e.log.Warn("no media for an extension", "error", err)
		e.respond(in.tx, in.req, sipmsg.StatusServiceUnavailable, "")
		return
	}
	in.answer(s)
}

func (e *Exchange) newService(x *extension, d *dialog) (*service, error) {
	m, err := e.newEndpoint()
	if err != nil {
		return nil, err
	}
	s := &service{ex: e, ext: x, d: d, media: m}
	if x.number == "604" {
		m.onDigit = s.digit
	}
	return s, nil
}

// answer takes the call through early media, ringing and 200 to the ACK.
func (in *incoming) answer(s *service) {
	e := in.ex
	body, err := s.reply(in.req.Body())
	if err != nil {
		e.trace("There is no common language for the sound: 488.")
		e.respond(in.tx, in.req, sipmsg.StatusNotAcceptableHere, "")
		s.media.close()
		return
	}
	s.d.enrol(&early{in})
	if s.ext.early && len(in.req.Body()) > 0 {
		e.trace("It sends a ringing tone before it answers (183 with media).")
		s.media.play(tone(-19, 440, 480), nil)
		in.progress(s.d, sipmsg.StatusSessionInProgress, "", body)
		select {
		case <-time.After(earlyFor):
		case <-in.gone:
		case <-e.ctx.Done():
		}
	} else {
		in.progress(s.d, sipmsg.StatusRinging, "", nil)
	}
	select {
	case <-in.gone:
		s.close()
		return
	default:
	}
	s.d.enrol(s)
	s.ext.start(s)
	e.trace("It answers (200).")
	ack, err := s.d.accept(in.req, in.tx, body)
	if err == nil {
		err = s.settle(ack, len(in.req.Body()) == 0)
	}
	if err != nil {
		s.hangup(err.Error())
		return
	}
	e.trace("%s confirms: the conversation begins (ACK).", s.d.who)
}

// reply answers an offer, or makes one when there is none.
func (s *service) reply(offer []byte) ([]byte, error) {
	s.mu.Lock()
	s.version++
	v := s.version
	s.mu.Unlock()
	if len(offer) == 0 {
		return offerSDP(s.media.local, v), nil
	}
	body, t, err := answerSDP(offer, s.media.local, v)
	if err != nil {
		return nil, err
	}
	s.media.apply(t)
	return body, nil
}

// settle takes the answer from an ACK when the offer was ours.
func (s *service) settle(answer []byte, ours bool) error {
	if !ours {
		return nil
	}
	t, err := acceptSDP(answer)
	if err != nil {
		return err
	}
	s.media.apply(t)
	return nil
}

// digit collects what is pressed; # or a pause has it read back.
func (s *service) digit(r rune) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digits += string(r)
	if s.pause != nil {
		s.pause.Stop()
	}
	wait := readAfter
	if r == '#' {
		wait = 0
	}
	s.pause = time.AfterFunc(wait, s.readBack)
}

func (s *service) readBack() {
	s.mu.Lock()
	digits := s.digits
	s.digits = ""
	s.mu.Unlock()
	if digits == "" {
		return
	}
	s.ex.trace("The exchange heard the keys %s and presses them back.", digits)
	s.media.dial(digits)
}

func (s *service) hangup(why string) {
	s.ex.trace("The exchange hangs up on %s (BYE).", s.d.who)
	s.d.hangup(reasonHeader(200, why))
	s.close()
}

func (s *service) close() {
	s.d.end()
	s.mu.Lock()
	if s.pause != nil {
		s.pause.Stop()
	}
	s.mu.Unlock()
	s.media.close()
}

func (s *service) remoteBye(*dialog) { s.close() }

// reinvite answers a new offer: hold, resume, or a move.
func (s *service) reinvite(d *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	s.ex.trace("%s changes the conversation%s (INVITE again).", d.who, describeDirection(req.Body()))
	body, err := s.reply(req.Body())
	if err != nil {
		s.ex.respond(tx, req, sipmsg.StatusNotAcceptableHere, "")
		return
	}
	d.retarget(req)
	ack, err := d.accept(req, tx, body)
	if err == nil {
		err = s.settle(ack, len(req.Body()) == 0)
	}
	if err != nil {
		s.hangup(err.Error())
	}
}

// request answers INFO, OPTIONS, UPDATE and MESSAGE.
func (s *service) request(d *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	if req.Method != sipmsg.UPDATE || len(req.Body()) == 0 {
		s.ex.send(tx, d.respondTo(req, sipmsg.StatusOK, ""))
		return
	}
	body, err := s.reply(req.Body())
	if err != nil {
		s.ex.respond(tx, req, sipmsg.StatusNotAcceptableHere, "")
		return
	}
	d.retarget(req)
	res := d.respondTo(req, sipmsg.StatusOK, "")
	setBody(res, sdpType, body)
	s.ex.send(tx, res)
}
