package agent

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// roundTrip reads and writes a message by its Go type.
func roundTrip(t *testing.T, typ reflect.Type, data string) string {
	t.Helper()
	v := reflect.New(typ)
	require.NoError(t, json.Unmarshal([]byte(data), v.Interface()), data)
	out, err := json.Marshal(v.Interface())
	require.NoError(t, err)
	return string(out)
}

// Whatever a payload holds comes out again: fields of the tables, members that
// nobody knows, empty ones, and ones of another type.
func TestTypes_RoundTrip(t *testing.T) {
	for _, typ := range directiveTypes() {
		for _, p := range acceptedPayloads()[typ.Name()] {
			assert.JSONEq(t, p, roundTrip(t, typ, p), typ.Name())
		}
	}
	for _, data := range []string{
		wholePerson,
		`{"name":"A","type":"FRIEND","contacts":[],"category":"","score":0.93,"address":"Seoul","history":[],"isBlocked":true}`,
		`{"name":"A","type":"NONE","contacts":[{"label":"","number":"","isBlocked":"MAYBE"},{"number":600}],"unknown":null}`,
	} {
		assert.JSONEq(t, data, roundTrip(t, reflect.TypeFor[Person](), data))
	}
	for _, data := range []string{
		`{"PhoneCall":{"version":"1.3","state":"INCOMING","recipient":{"name":"A","token":"t","isMobile":"TRUE","isRecentMissed":"FALSE","mood":1},"numberBlockable":"TRUE","ring":2},"Speaker":{"volume":7}}`,
		`{"PhoneCall":{"version":"1.4","state":"IDLE","template":{"intent":"CALL","candidates":[],"x":{}},"numberBlockable":"FALSE"}}`,
		`{"PhoneCall":{"version":"1.3","state":"IDLE","template":{"intent":"BLOCK","callType":"NORMAL","recipientIntended":{"name":"a","label":"집","y":2},"searchScene":"DEFAULT","candidates":[` + wholePerson + `]},"numberBlockable":"FALSE"}}`,
	} {
		assert.JSONEq(t, data, roundTrip(t, reflect.TypeFor[Context](), data))
	}
}

func TestTypes_FieldsOfThePerson(t *testing.T) {
	var p Person
	require.NoError(t, json.Unmarshal([]byte(wholePerson), &p))
	yes := Bool(true)
	assert.Equal(t, Person{
		Name: "별다방", Type: PersonT114, ProfileImgURL: "https://example.com/a.png", Category: "카페",
		Address:          &Address{Road: "세종대로 1", Jibun: "태평로 31", Extra: Extra{"floor": []byte("2")}},
		BusinessHours:    &BusinessHours{Open: "09:00", Close: "2007-12-03T22:00:00", Info: "연중무휴", Extra: Extra{"break": []byte(`"14:00"`)}},
		History:          &CallRecord{Time: "2007-12-03T10:15:30", Type: HistoryVoiceMessage, CallType: CallGroup, Extra: Extra{"length": []byte("9")}},
		NumInCallHistory: "3", Token: "t-1", Score: "0.93",
		Contacts: []Contact{
			{Label: LabelCompany, Number: "02-312-3456", IsBlocked: &yes, Extra: Extra{"since": []byte("2020")}},
			{Label: "FAX"}, {},
		},
		POIID: "poi-7", Extra: Extra{"rating": []byte("4.5")},
	}, p)
}

// A field that gets a value goes before what came under its name.
func TestTypes_ValuesGoBeforeExtra(t *testing.T) {
	var p Person
	require.NoError(t, json.Unmarshal([]byte(`{"name":"A","type":"NONE","score":1,"token":""}`), &p))
	p.Score, p.Token = "0.5", "new"
	p.Extra["bad"] = json.RawMessage(`{`)
	out, err := json.Marshal(p)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"A","type":"NONE","score":"0.5","token":"new"}`, string(out))
	assert.Error(t, json.Unmarshal([]byte(`[]`), &p), "no object")
}

// The sample of CallArrived has one s too many; it is read and not written.
func TestParty_ReadsTheMisspeltSample(t *testing.T) {
	out := roundTrip(t, reflect.TypeFor[Party](), `{"name":"A","token":"t","isMobile":"false","isRecentMisssed":"true"}`)
	assert.JSONEq(t, `{"name":"A","token":"t","isMobile":"FALSE","isRecentMissed":"TRUE"}`, out)
}

func TestBool_ReadsBooleansAndAnyCase(t *testing.T) {
	for in, want := range map[string]string{
		`true`: `"TRUE"`, `false`: `"FALSE"`, `"TRUE"`: `"TRUE"`, `"False"`: `"FALSE"`, `"true"`: `"TRUE"`,
	} {
		assert.Equal(t, want, roundTrip(t, reflect.TypeFor[Bool](), in))
	}
	var b Bool
	assert.ErrorContains(t, json.Unmarshal([]byte(`"MAYBE"`), &b), "neither")
	assert.Error(t, json.Unmarshal([]byte(`7`), &b))
}

// Kinds of calls that this phone does not make are read and written all the same.
func TestTypes_ValuesOfTheHistory(t *testing.T) {
	for _, kind := range []CallType{CallNormal, CallVideo, CallCallar, CallGroup, CallVoiceMessage, "HOLOGRAM"} {
		data := `{"time":"2007-12-03T10:15:30","type":"VOICE_MESSAGE","callType":"` + string(kind) + `"}`
		assert.JSONEq(t, data, roundTrip(t, reflect.TypeFor[CallRecord](), data))
	}
}
