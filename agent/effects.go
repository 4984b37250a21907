package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/softphone-go/softphone/dialer"
)

// effectArgs is what the effects of one step need beside the state.
type effectArgs struct {
	ctx     context.Context // of the directive; Background without one
	begin   current         // inMakeCall, inMakeVideoCall
	speaker bool            // inMakeCall, inAcceptCall: the loudspeaker is asked for
	answer  *answer         // inBlockIncoming: of the directive
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
		a.dial(args)
	case doHangup:
		a.logged("hang up", a.cfg.Telephone.Hangup(a.call.id))
	case doAnswer:
		a.logged("answer", a.cfg.Telephone.Answer(a.call.id, args.speaker))
	case doBlockCaller:
		a.blockCaller(args)
	case doAcquireFocus:
		a.focus(true)
	case doReleaseFocus:
		a.focus(false)
	case doRoute:
		a.route(args.speaker)
	case doUnroute:
		a.route(false)
	case emitCallArrived:
		a.emit("CallArrived", a.fullContext(), CallArrived{a.playServiceID(), *a.call.party}, "")
	case emitMakeCallSucceeded:
		a.emit("MakeCallSucceeded", a.context(), MakeCallSucceeded{a.playServiceID(), a.call.recipient}, a.call.dialogRequest)
	case emitMakeCallFailed:
		a.emit("MakeCallFailed", a.context(), MakeCallFailed{a.playServiceID(), NoSystemPermission, a.call.callType}, a.call.dialogRequest)
	case emitUnsupportedType:
		a.call = args.begin
		a.emit("MakeCallFailed", a.context(), MakeCallFailed{a.playServiceID(), CallTypeNotSupported, a.call.callType}, a.call.dialogRequest)
		a.call = current{}
	case emitCallEstablished:
		a.emit("CallEstablished", a.context(), CallEstablished{a.playServiceID()}, "")
	case emitCallEnded:
		a.emit("CallEnded", a.context(), CallEnded{a.playServiceID()}, "")
	}
}

// focus tells the device, once for each change.
func (a *Agent) focus(held bool) {
	if a.focused == held {
		return
	}
	a.focused = held
	if a.cfg.Focus != nil {
		a.cfg.Focus(held)
	}
}

// route opens the loudspeaker, or goes back to the usual route when it was
// opened. The call goes on whether it succeeds or not.
func (a *Agent) route(speaker bool) {
	if a.routed == speaker {
		return
	}
	a.routed = speaker
	if a.cfg.AudioRoute == nil {
		return
	}
	if err := a.cfg.AudioRoute(speaker); err != nil {
		a.log.Warn("the sound could not be sent to another loudspeaker", "speaker", speaker, "error", err)
	}
}

// dial begins the call of the current MakeCall. A local failure is an input of
// its own: the state goes back to IDLE with MakeCallFailed.
func (a *Agent) dial(args effectArgs) {
	target, err := a.resolve(args.ctx, a.call.recipient)
	if err == nil && a.cfg.Permission != nil {
		err = a.cfg.Permission()
	}
	if err == nil {
		r := a.call.recipient
		party := a.whoIs(target.Number, r.Name)
		party.Token = a.partyToken(target.Number)
		a.call.party = &party
		a.call.id, err = a.cfg.Telephone.Dial(Callee{target.Number, r.Name, r.Type, target.Label}, a.call.callType == CallSpeaker)
	}
	if err != nil {
		a.failed(err)
		a.take(inDialRefused, effectArgs{})
	}
}

// failed keeps and logs why a call could not be made.
func (a *Agent) failed(err error) {
	a.call.cause = err
	a.log.Warn("the call cannot be made", "call", a.call.id, "error", masked(err.Error()))
}

// partyToken is the token that the directive gave for the other side, else a
// new one. Either resolves the number later.
func (a *Agent) partyToken(target string) string {
	p := reachable(a.call.recipient.Name, target)
	if p.Token = a.call.recipient.Token; p.Token == "" {
		return a.tokens.issue(p)
	}
	if _, known := a.tokens.people[p.Token]; !known {
		a.tokens.remember(p)
	}
	return p.Token
}

// reachable is somebody with one number.
func reachable(name, number string) Person {
	return Person{Name: name, Type: PersonNone, Contacts: []Contact{{Number: number}}}
}

// observe turns a call's event into an input.
func (a *Agent) observe(ev dialer.Event) {
	switch {
	case ev.Type == dialer.EventIncoming:
		a.arrived(ev)
		return
	case ev.Type == dialer.EventDialing && a.state == Idle:
		a.dialled(ev)
		return
	case ev.CallID == "" || ev.CallID != a.call.id:
		return
	}
	switch ev.Type {
	case dialer.EventDialing:
		a.take(inInviteSent, effectArgs{})
	case dialer.EventAnswered:
		a.take(inAnswered, effectArgs{})
	case dialer.EventEnded:
		in := inEnded
		if o := ev.Outcome; o != nil && a.state == Outgoing && !o.InviteSent && o.Disposition != dialer.Cancelled {
			in = inEndedBefore
			a.failed(cmp.Or(o.Err, fmt.Errorf("the call ended before it began: %s", cmp.Or(o.Reason, o.Disposition.String()))))
		}
		a.take(in, effectArgs{})
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
	a.call = a.undirected(ev)
	a.take(inArrived, effectArgs{})
}

// dialled takes a call that somebody made by hand, so that the state tells of
// it and no second one is made beside it.
func (a *Agent) dialled(ev dialer.Event) {
	a.call = a.undirected(ev)
	a.take(inDialled, effectArgs{})
}

// undirected is a call that no directive began.
func (a *Agent) undirected(ev dialer.Event) current {
	user, name := ev.Remote.URI.User, ev.Remote.DisplayName
	if ev.Remote.Anonymous {
		user = ""
		if !strings.EqualFold(name, "anonymous") { // a name that only the network was to know
			name = ""
		}
	}
	party := a.whoIs(user, name)
	party.Token = a.tokens.issue(reachable(party.Name, user))
	return current{id: ev.CallID, callType: CallNormal, party: &party}
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
