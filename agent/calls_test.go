package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/sip"
)

func arrival(id, user string) dialer.Event {
	return dialer.Event{CallID: id, Type: dialer.EventIncoming, Direction: dialer.Inbound,
		Remote: sip.Identity{URI: sip.URI{Scheme: "sip", User: user, Host: "h"}}}
}

func ended(id string) dialer.Event {
	return dialer.Event{CallID: id, Type: dialer.EventEnded, Outcome: &dialer.Outcome{InviteSent: true, EndedBy: dialer.Remote}}
}

// Whom MakeCall calls: a number as it was given, then who is behind the token,
// then the one contact of that name; of several numbers the one of the label.
func TestMakeCall_WhomItCalls(t *testing.T) {
	for recipient, want := range map[string]string{
		`{"name":"x","type":"T114","contacts":[{"label":"HOME"},{"number":" 02-999 "}],"token":"tok-kim"}`:   "02-999",
		`{"name":"x","type":"CONTACT","token":"tok-kim"}`:                                                    "02-111-2222",
		`{"name":"x","type":"CONTACT","token":"tok-kim","contacts":[{"label":"COMPANY"}]}`:                   "02-333-4444",
		`{"name":"x","type":"CONTACT","token":"tok-kim","contacts":[{"label":"FAX"}]}`:                       "02-111-2222",
		`{"name":"집","type":"CONTACT"}`:                                                                      "02-555-5555",
		`{"name":"김민수 회사","type":"NONE","contacts":[]}`:                                                      "1588-0000",
		`{"name":"김민수","type":"CONTACT"}`:                                                                    "2 contacts are named",
		`{"name":"김","type":"CONTACT"}`:                                                                      "no contact has this name",
		`{"name":"집","type":"CONTACT","token":"of long ago"}`:                                                "is not known to this phone",
		`{"name":"nobody","type":"CONTACT","token":"tok-none"}`:                                              "has no number that could be called",
		`{"name":"mallory","type":"EXCHANGE","contacts":[{"number":"sip:mallory@example.com","label":"?"}]}`: "sip:mallory@example.com",
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			r.book.people = append(r.book.people, Person{Name: "none", Type: PersonContact, Token: "tok-none"})
			require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":`+recipient+`}`))
			if r.State() == Outgoing {
				assert.Equal(t, []string{"dial " + want + " speaker=false"}, r.line.asked)
				return
			}
			require.Equal(t, []string{"MakeCallFailed"}, r.names())
			assert.ErrorContains(t, r.events[0].Cause, want)
			assert.Empty(t, r.line.asked)
		})
	}
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.book.fail = errDisk
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"집","type":"CONTACT"}}`))
		assert.ErrorIs(t, r.events[0].Cause, errDisk)
	})
}

func TestMakeCall_EveryCallType(t *testing.T) {
	for kind, want := range map[CallType][]string{
		CallNormal: {"dial 600 speaker=false"}, CallSpeaker: {"dial 600 speaker=true"}, CallVideo: nil, CallCallar: nil, "HOLOGRAM": nil, "normal": nil,
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			require.NoError(t, r.say(t, "MakeCall", `{"callType":"`+string(kind)+`","recipient":{"name":"B","type":"NONE","contacts":[{"number":"600"}]}}`))
			assert.Equal(t, want, r.line.asked)
			if want != nil {
				return
			}
			require.Equal(t, []string{"MakeCallFailed"}, r.names())
			d := r.last(t)
			assert.JSONEq(t, `"CALL_TYPE_NOT_SUPPORTED"`, string(d.Event.Payload["errorCode"]))
			assert.JSONEq(t, `"`+string(kind)+`"`, string(d.Event.Payload["callType"]))
			assert.NotEmpty(t, d.Event.Header.ReferrerDialogRequestID)
			assert.ErrorContains(t, r.events[0].Cause, "only NORMAL and SPEAKER")
			assert.Equal(t, Idle, r.State())
			assert.Empty(t, r.focus)
		})
	}
}

// A contact that changed since it was listed is called as it is now.
func TestMakeCall_ContactAsItIsNow(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.list(t, `{"intent":"CALL","recipientIntended":{"name":"집"}}`)
		r.book.people[3].Contacts[0].Number = "02-666-6666"
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"집","type":"CONTACT","token":"tok-home"}}`))
		assert.Equal(t, []string{"dial 02-666-6666 speaker=false"}, r.line.asked)
	})
}

// The other side has a token in the context in both directions, and it calls.
func TestRecipient_TokenResolves(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "MakeCall", callBob))
		token := r.context(t).Recipient.Token
		require.NotEmpty(t, token)
		r.see(ended("call-1"))
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"Bob","type":"CONTACT","token":"`+token+`"}}`))
		assert.Equal(t, token, r.context(t).Recipient.Token)
		r.see(ended("call-2"))
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"T","type":"T114","token":"theirs","contacts":[{"number":"114"}]}}`))
		r.see(ended("call-3"))
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"T","type":"T114","token":"theirs"}}`))
		assert.Equal(t, []string{"dial 600 speaker=false", "dial 600 speaker=false", "dial 114 speaker=false", "dial 114 speaker=false"}, r.line.asked)
		r.see(ended("call-4"))
		r.see(arrival("in-1", "01012345678"))
		first := r.context(t).Recipient.Token
		r.see(ended("in-1"))
		r.see(arrival("in-2", "01012345678"))
		assert.NotEqual(t, first, r.context(t).Recipient.Token, "unique per arrival")
	})
}

// A call that somebody made by hand moves the state, holds the focus, and keeps
// MakeCall away.
func TestState_CallsMadeByHand(t *testing.T) {
	bubble(t, func(c *Config) { c.WhoIs = func(string) Party { return Party{Name: "Mum", IsMobile: true} } }, func(t *testing.T, r *rig) {
		ev := arrival("out-1", "01011112222")
		ev.Type, ev.Direction = dialer.EventDialing, dialer.Outbound
		r.see(ev)
		assert.Equal(t, Outgoing, r.State())
		assert.Equal(t, "Mum", r.context(t).Recipient.Name)
		assert.Empty(t, r.events, "nobody asked for it")
		assert.ErrorContains(t, r.say(t, "MakeCall", callBob), "a call is already up")
		r.see(dialer.Event{CallID: "out-1", Type: dialer.EventAnswered})
		require.NoError(t, r.say(t, "EndCall", `{}`))
		r.see(ended("out-1"))
		assert.Equal(t, []string{"CallEstablished", "CallEnded"}, r.names())
		assert.Equal(t, []string{"hangup out-1"}, r.line.asked)
		assert.Equal(t, []bool{true, false}, r.focus)
	})
}

// A call that is answered by hand needs the loudspeaker too; one that only rang
// never did.
func TestFocus_HeldWhileItIsNeeded(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.see(arrival("in-1", "1"))
		r.see(ended("in-1"))
		assert.Empty(t, r.focus)
		r.see(arrival("in-2", "1"))
		r.see(dialer.Event{CallID: "in-2", Type: dialer.EventAnswered})
		r.see(ended("in-2"))
		r.see(arrival("in-3", "1"))
		require.NoError(t, r.say(t, "AcceptCall", `{"speakerPhone":false}`))
		require.NoError(t, r.say(t, "AcceptCall", `{"speakerPhone":false}`))
		r.see(ended("in-3"))
		assert.Equal(t, []bool{true, false, true, false}, r.focus)
	})
}

// SPEAKER and speakerPhone open the loudspeaker before the call goes on, and
// its end closes it; a route that cannot be had does not end the call.
func TestAudioRoute_OpensTheLoudspeaker(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "MakeCall", callBob))
		r.see(ended("call-1"))
		assert.Empty(t, r.routes, "a normal call has the usual route")
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"SPEAKER","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}]}}`))
		assert.Equal(t, []bool{true}, r.routes)
		r.see(ended("call-2"))
		r.see(arrival("in-1", "1"))
		require.NoError(t, r.say(t, "AcceptCall", `{"speakerPhone":true}`))
		r.see(ended("in-1"))
		r.line.fail = errDisk
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"SPEAKER","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}]}}`))
		assert.Equal(t, []bool{true, false, true, false, true, false}, r.routes)
	})
	bubble(t, func(c *Config) { c.AudioRoute = func(bool) error { return errDisk } }, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"SPEAKER","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}]}}`))
		assert.Equal(t, []string{"dial 1 speaker=true"}, r.line.asked)
	})
}

// CallArrived and CandidatesListed carry the whole context of the device, the
// other events the PhoneCall part.
func TestSurroundings_InTwoEvents(t *testing.T) {
	around := func(c *Config) {
		c.Surroundings = func() map[string]json.RawMessage {
			return map[string]json.RawMessage{"Speaker": json.RawMessage(`{"volume":7}`), "PhoneCall": json.RawMessage(`{}`)}
		}
	}
	bubble(t, around, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "SendCandidates", `{"intent":"NONE"}`))
		r.see(arrival("in-1", "1"))
		r.see(ended("in-1"))
		for i, want := range []bool{true, true, false} {
			var m struct{ Context Context }
			require.NoError(t, json.Unmarshal(r.events[i].JSON, &m))
			_, ok := m.Context.Extra["Speaker"]
			assert.Equal(t, want, ok, r.events[i].Name)
			assert.Equal(t, "1.3", m.Context.PhoneCall.Version)
		}
	})
}

// CallArrived names the caller, and says no number.
func TestCallArrived_Caller(t *testing.T) {
	bubble(t, func(c *Config) {
		c.WhoIs = func(number string) Party { return Party{IsMobile: number == "01012345678", IsRecentMissed: true} }
	}, func(t *testing.T, r *rig) {
		ev := arrival("in-1", "01012345678")
		ev.Remote.DisplayName = "Kim"
		r.see(ev)
		assert.NotContains(t, string(r.events[0].JSON), "12345678")
		var caller Party
		require.NoError(t, json.Unmarshal(r.last(t).Event.Payload["caller"], &caller))
		assert.Equal(t, Party{Name: "Kim", Token: caller.Token, IsMobile: true, IsRecentMissed: true}, caller)
		assert.Equal(t, &caller, r.context(t).Recipient)
		r.see(ended("in-1"))
		withheld := arrival("in-2", "01012345678")
		withheld.Remote.Anonymous, withheld.Remote.DisplayName = true, "Kim"
		r.see(withheld)
		assert.False(t, bool(r.context(t).Recipient.IsMobile), "what was withheld is not used")
		assert.Empty(t, r.context(t).Recipient.Name)
		token := r.context(t).Recipient.Token
		r.see(ended("in-2"))
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"x","type":"NONE","token":"`+token+`"}}`))
		assert.ErrorContains(t, r.events[len(r.events)-1].Cause, "no number")
	})
}

// EndCall in each state.
func TestEndCall_InEachState(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "EndCall", `{}`))
		assert.Empty(t, r.line.asked)
		require.NoError(t, r.say(t, "MakeCall", callBob))
		require.NoError(t, r.say(t, "EndCall", `{"playServiceId":"x"}`))
		r.see(ended("call-1"))
		r.see(arrival("in-1", "1"))
		require.NoError(t, r.say(t, "EndCall", `{}`))
		r.see(ended("in-1"))
		r.see(arrival("in-2", "1"))
		r.see(dialer.Event{CallID: "in-2", Type: dialer.EventAnswered})
		require.NoError(t, r.say(t, "EndCall", `{}`))
		r.see(ended("in-2"))
		assert.Equal(t, []string{"dial 600 speaker=false", "hangup call-1", "hangup in-1", "hangup in-2"}, r.line.asked)
		assert.Equal(t, []string{"CallEnded", "CallArrived", "CallEnded", "CallArrived", "CallEstablished", "CallEnded"}, r.names())
	})
}

func TestBlockIncomingCall_BlocksAndRejects(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.see(arrival("in-1", "01012345678"))
		require.NoError(t, r.say(t, "BlockIncomingCall", `{"playServiceId":"x"}`))
		assert.Equal(t, []string{"block in-1", "hangup in-1"}, r.line.asked, "kept before the call is gone")
		r.see(ended("in-1"))
		assert.Equal(t, []string{"CallArrived", "CallEnded"}, r.names())
	})
}

func TestBlockNumber_KeepsARule(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.rules.kept = nil
		for _, kind := range []string{"EXACT", "PREFIX", "POSTFIX"} {
			require.NoError(t, r.say(t, "BlockNumber", `{"playServiceId":"x","number":"070","blockType":"`+kind+`"}`))
		}
		assert.Equal(t, []string{"EXACT 070", "PREFIX 070", "POSTFIX 070"}, r.rules.kept)
		assert.Empty(t, r.events, "no event tells of it")
		assert.Equal(t, Idle, r.State())

		refused := Refusals(r.Handle(t.Context(), message("BlockNumber", "m1", `{"number":" ","blockType":"EXACT"}`)))
		require.Len(t, refused, 1)
		assert.Equal(t, "payload.number", refused[0].Field)
		assert.Contains(t, refused[0].Reason, "because it is empty")

		r.rules.full = true
		assert.False(t, bool(r.context(t).NumberBlockable))
		assert.ErrorContains(t, r.say(t, "BlockNumber", `{"number":"070","blockType":"EXACT"}`), "numberBlockable is FALSE")
		r.rules.full, r.rules.fail = false, errDisk
		assert.True(t, bool(r.context(t).NumberBlockable))
		err := r.say(t, "BlockNumber", `{"number":"080","blockType":"EXACT"}`)
		assert.ErrorContains(t, err, "was not kept")
		assert.ErrorIs(t, err, errDisk)
		assert.Len(t, r.rules.kept, 3)
	})
	bubble(t, func(c *Config) { c.Rules = nil }, func(t *testing.T, r *rig) {
		assert.ErrorContains(t, r.say(t, "BlockNumber", `{"number":"070","blockType":"EXACT"}`), "keeps no block rules")
	})
}

// A repeated directive gets the answer of the first one and is not run again.
func TestHandle_RepeatedRefusalIsTheSame(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.say(t, "MakeCall", callBob))
		m := message("MakeCall", "again", callBob)
		first := r.Handle(t.Context(), m)
		require.Error(t, first)
		r.see(ended("call-1"))
		assert.EqualError(t, r.Handle(t.Context(), m), first.Error())
		assert.Len(t, r.line.asked, 1)
	})
}

// The refusals of a delivery come in order and say which directive they mean.
func TestHandle_RefusalsOfADelivery(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		delivery := []byte(`{"directives":[7,` + string(message("EndCall", "a", `{}`)) + `,` + string(message("AcceptCall", "b", `{}`)) + `,` +
			string(message("Dance", "c", `{}`)) + `]}`)
		for _, err := range []error{r.Handle(t.Context(), delivery), Validate(delivery)} {
			refused := Refusals(err)
			require.Len(t, refused, 3)
			assert.Equal(t, []int{0, 2, 3}, []int{refused[0].Index, refused[1].Index, refused[2].Index})
			assert.Equal(t, "b", refused[1].MessageID)
			assert.Equal(t, "Dance", refused[2].Name)
		}
		assert.Empty(t, Refusals(nil))
		assert.Empty(t, Refusals(errors.New("other")))
		assert.NoError(t, Validate([]byte(`{"directives":[]}`)))
	})
}

// Directives run in the order of their delivery.
func TestHandle_InOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.Close()
		r.book.people = people()
		require.NoError(t, r.Handle(t.Context(), []byte(`{"directives":[`+
			string(message("SendCandidates", "1", `{"intent":"CALL","recipientIntended":{"name":"집"}}`))+`,`+
			string(message("MakeCall", "2", `{"callType":"NORMAL","recipient":{"name":"집","type":"CONTACT","token":"tok-home"}}`))+`,`+
			string(message("BlockNumber", "3", `{"number":"070","blockType":"PREFIX"}`))+`,`+
			string(message("EndCall", "4", `{}`))+`]}`)))
		assert.Equal(t, []string{"CandidatesListed"}, r.names())
		assert.Equal(t, []string{"dial 02-555-5555 speaker=false", "hangup call-1"}, r.line.asked)
		assert.Equal(t, []string{"PREFIX 070"}, r.rules.kept)
	})
}

// Any directive of version 1 is taken; events and context say 1.3.
func TestHandle_Versions(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for _, v := range []string{"1.0", "1.1", "1.2", "1.3", "1.9", "1"} {
			m := `{"header":{"namespace":"PhoneCall","name":"SendCandidates","messageId":"m` + v + `","dialogRequestId":"d","version":"` + v + `"},"payload":{"intent":"NONE"}}`
			require.NoError(t, r.Handle(t.Context(), []byte(m)), v)
			assert.NoError(t, checkSchema("SendCandidates", []byte(m)))
			d := r.last(t)
			assert.Equal(t, "1.3", d.Event.Header.Version)
			assert.Equal(t, "1.3", d.Context.PhoneCall.Version)
			assert.Equal(t, "PhoneCall", d.Event.Header.Namespace)
		}
		ids := map[string]bool{}
		for _, ev := range r.events {
			var m struct{ Event struct{ Header Header } }
			require.NoError(t, json.Unmarshal(ev.JSON, &m))
			ids[m.Event.Header.MessageID], ids[m.Event.Header.DialogRequestID] = true, true
		}
		assert.Len(t, ids, 12, "new ones in every event")
	})
}

// What is too large to be repeated in an event is refused, or left out of the
// list.
func TestHandle_KeepsEventsSmall(t *testing.T) {
	const journal = 1 << 20
	long := strings.Repeat("<", maxPayload/6)
	bubble(t, nil, func(t *testing.T, r *rig) {
		for name, payload := range map[string]string{
			"MakeCall":       `{"callType":"NORMAL","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}],"x":"` + long + `"}}`,
			"SendCandidates": `{"intent":"NONE","x":"` + long + `"}`,
			"EndCall":        `{"playServiceId":"` + long + `"}`,
		} {
			refused := Refusals(r.say(t, name, payload))
			require.Len(t, refused, 1, name)
			assert.Equal(t, "payload", refused[0].Field)
		}
		refused := Refusals(r.Handle(t.Context(), message("EndCall", strings.Repeat("m", maxID+1), `{}`)))
		require.Len(t, refused, 1)
		assert.Equal(t, "header.messageId", refused[0].Field)

		long = long[:len(long)-200]
		for i := range MaxCandidates {
			r.book.people = append(r.book.people, Person{Name: fmt.Sprintf("박%02d", i), Type: PersonContact, Token: fmt.Sprint("p", i), Category: long[:8000]})
		}
		list := r.list(t, `{"intent":"CALL","recipientIntended":{"name":"박"},"x":"`+long+`"}`)
		assert.NotEmpty(t, list)
		assert.Less(t, len(list), MaxCandidates)
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}],"x":"`+long+`"}}`))
		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventDialing})
		for _, ev := range r.events {
			assert.Less(t, len(ev.JSON), journal, ev.Name)
		}
		assert.Equal(t, []string{"CandidatesListed", "MakeCallSucceeded"}, r.names())
	})
}
