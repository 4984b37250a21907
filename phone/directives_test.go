package phone_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// tell hands a directive in.
func (u *user) tell(t *testing.T, name, payload string) {
	t.Helper()
	require.NoError(t, u.Agent().Handle(t.Context(), directive(name, payload)), payload)
}

// context reads the PhoneCall context.
func (u *user) context(t *testing.T) agent.PhoneCallContext {
	t.Helper()
	data, err := u.Agent().Context(t.Context())
	require.NoError(t, err)
	var c agent.Context
	require.NoError(t, json.Unmarshal(data, &c))
	return c.PhoneCall
}

// list hands in a SendCandidates and returns whom it lists.
func (u *user) list(t *testing.T, payload string) []agent.Person {
	t.Helper()
	u.tell(t, "SendCandidates", payload)
	return u.context(t).Template.Candidates
}

// save puts a contact into the phonebook.
func (u *user) save(t *testing.T, c phonebook.Contact) phonebook.Contact {
	t.Helper()
	c, err := u.Contacts().Put(t.Context(), c)
	require.NoError(t, err)
	return c
}

// Everything a contact has comes with the candidate but its numbers; a call to
// the token reaches the number that was meant.
func TestPhone_CandidatesFromThePhonebook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModePhone)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		saved := alice.save(t, phonebook.Contact{
			Name: "김민수", ImageURL: "https://example.com/kim.png", Category: "친구", Road: "세종대로 1", Jibun: "태평로 31",
			Hours: phonebook.Hours{Open: "09:00", Close: "18:00", Info: "점심 12시"}, POI: "poi-1",
			Entries: []phonebook.Entry{{Label: phonebook.Home, Number: "02-312-3456"}, {Label: phonebook.Company, Number: "010-3333-4444"}},
		})
		list := alice.list(t, `{"intent":"CALL","recipientIntended":{"name":"ㄱㅁㅅ","label":"회사"}}`)
		require.Len(t, list, 1)
		no := agent.Bool(false)
		score := list[0].Score
		assert.Equal(t, agent.Person{
			Name: "김민수", Type: agent.PersonContact, ProfileImgURL: "https://example.com/kim.png", Category: "친구",
			Address:       &agent.Address{Road: "세종대로 1", Jibun: "태평로 31"},
			BusinessHours: &agent.BusinessHours{Open: "09:00", Close: "18:00", Info: "점심 12시"},
			Token:         saved.Token, Score: score, NumInCallHistory: "0", POIID: "poi-1",
			Contacts: []agent.Contact{{Label: agent.LabelCompany, IsBlocked: &no}, {Label: agent.LabelHome, IsBlocked: &no}},
		}, list[0])
		alice.tell(t, "MakeCall", fmt.Sprintf(`{"callType":"NORMAL","recipient":{"name":"김민수","type":"CONTACT","token":%q}}`, saved.Token))
		time.Sleep(time.Second)
		assert.Equal(t, "INCOMING", bob.context(t).State.String())
		assert.Equal(t, "김민수", alice.context(t).Recipient.Name)
		assert.True(t, bool(alice.context(t).Recipient.IsMobile))
		bob.tell(t, "EndCall", `{}`)
		time.Sleep(time.Second)
		list = alice.list(t, `{"intent":"SEARCH","recipientIntended":{"name":"김민수"}}`)
		assert.Equal(t, "1", list[0].NumInCallHistory)
		assert.Equal(t, agent.HistoryOutCanceled, list[0].History.Type)
		assert.Equal(t, agent.CallNormal, list[0].History.CallType)
		alice.mu.Lock()
		defer alice.mu.Unlock()
		for _, ev := range alice.events {
			if strings.HasPrefix(ev.Type, phone.TypePhoneCall) {
				assert.NotContains(t, string(ev.Data), "3333")
			}
		}
	})
}

// A call by name alone, a caller by the name in the phonebook, and what the
// history lists afterwards.
func TestPhone_HistoryRedialAndMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModePhone)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		alice.save(t, phonebook.Contact{Name: "Bob", Entries: []phonebook.Entry{{Label: phonebook.Mobile, Number: "010-3333-4444"}}})
		bob.save(t, phonebook.Contact{Name: "앨리스", Entries: []phonebook.Entry{{Label: phonebook.Mobile, Number: "+82 10 1111 2222"}}})

		alice.tell(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"bob","type":"CONTACT"}}`)
		time.Sleep(time.Second)
		assert.Equal(t, "앨리스", bob.context(t).Recipient.Name, "the name in the phonebook")
		assert.False(t, bool(bob.context(t).Recipient.IsRecentMissed))
		alice.tell(t, "EndCall", `{}`)
		time.Sleep(time.Second)

		missed := bob.list(t, `{"intent":"MISSED"}`)
		require.Len(t, missed, 1)
		assert.Equal(t, "앨리스", missed[0].Name)
		assert.Equal(t, agent.HistoryMissed, missed[0].History.Type)
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		assert.Equal(t, rows[0].Started.Local().Format("2006-01-02T15:04:05"), missed[0].History.Time)

		redial := alice.list(t, `{"intent":"REDIAL"}`)
		require.Len(t, redial, 1)
		assert.Equal(t, "Bob", redial[0].Name)
		alice.tell(t, "MakeCall", fmt.Sprintf(`{"callType":"NORMAL","recipient":{"name":"Bob","type":"CONTACT","token":%q}}`, redial[0].Token))
		time.Sleep(time.Second)
		assert.True(t, bool(bob.context(t).Recipient.IsRecentMissed), "the last one was missed")
		bob.tell(t, "AcceptCall", `{"speakerPhone":true}`)
		time.Sleep(time.Second)
		bob.tell(t, "EndCall", `{}`)
		time.Sleep(time.Second)
		all := bob.list(t, `{"intent":"HISTORY"}`)
		require.Len(t, all, 1, "one for each number")
		assert.Equal(t, agent.HistoryIn, all[0].History.Type)
		assert.Equal(t, "2", alice.list(t, `{"intent":"HISTORY"}`)[0].NumInCallHistory)
	})
}

// Who was called by a directive and is no contact is listed by the name, type
// and label that the directive said, and without the number; so it is in the
// journal and after a restart. Somebody elsewhere is called there again.
func TestPhone_RedialOfSomebodyWhoIsNoContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		path := filepath.Join(t.TempDir(), "a.db")
		alice := w.phoneAt(t, "10.0.0.2", "01011112222", config.ModePhone, path)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		alice.tell(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"한국치과","type":"T114","token":"1","contacts":[{"label":"COMPANY","number":"010-3333-4444"}]}}`)
		time.Sleep(time.Second)
		bob.tell(t, "AcceptCall", `{"speakerPhone":false}`)
		time.Sleep(time.Second)
		alice.tell(t, "EndCall", `{}`)
		time.Sleep(time.Second)
		assert.Equal(t, "한국치과", callEvent(t, alice, phone.TypeEnded).Name)
		alice.close(t)

		alice = w.phoneAt(t, "10.0.0.2", "01011112222", config.ModePhone, path)
		defer alice.close(t)
		for _, intent := range []string{"REDIAL", "HISTORY", "SAVE_CONTACT"} {
			list := alice.list(t, `{"intent":"`+intent+`"}`)
			require.Len(t, list, 1, intent)
			assert.Equal(t, "한국치과", list[0].Name)
			assert.Equal(t, agent.PersonT114, list[0].Type)
			assert.Equal(t, agent.HistoryOut, list[0].History.Type)
			assert.Equal(t, agent.LabelCompany, list[0].Contacts[0].Label)
			assert.Empty(t, list[0].Contacts[0].Number)
			assert.NotEqual(t, "1", list[0].Token, "what that meant is not known any more")
		}
		redial := alice.list(t, `{"intent":"REDIAL"}`)[0]
		alice.tell(t, "MakeCall", fmt.Sprintf(`{"callType":"NORMAL","recipient":{"name":"한국치과","type":"T114","token":%q}}`, redial.Token))
		time.Sleep(time.Second)
		assert.Equal(t, "INCOMING", bob.context(t).State.String())
		alice.tell(t, "EndCall", `{}`)
		time.Sleep(time.Second)

		alice.tell(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"Carol","type":"NONE","contacts":[{"number":"sip:carol@10.0.0.9"}]}}`)
		time.Sleep(time.Second)
		alice.tell(t, "EndCall", `{}`)
		time.Sleep(time.Minute)
		redial = alice.list(t, `{"intent":"REDIAL"}`)[0]
		assert.Equal(t, "Carol", redial.Name)
		assert.Equal(t, "1", redial.NumInCallHistory)
		who, ok := alice.Agent().Resolve(t.Context(), redial.Token)
		require.True(t, ok)
		assert.Equal(t, "sip:carol@10.0.0.9", who.Contacts[0].Number)
	})
}

// callEvent is the newest call event of that type.
func callEvent(t *testing.T, u *user, kind string) (data phone.CallEvent) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, ev := range u.events {
		if ev.Type == kind {
			require.NoError(t, json.Unmarshal(ev.Data, &data))
		}
	}
	return data
}

// EndCall right behind MakeCall, before and after the INVITE has left: it is
// told whether it left, and one end.
func TestPhone_EndCallRightBehindMakeCall(t *testing.T) {
	for _, after := range []time.Duration{0, time.Nanosecond, time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "01011112222", "01033334444")
			defer w.close(t)
			alice := w.phone(t, "10.0.0.2", "01011112222", config.ModePhone)
			defer alice.close(t)
			alice.tell(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"Bob","type":"NONE","contacts":[{"number":"01033334444"}]}}`)
			if after > 0 {
				time.Sleep(after)
			}
			alice.tell(t, "EndCall", `{}`)
			time.Sleep(10 * time.Second)
			want := "CallEnded"
			if strings.Contains(alice.types("call."), "dialing") {
				want = "MakeCallSucceeded CallEnded"
			}
			assert.Equal(t, want, alice.types(phone.TypePhoneCall), after)
			if after > 0 {
				assert.Contains(t, want, "Succeeded")
			}
			assert.Equal(t, "IDLE", alice.context(t).State.String())
			rows, err := alice.Store().History(t.Context(), store.HistoryFilter{})
			require.NoError(t, err)
			require.Len(t, rows, 1)
			assert.Equal(t, store.HistoryOutCanceled, rows[0].Type)
			assert.Equal(t, "Bob", rows[0].Name)
		})
	}
}

// EndCall right behind AcceptCall hangs up what was answered.
func TestPhone_EndCallRightBehindAcceptCall(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "alice", "bob")
			defer w.close(t)
			alice := w.phone(t, "10.0.0.2", "alice", config.ModeAutomation)
			defer alice.close(t)
			bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
			defer bob.close(t)
			c, err := alice.Dial(t.Context(), "bob", phone.DialOptions{})
			require.NoError(t, err)
			time.Sleep(time.Second)
			require.NoError(t, bob.Agent().Handle(t.Context(), []byte(`{"directives":[`+
				string(directive("AcceptCall", `{"speakerPhone":false}`))+`,`+string(directive("EndCall", `{}`))+`]}`)))
			<-c.Done()
			time.Sleep(time.Second)
			assert.Equal(t, "CallArrived CallEstablished CallEnded", bob.types(phone.TypePhoneCall))
		})
	}
}

// Who withheld the number is in the history without one, is nobody to list or to
// block, and no caller like another.
func TestPhone_AnonymousCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModeAutomation)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		for _, then := range []string{"EndCall", "BlockIncomingCall"} {
			c, err := alice.Dial(t.Context(), "01033334444", phone.DialOptions{Headers: []sip.Header{{Name: "Privacy", Value: "id"}}})
			require.NoError(t, err)
			time.Sleep(time.Second)
			who := bob.context(t).Recipient
			assert.False(t, bool(who.IsRecentMissed))
			assert.False(t, bool(who.IsMobile))
			bob.tell(t, then, `{}`)
			<-c.Done()
			time.Sleep(time.Second)
		}
		assert.Zero(t, bob.Rules().Len(), "there is no number to block")
		for _, intent := range []string{"HISTORY", "BLOCK", "SAVE_CONTACT"} {
			assert.Empty(t, bob.list(t, `{"intent":"`+intent+`"}`), intent)
		}
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for _, r := range rows {
			assert.Equal(t, store.HistoryRejected, r.Type)
			assert.Empty(t, r.Number)
		}
		bob.mu.Lock()
		defer bob.mu.Unlock()
		for _, ev := range bob.events {
			assert.NotEqual(t, "calls/", ev.Subject, ev.Type)
		}
	})
}

// BlockNumber holds at once and after a restart; candidates for blocking have
// their numbers and say what is blocked already.
func TestPhone_BlockNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModeAutomation)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		call := func() int {
			c, err := alice.Dial(t.Context(), "01033334444", phone.DialOptions{})
			require.NoError(t, err)
			time.Sleep(time.Second)
			require.NoError(t, c.Hangup(t.Context()))
			<-c.Done()
			time.Sleep(time.Second)
			return c.Outcome().Code
		}
		call()
		who := bob.list(t, `{"intent":"BLOCK"}`)
		require.Len(t, who, 1)
		assert.Equal(t, "01011112222", who[0].Contacts[0].Number)
		assert.False(t, bool(*who[0].Contacts[0].IsBlocked))
		bob.tell(t, "BlockNumber", fmt.Sprintf(`{"number":%q,"blockType":"EXACT"}`, who[0].Contacts[0].Number))
		assert.True(t, bool(*bob.list(t, `{"intent":"BLOCK"}`)[0].Contacts[0].IsBlocked))
		assert.Equal(t, 603, call())
		assert.Equal(t, "CandidatesListed", strings.Fields(bob.types(phone.TypePhoneCall))[2])
		assert.Equal(t, 1, strings.Count(bob.types(phone.TypePhoneCall), "CallArrived"), "the blocked call did not ring")
		assert.Equal(t, agent.HistoryBlocked, bob.list(t, `{"intent":"HISTORY"}`)[0].History.Type)

		rules, err := bob.Store().Rules().RuleChanges(t.Context(), -1, func(r store.StoredRule) {
			assert.Equal(t, "EXACT", r.Type)
			assert.Equal(t, "01011112222", r.Pattern)
			assert.Equal(t, "BlockNumber", r.By)
		})
		require.NoError(t, err)
		assert.Positive(t, rules)
		for number, reason := range map[string]string{"119": "emergency", "  ": "empty", strings.Repeat("1", 65): "longer than 64"} {
			refused := agent.Refusals(bob.Agent().Handle(t.Context(), directive("BlockNumber", fmt.Sprintf(`{"number":%q,"blockType":"EXACT"}`, number))))
			require.Len(t, refused, 1)
			assert.Equal(t, "payload.number", refused[0].Field)
			assert.Contains(t, refused[0].Reason, reason)
		}
	})
}

// numberBlockable turns FALSE once more than 1,000 rules exist; duplicates do
// not count.
func TestPhone_NumberBlockable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "bob")
		defer w.close(t)
		bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
		defer bob.close(t)
		var entries []blocklist.Entry
		for i := range 1000 {
			entries = append(entries, blocklist.Entry{Type: blocklist.Prefix, Pattern: fmt.Sprint(2000 + i)})
		}
		_, err := bob.Rules().Import(t.Context(), entries, "test")
		require.NoError(t, err)
		bob.tell(t, "BlockNumber", `{"number":"2999","blockType":"PREFIX"}`)
		assert.True(t, bool(bob.context(t).NumberBlockable), "a thousand rules")
		bob.tell(t, "BlockNumber", `{"number":"010-5555-6666","blockType":"POSTFIX"}`)
		assert.False(t, bool(bob.context(t).NumberBlockable))
		assert.ErrorContains(t, bob.Agent().Handle(t.Context(), directive("BlockNumber", `{"number":"2999","blockType":"PREFIX"}`)), "numberBlockable is FALSE")
	})
}

// A number that the user named in words of their own is USER_DEFINED.
func TestPhone_UsersOwnLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "bob")
		defer w.close(t)
		bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
		defer bob.close(t)
		bob.save(t, phonebook.Contact{Name: "별다방", Entries: []phonebook.Entry{{Number: "02-312-3456"}, {Text: "예약", Number: "02-312-3457"}}})
		list := bob.list(t, `{"intent":"CALL","recipientIntended":{"name":"별다방","label":"예약"}}`)
		require.Len(t, list, 1)
		require.Len(t, list[0].Contacts, 2)
		assert.Equal(t, agent.LabelUserDefined, list[0].Contacts[0].Label)
		assert.Empty(t, list[0].Contacts[1].Label)
	})
}
