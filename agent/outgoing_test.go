package agent

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/dialer"
)

// EndCall right behind MakeCall. Where the INVITE leaves all the same, that is
// told before the end; where it does not, nothing succeeded and nothing failed.
func TestEndCall_RightBehindMakeCall(t *testing.T) {
	cancelled := func(id string, sent bool) dialer.Event {
		return dialer.Event{CallID: id, Type: dialer.EventEnded, Outcome: &dialer.Outcome{Disposition: dialer.Cancelled, EndedBy: dialer.Local, InviteSent: sent}}
	}
	bubble(t, nil, func(t *testing.T, r *rig) {
		both := []byte(`{"directives":[` + string(message("MakeCall", "1", callBob)) + `,` + string(message("EndCall", "2", `{}`)) + `]}`)
		require.NoError(t, r.Handle(t.Context(), both))
		assert.Equal(t, []string{"dial 600 speaker=false", "hangup call-1"}, r.line.asked)
		assert.Equal(t, Outgoing, r.State(), "until the call is over")
		assert.Empty(t, r.events)
		r.see(cancelled("call-1", false))
		assert.Equal(t, []string{"CallEnded"}, r.names())

		require.NoError(t, r.say(t, "MakeCall", callBob))
		require.NoError(t, r.say(t, "EndCall", `{}`))
		assert.ErrorContains(t, r.say(t, "MakeCall", callBob), "a call is already up")
		r.see(dialer.Event{CallID: "call-2", Type: dialer.EventDialing})
		r.see(cancelled("call-2", true))
		assert.Equal(t, []string{"CallEnded", "MakeCallSucceeded", "CallEnded"}, r.names())
		assert.Equal(t, []bool{true, false, true, false}, r.focus)
	})
}

// What the directive says of the called one goes into the call, for the history.
func TestMakeCall_CalleeForTheHistory(t *testing.T) {
	for recipient, want := range map[string]Callee{
		`{"name":"한국치과","type":"T114","token":"7","contacts":[{"label":"COMPANY","number":" 02-777-0000 "}]}`: {"02-777-0000", "한국치과", PersonT114, LabelCompany},
		`{"name":"엄마","type":"CONTACT","token":"tok-kim","contacts":[{"label":"COMPANY"}]}`:                   {"02-333-4444", "엄마", PersonContact, LabelCompany},
		`{"name":"집","type":"CONTACT"}`:                             {"02-555-5555", "집", PersonContact, LabelHome},
		`{"name":"x","type":"NONE","contacts":[{"number":"7001"}]}`: {"7001", "x", PersonNone, ""},
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":`+recipient+`}`))
			assert.Equal(t, want, r.line.callee)
		})
	}
}

// The log has no whole number, though an error quotes what was to be called.
func TestMakeCall_LogWithoutNumbers(t *testing.T) {
	var log strings.Builder
	adjust := func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	bubble(t, adjust, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"010-4321-8765","type":"NONE"}}`))
		r.line.fail = errors.New(`"+82 10 4321 8765" has no host on port 5060`)
		require.NoError(t, r.say(t, "MakeCall", callBob))
		assert.ErrorContains(t, r.events[1].Cause, "4321 8765", "whoever embeds the phone gets it whole")
		assert.Contains(t, log.String(), "…65")
		assert.Contains(t, log.String(), "on port 5060")
		assert.NotContains(t, log.String(), "4321")
		// An end without an error has a cause all the same.
		r.line.fail = nil
		require.NoError(t, r.say(t, "MakeCall", callBob))
		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventEnded, Outcome: &dialer.Outcome{Disposition: dialer.NoAnswer, Reason: "nobody answered"}})
		assert.ErrorContains(t, r.events[2].Cause, "nobody answered")
	})
}
