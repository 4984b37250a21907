package agent

import (
	"errors"
	"fmt"

	"github.com/softphone-go/softphone/dialer"
)

// effectArgs is what the effects of one step need beside the state.
type effectArgs struct {
	begin   current
	speaker bool
	event   dialer.Event
}

// take makes one step and carries out its effects. An effect may fail in a way
// that is itself an input; it is taken after the effects before it.
func (a *Agent) take(in input, args effectArgs) {
	next, effects, ok := step(a.state, in)
	if !ok {
		a.log.Debug("input without a place", "state", a.state.String(), "input", in.String())
		return
	}
	before := a.state
	a.state = next
	if in == inMakeCall {
		a.call = args.begin
	}
	for _, e := range effects {
		a.apply(e, args)
	}
	// The recipient stays in the context until the call's last event is out.
	if before != Idle && a.state == Idle {
		a.call = current{}
	}
}

func (a *Agent) apply(e effect, args effectArgs) {
	switch e {
	case doDial:
		a.dial()
	case doHangup:
		a.logged("hang up", a.cfg.Telephone.Hangup(a.call.id))
	case doAnswer:
		a.logged("answer", a.cfg.Telephone.Answer(a.call.id, args.speaker))
	case doBlockCaller:
		a.logged("block caller", a.cfg.Telephone.BlockCaller(a.call.id))
	case doAcquireFocus:
		a.focus(true)
	case doReleaseFocus:
		a.focus(false)
	case emitCallArrived:
		a.emit("CallArrived", callArrived{a.playServiceID(), *a.call.party}, "")
	case emitMakeCallSucceeded:
		a.emit("MakeCallSucceeded", makeCallSucceeded{a.playServiceID(), a.call.recipient}, a.call.dialogRequest)
	case emitMakeCallFailed:
		a.emit("MakeCallFailed", makeCallFailed{a.playServiceID(), NoSystemPermission, a.call.callType}, a.call.dialogRequest)
	case emitUnsupportedType:
		was := a.call
		a.call = args.begin
		a.emit("MakeCallFailed", makeCallFailed{a.playServiceID(), CallTypeNotSupported, args.begin.callType}, args.begin.dialogRequest)
		a.call = was
	case emitCallEstablished:
		a.emit("CallEstablished", bare{a.playServiceID()}, "")
	case emitCallEnded:
		a.emit("CallEnded", bare{a.playServiceID()}, "")
	}
}

func (a *Agent) focus(held bool) {
	if a.cfg.Focus != nil {
		a.cfg.Focus(held)
	}
}

// dial begins the call of the current MakeCall. A local failure is an input of
// its own: the state goes back to IDLE with MakeCallFailed.
func (a *Agent) dial() {
	target, err := a.target(a.call.recipient)
	if err == nil && a.cfg.Permission != nil {
		err = a.cfg.Permission()
	}
	if err == nil {
		party := a.whoIs(target, a.call.recipient.Name)
		party.Token = a.call.recipient.Token
		a.call.party = &party
		a.call.id, err = a.cfg.Telephone.Dial(target, a.call.callType == CallSpeaker)
	}
	if err != nil {
		a.log.Warn("the call cannot be made", "error", err)
		a.take(inDialRefused, effectArgs{})
	}
}

// target is where to call: the number that came with the directive, else the
// one behind a token that this phone gave out.
func (a *Agent) target(p Person) (string, error) {
	if n := p.number(); n != "" {
		return n, nil
	}
	if n, ok := a.tokens.numbers[p.Token]; ok && p.Token != "" {
		return n, nil
	}
	if p.Token != "" {
		return "", fmt.Errorf("the token of %q is not known to this phone and no number came with it", clip(p.Name))
	}
	return "", fmt.Errorf("no number came for %q: neither recipient.contacts[].number nor recipient.token", clip(p.Name))
}

// observe turns a call's event into an input.
func (a *Agent) observe(ev dialer.Event) {
	if ev.Type == dialer.EventIncoming {
		a.arrived(ev)
		return
	}
	if ev.CallID == "" || ev.CallID != a.call.id {
		return
	}
	switch ev.Type {
	case dialer.EventDialing:
		a.take(inInviteSent, effectArgs{event: ev})
	case dialer.EventAnswered:
		a.take(inAnswered, effectArgs{event: ev})
	case dialer.EventEnded:
		in := inEnded
		if o := ev.Outcome; o != nil && a.state == Outgoing && !o.InviteSent && o.Disposition != dialer.Cancelled {
			in = inEndedBefore
			a.log.Warn("the call could not leave", "call", ev.CallID, "error", o.Err)
		}
		a.take(in, effectArgs{event: ev})
	default: // the other events do not touch the PhoneCall state
	}
}

// arrived takes a ringing call. A second one while another is up is sent away:
// the interface knows one call at a time.
func (a *Agent) arrived(ev dialer.Event) {
	if a.state != Idle {
		a.logged("send the second call away", a.cfg.Telephone.Busy(ev.CallID))
		return
	}
	party := a.whoIs(ev.Remote.URI.User, ev.Remote.DisplayName)
	party.Token = a.tokens.issue(ev.Remote.URI.User)
	a.call = current{id: ev.CallID, callType: CallNormal, party: &party}
	a.take(inArrived, effectArgs{event: ev})
}

// whoIs is what is known of a number, under the given name unless the device
// knows a better one.
func (a *Agent) whoIs(number, name string) Party {
	var p Party
	if a.cfg.WhoIs != nil {
		p = a.cfg.WhoIs(number)
	}
	if p.Name == "" {
		p.Name = name
	}
	return p
}

// playServiceID is that of the directive which started the call, else the
// configured one.
func (a *Agent) playServiceID() string {
	if a.call.playServiceID != "" {
		return a.call.playServiceID
	}
	return a.cfg.PlayServiceID
}

func (a *Agent) logged(what string, err error) {
	if err != nil && !errors.Is(err, dialer.ErrEnded) {
		a.log.Warn("could not "+what, "call", a.call.id, "error", err)
	}
}
