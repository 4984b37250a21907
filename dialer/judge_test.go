package dialer

import (
	"fmt"
	"time"
)

// judge checks the events of one side, call by call.
func judge(p *phone) []string {
	var faults []string
	calls := map[string][]Event{}
	for _, ev := range p.log.all() {
		calls[ev.CallID] = append(calls[ev.CallID], ev)
	}
	for id, events := range calls {
		var types []EventType
		for _, ev := range events {
			types = append(types, ev.Type)
		}
		if fault := legal(events); fault != "" {
			faults = append(faults, fmt.Sprintf("%s %s: %s in %v", p.name, id, fault, types))
		}
	}
	return faults
}

// legal says what is wrong with the events of one call, "" when nothing is.
func legal(events []Event) string {
	var (
		seen            = map[EventType]int{}
		held, far, mute bool
		last            time.Time
	)
	toggle := func(on *bool, to bool) string {
		if *on == to {
			return "twice the same"
		}
		*on = to
		return ""
	}
	for _, ev := range events {
		if seen[EventEnded] > 0 {
			return "something after the end"
		}
		if ev.Time.Before(last) {
			return "time runs backwards"
		}
		last = ev.Time
		first := len(seen) == 0
		if ev.Type != EventMuted && ev.Type != EventUnmuted { // possible at any time
			seen[ev.Type]++
		}
		fault := ""
		switch ev.Type {
		case EventDialing:
			fault = when(!first || ev.Direction != Outbound, "dialing not first")
		case EventIncoming:
			fault = when(!first || ev.Direction != Inbound, "incoming not first")
		case EventRinging, EventEarlyMedia:
			fault = when(seen[EventDialing] == 0 || seen[EventAnswered] > 0 || seen[ev.Type] > 1, "ringing out of place")
		case EventAnswered:
			fault = when(seen[EventDialing]+seen[EventIncoming] == 0 || seen[EventAnswered] > 1, "answered out of place")
		case EventHeld, EventResumed:
			fault = toggle(&held, ev.Type == EventHeld)
		case EventRemoteHeld, EventRemoteResumed:
			fault = toggle(&far, ev.Type == EventRemoteHeld)
		case EventMuted, EventUnmuted:
			fault = toggle(&mute, ev.Type == EventMuted)
		case EventBlocked:
			fault = when(!first || ev.Direction != Inbound, "blocked not first")
		case EventTransferring, EventTransferred, EventTransferFailed, EventReplaced:
			fault = when(seen[EventDialing]+seen[EventIncoming] == 0, "handed on before it was there")
		case EventDigit: // at any time after the answer, as below
		case EventEnded:
			fault = rightOutcome(ev, seen)
		}
		switch ev.Type {
		case EventHeld, EventResumed, EventRemoteHeld, EventRemoteResumed, EventDigit:
			fault += when(seen[EventAnswered] == 0, "before the answer")
		default: // may come before it
		}
		if fault != "" {
			return fmt.Sprintf("%s: %s", ev.Type, fault)
		}
	}
	return when(seen[EventEnded] != 1, fmt.Sprintf("ended %d times", seen[EventEnded]))
}

func rightOutcome(ev Event, seen map[EventType]int) string {
	o := ev.Outcome
	switch {
	case o == nil:
		return "no outcome"
	case o.Disposition == 0 || o.EndedBy == 0:
		return "nobody to blame"
	case o.Answered.IsZero() != (seen[EventAnswered] == 0):
		return "answer and events differ"
	case o.Disposition == Completed && o.Answered.IsZero():
		return "completed without an answer"
	case o.Ring < 0 || o.Talk < 0 || o.Ended.Before(o.Started):
		return "negative time"
	case o.InviteSent != (seen[EventDialing] > 0) && ev.Direction == Outbound && seen[EventDialing] > 0:
		return "InviteSent and events differ"
	}
	return ""
}

func when(wrong bool, what string) string {
	if wrong {
		return what
	}
	return ""
}

// agree checks both sides against each other where nothing is lost: as many
// calls talked on one side as on the other.
func agree(p play, phones [2]*phone, links *arrivals) []string {
	var faults []string
	for _, c := range links.calls {
		if c.State() != Ended {
			faults = append(faults, "a call did not end: "+c.State().String())
		}
	}
	if !p.lossless() {
		return faults
	}
	talked := func(p *phone, dir Direction) (n int) {
		for _, ev := range p.log.all() {
			if ev.Type == EventEnded && ev.Direction == dir && ev.Outcome.Disposition == Completed {
				n++
			}
		}
		return n
	}
	for i, p := range phones {
		// The callee answers at its 200, which may meet a CANCEL: it counts a
		// call that the caller does not.
		if out, in := talked(p, Outbound), talked(phones[1-i], Inbound); out > in {
			faults = append(faults, fmt.Sprintf("%s talked in %d calls, the other side in %d", p.name, out, in))
		}
	}
	return faults
}
