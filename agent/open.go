package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Extra holds the members of a JSON object that its Go type does not know, or
// that came with a type of their own: they are written back as they came.
// A member of the Go type that has a value goes before one of the same name.
type Extra map[string]json.RawMessage

// unmarshalOpen reads an object into the struct that v points to, member by
// member, and returns what could not be taken over: members that the struct
// does not know, empty ones, and ones of another type. Only a value that is no
// object is an error. null counts as absent, but for members nobody knows.
func unmarshalOpen(data []byte, v any) (Extra, error) {
	members, err := decodeMembers(data)
	if err != nil {
		return nil, err
	}
	extra := Extra{}
	value := reflect.ValueOf(v).Elem()
	for _, f := range openFields(value.Type()) {
		raw, ok := members[f.name]
		if !ok {
			continue
		}
		delete(members, f.name)
		if string(raw) == "null" {
			continue
		}
		to := value.Field(f.index)
		if json.Unmarshal(raw, to.Addr().Interface()) != nil {
			to.SetZero()
		}
		if f.omitted(to) {
			extra[f.name] = raw
		}
	}
	maps.Copy(extra, members)
	if len(extra) == 0 {
		return nil, nil
	}
	return extra, nil
}

// marshalOpen writes the struct v, then the members of extra that it did not
// write itself, by name.
func marshalOpen(v any, extra Extra) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil || len(extra) == 0 {
		return data, err
	}
	written := make(map[string]bool, len(extra))
	value := reflect.ValueOf(v)
	for _, f := range openFields(value.Type()) {
		written[f.name] = !f.omitted(value.Field(f.index))
	}
	b := bytes.NewBuffer(bytes.TrimSuffix(data, []byte("}")))
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if written[name] || !json.Valid(extra[name]) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(extra[name])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// openField is one member of a struct that is written as an object.
type openField struct {
	name     string
	index    int
	optional bool // left out when empty
	zero     bool // left out when nil, and written when empty
}

// omitted reports whether the field is left out when written with this value.
func (f openField) omitted(v reflect.Value) bool {
	switch {
	case f.zero:
		return v.IsZero()
	case !f.optional:
		return false
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

func openFields(t reflect.Type) []openField {
	var out []openField
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, openField{
			name: name, index: i, optional: strings.Contains(options, "omitempty"), zero: strings.Contains(options, "omitzero"),
		})
	}
	return out
}

// decodeMembers reads exactly one JSON object.
func decodeMembers(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var o map[string]json.RawMessage
	if err := dec.Decode(&o); err != nil {
		var other *json.UnmarshalTypeError
		if errors.As(err, &other) {
			return nil, errors.New("it is of type " + other.Value)
		}
		return nil, err
	}
	if o == nil {
		return nil, errors.New("it is null")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return o, nil
}
