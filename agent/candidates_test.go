package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// people are the contacts of most tests: two of one name, one with three
// numbers, one that is a place.
func people() []Person {
	return []Person{
		{Name: "김민수", Type: PersonContact, Token: "tok-kim", ProfileImgURL: "https://example.com/kim.png", Contacts: []Contact{
			{Label: LabelHome, Number: "02-111-2222"}, {Label: LabelMobile, Number: "010-1111-2222"}, {Label: LabelCompany, Number: "02-333-4444"},
		}},
		{Name: "김민수", Type: PersonContact, Token: "tok-kim2", Contacts: []Contact{{Label: LabelMobile, Number: "010-9999-0000"}}},
		{Name: "김민수 회사", Type: PersonContact, Token: "tok-firm", Category: "회사", Address: &Address{Road: "세종대로 1", Jibun: "태평로 31"},
			BusinessHours: &BusinessHours{Open: "09:00", Close: "18:00", Info: "점심 12시"}, POIID: "poi-1",
			Contacts: []Contact{{Label: LabelCompany, Number: "1588-0000"}}},
		{Name: "집", Type: PersonContact, Token: "tok-home", Contacts: []Contact{{Label: LabelHome, Number: "02-555-5555"}}},
	}
}

// at is a time of the history, minutes ago from a fixed one.
func at(minutes int) time.Time {
	return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(-time.Duration(minutes) * time.Minute)
}

// pastCalls is a history, newest first.
func pastCalls() []PastCall {
	return []PastCall{
		{Number: "", Name: "", Time: at(1), Type: HistoryMissed},
		{Number: "01011112222", Name: "Kim", Time: at(2), Type: HistoryMissed, CallType: CallNormal},
		{Number: "01077778888", Name: "", Time: at(3), Type: HistoryIn},
		{Number: "021112222", Name: "Kim", Time: at(4), Type: HistoryOut, CallType: CallSpeaker},
		{Number: "01011112222", Name: "Kim", Time: at(5), Type: HistoryOutCanceled},
		{Number: "01077778888", Name: "", Time: at(6), Type: HistoryMissed},
		{Number: "mallory", Name: "Mallory", Time: at(7), Type: HistoryBlocked},
		{Number: "01066660000", Name: "택배", Time: at(8), Type: HistoryRejected},
	}
}

func fill2(r *rig) {
	r.book.people, r.past.rows = people(), pastCalls()
	r.rules.kept = []string{"EXACT 01099990000", "EXACT 01077778888"}
}

// list hands in a SendCandidates and returns what is listed.
func (r *rig) list(t *testing.T, payload string) []Person {
	t.Helper()
	before := len(r.events)
	require.NoError(t, r.say(t, "SendCandidates", payload), payload)
	require.Len(t, r.events, before+1, "one CandidatesListed, whatever was found")
	require.Equal(t, "CandidatesListed", r.events[before].Name)
	c := r.context(t)
	require.NotNil(t, c.Template)
	require.NotNil(t, c.Template.Candidates)
	assert.Equal(t, c.Template.Candidates, r.screen.shown[len(r.screen.shown)-1].Candidates)
	return c.Template.Candidates
}

// brief is a list in a line: name, labels with numbers and blocks.
func brief(list []Person) string {
	var out []string
	for _, p := range list {
		s := p.Name
		for _, c := range p.Contacts {
			s += " " + string(c.Label)
			if c.Number != "" {
				s += "=" + c.Number
			}
			if c.IsBlocked != nil && bool(*c.IsBlocked) {
				s += "!"
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func bubble(t *testing.T, adjust func(*Config), f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, adjust)
		defer r.Close()
		fill2(r)
		f(t, r)
	})
}

func TestSendCandidates_CallFindsContacts(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"CALL","recipientIntended":{"name":"김민수"}}`)
		assert.Equal(t, "김민수 MOBILE HOME COMPANY; 김민수 MOBILE!; 김민수 회사 COMPANY", brief(list), "best first, a mobile number first, no numbers")
		kim := list[0]
		assert.Equal(t, "tok-kim", kim.Token)
		assert.Equal(t, "1.00", kim.Score)
		assert.Equal(t, PersonContact, kim.Type)
		assert.Equal(t, "https://example.com/kim.png", kim.ProfileImgURL)
		assert.Equal(t, "2", kim.NumInCallHistory, "of all their numbers")
		assert.Equal(t, &CallRecord{Time: at(2).Local().Format("2006-01-02T15:04:05"), Type: HistoryMissed, CallType: CallNormal}, kim.History)
		assert.Equal(t, "0", list[1].NumInCallHistory)
		assert.Nil(t, list[1].History)
		firm := list[2]
		assert.Equal(t, &Address{Road: "세종대로 1", Jibun: "태평로 31"}, firm.Address)
		assert.Equal(t, &BusinessHours{Open: "09:00", Close: "18:00", Info: "점심 12시"}, firm.BusinessHours)
		assert.Equal(t, "poi-1", firm.POIID)
		assert.Equal(t, "회사", firm.Category)
		assert.Less(t, firm.Score, "1.00")
		require.NotNil(t, firm.Contacts[0].IsBlocked)
		assert.False(t, bool(*firm.Contacts[0].IsBlocked), "said, though it is the default")
	})
}

// A label in free speech picks the number; MakeCall with the token calls it.
func TestSendCandidates_LabelPicksTheNumber(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"CALL","recipientIntended":{"name":"김민수","label":"회사"}}`)
		assert.Equal(t, "김민수 COMPANY HOME MOBILE", brief(list[:1]))
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"김민수","type":"CONTACT","token":"tok-kim"}}`))
		assert.Equal(t, []string{"dial 02-333-4444 speaker=false"}, r.line.asked)
		assert.Equal(t, "집 HOME", brief(r.list(t, `{"intent":"SEARCH","recipientIntended":{"label":"집"}}`)), "a label alone is a name")
		assert.Empty(t, r.list(t, `{"intent":"CALL"}`), "nobody was asked for")
	})
}

// With the option, or where BlockNumber needs one, numbers are sent.
func TestSendCandidates_NumbersAreKeptBack(t *testing.T) {
	bubble(t, func(c *Config) { c.SendNumbers = true }, func(t *testing.T, r *rig) {
		assert.Equal(t, "김민수 회사 COMPANY=1588-0000", brief(r.list(t, `{"intent":"CALL","recipientIntended":{"name":"김민수 회사"}}`)))
		assert.Equal(t, "김민수 MOBILE=010-1111-2222", brief(r.list(t, `{"intent":"HISTORY"}`)[:1]))
	})
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.list(t, `{"intent":"CALL","recipientIntended":{"name":"김민수"}}`)
		r.list(t, `{"intent":"HISTORY"}`)
		r.list(t, `{"intent":"SAVE_CONTACT"}`)
		for _, ev := range r.events {
			for _, digits := range []string{"1111-2222", "11112222", "77778888", "1588-0000"} {
				assert.NotContains(t, string(ev.JSON), digits)
			}
		}
	})
}

// What came from the exchange and from directory enquiries stays as it came,
// the best of all first; who is in both is listed once.
func TestSendCandidates_MergesGivenCandidates(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"CALL","recipientIntended":{"name":"김민수"},"candidates":[
			{"name":"김민수 치과","type":"T114","score":"0.97","token":"t114-1","contacts":[{"label":"COMPANY","number":"02-777-7777"}],"future":1},
			{"name":"김민수","type":"EXCHANGE","contacts":[{"number":"+82 10 1111 2222"}]},
			{"name":"김민","type":"EXCHANGE","contacts":[{"number":"7001"}]}]}`)
		assert.Equal(t, "김민수 MOBILE!; 김민수 =+82 10 1111 2222; 김민수 치과 COMPANY=02-777-7777; 김민수 회사 COMPANY; 김민 =7001", brief(list))
		same := list[1]
		assert.Equal(t, PersonExchange, same.Type, "as given")
		assert.Equal(t, "tok-kim", same.Token, "filled in")
		assert.Equal(t, "https://example.com/kim.png", same.ProfileImgURL)
		assert.Equal(t, "1.00", same.Score)
		dentist := list[2]
		assert.Equal(t, Extra{"future": json.RawMessage("1")}, dentist.Extra)
		assert.Equal(t, "0", dentist.NumInCallHistory)
		assert.Equal(t, "t114-1", dentist.Token)
		// The token of somebody else resolves to the number that came with it.
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"김민수 치과","type":"T114","token":"t114-1"}}`))
		assert.Equal(t, []string{"dial 02-777-7777 speaker=false"}, r.line.asked)
	})
}

func TestSendCandidates_GivenByNameAloneIsTheContact(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"CALL","recipientIntended":{"name":"집"},"candidates":[{"name":"집","type":"CONTACT"}]}`)
		assert.Equal(t, "집 HOME", brief(list))
		assert.Equal(t, "tok-home", list[0].Token)
		byToken := r.list(t, `{"intent":"SEARCH","recipientIntended":{"name":"집"},"candidates":[{"name":"우리 집","type":"CONTACT","token":"tok-home"}]}`)
		assert.Equal(t, "우리 집 HOME", brief(byToken))
	})
}

func TestSendCandidates_SearchScenes(t *testing.T) {
	const given = `"candidates":[{"name":"소방서","type":"T114","contacts":[{"number":"119"}]},{"name":"내선","type":"EXCHANGE","contacts":[{"number":"010-7777-8888"}]}]`
	for scene, want := range map[string]string{
		"DEFAULT":     "집 HOME; 소방서 =119; 내선 =010-7777-8888!",
		"MOON":        "집 HOME; 소방서 =119; 내선 =010-7777-8888!",
		"T114INCLUDE": "집 HOME; 소방서 =119; 내선 =010-7777-8888!",
		"T114ONLY":    "소방서 =119",
		"T114DIRECT":  "소방서 =119; 내선 =010-7777-8888",
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			list := r.list(t, `{"intent":"CALL","searchScene":"`+scene+`","recipientIntended":{"name":"집"},`+given+`}`)
			assert.Equal(t, want, brief(list), scene)
			assert.Equal(t, SearchScene(scene), r.context(t).Template.SearchScene)
			if scene == "T114DIRECT" {
				assert.Nil(t, list[1].Contacts[0].IsBlocked, "block rules have no part in an emergency")
			}
		})
	}
}

func TestSendCandidates_AtMostSeventy(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for i := range 100 {
			r.book.people = append(r.book.people, Person{Name: fmt.Sprintf("박%02d", i), Type: PersonContact, Token: fmt.Sprint("p", i), Contacts: []Contact{{Number: fmt.Sprint(5000 + i)}}})
		}
		list := r.list(t, `{"intent":"CALL","searchScene":"T114INCLUDE","recipientIntended":{"name":"박"},"candidates":[{"name":"박내과","type":"T114","score":"0.01","contacts":[{"number":"02-1"}]}]}`)
		require.Len(t, list, MaxCandidates)
		assert.Equal(t, "박내과", list[MaxCandidates-1].Name, "the worst score, and kept")
		var many []string
		for i := range 80 {
			kind := "EXCHANGE"
			if i >= 75 {
				kind = "T114"
			}
			many = append(many, fmt.Sprintf(`{"name":"n%d","type":%q}`, i, kind))
		}
		list = r.list(t, `{"intent":"NONE","candidates":[`+strings.Join(many, ",")+`]}`)
		require.Len(t, list, MaxCandidates)
		assert.Equal(t, "n79", list[MaxCandidates-1].Name)
		assert.Equal(t, "n64", list[MaxCandidates-6].Name)
	})
}

func TestSendCandidates_History(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"HISTORY"}`)
		assert.Equal(t, "김민수 MOBILE; …8888 !; 김민수 HOME; Mallory ; 택배 ", brief(list), "one for each number, newest first, withheld ones left out")
		assert.Equal(t, HistoryMissed, list[0].History.Type)
		assert.Equal(t, CallNormal, list[2].History.CallType, "a call with the loudspeaker was a normal call")
		assert.Equal(t, "1", list[2].NumInCallHistory, "of that number")
		assert.Equal(t, PersonNone, list[1].Type)
		assert.Equal(t, HistoryBlocked, list[3].History.Type)
		// The token means that number, though the contact has others.
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"김민수","type":"CONTACT","token":"`+list[2].Token+`"}}`))
		assert.Equal(t, []string{"dial 02-111-2222 speaker=false"}, r.line.asked)
		assert.Equal(t, "김민수 MOBILE; 김민수 HOME", brief(r.list(t, `{"intent":"HISTORY","recipientIntended":{"name":"김민수"}}`)), "with whom")
		assert.Equal(t, "택배 ", brief(r.list(t, `{"intent":"HISTORY","recipientIntended":{"name":"택배"}}`)), "by the name that the call brought")
		assert.Equal(t, "김민수 MOBILE; …8888 !; 김민수 HOME; Mallory ; 택배 ; 지점 =7001",
			brief(r.list(t, `{"intent":"HISTORY","candidates":[{"name":"지점","type":"EXCHANGE","contacts":[{"number":"7001"}]}]}`)), "given ones after ours")
	})
}

// Who is in no contact is listed by the name, type and label of the call, under
// a new token; a name that is the number is no name.
func TestSendCandidates_HistoryOfStrangers(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.past.rows = []PastCall{
			{Number: "027770000", Name: "한국치과", Person: PersonT114, Label: LabelCompany, Time: at(1), Type: HistoryOut},
			{Number: "7001", Name: "총무과", Person: PersonExchange, Time: at(2), Type: HistoryOut},
			{Number: "01012341234", Name: "동창", Person: PersonContact, Label: LabelMobile, Time: at(3), Type: HistoryOut},
			{Number: "01088887777", Name: "010-8888-7777", Time: at(4), Type: HistoryIn},
			{Number: "025555555", Name: "옛 이름", Person: PersonT114, Label: LabelMobile, Time: at(5), Type: HistoryOut},
		}
		list := r.list(t, `{"intent":"HISTORY"}`)
		assert.Equal(t, "한국치과 COMPANY; 총무과 ; 동창 MOBILE; …7777 ; 집 HOME", brief(list))
		var types []PersonType
		for _, p := range list {
			types = append(types, p.Type)
		}
		assert.Equal(t, []PersonType{PersonT114, PersonExchange, PersonNone, PersonNone, PersonContact}, types)
		assert.NotContains(t, string(r.events[0].JSON), "8888")
		again := r.list(t, `{"intent":"HISTORY"}`)
		for i := range list {
			assert.NotEqual(t, list[i].Token, again[i].Token, "a new one in each list")
		}
		require.NoError(t, r.say(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"한국치과","type":"T114","token":"`+list[0].Token+`"}}`))
		assert.Equal(t, Callee{"027770000", "한국치과", PersonT114, LabelCompany}, r.line.callee)
	})
}

func TestSendCandidates_Missed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"MISSED"}`)
		assert.Equal(t, "김민수 MOBILE; …8888 !", brief(list))
		assert.Equal(t, at(6).Local().Format("2006-01-02T15:04:05"), list[1].History.Time, "the call that was missed, not a later one")
	})
}

func TestSendCandidates_Redial(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"REDIAL"}`)
		assert.Equal(t, "김민수 HOME", brief(list))
		assert.Equal(t, HistoryOut, list[0].History.Type)
		r.past.rows = nil
		assert.Empty(t, r.list(t, `{"intent":"REDIAL"}`))
	})
}

// Nobody is added, one of each name is left, and a bare name is looked up.
func TestSendCandidates_ExactOne(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"EXACT_ONE","recipientIntended":{"name":"김민수"},"candidates":[
			{"name":"엄마","type":"CONTACT","score":"0.4"},
			{"name":"엄마","type":"CONTACT","score":"0.9","token":"mum"},
			{"name":"집","type":"CONTACT"},
			{"name":"집","type":"NONE"},
			{"name":"택배","type":"NONE"},{"name":"택 배","type":"NONE","contacts":[{"number":"010-6666-0000"}]}]}`)
		assert.Equal(t, "엄마; 집 HOME; 택 배 =010-6666-0000", brief(list))
		assert.Equal(t, "mum", list[0].Token)
		assert.Equal(t, "tok-home", list[1].Token)
		assert.Equal(t, HistoryRejected, list[2].History.Type)
		byLabel := r.list(t, `{"intent":"EXACT_ONE","recipientIntended":{"name":"김민수","label":"회사"},"candidates":[{"name":"김민수","type":"CONTACT"}]}`)
		assert.Equal(t, "김민수 COMPANY HOME MOBILE", brief(byLabel))
	})
}

func TestSendCandidates_SaveContact(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		list := r.list(t, `{"intent":"SAVE_CONTACT","recipientIntended":{"name":"기사님"},"candidates":[{"name":"별다방","type":"T114","contacts":[{"number":"02-1"}]}]}`)
		assert.Equal(t, "…8888 !; Mallory ; 택배 ; 별다방 =02-1", brief(list), "who is in no contact, and who was given")
		p, ok := r.Resolve(t.Context(), list[0].Token)
		require.True(t, ok)
		assert.Equal(t, "01077778888", p.Contacts[0].Number, "saving is done here, with the number behind the token")
		_, ok = r.Resolve(t.Context(), "nobody")
		assert.False(t, ok)
	})
}

func TestSendCandidates_Block(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		assert.Equal(t, "김민수 MOBILE=010-1111-2222 HOME=02-111-2222 COMPANY=02-333-4444; 김민수 MOBILE=010-9999-0000!; 김민수 회사 COMPANY=1588-0000",
			brief(r.list(t, `{"intent":"BLOCK","recipientIntended":{"name":"김민수"}}`)))
		assert.Equal(t, "김민수 MOBILE=010-1111-2222; …8888 =01077778888!; Mallory =mallory; 택배 =01066660000",
			brief(r.list(t, `{"intent":"BLOCK"}`)), "who called")
		given := r.list(t, `{"intent":"BLOCK","recipientIntended":{"name":"x"},"candidates":[{"name":"저 집","type":"CONTACT","token":"tok-home"}]}`)
		assert.Equal(t, "저 집 HOME=02-555-5555", brief(given), "BlockNumber needs a number")
		given = r.list(t, `{"intent":"BLOCK","candidates":[{"name":"a","type":"NONE","contacts":[{"number":"010-9999-0000","isBlocked":"FALSE"},{"number":"010-9999-0001","isBlocked":"TRUE"}]}]}`)
		assert.Equal(t, "a =010-9999-0000! =010-9999-0001", brief(given[len(given)-1:]), "by the rules that there are, whatever came")
	})
}

func TestSendCandidates_None(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		const given = `[{"name":"B","type":"NONE","contacts":[{"number":"010-9999-0000"}],"x":{}},{"name":"A","type":"CONTACT"}]`
		r.list(t, `{"intent":"NONE","recipientIntended":{"name":"김민수"},"candidates":`+given+`}`)
		data, err := json.Marshal(r.context(t).Template.Candidates)
		require.NoError(t, err)
		assert.JSONEq(t, given, string(data), "as given")
	})
}

// The template is kept as it came until the next one, or until it is released;
// the candidates only while they are shown.
func TestTemplate_KeptUntilReleased(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		assert.Nil(t, r.context(t).Template)
		require.NoError(t, r.Handle(t.Context(), message("SendCandidates", "m1", `{"playServiceId":"theirs","intent":"CALL",
			"recipientIntended":{"name":"집","label":"우리 집","mood":"glad"},"callType":"SPEAKER","searchScene":"DEFAULT","interactionControl":{"mode":"MULTI_TURN"},"later":[1]}`)))
		d := r.last(t)
		assert.Equal(t, "CandidatesListed", d.Event.Header.Name)
		assert.Equal(t, "d-m1", d.Event.Header.ReferrerDialogRequestID)
		assert.JSONEq(t, `{"mode":"MULTI_TURN"}`, string(d.Event.Payload["interactionControl"]))
		assert.JSONEq(t, `"theirs"`, string(d.Event.Payload["playServiceId"]))
		want := Template{
			Intent: IntentCall, CallType: CallSpeaker, SearchScene: SceneDefault, Extra: Extra{"later": json.RawMessage("[1]")},
			RecipientIntended: &RecipientIntended{Name: "집", Label: "우리 집", Extra: Extra{"mood": json.RawMessage(`"glad"`)}},
		}
		got := *r.context(t).Template
		assert.Len(t, got.Candidates, 1)
		require.NoError(t, r.HideCandidates())
		assert.Equal(t, &want, r.context(t).Template, "not shown, and still worked on")
		require.NoError(t, r.HideCandidates())
		assert.Empty(t, r.list(t, `{"intent":"SEARCH","recipientIntended":{"name":"nobody"},"candidates":[]}`), "an empty result is told of too")
		assert.Equal(t, IntentSearch, r.context(t).Template.Intent, "the next one takes its place")
		assert.JSONEq(t, `"ours"`, string(r.last(t).Event.Payload["playServiceId"]))
		assert.NotContains(t, string(r.last(t).Event.Payload["interactionControl"]), "mode")
		require.NoError(t, r.ReleaseTemplate())
		assert.Nil(t, r.context(t).Template)
		require.NoError(t, r.ReleaseTemplate())
		assert.Equal(t, 1, r.screen.released)
		require.NoError(t, r.HideCandidates())
		assert.Nil(t, r.context(t).Template)
	})
}

// Without contacts and history, and when they cannot be read, a list is made of
// what there is.
func TestSendCandidates_WithoutContactsOrHistory(t *testing.T) {
	intents := []Intent{IntentCall, IntentSearch, IntentHistory, IntentRedial, IntentMissed, IntentExactOne, IntentSaveContact, IntentBlock, IntentNone}
	bare := func(c *Config) { c.Book, c.History, c.Rules, c.Canonical = nil, nil, nil, nil }
	for _, intent := range intents {
		payload := fmt.Sprintf(`{"intent":%q,"recipientIntended":{"name":"A"},"candidates":[{"name":"A","type":"CONTACT"}]}`, intent)
		bubble(t, bare, func(t *testing.T, r *rig) {
			assert.Equal(t, "A", brief(r.list(t, payload)), string(intent))
		})
		bubble(t, nil, func(t *testing.T, r *rig) {
			r.book.people, r.book.fail, r.past.fail = nil, errDisk, errDisk
			assert.Equal(t, "A", brief(r.list(t, payload)), string(intent))
		})
	}
	bubble(t, bare, func(t *testing.T, r *rig) {
		assert.False(t, bool(r.context(t).NumberBlockable), "nothing can be blocked without rules")
	})
}
