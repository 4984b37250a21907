package exchange

import (
	"context"
	"fmt"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Origin describes a call that the exchange itself places to a user, as if it
// came from outside.
type Origin struct {
	Number      string // of the caller as the callee sees it, in From and P-Asserted-Identity
	DisplayName string
	Anonymous   bool              // From anonymous, Privacy: id and no P-Asserted-Identity
	To          string            // user or alias
	Extension   string            // what the callee hears after answering; "" is 600, the echo
	Headers     map[string]string // added to the INVITE
}

// Originated is a call placed by Originate.
type Originated struct {
	Code   int    // final response: 200 when answered, 408 without any
	Reason string // its phrase

	service *service
}

// Hangup ends an answered call. It does not wait, and does nothing when the
// call is over.
func (o *Originated) Hangup() {
	if o.service != nil {
		o.service.hangup("Done")
	}
}

// Done is closed when the call is over; nil when it was never answered.
func (o *Originated) Done() <-chan struct{} {
	if o.service == nil {
		return nil
	}
	return o.service.d.done
}

// Originate calls a user and waits until the call is answered or refused; ctx
// ends the ringing (Code 487). An error means that there was nobody to call.
func (e *Exchange) Originate(ctx context.Context, call Origin) (*Originated, error) {
	if !e.enter() {
		return nil, errClosed
	}
	defer e.wg.Done()
	x := extensionOf(orElse(call.Extension, "600"))
	contacts := e.bound(call.To)
	if x == nil || x.start == nil || len(contacts) == 0 {
		return nil, fmt.Errorf("exchange: cannot call %q: it is not registered, or extension %q cannot speak", call.To, call.Extension)
	}
	s, err := e.newService(x, nil)
	if err != nil {
		return nil, err
	}
	from := sipmsg.FromHeader{DisplayName: call.DisplayName, Address: sipmsg.Uri{Scheme: "sip", User: call.Number, Host: e.cfg.Realm}}
	shown := from
	if call.Anonymous {
		from = sipmsg.FromHeader{DisplayName: "Anonymous", Address: sipmsg.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
	}
	offer, _ := s.reply(nil) // an offer of ours never fails
	o := &outgoing{ex: e, from: from, to: sipmsg.ToHeader{Address: sipmsg.Uri{Scheme: "sip", User: call.To, Host: e.cfg.Realm}}}
	o.prepare = func(req *sipmsg.Request) {
		if call.Anonymous {
			req.AppendHeader(sipmsg.NewHeader("Privacy", "id"))
		} else {
			req.AppendHeader(sipmsg.NewHeader("P-Asserted-Identity", shown.Value()))
		}
		for k, v := range call.Headers {
			req.AppendHeader(sipmsg.NewHeader(k, v))
		}
		setBody(req, sdpType, offer)
	}
	e.trace("%s calls %s from outside (INVITE).", orElse(call.Number, "Somebody"), call.To)
	res := o.ring(contacts, ctx.Done(), func() string { return "" }, func(leg *dialog, res *sipmsg.Response) {
		e.trace("%s's phone says %d %s.", leg.who, res.StatusCode, res.Reason)
	})
	return s.finish(res)
}

// finish acknowledges the answer to an originated call and starts the sound.
func (s *service) finish(res outcome) (*Originated, error) {
	out := &Originated{Code: res.code, Reason: reasonOf(res.code)}
	if res.res != nil {
		out.Reason = res.res.Reason
	}
	s.ex.trace("The answer: %d %s.", out.Code, out.Reason)
	if res.leg == nil {
		s.media.close()
		return out, nil
	}
	s.d, out.service = res.leg, s
	s.d.enrol(s)
	s.d.ack(res.seq, nil)
	t, err := acceptSDP(res.res.Body())
	if err != nil {
		s.hangup("the answer cannot be understood")
		return out, nil //nolint:nilerr // it was answered, which is what is reported, and is over: Done is closed
	}
	s.ext.start(s)
	s.media.apply(t)
	return out, nil
}
