package agent

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/softphone-go/softphone/dialer"
)

// TestAgent_AnyInterleaving: whatever directives and calls come in whatever
// order, CallEnded comes exactly once for each call that left IDLE and was not
// told of by MakeCallFailed, the state follows the events, and focus and route
// are given back.
func TestAgent_AnyInterleaving(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 13), 1, 40).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nil)
			defer r.Close()
			arrived, sent := 0, map[string]bool{}
			for _, s := range steps {
				interleave(t, r, s, &arrived, sent)
				checkState(t, r)
			}
			for r.State() != Idle { // whatever is up ends
				r.see(ended(r.call.id))
				checkState(t, r)
			}
			checkEvents(t, r)
			require.Equal(t, len(r.focus)%2, 0, "focus is given back")
			require.Equal(t, len(r.routes)%2, 0, "the route is given back")
		})
	})
}

// interleave does one of the things that can happen.
func interleave(t *testing.T, r *rig, what int, arrived *int, sent map[string]bool) {
	t.Helper()
	id := r.call.id
	directives := []struct{ name, payload string }{
		{"MakeCall", callBob}, {"MakeCall", `{"callType":"SPEAKER","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}]}}`},
		{"MakeCall", `{"callType":"VIDEO","recipient":{"name":"B","type":"NONE"}}`}, {"MakeCall", `{"callType":"NORMAL","recipient":{"name":"nobody","type":"NONE"}}`},
		{"EndCall", `{}`}, {"AcceptCall", `{"speakerPhone":true}`}, {"BlockIncomingCall", `{}`}, {"SendCandidates", `{"intent":"HISTORY"}`},
	}
	switch {
	case what < len(directives):
		_ = r.say(t, directives[what].name, directives[what].payload) // MakeCall in a call is refused
		synctest.Wait()
	case what == 8 || what == 9:
		*arrived++
		ev := arrival(fmt.Sprint("by-hand-", *arrived), "010")
		if what == 9 {
			ev.Type = dialer.EventDialing
		}
		r.see(ev)
	case what == 10 && r.State() == Outgoing && !sent[id] && strings.HasPrefix(id, "call-"):
		sent[id] = true // the dialer tells of it once
		r.see(dialer.Event{CallID: id, Type: dialer.EventDialing})
	case what == 11 && id != "":
		r.see(dialer.Event{CallID: id, Type: dialer.EventAnswered})
	case what == 12 && id != "":
		r.see(ended(id))
	case what == 13:
		r.see(ended("of long ago"))
	}
}

// checkState: the other side is in the context when there is a call, and only
// then.
func checkState(t *testing.T, r *rig) {
	t.Helper()
	c := r.context(t)
	require.Equal(t, c.State != Idle, c.Recipient != nil)
	if c.State == Established || c.State == Outgoing {
		require.True(t, r.focused)
	}
	if c.State == Idle {
		require.False(t, r.focused)
		require.False(t, r.routed)
	}
}

// checkEvents: each call's events come in a legal order and end once.
func checkEvents(t *testing.T, r *rig) {
	t.Helper()
	over := map[string]bool{}
	seen := map[string][]string{}
	for _, ev := range r.events {
		if ev.CallID == "" {
			continue
		}
		require.False(t, over[ev.CallID], "%s after the end of %s", ev.Name, ev.CallID)
		require.NotContains(t, seen[ev.CallID], ev.Name, "twice")
		if ev.Name == "CallArrived" || ev.Name == "MakeCallSucceeded" {
			require.NotContains(t, seen[ev.CallID], "CallEstablished")
		}
		seen[ev.CallID] = append(seen[ev.CallID], ev.Name)
		over[ev.CallID] = ev.Name == "CallEnded"
	}
	for id := range seen {
		require.True(t, over[id], "%s did not end", id)
	}
}
