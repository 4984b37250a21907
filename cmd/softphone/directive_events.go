package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/phone"
)

// expected is an event that a directive has to bring.
type expected struct {
	names    []string // one of these
	referrer string   // the directive's dialogRequestId, for events that say it
	orEnded  bool     // or the end of the call, which a later directive asked for
	says     string   // for people
}

// awaited are the events still to come, and those that came.
type awaited struct {
	out      *printer
	state    agent.State // when the directive was sent, as far as it is known
	open     []expected
	accepted int
	events   int
	failed   bool // MakeCallFailed came for one of the directives
}

// know asks for the state that the next directive meets.
func (w *awaited) know(ctx context.Context, phone *client.Client) error {
	raw, err := phone.Context(ctx)
	if err != nil {
		return refusedBy(err)
	}
	var c agent.Context
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("the phone's context cannot be read: %w", err)
	}
	w.state = c.PhoneCall.State
	return nil
}

// expect notes what an accepted directive has to bring (PhoneCall 1.3): what
// the state makes impossible is not waited for.
func (w *awaited) expect(a api.Accepted) {
	w.accepted++
	wait := func(referrer string, names ...string) {
		w.open = append(w.open, expected{names: names, referrer: referrer, says: names[0] + " after " + a.Name})
	}
	switch a.Name {
	case "SendCandidates":
		wait(a.DialogRequestID, "CandidatesListed")
	case "MakeCall":
		wait(a.DialogRequestID, "MakeCallSucceeded", "MakeCallFailed")
		w.state = agent.Outgoing
	case "AcceptCall":
		if w.state == agent.Incoming {
			wait("", "CallEstablished", "CallEnded")
			w.state = agent.Established
		}
	case "EndCall", "BlockIncomingCall":
		if w.state == agent.Incoming || a.Name == "EndCall" && w.state != agent.Idle {
			for i := range w.open {
				w.open[i].orEnded = true // an INVITE that has not left need not leave
			}
			wait("", "CallEnded", "MakeCallFailed")
			w.state = agent.Idle
		}
	}
}

// phoneCallEvent is what is read of a PhoneCall event.
type phoneCallEvent struct {
	Context agent.Context `json:"context"`
	Event   struct {
		Header  agent.Header `json:"header"`
		Payload struct {
			ErrorCode string `json:"errorCode"`
		} `json:"payload"`
	} `json:"event"`
}

// event prints an event if it is one of PhoneCall, and takes it off the list.
func (w *awaited) event(ev api.Event) {
	if !strings.HasPrefix(strings.TrimPrefix(ev.Type, api.TypePrefix), phone.TypePhoneCall) {
		return
	}
	w.events++
	var e phoneCallEvent
	err := json.Unmarshal(ev.Data, &e)
	h := e.Event.Header
	ours := false
	w.open = slices.DeleteFunc(w.open, func(x expected) bool {
		fits := err == nil && (slices.Contains(x.names, h.Name) && (x.referrer == "" || x.referrer == h.ReferrerDialogRequestID) ||
			x.orEnded && h.Name == "CallEnded")
		ours = ours || fits
		return fits
	})
	w.failed = w.failed || ours && h.Name == "MakeCallFailed"
	if w.out.json {
		w.out.raw(ev.Data)
		return
	}
	w.out.text("%s  %s", ev.Time.Local().Format("15:04:05.000"), e.sentence())
	for i, p := range e.candidates() {
		w.out.text("%s", candidate(i, p))
	}
}

// candidates are those that CandidatesListed tells of: they stand in the context.
func (e *phoneCallEvent) candidates() []agent.Person {
	if t := e.Context.PhoneCall.Template; t != nil && e.Event.Header.Name == "CandidatesListed" {
		return t.Candidates
	}
	return nil
}

// sentence says in one line what a PhoneCall event tells.
func (e *phoneCallEvent) sentence() string {
	c := e.Context.PhoneCall
	s := e.Event.Header.Name
	switch {
	case s == "CandidatesListed":
		s += ": " + count(len(e.candidates()), "candidate")
	case e.Event.Payload.ErrorCode != "":
		s += ": " + e.Event.Payload.ErrorCode
	case c.Recipient != nil && c.Recipient.Name != "":
		s += ": " + flat(c.Recipient.Name)
	}
	return fmt.Sprintf("%s (now %s)", s, c.State)
}

// candidate is a Person in a list.
func candidate(i int, p agent.Person) string {
	about := []string{string(p.Type)}
	for _, c := range p.Contacts {
		text := string(c.Label)
		if c.Number != "" {
			text = strings.TrimSpace(text + " " + c.Number)
		}
		if c.IsBlocked != nil && bool(*c.IsBlocked) {
			text = strings.TrimSpace(text + " blocked")
		}
		if text != "" {
			about = append(about, text)
		}
	}
	if p.Score != "" {
		about = append(about, "score "+p.Score)
	}
	if p.History != nil {
		about = append(about, strings.TrimSpace(string(p.History.Type)+" "+p.History.Time))
	}
	if p.Token != "" {
		about = append(about, "token "+p.Token)
	}
	return fmt.Sprintf("%4d  %s  %s", i+1, pad(flat(p.Name), 16), flat(strings.Join(about, ", ")))
}
