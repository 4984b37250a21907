package api

import "time"

// Call is one call of the history. Times that never were are absent.
type Call struct {
	ID        int64     `json:"id"`
	Call      string    `json:"call,omitempty" doc:"The call's id in the events."`
	Direction string    `json:"direction" enum:"in,out"`
	Type      string    `json:"type" doc:"PhoneCall 1.3, history.type." example:"MISSED"`
	Number    string    `json:"number" doc:"In the form in which numbers are compared; empty for anonymous callers."`
	RawNumber string    `json:"raw_number,omitempty" doc:"As it came."`
	Name      string    `json:"name,omitempty"`
	Account   string    `json:"account,omitempty"`
	CallType  string    `json:"call_type,omitempty" example:"NORMAL"`
	Cause     string    `json:"cause,omitempty" example:"completed"`
	Started   time.Time `json:"started"`
	Answered  time.Time `json:"answered,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	RingMS    int64     `json:"ring_ms" doc:"Milliseconds."`
	TalkMS    int64     `json:"talk_ms" doc:"Milliseconds."`
	SIPCode   int       `json:"sip_code,omitempty"`
}

// History is one page of calls, newest first.
type History struct {
	Calls []Call `json:"calls" nullable:"false"`
	Next  int64  `json:"next,omitempty" doc:"Give it as before= for older calls; absent on the last page."`
}
