package agent

// refusedMessages are malformed deliveries, and the field that is named.
func refusedMessages() []struct{ message, field string } {
	out := []struct{ message, field string }{
		{`nonsense`, ""},
		{`[]`, ""},
		{`null`, ""},
		{`{"payload":{}}`, "header"},
		{`{"header":7}`, "header"},
		{`{"directives":{}}`, "directives"},
		{`{"directive":[]}`, ""},
		{`{"header":{"namespace":"PhoneCall","name":"EndCall","dialogRequestId":"d","version":"1.0"}}`, "header.messageId"},
		{`{"header":{"namespace":"PhoneCall","name":"EndCall","messageId":"m","version":"1.0"}}`, "header.dialogRequestId"},
		{`{"header":{"namespace":"PhoneCall","name":"EndCall","messageId":"m","dialogRequestId":"d"}}`, "header.version"},
		{`{"header":{"name":"EndCall","messageId":"m","dialogRequestId":"d","version":"1.0"}}`, "header.namespace"},
		{`{"header":{"namespace":"PhoneCall","messageId":"m","dialogRequestId":"d","version":"1.0"}}`, "header.name"},
		{`{"header":{"namespace":"Speaker","name":"X","messageId":"m","dialogRequestId":"d","version":"1.0"}}`, "header.namespace"},
		{`{"header":{"namespace":"PhoneCall","name":"EndCall","messageId":"m","dialogRequestId":"d","version":"2.0"}}`, "header.version"},
		{`{"header":{"namespace":"PhoneCall","name":"EndCall","messageId":"m","dialogRequestId":"d","version":"10.0"}}`, "header.version"},
		{string(message("Dance", "m", `{}`)), "header.name"},
		{string(message("CallArrived", "m", `{}`)), "header.name"},
	}
	for _, c := range []struct{ name, payload, field string }{
		{"MakeCall", `[]`, "payload"},
		{"MakeCall", `{"callType":"NORMAL"}`, "payload.recipient"},
		{"MakeCall", `{"callType":"NORMAL","recipient":"Bob"}`, "payload.recipient"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"type":"NONE"}}`, "payload.recipient.name"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"name":"","type":"NONE"}}`, "payload.recipient.name"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"name":7,"type":"NONE"}}`, "payload.recipient.name"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"name":"B"}}`, "payload.recipient.type"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"name":"B","type":""}}`, "payload.recipient.type"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"name":"B","type":"NONE","contacts":"1"}}`, "payload.recipient.contacts"},
		{"MakeCall", `{"callType":"NORMAL","recipient":{"name":"B","type":"NONE","contacts":[{},"1"]}}`, "payload.recipient.contacts[1]"},
		{"MakeCall", `{"callType":null,"recipient":{"name":"B","type":"NONE"}}`, "payload.callType"},
		{"MakeCall", `{"callType":"","recipient":{"name":"B","type":"NONE"}}`, "payload.callType"},
		{"MakeCall", `{"callType":["NORMAL"],"recipient":{"name":"B","type":"NONE"}}`, "payload.callType"},
		{"AcceptCall", `{}`, "payload.speakerPhone"},
		{"AcceptCall", `{"speakerPhone":null}`, "payload.speakerPhone"},
		{"AcceptCall", `{"speakerPhone":"true"}`, "payload.speakerPhone"},
		{"EndCall", `"now"`, "payload"},
		{"BlockIncomingCall", `[]`, "payload"},
		{"SendCandidates", `{}`, "payload.intent"},
		{"SendCandidates", `{"intent":""}`, "payload.intent"},
		{"SendCandidates", `{"intent":1}`, "payload.intent"},
		{"SendCandidates", `{"intent":"SING"}`, "payload.intent"},
		{"SendCandidates", `{"intent":"call"}`, "payload.intent"},
		{"SendCandidates", `{"intent":"CALL","recipientIntended":"Bob"}`, "payload.recipientIntended"},
		{"SendCandidates", `{"intent":"CALL","candidates":{}}`, "payload.candidates"},
		{"SendCandidates", `{"intent":"CALL","candidates":[7]}`, "payload.candidates[0]"},
		{"SendCandidates", `{"intent":"CALL","candidates":[{"name":"A","type":"NONE"},{"name":"B"}]}`, "payload.candidates[1].type"},
		{"SendCandidates", `{"intent":"CALL","candidates":[{"name":"A","type":"NONE","contacts":[3]}]}`, "payload.candidates[0].contacts[0]"},
		{"BlockNumber", `{"blockType":"EXACT"}`, "payload.number"},
		{"BlockNumber", `{"number":"","blockType":"EXACT"}`, "payload.number"},
		{"BlockNumber", `{"number":119,"blockType":"EXACT"}`, "payload.number"},
		{"BlockNumber", `{"number":"070"}`, "payload.blockType"},
		{"BlockNumber", `{"number":"070","blockType":""}`, "payload.blockType"},
		{"BlockNumber", `{"number":"070","blockType":"SUFFIX"}`, "payload.blockType"},
		{"BlockNumber", `{"number":"070","blockType":"prefix"}`, "payload.blockType"},
	} {
		out = append(out, struct{ message, field string }{string(message(c.name, "m", c.payload)), c.field})
	}
	return out
}
