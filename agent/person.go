package agent

import "encoding/json"

// PersonType says where a Person was found (PhoneCall 1.3, Person.type).
type PersonType string

// The types of a Person. Others are kept as they came.
const (
	PersonContact  PersonType = "CONTACT"
	PersonExchange PersonType = "EXCHANGE"
	PersonT114     PersonType = "T114" // directory enquiries
	PersonNone     PersonType = "NONE"
)

// Label names one number of a Person (PhoneCall 1.3, Contact.label).
type Label string

// The labels of PhoneCall 1.3. Others are kept as they came.
const (
	LabelMobile      Label = "MOBILE"
	LabelCompany     Label = "COMPANY"
	LabelHome        Label = "HOME"
	LabelUserDefined Label = "USER_DEFINED"
)

// HistoryType says how a call went (PhoneCall 1.3, Person.history.type).
type HistoryType string

// The types of calls in the history.
const (
	HistoryOut          HistoryType = "OUT"
	HistoryOutCanceled  HistoryType = "OUT_CANCELED"
	HistoryIn           HistoryType = "IN"
	HistoryRejected     HistoryType = "REJECTED"
	HistoryMissed       HistoryType = "MISSED"
	HistoryVoiceMessage HistoryType = "VOICE_MESSAGE" // read, never written
	HistoryBlocked      HistoryType = "BLOCKED"
)

// Person is somebody to call (PhoneCall 1.3, Common Objects). Name and Type are
// mandatory. Members that this version does not know, and empty or strangely
// typed ones, survive in Extra.
type Person struct {
	Name             string         `json:"name"`
	Type             PersonType     `json:"type"`
	ProfileImgURL    string         `json:"profileImgUrl,omitempty"`
	Category         string         `json:"category,omitempty"` // line of business
	Address          *Address       `json:"address,omitempty"`
	BusinessHours    *BusinessHours `json:"businessHours,omitempty"`
	History          *CallRecord    `json:"history,omitempty"`
	NumInCallHistory string         `json:"numInCallHistory,omitempty"` // outgoing calls: "0", "1", ...
	Token            string         `json:"token,omitempty"`
	Score            string         `json:"score,omitempty"` // confidence; ours are "0.00" to "1.00"
	Contacts         []Contact      `json:"contacts,omitempty"`
	POIID            string         `json:"poiId,omitempty"` // point of interest, for maps
	Extra            Extra          `json:"-"`
}

// Address is where a business is.
type Address struct {
	Road  string `json:"road,omitempty"`  // by street
	Jibun string `json:"jibun,omitempty"` // by lot
	Extra Extra  `json:"-"`
}

// BusinessHours are kept as they came: ISO 8601 or HH:mm, and words.
type BusinessHours struct {
	Open  string `json:"open,omitempty"`
	Close string `json:"close,omitempty"`
	Info  string `json:"info,omitempty"`
	Extra Extra  `json:"-"`
}

// CallRecord is the newest call with a Person.
type CallRecord struct {
	Time     string      `json:"time,omitempty"` // ISO 8601, local time without zone: 2007-12-03T10:15:30
	Type     HistoryType `json:"type,omitempty"`
	CallType CallType    `json:"callType,omitempty"` // NORMAL, VIDEO, CALLAR, GROUP, VOICE_MESSAGE
	Extra    Extra       `json:"-"`
}

// Contact is one number of a Person.
type Contact struct {
	Label     Label  `json:"label,omitempty"`
	Number    string `json:"number,omitempty"`
	IsBlocked *Bool  `json:"isBlocked,omitempty"` // nil: not said
	Extra     Extra  `json:"-"`
}

// Party is the other side of a call as the context and CallArrived show it.
type Party struct {
	Name           string `json:"name,omitempty"`
	Token          string `json:"token,omitempty"`
	IsMobile       Bool   `json:"isMobile"`
	IsRecentMissed Bool   `json:"isRecentMissed"`
	Extra          Extra  `json:"-"`
}

// MarshalJSON implements json.Marshaler.
func (p Person) MarshalJSON() ([]byte, error) {
	type plain Person
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Person) UnmarshalJSON(data []byte) (err error) {
	type plain Person
	*p = Person{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}

// MarshalJSON implements json.Marshaler.
func (a Address) MarshalJSON() ([]byte, error) {
	type plain Address
	return marshalOpen(plain(a), a.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Address) UnmarshalJSON(data []byte) (err error) {
	type plain Address
	*a = Address{}
	a.Extra, err = unmarshalOpen(data, (*plain)(a))
	return err
}

// MarshalJSON implements json.Marshaler.
func (b BusinessHours) MarshalJSON() ([]byte, error) {
	type plain BusinessHours
	return marshalOpen(plain(b), b.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *BusinessHours) UnmarshalJSON(data []byte) (err error) {
	type plain BusinessHours
	*b = BusinessHours{}
	b.Extra, err = unmarshalOpen(data, (*plain)(b))
	return err
}

// MarshalJSON implements json.Marshaler.
func (r CallRecord) MarshalJSON() ([]byte, error) {
	type plain CallRecord
	return marshalOpen(plain(r), r.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *CallRecord) UnmarshalJSON(data []byte) (err error) {
	type plain CallRecord
	*r = CallRecord{}
	r.Extra, err = unmarshalOpen(data, (*plain)(r))
	return err
}

// MarshalJSON implements json.Marshaler.
func (c Contact) MarshalJSON() ([]byte, error) {
	type plain Contact
	return marshalOpen(plain(c), c.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Contact) UnmarshalJSON(data []byte) (err error) {
	type plain Contact
	*c = Contact{}
	c.Extra, err = unmarshalOpen(data, (*plain)(c))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p Party) MarshalJSON() ([]byte, error) {
	type plain Party
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler. The sample of CallArrived writes
// isRecentMisssed; it is read too.
func (p *Party) UnmarshalJSON(data []byte) (err error) {
	type plain Party
	*p = Party{}
	if p.Extra, err = unmarshalOpen(data, (*plain)(p)); err != nil {
		return err
	}
	const misspelt = "isRecentMisssed"
	if raw, ok := p.Extra[misspelt]; ok && json.Unmarshal(raw, &p.IsRecentMissed) == nil {
		delete(p.Extra, misspelt)
	}
	return nil
}
