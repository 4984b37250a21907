package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A malformed directive of every kind is refused with a message that names what
// is wrong with it, and has no effect.
func converseMalformed(t *testing.T) {
	for name, lines := range map[string][]string{
		"malformed-envelope":          envelopes(),
		"malformed-header":            headers(),
		"malformed-make-call":         makeCalls(),
		"malformed-accept-call":       payloads("AcceptCall", `{}`, `{"speakerPhone":null}`, `{"speakerPhone":"TRUE"}`, `{"speakerPhone":1}`, `{"speakerPhone":{}}`),
		"malformed-send-candidates":   sendCandidates(),
		"malformed-block-number":      blockNumbers(),
		"malformed-without-a-payload": withoutPayload(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, "judy")
			c := converse(t, name)
			judy := c.device("judy")
			for _, l := range lines {
				judy.write(l)
				judy.refuses()
			}
			judy.idle()
			judy.history(0)
			judy.rules(0)
			c.end()
		})
	}
}

func envelopes() []string {
	whole := directive("EndCall", "0", anyPlay)
	return []string{
		`hello`,
		`"EndCall"`,
		`[` + whole + `]`,
		`null`,
		`{}`,
		strings.TrimSuffix(whole, "}"),
		whole + ` ` + whole,
		`{"directive":null}`,
		`{"directive":"EndCall"}`,
		`{"directive":[]}`,
		`{"directives":` + whole + `}`,
		`{"directives":"EndCall"}`,
		`{"directives":[null,3,"EndCall",[]]}`,
		`{"payload":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
}

// headers is a directive with each of its header's fields missing, null, empty
// and of a wrong type.
func headers() []string {
	lines := []string{
		`{"header":null,"payload":{}}`,
		`{"header":"EndCall","payload":{}}`,
		`{"header":{},"payload":{}}`,
	}
	fields := map[string]string{"namespace": "PhoneCall", "name": "EndCall", "messageId": "m0", "dialogRequestId": "d0", "version": "1.3"}
	with := func(field, value string) {
		var members []string
		for _, name := range []string{"namespace", "name", "messageId", "dialogRequestId", "version"} {
			switch {
			case name != field:
				members = append(members, fmt.Sprintf("%q:%q", name, fields[name]))
			case value != "":
				members = append(members, fmt.Sprintf("%q:%s", name, value))
			}
		}
		lines = append(lines, fmt.Sprintf(`{"header":{%s},"payload":{}}`, strings.Join(members, ",")))
	}
	for _, name := range []string{"namespace", "name", "messageId", "dialogRequestId", "version"} {
		for _, value := range []string{"", `null`, `""`, `7`, `["x"]`} {
			with(name, value)
		}
	}
	with("namespace", `"AudioPlayer"`)
	with("namespace", `"phonecall"`)
	with("name", `"Levitate"`)
	with("name", `"endCall"`)
	with("name", `"CallArrived"`) // an event
	with("version", `"2.0"`)
	with("version", `"0.9"`)
	with("version", `"latest"`)
	return lines
}

func makeCalls() []string {
	lines := payloads("MakeCall", `{}`, `{"callType":"NORMAL"}`)
	for _, recipient := range []string{
		`null`, `"Bob"`, `[]`, `{}`,
		`{"type":"CONTACT"}`, `{"name":null,"type":"CONTACT"}`, `{"name":"","type":"CONTACT"}`, `{"name":7,"type":"CONTACT"}`,
		`{"name":"Bob"}`, `{"name":"Bob","type":null}`, `{"name":"Bob","type":""}`, `{"name":"Bob","type":["CONTACT"]}`,
		`{"name":"Bob","type":"CONTACT","contacts":"600"}`, `{"name":"Bob","type":"CONTACT","contacts":["600"]}`,
	} {
		lines = append(lines, payloads("MakeCall", makeCall(recipient))...)
	}
	for _, callType := range []string{``, `,"callType":null`, `,"callType":""`, `,"callType":1`, `,"callType":["NORMAL"]`} {
		lines = append(lines, payloads("MakeCall", fmt.Sprintf(`{"recipient":%s%s}`, person("Bob", "600"), callType))...)
	}
	return lines
}

func sendCandidates() []string {
	return payloads("SendCandidates",
		`{}`, `{"intent":null}`, `{"intent":""}`, `{"intent":7}`, `{"intent":["CALL"]}`, `{"intent":"SING"}`, `{"intent":"call"}`,
		`{"intent":"CALL","recipientIntended":"Bob"}`, `{"intent":"CALL","candidates":"Bob"}`, `{"intent":"CALL","candidates":["Bob"]}`,
		`{"intent":"CALL","candidates":[{"type":"CONTACT"}]}`, `{"intent":"CALL","candidates":[{"name":"","type":"CONTACT"}]}`,
		`{"intent":"CALL","candidates":[{"name":"Bob"}]}`, `{"intent":"CALL","candidates":[{"name":"Bob","type":""}]}`,
		`{"intent":"CALL","candidates":[{"name":"Bob","type":"CONTACT","contacts":{}}]}`,
		`{"intent":"CALL","candidates":[{"name":"Ann","type":"CONTACT"},{"name":7,"type":"CONTACT"}]}`)
}

func blockNumbers() []string {
	return payloads("BlockNumber",
		`{}`, `{"blockType":"EXACT"}`, `{"number":null,"blockType":"EXACT"}`, `{"number":"","blockType":"EXACT"}`,
		`{"number":1055501001,"blockType":"EXACT"}`, `{"number":["070"],"blockType":"PREFIX"}`,
		`{"number":"070"}`, `{"number":"070","blockType":null}`, `{"number":"070","blockType":""}`,
		`{"number":"070","blockType":3}`, `{"number":"070","blockType":"SUFFIX"}`, `{"number":"070","blockType":"prefix"}`,
		`{"number":"mallory","blockType":"PREFIX"}`, `{"number":"-","blockType":"POSTFIX"}`, `{"number":" ","blockType":"EXACT"}`,
		`{"number":"`+strings.Repeat("1", 65)+`","blockType":"EXACT"}`)
}

// withoutPayload is every directive without its payload, and with one that is
// no object; those that need nothing in it only the latter.
func withoutPayload() []string {
	var lines []string
	for _, name := range []string{"SendCandidates", "MakeCall", "EndCall", "AcceptCall", "BlockIncomingCall", "BlockNumber"} {
		whole := directive(name, "0", "{}")
		if name != "EndCall" && name != "BlockIncomingCall" {
			lines = append(lines, strings.Replace(whole, `,"payload":{}`, "", 1), strings.Replace(whole, `{}`, `null`, 1))
		}
		lines = append(lines, strings.Replace(whole, `{}`, `[]`, 1), strings.Replace(whole, `{}`, `"now"`, 1))
	}
	return lines
}

// payloads is a directive with each of the payloads.
func payloads(name string, all ...string) []string {
	var lines []string
	for i, p := range all {
		lines = append(lines, directive(name, fmt.Sprint("-", i+1), p))
	}
	return lines
}
