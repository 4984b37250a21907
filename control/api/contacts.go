package api

import "time"

// Number is one number of a contact.
type Number struct {
	Label     string `json:"label,omitempty" enum:"MOBILE,COMPANY,HOME,USER_DEFINED" doc:"PhoneCall 1.3, Contact.label."`
	Text      string `json:"text,omitempty" maxLength:"512" doc:"The user's own label."`
	Number    string `json:"number" minLength:"1" maxLength:"512" doc:"As given." example:"010-1234-5678"`
	Canonical string `json:"canonical,omitempty" doc:"In the form in which numbers are compared; ignored in requests." example:"01012345678"`
	Mobile    bool   `json:"mobile,omitempty" doc:"A mobile number; ignored in requests."`
}

// Hours are business hours, verbatim.
type Hours struct {
	Open  string `json:"open,omitempty"`
	Close string `json:"close,omitempty"`
	Info  string `json:"info,omitempty"`
}

// Contact is one person or place.
type Contact struct {
	ID       int64     `json:"id,omitempty" doc:"Given by the phone; ignored in requests, where the path says it."`
	Token    string    `json:"token,omitempty" maxLength:"256" doc:"Unique and lasting; made by the phone when absent."`
	Name     string    `json:"name" minLength:"1" maxLength:"512"`
	Numbers  []Number  `json:"numbers,omitempty" maxItems:"64"`
	ImageURL string    `json:"imageUrl,omitempty"`
	Category string    `json:"category,omitempty"`
	Road     string    `json:"road,omitempty" doc:"The address by road."`
	Jibun    string    `json:"jibun,omitempty" doc:"The address by lot."`
	Hours    *Hours    `json:"hours,omitempty"`
	POI      string    `json:"poiId,omitempty"`
	Updated  time.Time `json:"updated,omitzero" doc:"Set by the phone; ignored in requests."`
}

// ContactList is one page of contacts, by ascending id.
type ContactList struct {
	Contacts []Contact `json:"contacts" nullable:"false"`
	Total    int       `json:"total" doc:"Contacts there are in all."`
	Next     int64     `json:"next,omitempty" doc:"Give it as after= for the next page; absent on the last one."`
}

// ContactMatch is a contact that a search found.
type ContactMatch struct {
	Contact Contact `json:"contact"`
	Entry   int     `json:"entry" doc:"Place in numbers of the one to call; -1 when there is none."`
	Score   float64 `json:"score" doc:"Above 0, at most 1."`
	Exact   bool    `json:"exact" doc:"The name is the one looked for, or the contact has the number."`
	Labeled bool    `json:"labeled" doc:"The number has the label asked for."`
}

// ContactMatches answers a search, best first.
type ContactMatches struct {
	Matches []ContactMatch `json:"matches" nullable:"false"`
}

// ContactImport is many contacts to keep, all or none.
type ContactImport struct {
	Contacts []Contact `json:"contacts" nullable:"false"`
}

// ContactsImported answers an import.
type ContactsImported struct {
	Added    int             `json:"added"`
	Replaced int             `json:"replaced" doc:"Contacts that were there already: of the same token, or of the same name and numbers."`
	Problems []ImportProblem `json:"problems,omitempty" doc:"What in a vCard or CSV was not taken over as it is."`
}

// ImportProblem is something in a file that was not taken over as it is.
type ImportProblem struct {
	Line  int    `json:"line" doc:"From 1; the first one with this problem."`
	Count int    `json:"count" doc:"How often it came."`
	Kind  string `json:"kind" enum:"changed,dropped,skipped"`
	Text  string `json:"text"`
}
