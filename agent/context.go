package agent

import (
	"encoding/json"
	"maps"
)

// Context is what PhoneCall adds to the context of a device (PhoneCall 1.3,
// Context).
type Context struct {
	PhoneCall PhoneCallContext `json:"PhoneCall"`
	Extra     Extra            `json:"-"` // other interfaces of the device, by namespace
}

// PhoneCallContext is the state of the phone.
type PhoneCallContext struct {
	Version         string    `json:"version"`
	State           State     `json:"state"`
	Template        *Template `json:"template,omitempty"`
	Recipient       *Party    `json:"recipient,omitempty"` // in every state but IDLE
	NumberBlockable Bool      `json:"numberBlockable"`
	Extra           Extra     `json:"-"`
}

// Template is the SendCandidates that is being worked on.
type Template struct {
	Intent            Intent             `json:"intent,omitempty"`
	CallType          CallType           `json:"callType,omitempty"`
	RecipientIntended *RecipientIntended `json:"recipientIntended,omitempty"`
	SearchScene       SearchScene        `json:"searchScene,omitempty"`
	Candidates        []Person           `json:"candidates,omitzero"` // nil: not shown at present; empty: nobody was found
	Extra             Extra              `json:"-"`
}

// MarshalJSON implements json.Marshaler.
func (c Context) MarshalJSON() ([]byte, error) {
	type plain Context
	return marshalOpen(plain(c), c.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Context) UnmarshalJSON(data []byte) (err error) {
	type plain Context
	*c = Context{}
	c.Extra, err = unmarshalOpen(data, (*plain)(c))
	return err
}

// MarshalJSON implements json.Marshaler.
func (c PhoneCallContext) MarshalJSON() ([]byte, error) {
	type plain PhoneCallContext
	return marshalOpen(plain(c), c.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *PhoneCallContext) UnmarshalJSON(data []byte) (err error) {
	type plain PhoneCallContext
	*c = PhoneCallContext{}
	c.Extra, err = unmarshalOpen(data, (*plain)(c))
	return err
}

// MarshalJSON implements json.Marshaler.
func (t Template) MarshalJSON() ([]byte, error) {
	type plain Template
	return marshalOpen(plain(t), t.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Template) UnmarshalJSON(data []byte) (err error) {
	type plain Template
	*t = Template{}
	t.Extra, err = unmarshalOpen(data, (*plain)(t))
	return err
}

// context is the PhoneCall part as it stands.
func (a *Agent) context() Context {
	c := PhoneCallContext{Version: Version, State: a.state, Template: a.template}
	if a.state != Idle {
		c.Recipient = a.call.party
	}
	c.NumberBlockable = Bool(a.cfg.Rules != nil && a.cfg.Rules.Blockable())
	return Context{PhoneCall: c}
}

// fullContext is the context with what the device's other interfaces add;
// CallArrived and CandidatesListed carry it.
func (a *Agent) fullContext() Context {
	c := a.context()
	if a.cfg.Surroundings == nil {
		return c
	}
	c.Extra = Extra{}
	maps.Copy(c.Extra, a.cfg.Surroundings())
	delete(c.Extra, Namespace)
	return c
}

func (a *Agent) contextJSON() ([]byte, error) { return json.Marshal(a.context()) }
