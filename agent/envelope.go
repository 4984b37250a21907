package agent

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Namespace is the only namespace whose directives this package accepts.
const Namespace = "PhoneCall"

// Version is the interface version written into every event and context.
const Version = "1.3"

// MaxDirective bounds one delivery of directives, in bytes.
const MaxDirective = 1 << 20

// maxID bounds each field of a header, in bytes: message ids are remembered.
const maxID = 512

// Header names a directive or an event (PhoneCall 1.3).
type Header struct {
	Namespace               string `json:"namespace"`
	Name                    string `json:"name"`
	MessageID               string `json:"messageId"`
	DialogRequestID         string `json:"dialogRequestId"`
	ReferrerDialogRequestID string `json:"referrerDialogRequestId,omitempty"`
	Version                 string `json:"version"`
}

// directive is one directive as it came, its payload still unread.
type directive struct {
	Header  Header
	Payload object
	raw     json.RawMessage // the payload, "{}" when there is none
}

// RefusedError tells that a directive was not accepted and had no effect; the
// one of a BlockIncomingCall whose rule could not be kept says that the call is
// rejected all the same.
type RefusedError struct {
	Index     int    // of the directive in its delivery, from 0
	Name      string // of the directive, empty when it could not be read
	MessageID string // of the directive, empty when it could not be read
	Field     string // the path of the offending field, such as "payload.recipient.name"; may be empty
	Reason    string // a sentence for whoever sent the directive
	Err       error  // the cause behind it; may be nil
}

// Error implements error.
func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString("directive refused")
	if e.Name != "" {
		fmt.Fprintf(&b, ": %s", e.Name)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, ": %s", e.Field)
	}
	fmt.Fprintf(&b, ": %s", e.Reason)
	return b.String()
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// delivered is one directive of a delivery, or why it could not be read.
type delivered struct {
	directive
	refused *RefusedError
}

// decode reads one delivery: a bare directive, {"directive": ...} or
// {"directives": [...]}. It returns the directives in order.
func decode(data []byte) []delivered {
	refuse := func(err *RefusedError) []delivered { return []delivered{{refused: err}} }
	if len(data) > MaxDirective {
		return refuse(&RefusedError{Reason: fmt.Sprintf("the message has %d bytes; at most %d are read", len(data), MaxDirective)})
	}
	top, err := decodeObject(data)
	if err != nil {
		return refuse(&RefusedError{Reason: "the message is not a JSON object: " + err.Error(), Err: err})
	}
	raws := []json.RawMessage{data}
	switch {
	case top["directives"] != nil:
		raws = nil // or the message would be written over
		if err := json.Unmarshal(top["directives"], &raws); err != nil {
			return refuse(&RefusedError{Field: "directives", Reason: "must be an array of directives", Err: err})
		}
	case top["directive"] != nil:
		raws = []json.RawMessage{top["directive"]}
	}
	out := make([]delivered, len(raws))
	for i, raw := range raws {
		out[i].directive, out[i].refused = decodeDirective(raw)
		if out[i].refused != nil {
			out[i].refused.Index = i
		}
	}
	return out
}

func decodeDirective(raw json.RawMessage) (directive, *RefusedError) {
	obj, err := decodeObject(raw)
	if err != nil {
		return directive{}, &RefusedError{Reason: "a directive must be a JSON object", Err: err}
	}
	if obj["header"] == nil {
		return directive{}, &RefusedError{Field: "header", Reason: "is missing"}
	}
	head, err := decodeObject(obj["header"])
	if err != nil {
		return directive{}, &RefusedError{Field: "header", Reason: "must be a JSON object", Err: err}
	}
	var d directive
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"name", &d.Header.Name}, {"messageId", &d.Header.MessageID}, {"namespace", &d.Header.Namespace},
		{"dialogRequestId", &d.Header.DialogRequestID}, {"version", &d.Header.Version},
	} {
		s, err := head.mandatoryString("header", f.name)
		if err != nil {
			err.Name, err.MessageID = d.Header.Name, d.Header.MessageID
			return directive{}, err
		}
		if len(s) > maxID {
			return directive{}, &RefusedError{
				Name: d.Header.Name, MessageID: d.Header.MessageID,
				Field: "header." + f.name, Reason: fmt.Sprintf("has %d bytes; at most %d are taken", len(s), maxID),
			}
		}
		*f.to = s
	}
	refuse := func(field, reason string) (directive, *RefusedError) {
		return directive{}, &RefusedError{Name: d.Header.Name, MessageID: d.Header.MessageID, Field: field, Reason: reason}
	}
	if d.Header.Namespace != Namespace {
		return refuse("header.namespace", fmt.Sprintf("is %q; this phone takes directives of %q", clip(d.Header.Namespace), Namespace))
	}
	if major, _, _ := strings.Cut(d.Header.Version, "."); major != "1" {
		return refuse("header.version", fmt.Sprintf("is %q; versions 1.x are understood", clip(d.Header.Version)))
	}
	d.Payload, d.raw = object{}, json.RawMessage("{}")
	if obj["payload"] != nil {
		if d.Payload, err = decodeObject(obj["payload"]); err != nil {
			return refuse("payload", "must be a JSON object")
		}
		d.raw = obj["payload"]
	}
	return d, nil
}

// object is a JSON object whose members are still unread.
type object map[string]json.RawMessage

// decodeObject reads exactly one JSON object; members that are null are absent.
func decodeObject(data []byte) (object, error) {
	o, err := decodeMembers(data)
	for k, v := range o {
		if string(v) == "null" {
			delete(o, k)
		}
	}
	return o, err
}

// mandatoryString reads a string that must be there and not be empty.
func (o object) mandatoryString(path, name string) (string, *RefusedError) {
	field := path + "." + name
	raw, ok := o[name]
	if !ok {
		return "", &RefusedError{Field: field, Reason: "is missing"}
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", &RefusedError{Field: field, Reason: "must be a string", Err: err}
	}
	if s == "" {
		return "", &RefusedError{Field: field, Reason: "is empty"}
	}
	return s, nil
}

// clip keeps a foreign string short enough for a diagnostic.
func clip(s string) string {
	const most = 40
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
