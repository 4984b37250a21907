package agent

import "encoding/json"

// The payloads of the events (PhoneCall 1.3).
type (
	bare struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
	}
	callArrived struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		Caller        Party  `json:"caller"`
	}
	makeCallSucceeded struct {
		PlayServiceID string `json:"playServiceId,omitempty"`
		Recipient     Person `json:"recipient"`
	}
	makeCallFailed struct {
		PlayServiceID string    `json:"playServiceId,omitempty"`
		ErrorCode     ErrorCode `json:"errorCode"`
		CallType      CallType  `json:"callType"`
	}
)

// phoneContext is the PhoneCall part of the context.
type phoneContext struct {
	Version         string `json:"version"`
	State           string `json:"state"`
	Recipient       *Party `json:"recipient,omitempty"`
	NumberBlockable Bool   `json:"numberBlockable"`
}

type contextJSON struct {
	PhoneCall phoneContext `json:"PhoneCall"`
}

func (a *Agent) context() contextJSON {
	c := phoneContext{Version: Version, State: a.state.String()}
	if a.state != Idle {
		c.Recipient = a.call.party
	}
	if a.cfg.NumberBlockable != nil {
		c.NumberBlockable = Bool(a.cfg.NumberBlockable())
	}
	return contextJSON{PhoneCall: c}
}

func (a *Agent) contextJSON() ([]byte, error) { return json.Marshal(a.context()) }

// emit writes one event and hands it on.
func (a *Agent) emit(name string, payload any, referrer string) {
	type event struct {
		Header  Header `json:"header"`
		Payload any    `json:"payload"`
	}
	data, err := json.Marshal(struct {
		Context contextJSON `json:"context"`
		Event   event       `json:"event"`
	}{a.context(), event{Header{
		Namespace: Namespace, Name: name, MessageID: newID(), DialogRequestID: newID(),
		ReferrerDialogRequestID: referrer, Version: Version,
	}, payload}})
	if err != nil { // every type above marshals; raw members were JSON when they came
		a.log.Error("event could not be written", "name", name, "error", err)
		return
	}
	a.log.Info("event", "name", name, "state", a.state.String(), "call", a.call.id)
	a.cfg.Emit(Event{Name: name, CallID: a.call.id, JSON: data})
}
