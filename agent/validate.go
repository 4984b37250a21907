package agent

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Validate reads one delivery as Handle does and returns the same refusals, as
// far as they do not depend on what the phone is doing. Nothing is carried out.
func Validate(message []byte) error {
	var errs []error
	for i, d := range decode(message) {
		if d.refused == nil {
			if _, d.refused = d.read(); d.refused != nil {
				d.refused = d.refused.of(d.directive, i)
			}
		}
		if d.refused != nil {
			errs = append(errs, d.refused)
		}
	}
	return errors.Join(errs...)
}

// Refusals are the refused directives in an error of Handle or Validate, in
// order; empty when there are none.
func Refusals(err error) []*RefusedError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*RefusedError
		for _, e := range joined.Unwrap() {
			out = append(out, Refusals(e)...)
		}
		return out
	}
	var refused *RefusedError
	if errors.As(err, &refused) {
		return []*RefusedError{refused}
	}
	return nil
}

// of enters which directive of the delivery was refused.
func (e *RefusedError) of(d directive, index int) *RefusedError {
	e.Index, e.Name, e.MessageID = index, d.Header.Name, d.Header.MessageID
	return e
}

// maxPayload bounds one payload as it is written, and the candidates of a list,
// in bytes, so that an event that repeats them has room in the journal (1 MiB).
const maxPayload = 300 << 10

// read validates the payload and returns it as one of the payload types.
func (d directive) read() (any, *RefusedError) {
	const path = "payload"
	payload, refused := d.readPayload(path)
	if refused != nil || len(d.raw) <= maxPayload/6 { // writing makes a byte of text six at most
		return payload, refused
	}
	data, err := json.Marshal(payload)
	if err != nil || len(data) > maxPayload {
		return nil, &RefusedError{Field: path, Reason: fmt.Sprintf("has %d bytes; at most %d are taken", len(data), maxPayload), Err: err}
	}
	return payload, nil
}

func (d directive) readPayload(path string) (any, *RefusedError) {
	switch d.Header.Name {
	case "SendCandidates":
		return d.readSendCandidates(path)
	case "MakeCall":
		return d.readMakeCall(path)
	case "EndCall":
		return fill[EndCall](d, path)
	case "AcceptCall":
		raw, ok := d.Payload["speakerPhone"]
		if !ok {
			return nil, &RefusedError{Field: path + ".speakerPhone", Reason: "is missing"}
		}
		var speaker bool
		if err := json.Unmarshal(raw, &speaker); err != nil {
			return nil, &RefusedError{Field: path + ".speakerPhone", Reason: "must be true or false, without quotes", Err: err}
		}
		return fill[AcceptCall](d, path)
	case "BlockIncomingCall":
		return fill[BlockIncomingCall](d, path)
	case "BlockNumber":
		return d.readBlockNumber(path)
	}
	return nil, &RefusedError{Field: "header.name", Reason: fmt.Sprintf("%q is not a directive this phone carries out", clip(d.Header.Name))}
}

// fill reads the payload into its type, once its mandatory members are checked.
func fill[T any](d directive, path string) (T, *RefusedError) {
	var p T
	if err := json.Unmarshal(d.raw, &p); err != nil {
		return p, &RefusedError{Field: path, Reason: "must be a JSON object", Err: err}
	}
	return p, nil
}

func (d directive) readSendCandidates(path string) (any, *RefusedError) {
	intent, err := d.Payload.mandatoryString(path, "intent")
	if err != nil {
		return nil, err
	}
	if !Intent(intent).known() {
		return nil, &RefusedError{Field: path + ".intent", Reason: fmt.Sprintf(
			"is %q; it must be CALL, SEARCH, HISTORY, REDIAL, MISSED, EXACT_ONE, SAVE_CONTACT, BLOCK or NONE", clip(intent))}
	}
	if raw, ok := d.Payload["recipientIntended"]; ok {
		if _, err := decodeObject(raw); err != nil {
			return nil, &RefusedError{Field: path + ".recipientIntended", Reason: "must be a JSON object", Err: err}
		}
	}
	if raw, ok := d.Payload["candidates"]; ok {
		var people []json.RawMessage
		if err := json.Unmarshal(raw, &people); err != nil {
			return nil, &RefusedError{Field: path + ".candidates", Reason: "must be an array of Person objects", Err: err}
		}
		for i, p := range people {
			if err := checkPerson(p, fmt.Sprintf("%s.candidates[%d]", path, i)); err != nil {
				return nil, err
			}
		}
	}
	return fill[SendCandidates](d, path)
}

func (d directive) readMakeCall(path string) (any, *RefusedError) {
	raw, ok := d.Payload["recipient"]
	if !ok {
		return nil, &RefusedError{Field: path + ".recipient", Reason: "is missing"}
	}
	if err := checkPerson(raw, path+".recipient"); err != nil {
		return nil, err
	}
	if _, err := d.Payload.mandatoryString(path, "callType"); err != nil {
		return nil, err
	}
	return fill[MakeCall](d, path)
}

func (d directive) readBlockNumber(path string) (any, *RefusedError) {
	if _, err := d.Payload.mandatoryString(path, "number"); err != nil {
		return nil, err
	}
	blockType, err := d.Payload.mandatoryString(path, "blockType")
	if err != nil {
		return nil, err
	}
	if !BlockType(blockType).known() {
		return nil, &RefusedError{Field: path + ".blockType", Reason: fmt.Sprintf("is %q; it must be EXACT, PREFIX or POSTFIX", clip(blockType))}
	}
	return fill[BlockNumber](d, path)
}

// checkPerson checks a Person at path: name and type are mandatory, contacts
// must be objects where there are any.
func checkPerson(raw json.RawMessage, path string) *RefusedError {
	person, err := decodeObject(raw)
	if err != nil {
		return &RefusedError{Field: path, Reason: "must be a Person object", Err: err}
	}
	for _, name := range []string{"name", "type"} {
		if _, err := person.mandatoryString(path, name); err != nil {
			return err
		}
	}
	raw, ok := person["contacts"]
	if !ok {
		return nil
	}
	var contacts []json.RawMessage
	if err := json.Unmarshal(raw, &contacts); err != nil {
		return &RefusedError{Field: path + ".contacts", Reason: "must be an array of Contact objects", Err: err}
	}
	for i, c := range contacts {
		if _, err := decodeObject(c); err != nil {
			return &RefusedError{Field: fmt.Sprintf("%s.contacts[%d]", path, i), Reason: "must be a Contact object", Err: err}
		}
	}
	return nil
}
