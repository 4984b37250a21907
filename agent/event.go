package agent

import "encoding/json"

// emit writes one event and hands it on.
func (a *Agent) emit(name string, c Context, payload any, referrer string) {
	type event struct {
		Header  Header `json:"header"`
		Payload any    `json:"payload"`
	}
	data, err := json.Marshal(struct {
		Context Context `json:"context"`
		Event   event   `json:"event"`
	}{c, event{Header{
		Namespace: Namespace, Name: name, MessageID: newID(), DialogRequestID: newID(),
		ReferrerDialogRequestID: referrer, Version: Version,
	}, payload}})
	if err != nil { // every type above marshals; raw members were JSON when they came
		a.log.Error("event could not be written", "name", name, "error", err)
		return
	}
	a.log.Info("event", "name", name, "state", a.state.String(), "call", a.call.id)
	ev := Event{Name: name, JSON: data}
	switch name {
	case "CandidatesListed": // is about no call
	case "MakeCallFailed":
		ev.CallID, ev.Cause = a.call.id, a.call.cause
	default:
		ev.CallID = a.call.id
	}
	a.cfg.Emit(ev)
}
