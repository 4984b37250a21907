package agent

import "encoding/json"

// RecipientIntended is whom the user spoke of, as it was understood.
type RecipientIntended struct {
	Name  string `json:"name,omitempty"`
	Label string `json:"label,omitempty"` // free speech: 집, 회사, mobile, ...
	Extra Extra  `json:"-"`
}

// The payloads of the directives (PhoneCall 1.3, Directives).
type (
	// SendCandidates asks for a list of people. Intent is mandatory.
	SendCandidates struct {
		PlayServiceID     string             `json:"playServiceId,omitempty"`
		Intent            Intent             `json:"intent"`
		RecipientIntended *RecipientIntended `json:"recipientIntended,omitempty"`
		CallType          CallType           `json:"callType,omitempty"`
		SearchScene       SearchScene        `json:"searchScene,omitempty"`
		Candidates        []Person           `json:"candidates,omitempty"`
		// InteractionControl is echoed in CandidatesListed; the text of the
		// specification does not name it.
		InteractionControl json.RawMessage `json:"interactionControl,omitempty"`
		Extra              Extra           `json:"-"`
	}
	// MakeCall asks for a call. Recipient and CallType are mandatory.
	MakeCall struct {
		PlayServiceID string   `json:"playServiceId,omitempty"`
		Recipient     Person   `json:"recipient"`
		CallType      CallType `json:"callType"`
		Extra         Extra    `json:"-"`
	}
	// EndCall cancels, rejects or ends the call there is.
	EndCall struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		Extra         Extra  `json:"-"`
	}
	// AcceptCall answers the ringing call. SpeakerPhone is mandatory.
	AcceptCall struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		SpeakerPhone  bool   `json:"speakerPhone"`
		Extra         Extra  `json:"-"`
	}
	// BlockIncomingCall blocks the number that rings, and rejects the call.
	BlockIncomingCall struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		Extra         Extra  `json:"-"`
	}
	// BlockNumber keeps a block rule. Number and BlockType are mandatory.
	BlockNumber struct {
		PlayServiceID string    `json:"playServiceId,omitempty"`
		Number        string    `json:"number"`
		BlockType     BlockType `json:"blockType"`
		Extra         Extra     `json:"-"`
	}
)

// The payloads of the events (PhoneCall 1.3, Events).
type (
	// CandidatesListed tells that a list is shown; the list is in the context.
	CandidatesListed struct {
		PlayServiceID      string          `json:"playServiceId,omitempty"`
		InteractionControl json.RawMessage `json:"interactionControl,omitempty"`
	}
	// CallArrived tells of a ringing call.
	CallArrived struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		Caller        Party  `json:"caller"`
	}
	// CallEnded tells that the call is over.
	CallEnded struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
	}
	// CallEstablished tells that the call was answered.
	CallEstablished struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
	}
	// MakeCallFailed tells that no call could be attempted.
	MakeCallFailed struct {
		PlayServiceID string    `json:"playServiceId,omitempty"`
		ErrorCode     ErrorCode `json:"errorCode"`
		CallType      CallType  `json:"callType"`
	}
	// MakeCallSucceeded tells that the attempt is under way.
	MakeCallSucceeded struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		Recipient     Person `json:"recipient"`
	}
)

// MarshalJSON implements json.Marshaler.
func (r RecipientIntended) MarshalJSON() ([]byte, error) {
	type plain RecipientIntended
	return marshalOpen(plain(r), r.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *RecipientIntended) UnmarshalJSON(data []byte) (err error) {
	type plain RecipientIntended
	*r = RecipientIntended{}
	r.Extra, err = unmarshalOpen(data, (*plain)(r))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p SendCandidates) MarshalJSON() ([]byte, error) {
	type plain SendCandidates
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *SendCandidates) UnmarshalJSON(data []byte) (err error) {
	type plain SendCandidates
	*p = SendCandidates{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p MakeCall) MarshalJSON() ([]byte, error) {
	type plain MakeCall
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *MakeCall) UnmarshalJSON(data []byte) (err error) {
	type plain MakeCall
	*p = MakeCall{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p EndCall) MarshalJSON() ([]byte, error) {
	type plain EndCall
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *EndCall) UnmarshalJSON(data []byte) (err error) {
	type plain EndCall
	*p = EndCall{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p AcceptCall) MarshalJSON() ([]byte, error) {
	type plain AcceptCall
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *AcceptCall) UnmarshalJSON(data []byte) (err error) {
	type plain AcceptCall
	*p = AcceptCall{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p BlockIncomingCall) MarshalJSON() ([]byte, error) {
	type plain BlockIncomingCall
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *BlockIncomingCall) UnmarshalJSON(data []byte) (err error) {
	type plain BlockIncomingCall
	*p = BlockIncomingCall{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}

// MarshalJSON implements json.Marshaler.
func (p BlockNumber) MarshalJSON() ([]byte, error) {
	type plain BlockNumber
	return marshalOpen(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *BlockNumber) UnmarshalJSON(data []byte) (err error) {
	type plain BlockNumber
	*p = BlockNumber{}
	p.Extra, err = unmarshalOpen(data, (*plain)(p))
	return err
}
