package sip

import (
	"strings"
	"time"
)

// maxAnswerAfter bounds the delay that a caller may ask for.
const maxAnswerAfter = 30 * time.Second

// AutoAnswer tells whether the caller asks for the call to be answered without
// anybody's doing, as door phones and intercoms do, and after what time:
//
//	Call-Info: <sip:pbx.example.com>;answer-after=0
//	Alert-Info: <http://pbx.example.com>;info=alert-autoanswer;delay=0
//	Alert-Info: Auto Answer
//	Answer-Mode: Auto                                        (RFC 5373)
//
// It is a wish, no more: who grants it lets that caller listen in.
func (i *Invitation) AutoAnswer() (after time.Duration, ok bool) {
	return autoAnswer(i.Header)
}

func autoAnswer(header func(name string) []string) (time.Duration, bool) {
	for _, v := range tokens(header("Call-Info")) {
		if after, ok := infoParams(v)["answer-after"]; ok {
			return answerAfter(after)
		}
	}
	for _, v := range tokens(header("Alert-Info")) {
		params := infoParams(v)
		info := strings.ToLower(params["info"])
		bare := strings.ToLower(strings.Trim(strings.TrimSpace(v), `"`))
		if info == "alert-autoanswer" || info == "auto answer" || info == "autoanswer" ||
			strings.EqualFold(params["intercom"], "true") || bare == "auto answer" || bare == "ring answer" {
			return answerAfter(params["delay"])
		}
	}
	for _, name := range []string{"Answer-Mode", "Priv-Answer-Mode"} {
		for _, v := range tokens(header(name)) {
			if mode, _, _ := strings.Cut(v, ";"); strings.EqualFold(strings.TrimSpace(mode), "Auto") {
				return 0, true
			}
		}
	}
	return 0, false
}

// infoParams reads the parameters of Call-Info and Alert-Info, with or without
// the URI before them; names in lower case.
func infoParams(v string) map[string]string {
	params := make(map[string]string)
	for _, p := range splitUnquoted(v, ';') {
		name, value, ok := strings.Cut(p, "=")
		if ok && !strings.Contains(name, "<") && len(params) < 16 {
			params[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return params
}

// answerAfter reads a number of seconds; none is none.
func answerAfter(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	d, ok := seconds([]string{s})
	return min(d, maxAnswerAfter), ok
}
