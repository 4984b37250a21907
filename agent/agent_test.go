package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a Telephone that records what it is asked.
type line struct {
	asked     []string
	fail      error
	calls     int
	callee    Callee
	keep      func(context.Context) error // what BlockCaller gives
	unblocked error                       // or fails with
}

func (l *line) Dial(to Callee, speaker bool) (string, error) {
	l.asked = append(l.asked, fmt.Sprintf("dial %s speaker=%v", to.Number, speaker))
	l.callee = to
	if l.fail != nil {
		return "", l.fail
	}
	l.calls++
	return fmt.Sprintf("call-%d", l.calls), nil
}

func (l *line) Answer(id string, speaker bool) error {
	l.asked = append(l.asked, fmt.Sprintf("answer %s speaker=%v", id, speaker))
	return nil
}

func (l *line) Hangup(id string) error {
	l.asked = append(l.asked, "hangup "+id)
	return nil
}

func (l *line) Busy(id string) error {
	l.asked = append(l.asked, "busy "+id)
	return nil
}

func (l *line) BlockCaller(id string) (func(context.Context) error, error) {
	l.asked = append(l.asked, "block "+id)
	return l.keep, l.unblocked
}

// rig is an Agent with its surroundings. Each message it writes, and each that
// say hands to it, is checked against its schema. It works in a synctest bubble, where
// synctest.Wait tells when the agent has nothing left to do.
type rig struct {
	*Agent
	line   *line
	book   *contacts
	past   *calls
	rules  *ruleBook
	screen *screen
	events []Event
	focus  []bool
	routes []bool
}

func newRig(t *testing.T, adjust func(*Config)) *rig {
	t.Helper()
	r := &rig{line: &line{}, book: &contacts{}, past: &calls{}, rules: &ruleBook{}, screen: &screen{}}
	cfg := Config{
		Telephone: r.line, Book: r.book, History: r.past, Rules: r.rules, Display: r.screen, Canonical: canonical,
		Emit: func(ev Event) {
			assert.NoError(t, checkSchema(ev.Name, ev.JSON), "%s", ev.JSON)
			r.events = append(r.events, ev)
		},
		Focus:         func(held bool) { r.focus = append(r.focus, held) },
		AudioRoute:    func(speaker bool) error { r.routes = append(r.routes, speaker); return nil },
		PlayServiceID: "ours",
	}
	if adjust != nil {
		adjust(&cfg)
	}
	var err error
	r.Agent, err = New(cfg)
	require.NoError(t, err)
	return r
}

func (r *rig) say(t *testing.T, name, payload string) error {
	t.Helper()
	m := message(name, newID(), payload)
	assert.NoError(t, checkSchema(name, m), payload)
	return r.Handle(t.Context(), m)
}

// context reads the context as it stands.
func (r *rig) context(t *testing.T) PhoneCallContext {
	t.Helper()
	data, err := r.Context(t.Context())
	require.NoError(t, err)
	assert.NoError(t, checkSchema("context", data), "%s", data)
	var c Context
	require.NoError(t, json.Unmarshal(data, &c))
	return c.PhoneCall
}

func message(name, id, payload string) []byte {
	return fmt.Appendf(nil, `{"header":{"namespace":"PhoneCall","name":%q,"messageId":%q,"dialogRequestId":"d-%s","version":"1.2"},"payload":%s}`,
		name, id, id, payload)
}

func (r *rig) see(ev dialer.Event) {
	r.Observe(ev)
	synctest.Wait()
}

// last decodes the newest event.
func (r *rig) last(t *testing.T) decoded {
	t.Helper()
	require.NotEmpty(t, r.events)
	var d decoded
	require.NoError(t, json.Unmarshal(r.events[len(r.events)-1].JSON, &d))
	return d
}

func (r *rig) names() []string {
	var out []string
	for _, e := range r.events {
		out = append(out, e.Name)
	}
	return out
}

type decoded struct {
	Context struct {
		PhoneCall struct {
			Version, State, NumberBlockable string
			Recipient                       *struct{ Name, Token, IsMobile, IsRecentMissed string }
		}
	}
	Event struct {
		Header  Header
		Payload map[string]json.RawMessage
	}
}

const callBob = `{"playServiceId":"theirs","callType":"NORMAL","recipient":{"name":"Bob","type":"CONTACT","future":[1,2],"contacts":[{"label":"HOME","number":"600"}]}}`

func TestMakeCall_ToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.Close()
		require.NoError(t, r.Handle(t.Context(), message("MakeCall", "m1", callBob)))
		assert.Equal(t, []string{"dial 600 speaker=false"}, r.line.asked)
		assert.Equal(t, Outgoing, r.State())
		assert.Empty(t, r.events, "nothing is told before the INVITE has left")

		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventDialing})
		d := r.last(t)
		assert.Equal(t, "MakeCallSucceeded", d.Event.Header.Name)
		assert.Equal(t, "d-m1", d.Event.Header.ReferrerDialogRequestID)
		assert.Equal(t, "1.3", d.Event.Header.Version)
		assert.Equal(t, "OUTGOING", d.Context.PhoneCall.State)
		assert.JSONEq(t, `{"name":"Bob","type":"CONTACT","future":[1,2],"contacts":[{"label":"HOME","number":"600"}]}`,
			string(d.Event.Payload["recipient"]), "unknown members survive")
		assert.JSONEq(t, `"theirs"`, string(d.Event.Payload["playServiceId"]))

		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventAnswered})
		d = r.last(t)
		assert.Equal(t, "CallEstablished", d.Event.Header.Name)
		assert.Empty(t, d.Event.Header.ReferrerDialogRequestID)
		assert.Equal(t, "Bob", d.Context.PhoneCall.Recipient.Name)

		require.NoError(t, r.say(t, "EndCall", `{}`))
		assert.Equal(t, "hangup call-1", r.line.asked[1])
		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventEnded, Outcome: &dialer.Outcome{InviteSent: true, EndedBy: dialer.Local}})
		d = r.last(t)
		assert.Equal(t, "CallEnded", d.Event.Header.Name)
		assert.Equal(t, "IDLE", d.Context.PhoneCall.State)
		assert.Nil(t, d.Context.PhoneCall.Recipient)
		assert.Equal(t, []string{"MakeCallSucceeded", "CallEstablished", "CallEnded"}, r.names())
		assert.Equal(t, []bool{true, false}, r.focus)

		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventEnded, Outcome: &dialer.Outcome{}})
		assert.Len(t, r.events, 3, "the end is told once")
	})
}

func TestMakeCall_LocalFailure(t *testing.T) {
	for name, adjust := range map[string]func(*Config){
		"dial":       func(c *Config) { c.Telephone.(*line).fail = errors.New("not registered") },
		"permission": func(c *Config) { c.Permission = func() error { return errors.New("no") } },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, adjust)
			defer r.Close()
			require.NoError(t, r.say(t, "MakeCall", callBob), name)
			d := r.last(t)
			assert.Equal(t, "MakeCallFailed", d.Event.Header.Name, name)
			assert.JSONEq(t, `"NO_SYSTEM_PERMISSION"`, string(d.Event.Payload["errorCode"]))
			assert.JSONEq(t, `"NORMAL"`, string(d.Event.Payload["callType"]))
			assert.NotEmpty(t, d.Event.Header.ReferrerDialogRequestID)
			assert.Equal(t, Idle, r.State())
			assert.Len(t, r.events, 1, "no CallEnded follows")
		})
	}
}

func TestMakeCall_NoInviteLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.Close()
		require.NoError(t, r.say(t, "MakeCall", callBob))
		r.see(dialer.Event{CallID: "call-1", Type: dialer.EventEnded, Outcome: &dialer.Outcome{EndedBy: dialer.Network}})
		assert.Equal(t, []string{"MakeCallFailed"}, r.names())
		assert.Equal(t, Idle, r.State())

		// This side was at fault: no port for the sound, say.
		require.NoError(t, r.say(t, "MakeCall", callBob))
		r.see(dialer.Event{CallID: "call-2", Type: dialer.EventEnded, Outcome: &dialer.Outcome{
			Disposition: dialer.MediaFailed, EndedBy: dialer.Local,
		}})
		assert.Equal(t, []string{"MakeCallFailed", "MakeCallFailed"}, r.names())

		// EndCall was faster than the INVITE: nothing failed.
		require.NoError(t, r.say(t, "MakeCall", callBob))
		r.see(dialer.Event{CallID: "call-3", Type: dialer.EventEnded, Outcome: &dialer.Outcome{
			Disposition: dialer.Cancelled, EndedBy: dialer.Local,
		}})
		assert.Equal(t, []string{"MakeCallFailed", "MakeCallFailed", "CallEnded"}, r.names())
	})
}

func TestMakeCall_TypesAndNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.Close()
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"VIDEO","recipient":{"name":"B","type":"NONE","contacts":[{"number":"1"}]}}`))
		d := r.last(t)
		assert.JSONEq(t, `"CALL_TYPE_NOT_SUPPORTED"`, string(d.Event.Payload["errorCode"]))
		assert.JSONEq(t, `"VIDEO"`, string(d.Event.Payload["callType"]))
		assert.Empty(t, r.line.asked)

		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"B","type":"NONE"}}`))
		assert.JSONEq(t, `"NO_SYSTEM_PERMISSION"`, string(r.last(t).Event.Payload["errorCode"]), "nothing to dial")

		require.NoError(t, r.say(t, "MakeCall", `{"callType":"SPEAKER","recipient":{"name":"B","type":"T114","contacts":[{"number":"119"}]}}`))
		assert.Equal(t, []string{"dial 119 speaker=true"}, r.line.asked)
		refused := r.say(t, "MakeCall", callBob)
		assert.ErrorContains(t, refused, "a call is already up")
		assert.Equal(t, Outgoing, r.State(), "the live call stays")
	})
}

func TestIncoming_AcceptAndToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.WhoIs = func(string) Party { return Party{Name: "김민수", IsMobile: true} }
		})
		defer r.Close()
		arrival := dialer.Event{CallID: "in-1", Type: dialer.EventIncoming, Remote: sip.Identity{URI: sip.URI{Scheme: "sip", User: "01012345678", Host: "h"}}}
		r.see(arrival)
		d := r.last(t)
		assert.Equal(t, "CallArrived", d.Event.Header.Name)
		assert.Equal(t, "INCOMING", d.Context.PhoneCall.State)
		assert.Equal(t, "TRUE", d.Context.PhoneCall.NumberBlockable)
		var caller struct{ Name, Token, IsMobile, IsRecentMissed string }
		require.NoError(t, json.Unmarshal(d.Event.Payload["caller"], &caller))
		assert.Equal(t, "TRUE", caller.IsMobile)
		assert.Equal(t, "FALSE", caller.IsRecentMissed)
		assert.NotEmpty(t, caller.Token)
		assert.Equal(t, caller.Token, d.Context.PhoneCall.Recipient.Token)
		assert.JSONEq(t, `"ours"`, string(d.Event.Payload["playServiceId"]))
		assert.Empty(t, r.focus, "focus is not held while ringing")

		second := arrival
		second.CallID = "in-2"
		r.see(second)
		assert.Equal(t, []string{"busy in-2"}, r.line.asked)
		assert.Len(t, r.events, 1, "no second CallArrived")

		require.NoError(t, r.say(t, "AcceptCall", `{"speakerPhone":true}`))
		assert.Equal(t, "answer in-1 speaker=true", r.line.asked[1])
		r.see(dialer.Event{CallID: "in-1", Type: dialer.EventAnswered})
		r.see(dialer.Event{CallID: "in-1", Type: dialer.EventEnded, Outcome: &dialer.Outcome{EndedBy: dialer.Remote}})
		assert.Equal(t, []string{"CallArrived", "CallEstablished", "CallEnded"}, r.names())
		assert.Equal(t, []bool{true, false}, r.focus)

		require.NoError(t, r.say(t, "MakeCall", fmt.Sprintf(`{"callType":"NORMAL","recipient":{"name":"x","type":"CONTACT","token":%q}}`, caller.Token)))
		assert.Equal(t, "dial 01012345678 speaker=false", r.line.asked[2], "the token resolves the caller")
	})
}

func TestDirectives_OutOfPlaceDoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.Close()
		require.NoError(t, r.say(t, "EndCall", `{}`))
		require.NoError(t, r.say(t, "AcceptCall", `{"speakerPhone":false}`))
		require.NoError(t, r.say(t, "BlockIncomingCall", `{}`))
		assert.Empty(t, r.line.asked)
		assert.Empty(t, r.events)
	})
}

func TestHandle_RepeatedMessageRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Telephone.(*line).fail = errors.New("down") })
		defer r.Close()
		m := message("MakeCall", "same", callBob)
		require.NoError(t, r.Handle(t.Context(), m))
		require.NoError(t, r.Handle(t.Context(), m))
		assert.Len(t, r.line.asked, 1)
		time.Sleep(11 * time.Minute) // in the bubble
		require.NoError(t, r.Handle(t.Context(), m))
		assert.Len(t, r.line.asked, 1, "fewer than a thousand came since")
	})
}

func TestRecent_ForgetsAfterTenMinutesAndAThousand(t *testing.T) {
	var r recent
	start := time.Now()
	isNew := func(id string, at time.Time) bool {
		_, repeated := r.add(id, at, newAnswer())
		return !repeated
	}
	require.True(t, isNew("first", start))
	for i := range 1500 {
		require.True(t, isNew(fmt.Sprint(i), start.Add(time.Second)))
	}
	assert.False(t, isNew("first", start.Add(9*time.Minute)))
	assert.True(t, isNew("first", start.Add(11*time.Minute)))
	assert.LessOrEqual(t, len(r.order), 1502)
	assert.Equal(t, len(r.order), len(r.at))
}

func TestHandle_WrapsAndSiblings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.Close()
		both := fmt.Sprintf(`{"directives":[%s,%s]}`, message("Dance", "a", `{}`), message("MakeCall", "b", callBob))
		err := r.Handle(t.Context(), []byte(both))
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, "Dance", refused.Name)
		assert.Equal(t, "a", refused.MessageID)
		assert.Equal(t, []string{"dial 600 speaker=false"}, r.line.asked, "the sibling ran")
		require.NoError(t, r.Handle(t.Context(), fmt.Appendf(nil, `{"directive":%s}`, message("EndCall", "c", `{}`))))
		assert.Len(t, r.line.asked, 2)
	})
}

func TestHandle_RefusesWithTheField(t *testing.T) {
	for _, c := range refusedMessages() {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nil)
			defer r.Close()
			for _, err := range []error{r.Handle(t.Context(), []byte(c.message)), Validate([]byte(c.message))} {
				refused := Refusals(err)
				require.Len(t, refused, 1, c.message)
				assert.Equal(t, c.field, refused[0].Field, c.message)
				assert.NotEmpty(t, refused[0].Reason)
			}
			assert.Empty(t, r.line.asked)
			assert.Empty(t, r.events)
			assert.Empty(t, r.rules.kept)
		})
	}
}

func TestHandle_AfterClose(t *testing.T) {
	r := newRig(t, nil)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	assert.ErrorIs(t, r.Handle(context.Background(), message("EndCall", "m", `{}`)), ErrClosed)
	assert.ErrorIs(t, r.HideCandidates(), ErrClosed)
	assert.ErrorIs(t, r.ReleaseTemplate(), ErrClosed)
}
