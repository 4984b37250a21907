package agent

import (
	"encoding/json"
	"strings"
)

// CallType says how a call is to be made (PhoneCall 1.3, MakeCall.callType).
type CallType string

// The call types of PhoneCall 1.3. Only NORMAL and SPEAKER can be made here.
const (
	CallNormal  CallType = "NORMAL"
	CallSpeaker CallType = "SPEAKER"
	CallVideo   CallType = "VIDEO"
	CallCallar  CallType = "CALLAR"
)

// ErrorCode is the errorCode of MakeCallFailed (PhoneCall 1.3).
type ErrorCode string

// The error codes of PhoneCall 1.3; there are no others.
const (
	NoSystemPermission   ErrorCode = "NO_SYSTEM_PERMISSION"
	CallTypeNotSupported ErrorCode = "CALL_TYPE_NOT_SUPPORTED"
)

// Bool is a truth value that the interface writes as "TRUE" or "FALSE". It
// reads a JSON boolean and any case as well.
type Bool bool

// MarshalJSON implements json.Marshaler.
func (b Bool) MarshalJSON() ([]byte, error) {
	if b {
		return []byte(`"TRUE"`), nil
	}
	return []byte(`"FALSE"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bool) UnmarshalJSON(data []byte) error {
	var v bool
	if json.Unmarshal(data, &v) == nil {
		*b = Bool(v)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*b = Bool(strings.EqualFold(s, "TRUE"))
	return nil
}

// Contact is one way to reach a Person.
type Contact struct {
	Label     string `json:"label,omitempty"`
	Number    string `json:"number,omitempty"`
	IsBlocked *Bool  `json:"isBlocked,omitempty"`
}

// Party is the other side of a call as the context and CallArrived show it.
type Party struct {
	Name           string `json:"name,omitempty"`
	Token          string `json:"token,omitempty"`
	IsMobile       Bool   `json:"isMobile"`
	IsRecentMissed Bool   `json:"isRecentMissed"`
}

// Person is somebody to call. The whole JSON object is kept as it came, so
// members that this version does not know survive in MakeCallSucceeded.
type Person struct {
	Name     string
	Type     string
	Token    string
	Contacts []Contact
	raw      object
}

// MarshalJSON implements json.Marshaler; it writes what was read.
func (p Person) MarshalJSON() ([]byte, error) {
	if p.raw != nil {
		return json.Marshal(p.raw)
	}
	return json.Marshal(struct {
		Name     string    `json:"name"`
		Type     string    `json:"type"`
		Token    string    `json:"token,omitempty"`
		Contacts []Contact `json:"contacts,omitempty"`
	}{p.Name, p.Type, p.Token, p.Contacts})
}

// readPerson reads a Person at path; name and type are mandatory.
func readPerson(raw json.RawMessage, path string) (Person, *RefusedError) {
	obj, err := decodeObject(raw)
	if err != nil {
		return Person{}, &RefusedError{Field: path, Reason: "must be a Person object", Err: err}
	}
	p := Person{raw: obj, Token: obj.optionalString("token")}
	var refused *RefusedError
	if p.Name, refused = obj.mandatoryString(path, "name"); refused != nil {
		return Person{}, refused
	}
	if p.Type, refused = obj.mandatoryString(path, "type"); refused != nil {
		return Person{}, refused
	}
	if raw, ok := obj["contacts"]; ok {
		if err := json.Unmarshal(raw, &p.Contacts); err != nil {
			return Person{}, &RefusedError{Field: path + ".contacts", Reason: "must be an array of Contact objects", Err: err}
		}
	}
	return p, nil
}

// number is the first number the sender gave, or empty.
func (p Person) number() string {
	for _, c := range p.Contacts {
		if strings.TrimSpace(c.Number) != "" {
			return strings.TrimSpace(c.Number)
		}
	}
	return ""
}
