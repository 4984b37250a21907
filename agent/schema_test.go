package agent

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compiled are the schemas by the name of the message.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	files, err := fs.Glob(Schemas(), "*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		data, err := fs.ReadFile(Schemas(), name)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if err := c.AddResource("phonecall:///"+name, doc); err != nil {
			return nil, err
		}
	}
	out := map[string]*jsonschema.Schema{}
	for _, name := range files {
		if out[strings.TrimSuffix(name, ".json")], err = c.Compile("phonecall:///" + name); err != nil {
			return nil, err
		}
	}
	return out, nil
})

// checkSchema says how a message differs from the schema of that name.
func checkSchema(name string, message []byte) error {
	all, err := compiled()
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
	if err != nil {
		return err
	}
	return all[name].Validate(doc)
}

// messageTypes are the Go types of what the schemas describe: schema file, and
// where in it the object stands.
func messageTypes() map[string]reflect.Type {
	out := map[string]reflect.Type{
		"common#$defs/directiveHeader":               reflect.TypeFor[Header](),
		"common#$defs/eventHeader":                   reflect.TypeFor[Header](),
		"common#$defs/person":                        reflect.TypeFor[Person](),
		"common#$defs/contact":                       reflect.TypeFor[Contact](),
		"common#$defs/address":                       reflect.TypeFor[Address](),
		"common#$defs/businessHours":                 reflect.TypeFor[BusinessHours](),
		"common#$defs/history":                       reflect.TypeFor[CallRecord](),
		"common#$defs/recipientIntended":             reflect.TypeFor[RecipientIntended](),
		"common#$defs/party":                         reflect.TypeFor[Party](),
		"common#$defs/phoneCall":                     reflect.TypeFor[PhoneCallContext](),
		"common#$defs/phoneCall/properties/template": reflect.TypeFor[Template](),
		"context#": reflect.TypeFor[Context](),
	}
	for _, t := range directiveTypes() {
		out[t.Name()+"#properties/payload"] = t
	}
	for _, t := range eventTypes() {
		out[t.Name()+"#properties/event/properties/payload"] = t
	}
	return out
}

func directiveTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[SendCandidates](), reflect.TypeFor[MakeCall](), reflect.TypeFor[EndCall](),
		reflect.TypeFor[AcceptCall](), reflect.TypeFor[BlockIncomingCall](), reflect.TypeFor[BlockNumber](),
	}
}

func eventTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[CandidatesListed](), reflect.TypeFor[CallArrived](), reflect.TypeFor[CallEnded](),
		reflect.TypeFor[CallEstablished](), reflect.TypeFor[MakeCallFailed](), reflect.TypeFor[MakeCallSucceeded](),
	}
}

// schemaNode is as much of a schema as the tests read.
type schemaNode struct {
	Ref         string                `json:"$ref"`
	Type        string                `json:"type"`
	Description string                `json:"description"`
	Const       any                   `json:"const"`
	Enum        []string              `json:"enum"`
	AnyOf       []schemaNode          `json:"anyOf"`
	Properties  map[string]schemaNode `json:"properties"`
	Required    []string              `json:"required"`
	Items       *schemaNode           `json:"items"`
	Defs        map[string]schemaNode `json:"$defs"`
}

// UnmarshalJSON reads the schema false, which allows nothing, as empty.
func (n *schemaNode) UnmarshalJSON(data []byte) error {
	type plain schemaNode
	if string(data) == "false" {
		return nil
	}
	return json.Unmarshal(data, (*plain)(n))
}

func readSchema(t *testing.T, name string) schemaNode {
	t.Helper()
	data, err := fs.ReadFile(Schemas(), name+".json")
	require.NoError(t, err)
	var n schemaNode
	require.NoError(t, json.Unmarshal(data, &n), name)
	return n
}

// at finds a node by its path of $defs and properties.
func (n schemaNode) at(t *testing.T, where string) schemaNode {
	t.Helper()
	if where == "" {
		return n
	}
	parts := strings.Split(where, "/")
	for i := 0; i+1 < len(parts); i += 2 {
		from := n.Properties
		if parts[i] == "$defs" {
			from = n.Defs
		}
		next, ok := from[parts[i+1]]
		require.True(t, ok, where)
		n = next
	}
	return n
}

// The schemas and the Go types have the same members, of the same kinds, and
// the same ones are mandatory.
func TestSchemas_AreThoseOfTheTypes(t *testing.T) {
	for where, typ := range messageTypes() {
		file, at, _ := strings.Cut(where, "#")
		node := readSchema(t, file).at(t, at)
		var names, mandatory []string
		for i := range typ.NumField() {
			name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			if where == "common#$defs/directiveHeader" && name == "referrerDialogRequestId" {
				continue // events alone have it
			}
			names = append(names, name)
			if !strings.Contains(options, "omit") {
				mandatory = append(mandatory, name)
			}
			member, ok := node.Properties[name]
			if assert.True(t, ok, "%s has no %s", where, name) {
				checkKind(t, where+"."+name, typ.Field(i).Type, member)
			}
		}
		if where == "common#$defs/phoneCall/properties/template" {
			mandatory = append(mandatory, "intent") // N in the table; SendCandidates has it always
		}
		assert.ElementsMatch(t, names, slices.Collect(maps.Keys(node.Properties)), where)
		assert.ElementsMatch(t, mandatory, node.Required, where)
	}
}

// checkKind compares the kind of a field with the type of a member.
func checkKind(t *testing.T, where string, typ reflect.Type, n schemaNode) {
	t.Helper()
	switch {
	case typ == reflect.TypeFor[json.RawMessage](), n.Ref != "", typ == reflect.TypeFor[Bool](), typ == reflect.TypeFor[*Bool](), typ == reflect.TypeFor[State]():
		return
	}
	switch typ.Kind() {
	case reflect.String:
		assert.True(t, n.Type == "string" || n.Const != nil || len(n.Enum) > 0 || len(n.AnyOf) > 0, where)
	case reflect.Bool:
		assert.Equal(t, "boolean", n.Type, where)
	case reflect.Slice:
		assert.Equal(t, "array", n.Type, where)
		assert.NotNil(t, n.Items, where)
	case reflect.Struct, reflect.Pointer:
		assert.Equal(t, "object", n.Type, where)
	default:
		assert.Fail(t, "no rule for the kind of "+where)
	}
}

// Every message has a schema of its name, and every schema says what its
// members are.
func TestSchemas_OnePerMessage(t *testing.T) {
	all, err := compiled()
	require.NoError(t, err)
	want := []string{"common", "context"}
	for _, typ := range append(directiveTypes(), eventTypes()...) {
		want = append(want, typ.Name())
	}
	assert.ElementsMatch(t, want, slices.Collect(maps.Keys(all)))
	for name := range all {
		describe(t, name, readSchema(t, name))
	}
}

func describe(t *testing.T, where string, n schemaNode) {
	t.Helper()
	for _, under := range []map[string]schemaNode{n.Properties, n.Defs} {
		for name, member := range under {
			describe(t, where+"."+name, member)
		}
	}
	for name, member := range n.Properties {
		if n.Ref == "" && member.Ref == "" && member.Type != "" {
			assert.NotEmpty(t, member.Description, "%s.%s", where, name)
		}
	}
}

// What the decoder refuses by itself is not valid by the schema either, and what
// it takes is.
func TestSchemas_AgreeWithTheDecoder(t *testing.T) {
	for _, c := range refusedMessages() {
		name := refusedName(c.message)
		if name == "" {
			continue // nothing that could be a directive
		}
		assert.Error(t, checkSchema(name, []byte(c.message)), c.message)
	}
	for name, payloads := range acceptedPayloads() {
		for _, p := range payloads {
			m := message(name, newID(), p)
			require.NoError(t, Validate(m), p)
			assert.NoError(t, checkSchema(name, m), p)
		}
	}
}

func refusedName(message string) string {
	var m struct{ Header struct{ Name string } }
	if json.Unmarshal([]byte(message), &m) != nil {
		return ""
	}
	for _, typ := range directiveTypes() {
		if typ.Name() == m.Header.Name {
			return m.Header.Name
		}
	}
	return ""
}

// acceptedPayloads are valid payloads of every directive, unknown members and
// unknown optional values among them.
func acceptedPayloads() map[string][]string {
	return map[string][]string{
		"SendCandidates": {
			`{"intent":"NONE"}`, `{"intent":"CALL","candidates":[]}`,
			`{"playServiceId":"p","intent":"CALL","recipientIntended":{"name":"김민수","label":"집","mood":"glad"},"callType":"SPEAKER","searchScene":"T114INCLUDE","candidates":[` + wholePerson + `],"interactionControl":{"mode":"MULTI_TURN"},"more":[1]}`,
			`{"intent":"SEARCH","callType":"HOLOGRAM","searchScene":"MOON"}`,
		},
		"MakeCall": {
			callBob, `{"callType":"HOLOGRAM","recipient":{"name":"B","type":"FRIEND"}}`, `{"callType":"NORMAL","recipient":` + wholePerson + `}`,
		},
		"EndCall":           {`{}`, `{"playServiceId":"p","why":null}`},
		"AcceptCall":        {`{"speakerPhone":true}`, `{"speakerPhone":false,"playServiceId":"p"}`},
		"BlockIncomingCall": {`{}`, `{"playServiceId":"p"}`},
		"BlockNumber":       {`{"number":"070","blockType":"PREFIX"}`, `{"number":"0101","blockType":"POSTFIX"}`, `{"number":"x","blockType":"EXACT","playServiceId":"p"}`},
	}
}

// wholePerson has every member of the table, and one more on each level.
const wholePerson = `{"name":"별다방","type":"T114","profileImgUrl":"https://example.com/a.png","category":"카페",` +
	`"address":{"road":"세종대로 1","jibun":"태평로 31","floor":2},"businessHours":{"open":"09:00","close":"2007-12-03T22:00:00","info":"연중무휴","break":"14:00"},` +
	`"history":{"time":"2007-12-03T10:15:30","type":"VOICE_MESSAGE","callType":"GROUP","length":9},"numInCallHistory":"3","token":"t-1","score":"0.93",` +
	`"contacts":[{"label":"COMPANY","number":"02-312-3456","isBlocked":"TRUE","since":2020},{"label":"FAX"},{}],"poiId":"poi-7","rating":4.5}`
